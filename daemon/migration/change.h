// The inside of transition.cc, for its handlers alone: what they work on, and
// the doors through which every change of state goes.
//
// The table that says when each of them may be called stands at the top of
// transition.cc; whatever else they do, Apply lets them lead only where their
// row says.
#ifndef KEYTURN_DAEMON_MIGRATION_CHANGE_H_
#define KEYTURN_DAEMON_MIGRATION_CHANGE_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "daemon/migration/transition.h"

namespace keyturn::migration {

// What a handler works on: a copy of the migration that becomes the result.
struct Change {
  const Event& event;
  Transition result;

  Migration& migration() { return result.migration; }
  StepRecord& record() { return migration().record(migration().current); }
};

// One line for the history.
void Tell(Change& change, std::string kind, std::string message,
          std::optional<Step> step = std::nullopt);

// `command`, and the person's reason where there is one.
std::string Because(const Event& event, std::string_view command);

// ---- Guarded doors (change.cc). ----

// Neither a wait nor what an operator was asked for counts any more.
void LeaveAttempt(Change& change);
// The step's first attempt, forward or back, comes next.
void EnterStep(Change& change, Step step);
void BecomeRunning(Change& change, Step step);
void BecomeAtRest(Change& change, State state);
// `from`: where a resume leads.
void BecomePaused(Change& change, State from);
void BecomeNeedsAttention(Change& change, Attention attention);
// To the undoing of the last step that has one; at rest where none has.
void BecomeRollingBack(Change& change);
// What is undone next; none: everything is.
std::optional<Step> NextUndo(const Migration& migration);
// After the plan: to the first step, or to the approvals that are missing.
void BecomeStarted(Change& change);

// ---- Commands, and people's answers (commands.cc). ----

absl::Status OnStart(Change& change);
absl::Status OnApprove(Change& change);
absl::Status OnReject(Change& change);
absl::Status OnPause(Change& change);
absl::Status OnResume(Change& change);
absl::Status OnCancel(Change& change);
absl::Status OnRetryNow(Change& change);
absl::Status OnRetryBlocked(Change& change);
absl::Status OnRollBack(Change& change);
absl::Status OnTaskAnswered(Change& change);

// ---- Outcomes, and what takes the place of one (outcomes.cc). ----

absl::Status OnTaskExpired(Change& change);
absl::Status OnPlanMade(Change& change);
absl::Status OnDone(Change& change);
absl::Status OnUndone(Change& change);
absl::Status OnProgress(Change& change);
absl::Status OnWait(Change& change);
absl::Status OnRetryLater(Change& change);
absl::Status OnTaskNeeded(Change& change);
absl::Status OnFailed(Change& change);
absl::Status OnBlocked(Change& change);
absl::Status OnTurnForward(Change& change);
absl::Status OnSettle(Change& change);

}  // namespace keyturn::migration

#endif  // KEYTURN_DAEMON_MIGRATION_CHANGE_H_
