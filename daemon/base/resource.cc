#include "daemon/base/resource.h"

#include "absl/strings/cord.h"
#include "absl/types/optional.h"
#include "daemon/base/status.h"

namespace keyturn::base {
namespace {

constexpr char kResourcePayload[] = "keyturn/resource";

}  // namespace

absl::Status WithResource(absl::Status status, std::string_view id) {
  if (!status.ok()) status.SetPayload(kResourcePayload, absl::Cord(ToAbsl(id)));
  return status;
}

std::string ResourceOf(const absl::Status& status) {
  const absl::optional<absl::Cord> id = status.GetPayload(kResourcePayload);
  return id.has_value() ? std::string(*id) : std::string();
}

}  // namespace keyturn::base
