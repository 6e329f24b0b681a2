#include "daemon/migration/change.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"

namespace keyturn::migration {

void Tell(Change& change, std::string kind, std::string message,
          std::optional<Step> step) {
  change.result.happenings.push_back(
      {std::move(kind), std::move(message), step});
}

std::string Because(const Event& event, std::string_view command) {
  std::string text = absl::StrCat(base::ToAbsl(command), " by ", event.actor);
  if (!event.message.empty()) absl::StrAppend(&text, ": ", event.message);
  return text;
}

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

namespace {

void WithdrawOpenTask(Change& change) {
  StepRecord& record = change.record();
  if (record.state != StepState::kAwaitingTask) return;
  change.result.closed_tasks.push_back(
      {record.task_id, Task::State::kWithdrawn, change.event.actor, ""});
  record.state = StepState::kWaiting;
}

}  // namespace

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

namespace {

bool WantsUndo(const Migration& migration, Step step) {
  const StepRecord& record = migration.record(step);
  return HasUndo(step) && record.attempt > 0 &&
         record.state != StepState::kUndone;
}

}  // namespace

std::optional<Step> NextUndo(const Migration& migration) {
  for (auto step = kAllSteps.rbegin(); step != kAllSteps.rend(); ++step) {
    if (WantsUndo(migration, *step)) return *step;
  }
  return std::nullopt;
}

namespace {

// Whether a step after preflight was entered: the difference between
// CANCELLED (nothing ever happened) and ROLLED_BACK.
bool WasStarted(const Migration& migration) {
  return std::any_of(kAllSteps.begin(), kAllSteps.end(), [&](Step step) {
    return step > Step::kApprove && migration.record(step).attempt > 0;
  });
}

}  // namespace

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

}  // namespace keyturn::migration
