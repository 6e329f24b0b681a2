#include "daemon/migration/transition.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"

namespace keyturn::migration {
namespace {

// What a handler works on: a copy of the migration that becomes the result.
struct Change {
  const Event& event;
  Transition result;

  Migration& migration() { return result.migration; }
  StepRecord& record() { return migration().record(migration().current); }
};

using Handler = absl::Status (*)(Change&);

absl::Status OnStart(Change&);
absl::Status OnApprove(Change&);
absl::Status OnReject(Change&);
absl::Status OnPause(Change&);
absl::Status OnResume(Change&);
absl::Status OnCancel(Change&);
absl::Status OnRetryNow(Change&);
absl::Status OnRetryBlocked(Change&);
absl::Status OnRollBack(Change&);
absl::Status OnTaskAnswered(Change&);
absl::Status OnTaskExpired(Change&);
absl::Status OnPlanMade(Change&);
absl::Status OnDone(Change&);
absl::Status OnUndone(Change&);
absl::Status OnProgress(Change&);
absl::Status OnWait(Change&);
absl::Status OnRetryLater(Change&);
absl::Status OnTaskNeeded(Change&);
absl::Status OnFailed(Change&);
absl::Status OnBlocked(Change&);
absl::Status OnTurnForward(Change&);
absl::Status OnSettle(Change&);

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

void Tell(Change& change, std::string kind, std::string message,
          std::optional<Step> step = std::nullopt) {
  change.result.happenings.push_back(
      {std::move(kind), std::move(message), step});
}

// `command`, and the person's reason where there is one.
std::string Because(const Event& event, std::string_view command) {
  std::string text = absl::StrCat(base::ToAbsl(command), " by ", event.actor);
  if (!event.message.empty()) absl::StrAppend(&text, ": ", event.message);
  return text;
}

// ---- Guarded doors: every change of state goes through one of these. ----

void LeaveAttempt(Change& change) {
  change.migration().wake_at.reset();
  change.migration().attention.reset();
}

void EnterStep(Change& change, Step step) {
  Migration& migration = change.migration();
  migration.current = step;
  StepRecord& record = migration.record(step);
  record.state = StepState::kRunning;
  record.attempt = 1;
  record.failures = 0;
  record.waits = 0;
  record.started_at = change.event.at;
  record.ended_at.reset();
  record.message.clear();
  Tell(change, migration.going_back ? "UNDO_STARTED" : "STEP_STARTED",
       absl::StrCat(migration.going_back ? "undoing " : "",
                    base::ToAbsl(Name(step)), " started"),
       step);
}

void BecomeRunning(Change& change, Step step) {
  LeaveAttempt(change);
  change.migration().state = State::kRunning;
  change.migration().going_back = false;
  EnterStep(change, step);
}

void WithdrawOpenTask(Change& change) {
  StepRecord& record = change.record();
  if (record.state != StepState::kAwaitingTask) return;
  change.result.closed_tasks.push_back(
      {record.task_id, Task::State::kWithdrawn, change.event.actor, ""});
  record.state = StepState::kWaiting;
}

void BecomeAtRest(Change& change, State state) {
  LeaveAttempt(change);
  Migration& migration = change.migration();
  WithdrawOpenTask(change);
  StepRecord& record = change.record();
  if (state != State::kSucceeded && record.state != StepState::kDone &&
      record.state != StepState::kUndone &&
      record.state != StepState::kFailed) {
    record.state =
        record.attempt == 0 ? StepState::kPending : StepState::kFailed;
    record.ended_at = change.event.at;
  }
  migration.state = state;
  migration.going_back = false;
  migration.pause_requested = false;
  migration.cancel_requested = false;
  migration.ended_at = change.event.at;
  Tell(change, std::string(Name(state)),
       migration.failure.empty() || state == State::kSucceeded
           ? absl::StrCat("migration is ", base::ToAbsl(Name(state)))
           : absl::StrCat("migration is ", base::ToAbsl(Name(state)), ": ",
                          migration.failure));
}

void BecomePaused(Change& change, State from) {
  Migration& migration = change.migration();
  migration.resume_to = from;
  migration.state = State::kPaused;
  migration.pause_requested = false;
  Tell(change, "PAUSED",
       change.event.kind == EventKind::kPause ? Because(change.event, "paused")
                                              : "paused, as asked for");
}

void BecomeNeedsAttention(Change& change, Attention attention) {
  Migration& migration = change.migration();
  LeaveAttempt(change);
  migration.resume_to = migration.state;
  migration.state = State::kNeedsAttention;
  StepRecord& record = change.record();
  record.state = StepState::kFailed;
  record.ended_at = change.event.at;
  record.message = attention.message;
  migration.pause_requested = false;
  Tell(change, "NEEDS_ATTENTION", attention.message, migration.current);
  migration.attention = std::move(attention);
}

bool WantsUndo(const Migration& migration, Step step) {
  const StepRecord& record = migration.record(step);
  return HasUndo(step) && record.attempt > 0 &&
         record.state != StepState::kUndone;
}

std::optional<Step> NextUndo(const Migration& migration) {
  for (auto step = kAllSteps.rbegin(); step != kAllSteps.rend(); ++step) {
    if (WantsUndo(migration, *step)) return *step;
  }
  return std::nullopt;
}

// Whether a step after preflight was entered: the difference between
// CANCELLED (nothing ever happened) and ROLLED_BACK.
bool WasStarted(const Migration& migration) {
  return std::any_of(kAllSteps.begin(), kAllSteps.end(), [&](Step step) {
    return step > Step::kApprove && migration.record(step).attempt > 0;
  });
}

void BecomeRollingBack(Change& change) {
  Migration& migration = change.migration();
  WithdrawOpenTask(change);
  LeaveAttempt(change);
  migration.cancel_requested = false;
  migration.pause_requested = false;
  StepRecord& record = change.record();
  if (record.state == StepState::kRunning ||
      record.state == StepState::kWaiting) {
    record.state = StepState::kFailed;
    record.ended_at = change.event.at;
  }
  const std::optional<Step> undo = NextUndo(migration);
  if (!undo.has_value()) {
    BecomeAtRest(
        change, WasStarted(migration) ? State::kRolledBack : State::kCancelled);
    return;
  }
  migration.state = State::kRollingBack;
  migration.going_back = true;
  Tell(change, "ROLLING_BACK", migration.failure);
  EnterStep(change, *undo);
}

void BecomeStarted(Change& change) {
  Migration& migration = change.migration();
  const int approvals = static_cast<int>(migration.approvals.size());
  StepRecord& approve = migration.record(Step::kApprove);
  if (approvals < migration.spec.approvals) {
    if (migration.state != State::kAwaitingApproval) {
      migration.state = State::kAwaitingApproval;
      migration.current = Step::kApprove;
      approve.state = StepState::kWaiting;
      approve.attempt = 1;
      approve.started_at = change.event.at;
    }
    approve.message = absl::StrCat(approvals, " of ", migration.spec.approvals,
                                   " approvals of plan ", migration.plan->hash);
    Tell(change, "AWAITING_APPROVAL", approve.message, Step::kApprove);
    return;
  }
  approve.state = StepState::kDone;
  if (approve.attempt == 0) approve.attempt = 1;
  if (!approve.started_at.has_value()) approve.started_at = change.event.at;
  approve.ended_at = change.event.at;
  approve.message =
      migration.spec.approvals == 0
          ? "no approval asked for"
          : absl::StrCat(
                "approved by ",
                absl::StrJoin(migration.approvals, ", ",
                              [](std::string* out, const Approval& given) {
                                out->append(given.by);
                              }));
  approve.proofs = {{"plan", migration.plan->hash}};
  Tell(change, "STEP_DONE", approve.message, Step::kApprove);
  BecomeRunning(change, Step::kEnableTba);
}

// ---- Commands. ----

absl::Status OnStart(Change& change) {
  Migration& migration = change.migration();
  if (migration.start_requested) return absl::OkStatus();
  migration.start_requested = true;
  Tell(change, "START_REQUESTED", Because(change.event, "started"));
  if (migration.state == State::kPlanned) BecomeStarted(change);
  return absl::OkStatus();
}

absl::Status OnApprove(Change& change) {
  Migration& migration = change.migration();
  const std::string& by = change.event.actor;
  if (change.event.plan_hash != migration.plan->hash) {
    return base::WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "the plan's hash is ", migration.plan->hash,
            ", not the one given; read the plan again before you approve it")),
        "PLAN_CHANGED");
  }
  if (by == migration.creator) {
    return base::WithReason(
        absl::PermissionDeniedError(
            "a migration cannot be approved by the one who created it; ask "
            "another person"),
        "SELF_APPROVAL");
  }
  const bool already =
      std::any_of(migration.approvals.begin(), migration.approvals.end(),
                  [&](const Approval& given) { return given.by == by; });
  if (already) return absl::OkStatus();
  migration.approvals.push_back({by, change.event.at});
  Tell(change, "APPROVED", absl::StrCat("approved by ", by), Step::kApprove);
  BecomeStarted(change);
  return absl::OkStatus();
}

absl::Status OnReject(Change& change) {
  change.migration().failure = Because(change.event, "rejected");
  Tell(change, "REJECTED", change.migration().failure, Step::kApprove);
  BecomeAtRest(change, State::kCancelled);
  return absl::OkStatus();
}

absl::Status OnPause(Change& change) {
  Migration& migration = change.migration();
  if (migration.state == State::kAwaitingTask) {
    BecomePaused(change, State::kAwaitingTask);
    return absl::OkStatus();
  }
  if (migration.pause_requested) return absl::OkStatus();
  migration.pause_requested = true;
  Tell(change, "PAUSE_REQUESTED", Because(change.event, "pause asked for"));
  return absl::OkStatus();
}

absl::Status OnResume(Change& change) {
  Migration& migration = change.migration();
  migration.state = migration.resume_to;
  Tell(change, "RESUMED", Because(change.event, "resumed"));
  return absl::OkStatus();
}

// Going back before the switch: at once where no attempt can be under way,
// otherwise as soon as it has ended.
void GoBack(Change& change, std::string_view command) {
  Migration& migration = change.migration();
  const bool attempt_possible =
      migration.state == State::kPlanning || migration.state == State::kRunning;
  if (migration.cancel_requested) return;
  migration.failure = Because(change.event, command);
  if (attempt_possible) {
    migration.cancel_requested = true;
    Tell(change, "CANCEL_REQUESTED", migration.failure);
    return;
  }
  BecomeRollingBack(change);
}

absl::Status RefuseWhenGoingBack(const Migration& migration) {
  if (!migration.going_back) return absl::OkStatus();
  return base::WithReason(
      absl::FailedPreconditionError(
          "the migration is already going back; retry lets it go on doing so"),
      "ILLEGAL_TRANSITION");
}

absl::Status OnCancel(Change& change) {
  RETURN_IF_ERROR(RefuseWhenGoingBack(change.migration()));
  if (IsCutOver(change.migration())) {
    return base::WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "the connection runs on the new token already, so the migration "
            "cannot be cancelled; ",
            change.migration().plan->reversible_after_cut_over
                ? "`keyturn rollback` goes back to the old login"
                : "the way back is closed, `keyturn retry` goes on")),
        "AFTER_CUT_OVER");
  }
  GoBack(change, "cancelled");
  return absl::OkStatus();
}

absl::Status OnRollBack(Change& change) {
  RETURN_IF_ERROR(RefuseWhenGoingBack(change.migration()));
  if (IsCutOver(change.migration()) &&
      !change.migration().plan->reversible_after_cut_over) {
    return base::WithReason(
        absl::FailedPreconditionError(
            absl::StrCat("the connection cannot go back to its old login: ",
                         change.migration().plan->reversibility,
                         "; `keyturn retry` goes on")),
        "ONE_WAY");
  }
  GoBack(change, "rolled back");
  return absl::OkStatus();
}

absl::Status OnRetryNow(Change& change) {
  if (!change.migration().wake_at.has_value()) return absl::OkStatus();
  change.migration().wake_at.reset();
  Tell(change, "RETRY_REQUESTED", Because(change.event, "retried early"),
       change.migration().current);
  return absl::OkStatus();
}

absl::Status OnRetryBlocked(Change& change) {
  Migration& migration = change.migration();
  Tell(change, "RETRY_REQUESTED", Because(change.event, "retried"),
       migration.current);
  migration.state = migration.resume_to;
  LeaveAttempt(change);
  EnterStep(change, migration.current);
  return absl::OkStatus();
}

absl::Status OnTaskAnswered(Change& change) {
  Migration& migration = change.migration();
  StepRecord& record = change.record();
  if (record.state != StepState::kAwaitingTask ||
      record.task_id != change.event.task_id) {
    return base::WithReason(
        absl::FailedPreconditionError(
            "the task is not open any more; `keyturn task list` shows what is"),
        "TASK_CLOSED");
  }
  change.result.closed_tasks.push_back({record.task_id, Task::State::kDone,
                                        change.event.actor,
                                        change.event.evidence});
  const bool token = change.event.kind == EventKind::kTokenSubmitted;
  if (change.event.notes.has_value()) migration.notes = *change.event.notes;
  migration.wake_at.reset();
  if (migration.current == Step::kFinish) {
    migration.confirmed = Approval{change.event.actor, change.event.at};
  }
  Tell(change, token ? "TOKEN_SUBMITTED" : "TASK_DONE",
       absl::StrCat(token ? "token handed in by " : "task answered by ",
                    change.event.actor),
       migration.current);
  const State next =
      migration.going_back ? State::kRollingBack : State::kRunning;
  if (migration.state == State::kPaused) {
    migration.resume_to = next;
  } else {
    migration.state = next;
  }
  ++migration.turn;
  // A new token after the connection was tested goes through the gate again.
  if (token && !migration.going_back &&
      migration.current > Step::kTestCandidate) {
    for (Step step : kAllSteps) {
      const bool stays_quiet =
          step == Step::kQuiesce && step != migration.current;
      if (step >= Step::kTestCandidate && step <= migration.current &&
          !stays_quiet) {
        migration.record(step).state = StepState::kPending;
      }
    }
    EnterStep(change, Step::kTestCandidate);
    return absl::OkStatus();
  }
  record.state = StepState::kRunning;
  ++record.attempt;
  record.failures = 0;
  record.message.clear();
  return absl::OkStatus();
}

// ---- Outcomes. ----

void TakeFindings(Change& change) {
  Migration& migration = change.migration();
  const Event& event = change.event;
  if (event.notes.has_value()) migration.notes = *event.notes;
  for (const std::string& left : event.left_to_do) {
    const auto end = migration.left_to_do.end();
    if (std::find(migration.left_to_do.begin(), end, left) == end) {
      migration.left_to_do.push_back(left);
    }
  }
  if (!event.connection_key.empty()) {
    migration.connection_key = event.connection_key;
  }
  if (!event.connection_name.empty()) {
    migration.connection_name = event.connection_name;
  }
  for (const Task& task : event.follow_up_tasks) {
    change.result.opened_tasks.push_back(task);
    Tell(change, "TASK_OPENED", task.title, migration.current);
  }
}

void EndAttempt(Change& change) {
  TakeFindings(change);
  ++change.migration().turn;
}

void FinishRecord(Change& change, StepState state) {
  StepRecord& record = change.record();
  record.state = state;
  record.ended_at = change.event.at;
  record.message = change.event.message;
  if (state != StepState::kFailed) record.proofs = change.event.proofs;
}

absl::Status OnPlanMade(Change& change) {
  EndAttempt(change);
  Migration& migration = change.migration();
  if (!change.event.plan.has_value()) {
    return absl::InternalError("a plan_made event bears no plan");
  }
  migration.plan = change.event.plan;
  FinishRecord(change, StepState::kDone);
  Tell(change, "PLAN_MADE", change.event.message, Step::kPreflight);
  if (migration.cancel_requested) {
    BecomeAtRest(change, State::kCancelled);
    return absl::OkStatus();
  }
  migration.state = State::kPlanned;
  migration.wake_at.reset();
  if (!migration.start_requested) {
    migration.pause_requested = false;
    Tell(change, "PLANNED", "waits to be started");
    return absl::OkStatus();
  }
  BecomeStarted(change);
  return absl::OkStatus();
}

// A cancel or roll-back that came while the switch or the end was on its way.
void ForgetLateCancel(Change& change) {
  Migration& migration = change.migration();
  migration.cancel_requested = false;
  migration.failure.clear();
  Tell(change, "CANCEL_TOO_LATE",
       migration.current == Step::kFinish
           ? "the migration had ended before the roll-back took effect"
           : "the connection was switched before the cancel took effect and "
             "cannot go back; the migration goes on");
}

absl::Status OnDone(Change& change) {
  EndAttempt(change);
  Migration& migration = change.migration();
  const Step done = migration.current;
  FinishRecord(change, StepState::kDone);
  Tell(change, "STEP_DONE", change.event.message, done);
  const bool one_way =
      IsCutOver(migration) && !migration.plan->reversible_after_cut_over;
  if (migration.cancel_requested && (one_way || done == Step::kFinish)) {
    ForgetLateCancel(change);
  }
  if (done == Step::kFinish) {
    BecomeAtRest(change, State::kSucceeded);
    return absl::OkStatus();
  }
  if (migration.cancel_requested) {
    BecomeRollingBack(change);
    return absl::OkStatus();
  }
  BecomeRunning(change, static_cast<Step>(static_cast<int>(done) + 1));
  return absl::OkStatus();
}

absl::Status OnUndone(Change& change) {
  EndAttempt(change);
  Migration& migration = change.migration();
  FinishRecord(change, StepState::kUndone);
  Tell(change, "STEP_UNDONE", change.event.message, migration.current);
  const std::optional<Step> undo = NextUndo(migration);
  if (!undo.has_value()) {
    BecomeAtRest(change, State::kRolledBack);
    return absl::OkStatus();
  }
  LeaveAttempt(change);
  EnterStep(change, *undo);
  return absl::OkStatus();
}

absl::Status OnProgress(Change& change) {
  TakeFindings(change);
  change.record().state = StepState::kRunning;
  change.record().message = change.event.message;
  Tell(change, "STEP_PROGRESS", change.event.message,
       change.migration().current);
  return absl::OkStatus();
}

// The command that leads back from here; empty: none does.
std::string WayBack(const Migration& migration) {
  if (migration.going_back) return "";
  if (!IsCutOver(migration)) return "`keyturn cancel` undoes what was done";
  if (!migration.plan->reversible_after_cut_over) return "";
  return "`keyturn rollback` goes back to the old login";
}

// The outcome says how it ends when there is no further attempt.
void GiveUp(Change& change, std::string_view reason) {
  if (change.migration().cancel_requested && !change.migration().going_back) {
    BecomeRollingBack(change);
    return;
  }
  const Step step = change.migration().current;
  Attention attention = change.event.attention.value_or(Attention{});
  if (attention.reason.empty()) attention.reason = std::string(reason);
  if (attention.owner.empty()) attention.owner = "operator";
  if (attention.message.empty()) attention.message = change.event.message;
  if (attention.message.empty()) {
    attention.message = absl::StrCat(base::ToAbsl(Name(step)), " cannot go on");
  }
  if (attention.ways_out.empty()) {
    attention.ways_out.push_back(
        "mend what the message says, then `keyturn retry`");
    if (const std::string back = WayBack(change.migration()); !back.empty()) {
      attention.ways_out.push_back(back);
    }
  }
  if (reason == "ATTEMPTS_EXHAUSTED") {
    attention.message = absl::StrCat(attention.message, " (gave up after ",
                                     change.record().failures, " attempts of ",
                                     base::ToAbsl(Name(step)), ")");
  }
  BecomeNeedsAttention(change, std::move(attention));
}

std::optional<absl::Time> NotBefore(const Event& event) {
  if (!event.not_before.has_value()) return std::nullopt;
  return std::min(*event.not_before, event.at + kDelayMax);
}

absl::Status OnWait(Change& change) {
  EndAttempt(change);
  StepRecord& record = change.record();
  record.failures = 0;
  if (++record.waits > kWaitsMax) {
    GiveUp(change, "WAITED_TOO_OFTEN");
    return absl::OkStatus();
  }
  const bool news = record.message != change.event.message;
  record.state = StepState::kWaiting;
  record.message = change.event.message;
  change.migration().wake_at = NotBefore(change.event);
  if (news) {
    Tell(change, "STEP_WAITING", change.event.message,
         change.migration().current);
  }
  return absl::OkStatus();
}

absl::Duration Backoff(const RetryPolicy& policy, int failures, double jitter) {
  const double factor = std::exp2(std::min(failures - 1, 30));
  return std::min(policy.backoff_max, policy.backoff_first * factor) *
         std::clamp(jitter, 0.0, 1.0);
}

absl::Status OnRetryLater(Change& change) {
  EndAttempt(change);
  Migration& migration = change.migration();
  StepRecord& record = change.record();
  const RetryPolicy& policy = PolicyOf(migration.current);
  if (++record.failures >= policy.attempts_max) {
    GiveUp(change, "ATTEMPTS_EXHAUSTED");
    return absl::OkStatus();
  }
  absl::Time next =
      change.event.at + Backoff(policy, record.failures, change.event.jitter);
  next = std::max(next, NotBefore(change.event).value_or(next));
  ++record.attempt;
  record.state = StepState::kWaiting;
  record.message = change.event.message;
  migration.wake_at = next;
  Tell(change, "STEP_RETRY", change.event.message, migration.current);
  return absl::OkStatus();
}

absl::Status OnTaskNeeded(Change& change) {
  if (!change.event.task.has_value()) {
    return absl::InternalError("a task_needed event bears no task");
  }
  EndAttempt(change);
  Migration& migration = change.migration();
  if (migration.cancel_requested && !migration.going_back) {
    BecomeRollingBack(change);
    return absl::OkStatus();
  }
  StepRecord& record = change.record();
  LeaveAttempt(change);
  Task task = *change.event.task;
  if (!MayExpire(migration)) task.expires_at.reset();
  migration.state = State::kAwaitingTask;
  migration.wake_at = task.expires_at;
  record.state = StepState::kAwaitingTask;
  record.task_id = task.id;
  record.message = change.event.message;
  change.result.opened_tasks.push_back(std::move(task));
  Tell(change, "TASK_OPENED", change.event.message, migration.current);
  if (migration.pause_requested) BecomePaused(change, State::kAwaitingTask);
  return absl::OkStatus();
}

absl::Status OnFailed(Change& change) {
  Migration& migration = change.migration();
  if (IsCutOver(migration)) return OnBlocked(change);
  EndAttempt(change);
  FinishRecord(change, StepState::kFailed);
  migration.failure = change.event.message;
  Tell(change, "STEP_FAILED", change.event.message, migration.current);
  BecomeRollingBack(change);
  return absl::OkStatus();
}

absl::Status OnBlocked(Change& change) {
  EndAttempt(change);
  GiveUp(change, "BLOCKED");
  return absl::OkStatus();
}

// A new token may have been on its way round, so that the gate before the
// switch is not passed.
Step FirstNotDone(const Migration& migration, Step first) {
  return *std::find_if(kAllSteps.begin(), kAllSteps.end(), [&](Step step) {
    return step >= first && (step == Step::kCutOver ||
                             migration.record(step).state != StepState::kDone);
  });
}

absl::Status OnTurnForward(Change& change) {
  Migration& migration = change.migration();
  if (migration.current != Step::kCutOver) {
    return base::WithReason(
        absl::FailedPreconditionError("only cut_over can turn out one-way"),
        "ILLEGAL_TRANSITION");
  }
  EndAttempt(change);
  migration.failure.clear();
  // Marks the switch as made, so that a failure from now on cannot lead back
  // here and round again.
  StepRecord& cut_over = change.record();
  if (!change.event.proofs.empty()) cut_over.proofs = change.event.proofs;
  if (cut_over.proofs.empty()) {
    cut_over.proofs.push_back({"connection", "found switched"});
  }
  for (Step step : kAllSteps) {
    StepRecord& later = migration.record(step);
    if (step >= Step::kCutOver && later.state != StepState::kUndone) {
      later.state = StepState::kPending;
    }
  }
  Tell(change, "TURNED_FORWARD", change.event.message, Step::kCutOver);
  BecomeRunning(change, FirstNotDone(migration, Step::kTestCandidate));
  return absl::OkStatus();
}

absl::Status OnSettle(Change& change) {
  Migration& migration = change.migration();
  // Should an attempt be under way in spite of all, its outcome is stale.
  ++migration.turn;
  if (migration.cancel_requested && !migration.going_back) {
    BecomeRollingBack(change);
    return absl::OkStatus();
  }
  if (migration.pause_requested) {
    BecomePaused(change, migration.state);
    return absl::OkStatus();
  }
  return base::WithReason(
      absl::FailedPreconditionError("no command waits to take effect"),
      "ILLEGAL_TRANSITION");
}

absl::Status OnTaskExpired(Change& change) {
  Migration& migration = change.migration();
  if (!migration.wake_at.has_value() || *migration.wake_at > change.event.at) {
    return base::WithReason(
        absl::FailedPreconditionError("the time of the task is not up"),
        "ILLEGAL_TRANSITION");
  }
  ++migration.turn;
  migration.task_expired = true;
  migration.failure =
      absl::StrCat("nobody answered in time: ", change.record().message);
  Tell(change, "TASK_EXPIRED", migration.failure, migration.current);
  BecomeRollingBack(change);
  return absl::OkStatus();
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
  // A new token sends the step round again, but what came of the first time
  // stays.
  const StepRecord& record = migration.record(Step::kCutOver);
  const bool once = !record.proofs.empty() ||
                    migration.record(Step::kVerifyConnection).attempt > 0;
  return record.state == StepState::kDone ||
         (record.state != StepState::kUndone && once);
}

}  // namespace keyturn::migration
