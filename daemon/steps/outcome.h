// What an attempt at a step ends with.
#ifndef KEYTURN_DAEMON_STEPS_OUTCOME_H_
#define KEYTURN_DAEMON_STEPS_OUTCOME_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "daemon/migration/model.h"
#include "daemon/store/records.h"

namespace keyturn::steps {

struct Outcome {
  enum class Kind {
    // The effect is there and was read back.
    kDone,
    // Preflight's success: `plan` is made.
    kPlan,
    // Neither done nor failed: look again after `wait`.
    kWait,
    // Failed in a way that another attempt may mend.
    kRetry,
    // A person must act: `task`.
    kTask,
    // Will not work: before the switch this leads back.
    kFailed,
    // An operator must mend something first: `attention`.
    kBlocked,
    // Preflight alone: the spec asks for what cannot be; `refusal` says why.
    kRefused,
    // The undoing of cut_over alone: switched, and no way back.
    kTurnForward,
  };
  Kind kind = Kind::kDone;
  // For people; holds no secret and no outside text as it came.
  std::string message;
  std::vector<migration::Proof> proofs;
  absl::Duration wait;
  // kRetry: at least this long (Retry-After).
  std::optional<absl::Duration> retry_after;
  // Ids, times and migration are filled in by the engine.
  std::optional<migration::Task> task;
  // Further tasks, which do not block.
  std::vector<migration::Task> follow_up_tasks;
  std::vector<std::string> left_to_do;
  std::optional<migration::Attention> attention;
  std::optional<migration::Plan> plan;
  absl::Status refusal;
  // Stored in the same transaction as the outcome.
  std::vector<store::CredentialWrite> credentials;
};

Outcome Done(std::string message, std::vector<migration::Proof> proofs = {});
Outcome WaitFor(absl::Duration wait, std::string message);
Outcome Failed(std::string message);
Outcome Blocked(std::string_view reason, std::string_view owner,
                std::string message, std::vector<std::string> ways_out = {});
Outcome Refused(absl::Status refusal);
Outcome Ask(migration::Task task);

// Whether the error speaks of our own way to the outside system (its host, the
// account's credential) rather than of what was asked there: trying another way
// does not help.
bool ConcernsOurAccess(const absl::Status& status);

// Sorts an error into retry, needs an operator, or a bug of ours:
//  - Unavailable, DeadlineExceeded, ResourceExhausted, Aborted, DataLoss of an
//    answer that makes no sense (OUTSIDE_ANSWER_MALFORMED): another attempt,
//    after what RetryAfterOf says;
//  - everything else: NEEDS_ATTENTION with the error's reason and what to do.
// DataLoss of our own (a sealed credential that was altered) is none of these:
// no attempt mends it.
//
// `doing` continues "while ...".
Outcome FromError(const absl::Status& status, std::string_view doing);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_OUTCOME_H_
