#include "daemon/steps/outcome.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/retry_after.h"

namespace keyturn::steps {
namespace {

struct Advice {
  std::string_view reason;
  std::string_view owner;
  std::string_view way_out;
};

// What an operator does about an error that another attempt cannot mend.
constexpr auto kAdvice = std::to_array<Advice>({
    {"OUTSIDE_LOGIN_REFUSED", "operator",
     "give the account a credential that works (`keyturn credential rotate`), "
     "check it with `keyturn account test`, then `keyturn retry`"},
    {"LOGIN_BLOCKED", "operator",
     "mend the account's credential, run `keyturn account test`, then "
     "`keyturn retry`"},
    {"OUTSIDE_FORBIDDEN", "administrator",
     "give the account's credential the right that the message names, then "
     "`keyturn retry`"},
    {"OUTSIDE_NOT_FOUND", "operator",
     "look whether it was deleted outside; put it back and `keyturn retry`, or "
     "`keyturn cancel`"},
    {"HOST_NOT_ALLOWED", "operator",
     "add the host to the daemon's configuration, restart it, then "
     "`keyturn retry`"},
    {"TLS_REFUSED", "operator",
     "check the account's address and --ca-file, then `keyturn retry`"},
});

bool MayPass(absl::StatusCode code, std::string_view reason) {
  return code == absl::StatusCode::kUnavailable ||
         code == absl::StatusCode::kDeadlineExceeded ||
         code == absl::StatusCode::kResourceExhausted ||
         code == absl::StatusCode::kAborted ||
         (code == absl::StatusCode::kDataLoss &&
          reason == "OUTSIDE_ANSWER_MALFORMED");
}

}  // namespace

Outcome Done(std::string message, std::vector<migration::Proof> proofs) {
  Outcome outcome;
  outcome.message = std::move(message);
  outcome.proofs = std::move(proofs);
  return outcome;
}

Outcome WaitFor(absl::Duration wait, std::string message) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kWait;
  outcome.wait = wait;
  outcome.message = std::move(message);
  return outcome;
}

Outcome Failed(std::string message) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kFailed;
  outcome.message = std::move(message);
  return outcome;
}

Outcome Blocked(std::string_view reason, std::string_view owner,
                std::string message, std::vector<std::string> ways_out) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kBlocked;
  outcome.message = message;
  outcome.attention =
      migration::Attention{std::string(reason), std::string(owner),
                           std::move(message), std::move(ways_out)};
  return outcome;
}

Outcome Refused(absl::Status refusal) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kRefused;
  outcome.message = base::MessageOf(refusal);
  outcome.refusal = std::move(refusal);
  return outcome;
}

Outcome Ask(migration::Task task) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kTask;
  outcome.message = task.problem.empty()
                        ? task.title
                        : absl::StrCat(task.title, ": ", task.problem);
  outcome.task = std::move(task);
  return outcome;
}

bool ConcernsOurAccess(const absl::Status& status) {
  const std::string reason = base::ReasonOf(status);
  return reason == "OUTSIDE_LOGIN_REFUSED" || reason == "LOGIN_BLOCKED" ||
         reason == "HOST_NOT_ALLOWED" || reason == "TLS_REFUSED" ||
         reason == "OUTSIDE_REDIRECTED";
}

Outcome FromError(const absl::Status& status, std::string_view doing) {
  Outcome outcome;
  outcome.message =
      absl::StrCat("while ", base::ToAbsl(doing), ": ", status.message());
  const std::string reason = base::ReasonOf(status);
  if (MayPass(status.code(), reason)) {
    outcome.kind = Outcome::Kind::kRetry;
    outcome.retry_after = http::RetryAfterOf(status);
    outcome.attention =
        migration::Attention{reason.empty() ? "ATTEMPTS_EXHAUSTED" : reason,
                             "operator",
                             outcome.message,
                             {}};
    return outcome;
  }
  outcome.kind = Outcome::Kind::kBlocked;
  migration::Attention attention{
      reason.empty() ? "BLOCKED" : reason, "operator", outcome.message, {}};
  for (const Advice& advice : kAdvice) {
    if (advice.reason != reason) continue;
    attention.owner = std::string(advice.owner);
    attention.ways_out = {std::string(advice.way_out)};
  }
  outcome.attention = std::move(attention);
  return outcome;
}

}  // namespace keyturn::steps
