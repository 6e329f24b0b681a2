#include "daemon/migration/transition.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/migration/change.h"

namespace keyturn::migration {
namespace {

using Handler = absl::Status (*)(Change&);

// Bit set of states, so that the table fits a screen.
constexpr uint32_t Set(std::initializer_list<State> states) {
  uint32_t set = 0;
  for (const State state : states) set |= 1u << static_cast<int>(state);
  return set;
}

constexpr State kPlanning = State::kPlanning;
constexpr State kPlanned = State::kPlanned;
constexpr State kApproval = State::kAwaitingApproval;
constexpr State kRunning = State::kRunning;
constexpr State kTask = State::kAwaitingTask;
constexpr State kPaused = State::kPaused;
constexpr State kBack = State::kRollingBack;
constexpr State kAttention = State::kNeedsAttention;
constexpr State kSucceeded = State::kSucceeded;
constexpr State kRolledBack = State::kRolledBack;
constexpr State kCancelled = State::kCancelled;
// Where a cancel or a failure before the switch leads.
constexpr uint32_t kBackward = Set({kBack, kRolledBack});

struct Row {
  State from;
  EventKind event;
  Handler handler;
  // Where it may lead.
  uint32_t to;
};

// The whole life of a migration. A pair that is not listed is refused.
constexpr auto kTable = std::to_array<Row>({
    // Preflight reads and plans; nothing outside is touched yet.
    {kPlanning, EventKind::kPlanMade, OnPlanMade,
     Set({kPlanned, kApproval, kRunning, kCancelled})},
    {kPlanning, EventKind::kStepProgress, OnProgress, Set({kPlanning})},
    {kPlanning, EventKind::kStepWait, OnWait,
     Set({kPlanning, kAttention, kCancelled})},
    {kPlanning, EventKind::kStepRetry, OnRetryLater,
     Set({kPlanning, kAttention, kCancelled})},
    {kPlanning, EventKind::kStepFailed, OnBlocked,
     Set({kAttention, kCancelled})},
    {kPlanning, EventKind::kStepBlocked, OnBlocked,
     Set({kAttention, kCancelled})},
    {kPlanning, EventKind::kStart, OnStart, Set({kPlanning})},
    {kPlanning, EventKind::kPause, OnPause, Set({kPlanning})},
    {kPlanning, EventKind::kCancel, OnCancel, Set({kPlanning})},
    {kPlanning, EventKind::kRetry, OnRetryNow, Set({kPlanning})},
    {kPlanning, EventKind::kSettle, OnSettle, Set({kPaused, kCancelled})},

    {kPlanned, EventKind::kStart, OnStart, Set({kApproval, kRunning})},
    {kPlanned, EventKind::kCancel, OnCancel, Set({kCancelled})},

    {kApproval, EventKind::kApprove, OnApprove, Set({kApproval, kRunning})},
    {kApproval, EventKind::kReject, OnReject, Set({kCancelled})},
    {kApproval, EventKind::kCancel, OnCancel, Set({kCancelled})},

    // Forward. A command waits for the attempt that is under way.
    {kRunning, EventKind::kStepDone, OnDone,
     Set({kRunning, kSucceeded}) | kBackward},
    {kRunning, EventKind::kStepProgress, OnProgress, Set({kRunning})},
    {kRunning, EventKind::kStepWait, OnWait,
     Set({kRunning, kAttention}) | kBackward},
    {kRunning, EventKind::kStepRetry, OnRetryLater,
     Set({kRunning, kAttention}) | kBackward},
    {kRunning, EventKind::kTaskNeeded, OnTaskNeeded,
     Set({kTask, kPaused}) | kBackward},
    {kRunning, EventKind::kStepFailed, OnFailed, Set({kAttention}) | kBackward},
    {kRunning, EventKind::kStepBlocked, OnBlocked,
     Set({kAttention}) | kBackward},
    {kRunning, EventKind::kPause, OnPause, Set({kRunning})},
    {kRunning, EventKind::kCancel, OnCancel, Set({kRunning})},
    {kRunning, EventKind::kRollBack, OnRollBack, Set({kRunning})},
    {kRunning, EventKind::kRetry, OnRetryNow, Set({kRunning})},
    {kRunning, EventKind::kSettle, OnSettle, Set({kPaused}) | kBackward},

    // A person is asked. Answers are taken at once, commands act at once.
    {kTask, EventKind::kTaskDone, OnTaskAnswered, Set({kRunning, kBack})},
    {kTask, EventKind::kTokenSubmitted, OnTaskAnswered, Set({kRunning, kBack})},
    {kTask, EventKind::kPause, OnPause, Set({kPaused})},
    {kTask, EventKind::kCancel, OnCancel, kBackward},
    {kTask, EventKind::kRollBack, OnRollBack, kBackward},
    {kTask, EventKind::kSettle, OnTaskExpired, kBackward},

    // A token that is handed in while paused must not get lost.
    {kPaused, EventKind::kResume, OnResume,
     Set({kPlanning, kRunning, kTask, kBack})},
    {kPaused, EventKind::kTaskDone, OnTaskAnswered, Set({kPaused})},
    {kPaused, EventKind::kTokenSubmitted, OnTaskAnswered, Set({kPaused})},
    {kPaused, EventKind::kCancel, OnCancel, kBackward | Set({kCancelled})},
    {kPaused, EventKind::kRollBack, OnRollBack, kBackward | Set({kCancelled})},

    // Back, in reverse order.
    {kBack, EventKind::kStepDone, OnUndone, Set({kBack, kRolledBack})},
    {kBack, EventKind::kStepProgress, OnProgress, Set({kBack})},
    {kBack, EventKind::kStepWait, OnWait, Set({kBack, kAttention})},
    {kBack, EventKind::kStepRetry, OnRetryLater, Set({kBack, kAttention})},
    {kBack, EventKind::kTaskNeeded, OnTaskNeeded, Set({kTask, kPaused})},
    {kBack, EventKind::kStepFailed, OnBlocked, Set({kAttention})},
    {kBack, EventKind::kStepBlocked, OnBlocked, Set({kAttention})},
    {kBack, EventKind::kTurnForward, OnTurnForward, Set({kRunning})},
    {kBack, EventKind::kPause, OnPause, Set({kBack})},
    {kBack, EventKind::kRetry, OnRetryNow, Set({kBack})},
    {kBack, EventKind::kSettle, OnSettle, Set({kPaused})},

    // An operator decides.
    {kAttention, EventKind::kRetry, OnRetryBlocked,
     Set({kPlanning, kRunning, kBack})},
    {kAttention, EventKind::kCancel, OnCancel, kBackward | Set({kCancelled})},
    {kAttention, EventKind::kRollBack, OnRollBack,
     kBackward | Set({kCancelled})},
});

const Row* FindRow(State from, EventKind event) {
  const auto row =
      std::find_if(kTable.begin(), kTable.end(), [&](const Row& candidate) {
        return candidate.from == from && candidate.event == event;
      });
  return row == kTable.end() ? nullptr : &*row;
}

bool IsOutcome(EventKind kind) {
  switch (kind) {
    case EventKind::kPlanMade:
    case EventKind::kStepDone:
    case EventKind::kStepProgress:
    case EventKind::kStepWait:
    case EventKind::kStepRetry:
    case EventKind::kTaskNeeded:
    case EventKind::kStepFailed:
    case EventKind::kStepBlocked:
    case EventKind::kTurnForward:
      return true;
    case EventKind::kStart:
    case EventKind::kApprove:
    case EventKind::kReject:
    case EventKind::kPause:
    case EventKind::kResume:
    case EventKind::kCancel:
    case EventKind::kRetry:
    case EventKind::kRollBack:
    case EventKind::kTaskDone:
    case EventKind::kTokenSubmitted:
    case EventKind::kSettle:
      return false;
  }
  return false;
}

absl::Status CheckSeen(const Migration& migration, const Event& event) {
  if (event.expected_revision.has_value() &&
      *event.expected_revision != migration.revision) {
    return base::WithReason(
        absl::AbortedError(absl::StrCat("migration ", migration.id,
                                        " has changed since it was read; read "
                                        "it again, then decide")),
        "ETAG_MISMATCH");
  }
  if (IsOutcome(event.kind) && event.turn != migration.turn) {
    return base::WithReason(
        absl::AbortedError(absl::StrCat("outcome of turn ", event.turn,
                                        " came in turn ", migration.turn)),
        "STALE_OUTCOME");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Transition> Apply(const Migration& migration,
                                 const Event& event) {
  RETURN_IF_ERROR(CheckSeen(migration, event));
  const Row* row = FindRow(migration.state, event.kind);
  if (row == nullptr) {
    return base::WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "migration ", migration.id, " is ",
            base::ToAbsl(Name(migration.state)),
            "; that does not allow: ", base::ToAbsl(Name(event.kind)))),
        "ILLEGAL_TRANSITION");
  }
  Change change{event, {}};
  change.result.migration = migration;
  RETURN_IF_ERROR(row->handler(change));
  Migration& next = change.result.migration;
  if ((row->to & Set({next.state})) == 0) {
    return absl::InternalError(absl::StrCat(
        base::ToAbsl(Name(event.kind)), " led from ",
        base::ToAbsl(Name(migration.state)), " to ",
        base::ToAbsl(Name(next.state)), ", which the table does not list"));
  }
  next.revision = migration.revision + 1;
  next.updated_at = event.at;
  return std::move(change.result);
}

Action NextAction(const Migration& migration, absl::Time now) {
  switch (migration.state) {
    case State::kPlanning:
    case State::kRunning:
    case State::kRollingBack:
      break;
    case State::kAwaitingTask:
      if (!migration.wake_at.has_value()) return {};
      if (*migration.wake_at <= now) {
        return {Action::Kind::kSettle, migration.current, now};
      }
      return {Action::Kind::kWait, migration.current, *migration.wake_at};
    case State::kPlanned:
    case State::kAwaitingApproval:
    case State::kPaused:
    case State::kNeedsAttention:
    case State::kSucceeded:
    case State::kRolledBack:
    case State::kCancelled:
      return {};
  }
  const bool cancel = migration.cancel_requested && !migration.going_back;
  if (cancel || migration.pause_requested) {
    return {Action::Kind::kSettle, migration.current, now};
  }
  if (migration.wake_at.has_value() && *migration.wake_at > now) {
    return {Action::Kind::kWait, migration.current, *migration.wake_at};
  }
  return {migration.going_back ? Action::Kind::kUndo : Action::Kind::kRun,
          migration.current, now};
}

Migration NewMigration(std::string id, Spec spec, std::string creator,
                       bool start, absl::Time now) {
  Migration migration;
  migration.id = std::move(id);
  migration.spec = std::move(spec);
  migration.creator = std::move(creator);
  migration.start_requested = start;
  migration.created_at = now;
  migration.updated_at = now;
  StepRecord& preflight = migration.record(Step::kPreflight);
  preflight.state = StepState::kRunning;
  preflight.attempt = 1;
  preflight.started_at = now;
  return migration;
}

bool MayExpire(const Migration& migration) {
  const bool one_way =
      IsCutOver(migration) && !migration.plan->reversible_after_cut_over;
  return !migration.going_back && !one_way && !migration.task_expired;
}

bool IsCutOver(const Migration& migration) {
  // What was switched was not switched by this migration: to leave it so is no
  // way back.
  if (migration.spec.adopt) return false;
  // A new token sends the step round again, but what came of the first time
  // stays.
  const StepRecord& record = migration.record(Step::kCutOver);
  const bool once = !record.proofs.empty() ||
                    migration.record(Step::kVerifyConnection).attempt > 0;
  return record.state == StepState::kDone ||
         (record.state != StepState::kUndone && once);
}

}  // namespace keyturn::migration
