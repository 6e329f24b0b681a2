#include "daemon/rpc/errors.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/id.h"
#include "daemon/base/resource.h"
#include "daemon/base/status.h"
#include "daemon/rpc/names.h"
#include "daemon/upstream/http/retry_after.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace keyturn::rpc {
namespace {

constexpr char kLastSequencePayload[] = "keyturn/last_sequence";

std::string_view DefaultReason(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return "INVALID_REQUEST";
    case absl::StatusCode::kDeadlineExceeded:
      return "TOO_LATE";
    case absl::StatusCode::kNotFound:
      return "NOT_FOUND";
    case absl::StatusCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case absl::StatusCode::kPermissionDenied:
      return "NOT_PERMITTED";
    case absl::StatusCode::kUnauthenticated:
      return "NOT_AUTHENTICATED";
    case absl::StatusCode::kResourceExhausted:
      return "LIMIT_REACHED";
    case absl::StatusCode::kFailedPrecondition:
      return "PRECONDITION_FAILED";
    case absl::StatusCode::kAborted:
      return "CONFLICT";
    case absl::StatusCode::kOutOfRange:
      return "OUT_OF_RANGE";
    case absl::StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case absl::StatusCode::kDataLoss:
      return "DATA_LOSS";
    case absl::StatusCode::kCancelled:
      return "CANCELLED";
    case absl::StatusCode::kUnimplemented:
      return "UNIMPLEMENTED";
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kOk:
    case absl::StatusCode::
        kDoNotUseReservedForFutureExpansionUseDefaultInSwitchInstead_:
      break;
  }
  return "INTERNAL";
}

struct ResourceType {
  // How the reasons begin that concern it.
  std::string_view reasons;
  std::string_view name;
  // Of its resources' names.
  std::string_view prefix;
};

// "keyturn/Account" for "ACCOUNT_NOT_FOUND"; an empty one for other reasons.
ResourceType ResourceTypeOf(std::string_view reason) {
  constexpr ResourceType kTypes[] = {
      {"MIGRATION_", "keyturn/Migration", kMigrationPrefix},
      {"LIVE_MIGRATION", "keyturn/Migration", kMigrationPrefix},
      {"TASK_", "keyturn/Task", kTaskPrefix},
      {"ACCOUNT_", "keyturn/Account", kAccountPrefix},
      {"CREDENTIAL_", "keyturn/Credential", kCredentialPrefix},
      {"IDENTITY_", "keyturn/Identity", kIdentityPrefix},
      {"VERSION_", "keyturn/CredentialVersion", ""},
      {"REQUEST_ID_", "keyturn/Request", ""},
  };
  for (const ResourceType& type : kTypes) {
    if (reason.starts_with(type.reasons)) return type;
  }
  return {};
}

// The collection that the service of this call is about; empty for others.
std::string_view PrefixOf(std::string_view rpc) {
  constexpr std::pair<std::string_view, std::string_view> kServices[] = {
      {"keyturn.v1.Migrations/", kMigrationPrefix},
      {"keyturn.v1.Tasks/", kTaskPrefix},
      {"keyturn.v1.Accounts/", kAccountPrefix},
      {"keyturn.v1.Credentials/", kCredentialPrefix},
      {"keyturn.v1.Access/", kIdentityPrefix}};
  for (const auto& [service, prefix] : kServices) {
    if (rpc.starts_with(service)) return prefix;
  }
  return "";
}

// What the error is about: what it says itself, else what the request named.
std::string ResourceNameOf(const absl::Status& status, std::string_view reason,
                           const ErrorContext& context) {
  if (const std::string id = base::ResourceOf(status); !id.empty()) {
    return FullName(ResourceTypeOf(reason).prefix, id);
  }
  const bool is_whole = context.resource.find('/') != std::string_view::npos;
  return FullName(is_whole ? "" : PrefixOf(context.rpc), context.resource);
}

void AddErrorInfo(const absl::Status& status, std::string_view reason,
                  const ErrorContext& context, google::rpc::Status* details) {
  google::rpc::ErrorInfo info;
  info.set_domain(std::string(kErrorDomain));
  info.set_reason(std::string(reason));
  (*info.mutable_metadata())["rpc"] = std::string(context.rpc);
  if (const auto sequence = status.GetPayload(kLastSequencePayload)) {
    (*info.mutable_metadata())["last_sequence"] = std::string(*sequence);
  }
  details->add_details()->PackFrom(info);
}

void AddPreconditionFailure(const absl::Status& status, std::string_view reason,
                            const ErrorContext& context,
                            google::rpc::Status* details) {
  google::rpc::PreconditionFailure failure;
  auto* violation = failure.add_violations();
  violation->set_type(std::string(reason));
  violation->set_subject(ResourceNameOf(status, reason, context));
  violation->set_description(base::MessageOf(status));
  details->add_details()->PackFrom(failure);
}

void AddRetryInfo(const absl::Status& status, google::rpc::Status* details) {
  const absl::Duration delay =
      http::RetryAfterOf(status).value_or(kRetryDelayDefault);
  absl::Duration rest;
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(
      absl::IDivDuration(delay, absl::Seconds(1), &rest));
  info.mutable_retry_delay()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  details->add_details()->PackFrom(info);
}

void AddResourceInfo(const absl::Status& status, std::string_view reason,
                     const ErrorContext& context,
                     google::rpc::Status* details) {
  google::rpc::ResourceInfo info;
  info.set_resource_type(std::string(ResourceTypeOf(reason).name));
  info.set_resource_name(ResourceNameOf(status, reason, context));
  info.set_description(base::MessageOf(status));
  details->add_details()->PackFrom(info);
}

void AddBadRequest(const absl::Status& status, std::string_view field,
                   google::rpc::Status* details) {
  google::rpc::BadRequest bad;
  auto* violation = bad.add_field_violations();
  violation->set_field(std::string(field));
  violation->set_description(base::MessageOf(status));
  details->add_details()->PackFrom(bad);
}

bool IsInternal(absl::StatusCode code) {
  return DefaultReason(code) == "INTERNAL";
}

}  // namespace

CallError ToCallError(const absl::Status& status, const ErrorContext& context) {
  CallError error;
  std::string message = base::MessageOf(status);
  absl::StatusCode code = status.code();
  error.reason = base::ReasonOf(status);
  if (IsInternal(code)) {
    code = absl::StatusCode::kInternal;
    error.reason = "INTERNAL";
    error.internal_id = base::NewId();
    message = absl::StrCat(
        "the daemon made a mistake; its log tells more "
        "under the id ",
        error.internal_id);
  } else if (error.reason.empty()) {
    error.reason = DefaultReason(code);
  }
  const std::string field = base::FieldOf(status);
  if (!field.empty()) message = absl::StrCat(field, ": ", message);

  google::rpc::Status details;
  details.set_code(static_cast<int>(code));
  details.set_message(message);
  AddErrorInfo(status, error.reason, context, &details);
  if (!field.empty()) AddBadRequest(status, field, &details);
  if (code == absl::StatusCode::kFailedPrecondition) {
    AddPreconditionFailure(status, error.reason, context, &details);
  } else if (code == absl::StatusCode::kUnavailable ||
             (code == absl::StatusCode::kResourceExhausted &&
              http::RetryAfterOf(status).has_value())) {
    AddRetryInfo(status, &details);
  } else if (code == absl::StatusCode::kNotFound ||
             code == absl::StatusCode::kAlreadyExists) {
    AddResourceInfo(status, error.reason, context, &details);
  }
  error.status = grpc::Status(static_cast<grpc::StatusCode>(code), message,
                              details.SerializeAsString());
  return error;
}

absl::Status WithLastSequence(absl::Status status, int64_t last_sequence) {
  status.SetPayload(kLastSequencePayload,
                    absl::Cord(absl::StrCat(last_sequence)));
  return status;
}

}  // namespace keyturn::rpc
