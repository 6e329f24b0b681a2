// What callers may ask for, and what people answer.
#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/migration/change.h"

namespace keyturn::migration {

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

namespace {

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

}  // namespace

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

}  // namespace keyturn::migration
