// What comes of an attempt at a step, or of the time that nobody used.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/migration/change.h"

namespace keyturn::migration {
namespace {

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

}  // namespace

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

namespace {

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

}  // namespace

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

namespace {

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

}  // namespace

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

namespace {

absl::Duration Backoff(const RetryPolicy& policy, int failures, double jitter) {
  const double factor = std::exp2(std::min(failures - 1, 30));
  return std::min(policy.backoff_max, policy.backoff_first * factor) *
         std::clamp(jitter, 0.0, 1.0);
}

}  // namespace

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

namespace {

// A new token may have been on its way round, so that the gate before the
// switch is not passed.
Step FirstNotDone(const Migration& migration, Step first) {
  return *std::find_if(kAllSteps.begin(), kAllSteps.end(), [&](Step step) {
    return step >= first && (step == Step::kCutOver ||
                             migration.record(step).state != StepState::kDone);
  });
}

}  // namespace

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

}  // namespace keyturn::migration
