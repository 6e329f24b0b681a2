// THE CORE: what may happen to a migration, and what is to be done next.
//
// Pure: no clock, no I/O, no threads, no randomness. The same migration and
// event give the same result. The loop that drives it (engine) is
//
//   1. event  -> Apply            (what changes)
//   2. Transition -> one Batch    (durable BEFORE anything is done or answered)
//   3. NextAction                 (what is to be done now)
//   4. the step runs, its outcome is the next event
//
// and a restart enters the same loop at 3: there is no recovery code.
#ifndef KEYTURN_DAEMON_MIGRATION_TRANSITION_H_
#define KEYTURN_DAEMON_MIGRATION_TRANSITION_H_

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/migration/model.h"

namespace keyturn::migration {

enum class EventKind {
  // Callers' commands.
  kStart,
  kApprove,
  kReject,
  kPause,
  kResume,
  kCancel,
  kRetry,
  kRollBack,
  // A person answered the blocking task, by hand or with a token.
  kTaskDone,
  kTokenSubmitted,

  // Outcomes of the attempt that is under way, of a step or of its undoing.
  kPlanMade,
  kStepDone,
  // The step stored something in between; the attempt goes on.
  kStepProgress,
  // Not finished, not failed: look again at `not_before`.
  kStepWait,
  kStepRetry,
  kTaskNeeded,
  // Will not work: before the switch this leads back.
  kStepFailed,
  // Cannot go on until an operator mends something.
  kStepBlocked,
  // The undoing of cut_over found the connection switched and no way back: goes
  // forward from the first step of the gate before it that is not done.
  kTurnForward,

  // No attempt is under way, and a command waits to take effect or the time of
  // the open task is up.
  kSettle,
};

inline constexpr std::array kAllEventKinds = {
    EventKind::kStart,          EventKind::kApprove,    EventKind::kReject,
    EventKind::kPause,          EventKind::kResume,     EventKind::kCancel,
    EventKind::kRetry,          EventKind::kRollBack,   EventKind::kTaskDone,
    EventKind::kTokenSubmitted, EventKind::kPlanMade,   EventKind::kStepDone,
    EventKind::kStepProgress,   EventKind::kStepWait,   EventKind::kStepRetry,
    EventKind::kTaskNeeded,     EventKind::kStepFailed, EventKind::kStepBlocked,
    EventKind::kTurnForward,    EventKind::kSettle,
};

// "start", "step_done", ...
std::string_view Name(EventKind kind);

struct Event {
  EventKind kind;
  absl::Time at;
  // A caller's identity, or "daemon".
  std::string actor = "daemon";

  // Commands: the revision the caller has seen; none: whatever is there.
  std::optional<int64_t> expected_revision;
  // Outcomes: the turn they belong to.
  int64_t turn = 0;

  // For people: the reason of a command, the message of an outcome.
  std::string message;
  // kApprove.
  std::string plan_hash;
  // kTaskDone, kTokenSubmitted: which task, and what the person wrote.
  std::string task_id;
  std::string evidence;
  // kPlanMade.
  std::optional<Plan> plan;
  std::string connection_key;
  std::string connection_name;
  // kStepDone.
  std::vector<Proof> proofs;
  // Any outcome: the new notes; none: unchanged.
  std::optional<std::string> notes;
  // Any outcome: added to what is left to do by hand.
  std::vector<std::string> left_to_do;
  // kStepWait; and kStepRetry as a lower bound (Retry-After).
  std::optional<absl::Time> not_before;
  // kStepRetry: in [0, 1), spreads the attempts ("full jitter").
  double jitter = 0;
  // kTaskNeeded: the blocking task. Its id and times are set by the caller.
  std::optional<Task> task;
  // Any outcome: further tasks that do not block.
  std::vector<Task> follow_up_tasks;
  // kStepBlocked; and kStepFailed, kStepRetry for the case that it ends there.
  std::optional<Attention> attention;
};

// One line of the history.
struct Happening {
  // UPPER_SNAKE_CASE.
  std::string kind;
  std::string message;
  std::optional<Step> step;
};

// All that one event changes; stored in one transaction.
struct Transition {
  Migration migration;
  std::vector<Happening> happenings;
  std::vector<Task> opened_tasks;
  // Open tasks that end with this transition: done, or withdrawn.
  struct ClosedTask {
    std::string id;
    Task::State state;
    std::string by;
    std::string evidence;
  };
  std::vector<ClosedTask> closed_tasks;
};

// Aborted (reason ETAG_MISMATCH) when the caller has seen another revision;
// Aborted (STALE_OUTCOME) for an outcome of another turn; FailedPrecondition
// for what is not allowed now: ILLEGAL_TRANSITION, PLAN_CHANGED,
// AFTER_CUT_OVER, ONE_WAY, TASK_CLOSED; PermissionDenied (SELF_APPROVAL).
// `migration` is not changed by a refused event.
absl::StatusOr<Transition> Apply(const Migration& migration,
                                 const Event& event);

struct Action {
  enum class Kind {
    // Nothing until a command comes.
    kNone,
    // Run the step's next attempt.
    kRun,
    // Undo the step.
    kUndo,
    // Apply kSettle.
    kSettle,
    // Nothing before `at`.
    kWait,
  };
  Kind kind = Kind::kNone;
  Step step = Step::kPreflight;
  absl::Time at = absl::InfinitePast();
};

Action NextAction(const Migration& migration, absl::Time now);

// A migration as Create makes it: PLANNING.
Migration NewMigration(std::string id, Spec spec, std::string creator,
                       bool start, absl::Time now);

// How a step may be repeated. Every loop has a limit here.
struct RetryPolicy {
  int attempts_max;
  absl::Duration backoff_first;
  absl::Duration backoff_max;
  // For one attempt, all its calls together.
  absl::Duration attempt_timeout;
};
const RetryPolicy& PolicyOf(Step step);

// Looks of one step that may find it still under way.
inline constexpr int kWaitsMax = 20'000;

// Whatever an outside system or a step asks for, the next attempt or look comes
// no later than this.
inline constexpr absl::Duration kDelayMax = absl::Hours(24);

// Whether undoing the step is more than forgetting it.
bool HasUndo(Step step);

// Whether a task that is opened now may expire, which leads back: forward,
// where there is a way back, and once in a migration. Elsewhere it waits for
// ever.
bool MayExpire(const Migration& migration);

// Whether the migration switched the connection, as far as is known.
bool IsCutOver(const Migration& migration);

}  // namespace keyturn::migration

#endif  // KEYTURN_DAEMON_MIGRATION_TRANSITION_H_
