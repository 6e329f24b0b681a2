#include "cli/errors.h"

#include <array>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cli/names.h"
#include "cli/output/text.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace keyturn::cli {
namespace {

constexpr char kDetailsPayload[] = "keyturn/google.rpc.Status";
constexpr char kWhatPayload[] = "keyturn/what";
constexpr char kSubjectPayload[] = "keyturn/subject";
constexpr char kNextPayload[] = "keyturn/next";

struct Advice {
  absl::string_view reason;
  // $ID stands for the short id of the resource that the command was about.
  absl::string_view next;
};

constexpr auto kAdviceByReason = std::to_array<Advice>({
    {"LIVE_MIGRATION", "keyturn list, then keyturn attach ID"},
    {"ALREADY_ON_TOKEN", "keyturn discover CELIGO-ACCOUNT"},
    {"NOT_NETSUITE", "keyturn discover CELIGO-ACCOUNT"},
    {"WRONG_TILE", "keyturn discover CELIGO-ACCOUNT"},
    {"AMBIGUOUS_CONNECTION", "keyturn discover CELIGO-ACCOUNT"},
    {"ACCOUNT_MISMATCH", "keyturn discover CELIGO-ACCOUNT"},
    {"ETAG_MISMATCH", "keyturn show $ID"},
    {"ILLEGAL_TRANSITION", "keyturn show $ID"},
    {"PLAN_CHANGED", "keyturn show $ID, then keyturn approve $ID --plan HASH"},
    {"SELF_APPROVAL", "ask a colleague: keyturn approve $ID --plan HASH"},
    {"AFTER_CUT_OVER", "keyturn rollback $ID, or keyturn retry $ID"},
    {"ONE_WAY", "keyturn retry $ID"},
    {"TASK_CLOSED", "keyturn task list"},
    {"SECRET_REQUIRED", "keyturn task submit $ID"},
    {"MIGRATION_NOT_FOUND", "keyturn list"},
    {"TASK_NOT_FOUND", "keyturn task list"},
    {"CREDENTIAL_NOT_FOUND", "keyturn credential list"},
    {"ACCOUNT_NOT_FOUND", "keyturn account list"},
    {"CREDENTIAL_EXISTS", "keyturn credential rotate $ID"},
    {"CREDENTIAL_IN_USE", "keyturn account list"},
    {"CREDENTIAL_UNUSED", "keyturn account add celigo|netsuite NAME …"},
    {"ACCOUNT_EXISTS", "keyturn account show $ID"},
    {"ACCOUNT_IN_USE", "keyturn list"},
    {"HOST_NOT_ALLOWED",
     "ask who runs the daemon to allow the host, see "
     "keyturn server"},
    {"OUTSIDE_LOGIN_REFUSED", "keyturn account test $ID"},
    {"SEALED", "an administrator: keyturn admin unseal"},
    {"NO_FORMER_ROOT_KEY", "the run book, \"Rotating every key\""},
    {"PASSPHRASE_REQUIRED", "keyturn admin unseal, with the passphrase"},
    {"WRONG_PASSPHRASE", "keyturn admin unseal"},
});

std::string Payload(const absl::Status& status, absl::string_view url) {
  const absl::optional<absl::Cord> payload = status.GetPayload(url);
  return payload.has_value() ? std::string(*payload) : std::string();
}

void Read(const google::protobuf::Any& any, ErrorDetails& details) {
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest bad_request;
  google::rpc::PreconditionFailure precondition;
  google::rpc::RetryInfo retry;
  if (any.UnpackTo(&info)) {
    details.reason = info.reason();
    details.metadata.insert(info.metadata().begin(), info.metadata().end());
  } else if (any.UnpackTo(&bad_request)) {
    for (const auto& violation : bad_request.field_violations()) {
      details.violations.push_back(
          {.field = violation.field(), .description = violation.description()});
    }
  } else if (any.UnpackTo(&precondition)) {
    for (const auto& violation : precondition.violations()) {
      details.preconditions.push_back(violation.description());
    }
  } else if (any.UnpackTo(&retry)) {
    details.retry_delay = absl::Seconds(retry.retry_delay().seconds()) +
                          absl::Nanoseconds(retry.retry_delay().nanos());
  }
}

std::string NextByCollection(const std::string& subject) {
  const std::string collection = subject.substr(0, subject.find('/'));
  if (collection == "migrations") return "keyturn list";
  if (collection == "tasks") return "keyturn task list";
  if (collection == "credentials") return "keyturn credential list";
  if (collection == "accounts") return "keyturn account list";
  if (collection == "identities") return "keyturn identity list";
  return "";
}

std::string NextCommand(const absl::Status& status, const ErrorDetails& details,
                        std::string_view command) {
  const std::string given = Payload(status, kNextPayload);
  if (!given.empty()) return given;
  const std::string subject = Payload(status, kSubjectPayload);
  const std::string id = subject.empty() ? "ID" : ShortId(subject);
  for (const Advice& advice : kAdviceByReason) {
    if (advice.reason == details.reason) {
      return absl::StrReplaceAll(advice.next, {{"$ID", id}});
    }
  }
  switch (ExitCodeOf(status)) {
    case ExitCode::kUnreachable:
      return "see that keyturnd runs and that keyturn context show names its "
             "address";
    case ExitCode::kNotPermitted:
      return "keyturn whoami";
    case ExitCode::kUsage:
      return std::string(command) + " --help";
    case ExitCode::kFailed:
      if (absl::IsNotFound(status)) return NextByCollection(subject);
      return absl::IsDeadlineExceeded(status)
                 ? "the same command again with a longer --timeout"
                 : "";
    case ExitCode::kDone:
    case ExitCode::kRefused:
    case ExitCode::kWaitsForPerson:
    case ExitCode::kRolledBack:
    case ExitCode::kNeedsAttention:
      return "";
  }
  return "";
}

std::string Why(const absl::Status& status, const ErrorDetails& details) {
  std::string why(status.message());
  for (const FieldViolation& violation : details.violations) {
    if (why.find(violation.description) != std::string::npos) continue;
    absl::StrAppend(&why, "\n", violation.field, ": ", violation.description);
  }
  for (const std::string& precondition : details.preconditions) {
    if (why.find(precondition) == std::string::npos) {
      absl::StrAppend(&why, "\n", precondition);
    }
  }
  return why;
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
  if (!status.error_details().empty()) {
    result.SetPayload(kDetailsPayload, absl::Cord(status.error_details()));
  }
  return result;
}

ErrorDetails DetailsOf(const absl::Status& status) {
  ErrorDetails details;
  google::rpc::Status rpc;
  if (!rpc.ParseFromString(Payload(status, kDetailsPayload))) return details;
  for (const google::protobuf::Any& any : rpc.details()) Read(any, details);
  return details;
}

absl::Status UsageError(std::string_view why, std::string_view next) {
  return WithNext(absl::InvalidArgumentError(std::string(why)), next);
}

absl::Status WhileDoing(absl::Status status, std::string_view what,
                        std::string_view subject) {
  if (status.ok()) return status;
  if (!status.GetPayload(kWhatPayload).has_value()) {
    status.SetPayload(kWhatPayload, absl::Cord(std::string(what)));
  }
  if (!subject.empty() && !status.GetPayload(kSubjectPayload).has_value()) {
    status.SetPayload(kSubjectPayload, absl::Cord(std::string(subject)));
  }
  return status;
}

absl::Status WithNext(absl::Status status, std::string_view next) {
  if (!status.ok() && !next.empty()) {
    status.SetPayload(kNextPayload, absl::Cord(std::string(next)));
  }
  return status;
}

absl::Status WithMessage(const absl::Status& status, std::string_view message) {
  absl::Status result(status.code(), std::string(message));
  status.ForEachPayload(
      [&result](absl::string_view url, const absl::Cord& payload) {
        result.SetPayload(url, payload);
      });
  return result;
}

bool IsOutside(const absl::Status& status) {
  return DetailsOf(status).reason.rfind("OUTSIDE_", 0) == 0;
}

ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return ExitCode::kDone;
    case absl::StatusCode::kInvalidArgument:
      return ExitCode::kUsage;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kAlreadyExists:
      return ExitCode::kRefused;
    case absl::StatusCode::kUnavailable:
      return IsOutside(status) ? ExitCode::kFailed : ExitCode::kUnreachable;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return ExitCode::kNotPermitted;
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss:
    default:  // absl::StatusCode is open: it asks for a default.
      return ExitCode::kFailed;
  }
}

Problem Explain(const absl::Status& status, std::string_view command) {
  Problem problem = {.exit_code = ExitCodeOf(status),
                     .code = status.code(),
                     .what = Payload(status, kWhatPayload),
                     .details = DetailsOf(status)};
  problem.why = Why(status, problem.details);
  problem.next = NextCommand(status, problem.details, command);
  return problem;
}

std::string ToText(const Problem& problem) {
  const std::string why =
      absl::StrReplaceAll(OneBlock(problem.why), {{"\n", "\n        "}});
  const std::string reason =
      problem.details.reason.empty()
          ? ""
          : absl::StrCat(" (", OneLine(problem.details.reason), ")");
  std::string text = problem.what.empty()
                         ? absl::StrCat("error: ", why, reason, "\n")
                         : absl::StrCat("error: ", OneLine(problem.what),
                                        "\n  why:  ", why, reason, "\n");
  if (!problem.next.empty()) {
    absl::StrAppend(&text, "  next: ", OneLine(problem.next), "\n");
  }
  return text;
}

std::string ToJson(const Problem& problem) {
  nlohmann::ordered_json error = {
      {"code", absl::StatusCodeToString(problem.code)},
      {"reason", problem.details.reason},
      {"what", problem.what},
      {"message", problem.why},
      {"next", problem.next},
      {"exitCode", static_cast<int>(problem.exit_code)}};
  for (const auto& [key, value] : problem.details.metadata) {
    error["metadata"][key] = value;
  }
  for (const FieldViolation& violation : problem.details.violations) {
    error["fieldViolations"].push_back(
        {{"field", violation.field}, {"description", violation.description}});
  }
  const nlohmann::ordered_json whole = {{"error", std::move(error)}};
  return whole.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false,
                    nlohmann::ordered_json::error_handler_t::replace) +
         "\n";
}

}  // namespace keyturn::cli
