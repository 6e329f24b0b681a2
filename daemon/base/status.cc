#include "daemon/base/status.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace keyturn::base {
namespace {

constexpr char kReasonPayload[] = "keyturn/reason";
constexpr char kFieldPayload[] = "keyturn/field";

absl::Status WithPayload(absl::Status status, const char* key,
                         std::string_view value) {
  if (!status.ok()) status.SetPayload(key, absl::Cord(ToAbsl(value)));
  return status;
}

std::string PayloadOf(const absl::Status& status, const char* key) {
  const absl::optional<absl::Cord> payload = status.GetPayload(key);
  return payload.has_value() ? std::string(*payload) : std::string();
}

}  // namespace

absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(),
                         absl::StrCat(ToAbsl(context), ": ", status.message()));
  status.ForEachPayload(
      [&annotated](absl::string_view key, const absl::Cord& value) {
        annotated.SetPayload(key, value);
      });
  return annotated;
}

absl::Status WithReason(absl::Status status, std::string_view reason) {
  return WithPayload(std::move(status), kReasonPayload, reason);
}

std::string ReasonOf(const absl::Status& status) {
  return PayloadOf(status, kReasonPayload);
}

absl::Status WithField(absl::Status status, std::string_view field) {
  return WithPayload(std::move(status), kFieldPayload, field);
}

std::string FieldOf(const absl::Status& status) {
  return PayloadOf(status, kFieldPayload);
}

absl::Status FieldError(std::string_view field, std::string_view message) {
  return WithField(
      WithReason(absl::InvalidArgumentError(ToAbsl(message)), "INVALID_FIELD"),
      field);
}

}  // namespace keyturn::base
