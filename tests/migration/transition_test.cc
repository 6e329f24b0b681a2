#include "daemon/migration/transition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "tests/migration/walk.h"
#include "tests/support/status_matchers.h"

namespace keyturn::migration {
namespace {

using keyturn::testing::HasCode;
using keyturn::testing::HasReason;
using keyturn::testing::IsOk;
using keyturn::testing::MessageIs;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kCreator;
using ::testing::Not;
using ::testing::SizeIs;
using testing::Walk;

Walk RunningAt(Step step, bool reversible = false) {
  Walk walk({.reversible = reversible});
  EXPECT_TRUE(walk.GoTo(step)) << Name(step);
  return walk;
}

const StepRecord& Current(const Walk& walk) {
  return walk.migration().record(walk.migration().current);
}

std::vector<std::string> KindsOf(const absl::StatusOr<Transition>& sent) {
  std::vector<std::string> kinds;
  if (!sent.ok()) return kinds;
  for (const Happening& happening : sent->happenings) {
    kinds.push_back(happening.kind);
  }
  return kinds;
}

// ---- Revisions and turns. ----

TEST(SeenTest, ACommandThatSawAnotherRevisionIsRefused) {
  Walk walk = RunningAt(Step::kCreateRole);
  Event event = walk.Make(EventKind::kPause);
  event.expected_revision = walk.migration().revision - 1;
  EXPECT_THAT(walk.Send(event), AllOf(HasCode(absl::StatusCode::kAborted),
                                      HasReason("ETAG_MISMATCH")));
  event.expected_revision = walk.migration().revision;
  EXPECT_THAT(walk.Send(event), IsOk());
}

TEST(SeenTest, EveryOutcomeOfAnotherTurnIsRefused) {
  for (const EventKind kind :
       {EventKind::kPlanMade, EventKind::kStepDone, EventKind::kStepProgress,
        EventKind::kStepWait, EventKind::kStepRetry, EventKind::kTaskNeeded,
        EventKind::kStepFailed, EventKind::kStepBlocked,
        EventKind::kTurnForward}) {
    Walk walk = RunningAt(Step::kCreateRole);
    for (const int off : {-1, 1}) {
      Event event = walk.Make(kind);
      event.turn += off;
      EXPECT_THAT(walk.Send(event), AllOf(HasCode(absl::StatusCode::kAborted),
                                          HasReason("STALE_OUTCOME")))
          << Name(kind);
    }
  }
}

// A cancel may overtake an attempt. When its answer arrives at last, it must
// not pass for the answer of the undoing.
TEST(SeenTest, TheLateAnswerOfAnOvertakenAttemptIsRefused) {
  Walk walk = RunningAt(Step::kIssueToken);
  const Event late = walk.Make(EventKind::kStepDone);
  ASSERT_THAT(walk.Send(EventKind::kCancel), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kSettle), IsOk());
  ASSERT_EQ(walk.migration().state, State::kRollingBack);
  EXPECT_THAT(walk.Send(late), HasReason("STALE_OUTCOME"));
}

TEST(SeenTest, ProgressDoesNotEndTheAttempt) {
  Walk walk = RunningAt(Step::kQuiesce);
  const Event done = walk.Make(EventKind::kStepDone);
  ASSERT_THAT(walk.Send(EventKind::kStepProgress), IsOk());
  EXPECT_THAT(walk.Send(done), IsOk());
}

TEST(SeenTest, ARefusedEventChangesNothing) {
  const Walk walk = RunningAt(Step::kCreateRole);
  const Migration before = walk.migration();
  EXPECT_THAT(
      Apply(before, walk.Make(EventKind::kApprove)),
      AllOf(HasCode(absl::StatusCode::kFailedPrecondition),
            HasReason("ILLEGAL_TRANSITION"), MessageIs(HasSubstr("RUNNING"))));
  EXPECT_EQ(before.revision, walk.migration().revision);
}

// ---- Attempts, waits and their limits. ----

TEST(RetryTest, EveryStepGivesUpAfterItsLimitAndSaysSo) {
  for (const Step step : kAllSteps) {
    if (step == Step::kApprove) continue;
    Walk walk = RunningAt(step);
    const int limit = PolicyOf(step).attempts_max;
    for (int failures = 1; failures < limit; ++failures) {
      ASSERT_THAT(walk.Send(EventKind::kStepRetry), IsOk());
      ASSERT_NE(walk.migration().state, State::kNeedsAttention) << Name(step);
      EXPECT_EQ(Current(walk).attempt, failures + 1);
    }
    ASSERT_THAT(walk.Send(EventKind::kStepRetry), IsOk());
    ASSERT_EQ(walk.migration().state, State::kNeedsAttention) << Name(step);
    EXPECT_EQ(walk.migration().attention->reason, "ATTEMPTS_EXHAUSTED");
    EXPECT_THAT(walk.migration().attention->message,
                AllOf(HasSubstr(absl::StrCat(limit, " attempts")),
                      HasSubstr(std::string(Name(step)))));
    EXPECT_THAT(walk.flaws(), IsEmpty());
  }
}

TEST(RetryTest, TheEventSaysForWhomItEndsWhenAttemptsAreUsedUp) {
  Walk walk = RunningAt(Step::kQuiesce);
  Event event = walk.Make(EventKind::kStepRetry);
  event.attention = Attention{.reason = "FLOWS_BUSY",
                              .owner = "administrator",
                              .message = "two flows still run",
                              .ways_out = {"stop them"}};
  for (int i = 0; i < PolicyOf(Step::kQuiesce).attempts_max; ++i) {
    event.turn = walk.migration().turn;
    ASSERT_THAT(walk.Send(event), IsOk());
  }
  ASSERT_EQ(walk.migration().state, State::kNeedsAttention);
  EXPECT_EQ(walk.migration().attention->reason, "FLOWS_BUSY");
  EXPECT_EQ(walk.migration().attention->owner, "administrator");
  EXPECT_THAT(walk.migration().attention->message,
              HasSubstr("two flows still run"));
  EXPECT_THAT(walk.migration().attention->ways_out, ElementsAre("stop them"));
}

// "Full jitter": somewhere between at once and the doubled, bounded delay.
TEST(RetryTest, TheDelayDoublesUpToItsBoundAndIsSpread) {
  const RetryPolicy& policy = PolicyOf(Step::kCutOver);
  for (const double jitter : {0.0, 0.25, 0.999}) {
    Walk walk = RunningAt(Step::kCutOver);
    absl::Duration whole = policy.backoff_first;
    for (int failures = 1; failures < policy.attempts_max; ++failures) {
      Event event = walk.Make(EventKind::kStepRetry);
      event.jitter = jitter;
      ASSERT_THAT(walk.Send(event), IsOk());
      EXPECT_EQ(*walk.migration().wake_at - event.at, whole * jitter)
          << failures;
      EXPECT_LE(*walk.migration().wake_at - event.at, policy.backoff_max);
      whole = std::min(whole * 2, policy.backoff_max);
    }
  }
}

TEST(RetryTest, RetryAfterIsALowerBoundAndHasABound) {
  Walk walk = RunningAt(Step::kCreateRole);
  Event event = walk.Make(EventKind::kStepRetry);
  event.not_before = walk.now() + absl::Minutes(3);
  ASSERT_THAT(walk.Send(event), IsOk());
  EXPECT_EQ(walk.migration().wake_at, event.not_before);

  event = walk.Make(EventKind::kStepRetry);
  event.jitter = 0.999;
  event.not_before = walk.now() - absl::Hours(1);
  ASSERT_THAT(walk.Send(event), IsOk());
  EXPECT_GT(walk.migration().wake_at, walk.now());

  for (const EventKind kind : {EventKind::kStepRetry, EventKind::kStepWait}) {
    event = walk.Make(kind);
    event.not_before = absl::InfiniteFuture();
    ASSERT_THAT(walk.Send(event), IsOk());
    EXPECT_EQ(walk.migration().wake_at, walk.now() + kDelayMax) << Name(kind);
  }
}

TEST(RetryTest, JitterOutsideOfItsRangeDoesNoHarm) {
  for (const double jitter : {-5.0, 7.0}) {
    Walk walk = RunningAt(Step::kCreateRole);
    Event event = walk.Make(EventKind::kStepRetry);
    event.jitter = jitter;
    ASSERT_THAT(walk.Send(event), IsOk());
    EXPECT_GE(walk.migration().wake_at, walk.now());
    EXPECT_LE(walk.migration().wake_at,
              walk.now() + PolicyOf(Step::kCreateRole).backoff_first);
  }
}

TEST(RetryTest, ALookThatSucceedsForgetsTheFailuresBeforeIt) {
  Walk walk = RunningAt(Step::kQuiesce);
  ASSERT_THAT(walk.Send(EventKind::kStepRetry), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kStepWait), IsOk());
  EXPECT_EQ(Current(walk).failures, 0);
  EXPECT_EQ(Current(walk).waits, 1);
}

TEST(RetryTest, WaitingHasALimitToo) {
  Walk walk = RunningAt(Step::kQuiesce);
  walk.SpendWaits();
  ASSERT_THAT(walk.Send(EventKind::kStepWait), IsOk());
  ASSERT_EQ(walk.migration().state, State::kNeedsAttention);
  EXPECT_EQ(walk.migration().attention->reason, "WAITED_TOO_OFTEN");
  ASSERT_THAT(walk.Send(EventKind::kRetry), IsOk());
  EXPECT_EQ(Current(walk).waits, 0);
}

TEST(RetryTest, TheHistoryTellsOnlyNewsOfAWait) {
  Walk walk = RunningAt(Step::kQuiesce);
  Event event = walk.Make(EventKind::kStepWait);
  event.message = "3 jobs run";
  EXPECT_THAT(KindsOf(walk.Send(event)), ElementsAre("STEP_WAITING"));
  event.turn = walk.migration().turn;
  EXPECT_THAT(KindsOf(walk.Send(event)), IsEmpty());
  event.turn = walk.migration().turn;
  event.message = "1 job runs";
  EXPECT_THAT(KindsOf(walk.Send(event)), ElementsAre("STEP_WAITING"));
}

TEST(RetryTest, APersonMayRetryEarly) {
  Walk walk = RunningAt(Step::kCreateRole);
  Event event = walk.Make(EventKind::kStepRetry);
  event.not_before = walk.now() + absl::Hours(1);
  ASSERT_THAT(walk.Send(event), IsOk());
  ASSERT_EQ(walk.Next().kind, Action::Kind::kWait);
  EXPECT_EQ(walk.Next().at, *event.not_before);
  ASSERT_THAT(walk.Send(EventKind::kRetry), IsOk());
  EXPECT_EQ(walk.Next().kind, Action::Kind::kRun);
}

TEST(RetryTest, RetryOutOfAttentionBeginsTheStepAfresh) {
  Walk walk = RunningAt(Step::kCreateRole);
  ASSERT_THAT(walk.Send(EventKind::kStepBlocked), IsOk());
  ASSERT_EQ(walk.migration().state, State::kNeedsAttention);
  ASSERT_THAT(walk.Send(EventKind::kRetry), IsOk());
  EXPECT_EQ(walk.migration().state, State::kRunning);
  EXPECT_EQ(walk.migration().current, Step::kCreateRole);
  EXPECT_EQ(Current(walk).attempt, 1);
  EXPECT_EQ(Current(walk).failures, 0);
  EXPECT_FALSE(walk.migration().attention.has_value());
}

// ---- Approval. ----

Walk AwaitingApproval() {
  Walk walk({.approvals = 2});
  EXPECT_TRUE(walk.Act(EventKind::kPlanMade));
  EXPECT_EQ(walk.migration().state, State::kAwaitingApproval);
  return walk;
}

TEST(ApprovalTest, NobodyApprovesTheirOwnMigration) {
  Walk walk = AwaitingApproval();
  Event event = walk.Make(EventKind::kApprove);
  event.actor = std::string(kCreator);
  EXPECT_THAT(walk.Send(event),
              AllOf(HasCode(absl::StatusCode::kPermissionDenied),
                    HasReason("SELF_APPROVAL")));
}

TEST(ApprovalTest, AnApprovalHoldsForExactlyOnePlan) {
  Walk walk = AwaitingApproval();
  for (const std::string hash : {"", "c0ffe", "c0ffee0"}) {
    Event event = walk.Make(EventKind::kApprove);
    event.plan_hash = hash;
    EXPECT_THAT(
        walk.Send(event),
        AllOf(HasCode(absl::StatusCode::kFailedPrecondition),
              HasReason("PLAN_CHANGED"), MessageIs(HasSubstr("c0ffee"))));
  }
}

TEST(ApprovalTest, OnePersonCountsOnce) {
  Walk walk = AwaitingApproval();
  Event event = walk.Make(EventKind::kApprove);
  event.actor = "ada";
  ASSERT_THAT(walk.Send(event), IsOk());
  EXPECT_THAT(KindsOf(walk.Send(event)), IsEmpty());
  EXPECT_THAT(walk.migration().approvals, SizeIs(1));
  EXPECT_EQ(walk.migration().state, State::kAwaitingApproval);
  event.actor = "grace";
  ASSERT_THAT(walk.Send(event), IsOk());
  EXPECT_EQ(walk.migration().state, State::kRunning);
  EXPECT_EQ(walk.migration().record(Step::kApprove).message,
            "approved by ada, grace");
}

TEST(ApprovalTest, OneRejectionEndsIt) {
  Walk walk = AwaitingApproval();
  Event event = walk.Make(EventKind::kReject);
  event.actor = "ada";
  event.message = "wrong tile";
  ASSERT_THAT(walk.Send(event), IsOk());
  EXPECT_EQ(walk.migration().state, State::kCancelled);
  EXPECT_EQ(walk.migration().failure, "rejected by ada: wrong tile");
}

TEST(ApprovalTest, APauseThatWasAskedForWhilePlanningHoldsAfterApproval) {
  Walk walk({.approvals = 1});
  ASSERT_THAT(walk.Send(EventKind::kPause), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kPlanMade), IsOk());
  ASSERT_EQ(walk.migration().state, State::kAwaitingApproval);
  ASSERT_THAT(walk.Send(EventKind::kApprove), IsOk());
  EXPECT_EQ(walk.Next().kind, Action::Kind::kSettle);
  ASSERT_THAT(walk.Send(EventKind::kSettle), IsOk());
  EXPECT_EQ(walk.migration().state, State::kPaused);
}

// ---- Pause. ----

TEST(PauseTest, WaitsForTheAttemptThatIsUnderWay) {
  Walk walk = RunningAt(Step::kCreateRole);
  ASSERT_THAT(walk.Send(EventKind::kPause), IsOk());
  EXPECT_EQ(walk.migration().state, State::kRunning);
  EXPECT_THAT(KindsOf(walk.Send(EventKind::kPause)), IsEmpty());
  ASSERT_THAT(walk.Send(EventKind::kStepDone), IsOk());
  ASSERT_TRUE(walk.Act(EventKind::kStepDone));
  EXPECT_EQ(walk.migration().state, State::kPaused);
  EXPECT_EQ(walk.migration().current, Step::kAssignRole);
  ASSERT_THAT(walk.Send(EventKind::kResume), IsOk());
  EXPECT_EQ(walk.Next().kind, Action::Kind::kRun);
  EXPECT_EQ(walk.Next().step, Step::kAssignRole);
}

TEST(PauseTest, KeepsTheTimer) {
  Walk walk = RunningAt(Step::kCreateRole);
  Event event = walk.Make(EventKind::kStepRetry);
  event.not_before = walk.now() + absl::Minutes(5);
  ASSERT_THAT(walk.Send(event), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kPause), IsOk());
  ASSERT_EQ(walk.Next().kind, Action::Kind::kSettle);
  ASSERT_THAT(walk.Send(EventKind::kSettle), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kResume), IsOk());
  EXPECT_EQ(walk.Next().kind, Action::Kind::kWait);
  EXPECT_EQ(walk.Next().at, *event.not_before);
}

TEST(PauseTest, AskedForDuringAnAttemptThatEndsInATaskTakesEffectAtOnce) {
  Walk walk = RunningAt(Step::kIssueToken);
  ASSERT_THAT(walk.Send(EventKind::kPause), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kTaskNeeded), IsOk());
  EXPECT_EQ(walk.migration().state, State::kPaused);
  EXPECT_THAT(walk.open_tasks(), SizeIs(1));
  ASSERT_THAT(walk.Send(EventKind::kResume), IsOk());
  EXPECT_EQ(walk.migration().state, State::kAwaitingTask);
}

TEST(PauseTest, ATokenThatIsHandedInWhilePausedIsNotLost) {
  Walk walk = RunningAt(Step::kIssueToken);
  ASSERT_THAT(walk.Send(EventKind::kTaskNeeded), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kPause), IsOk());
  Event event = walk.Make(EventKind::kTokenSubmitted);
  event.notes = "{\"token\":2}";
  ASSERT_THAT(walk.Send(event), IsOk());
  EXPECT_EQ(walk.migration().state, State::kPaused);
  EXPECT_EQ(walk.migration().notes, "{\"token\":2}");
  EXPECT_THAT(walk.open_tasks(), IsEmpty());
  EXPECT_EQ(walk.Next().kind, Action::Kind::kNone);
  EXPECT_THAT(walk.Send(event), HasReason("TASK_CLOSED"));
  ASSERT_THAT(walk.Send(EventKind::kResume), IsOk());
  EXPECT_EQ(walk.Next().kind, Action::Kind::kRun);
  EXPECT_EQ(walk.Next().step, Step::kIssueToken);
  EXPECT_THAT(walk.flaws(), IsEmpty());
}

TEST(PauseTest, CancelOutOfAPauseActsAtOnce) {
  Walk walk = RunningAt(Step::kIssueToken);
  ASSERT_THAT(walk.Send(EventKind::kTaskNeeded), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kPause), IsOk());
  const absl::StatusOr<Transition> sent = walk.Send(EventKind::kCancel);
  ASSERT_THAT(sent, IsOk());
  EXPECT_EQ(walk.migration().state, State::kRollingBack);
  EXPECT_THAT(sent->closed_tasks,
              ElementsAre(Field(&Transition::ClosedTask::state,
                                Task::State::kWithdrawn)));
}

// ---- Tasks and tokens. ----

TEST(TaskTest, OnlyTheOpenTaskIsAnswered) {
  Walk walk = RunningAt(Step::kCreateRole);
  ASSERT_THAT(walk.Send(EventKind::kTaskNeeded), IsOk());
  Event event = walk.Make(EventKind::kTaskDone);
  const std::string id = event.task_id;
  event.task_id = "another";
  EXPECT_THAT(walk.Send(event),
              AllOf(HasCode(absl::StatusCode::kFailedPrecondition),
                    HasReason("TASK_CLOSED")));
  event.task_id = id;
  event.evidence = "role 1043";
  const absl::StatusOr<Transition> sent = walk.Send(event);
  ASSERT_THAT(sent, IsOk());
  ASSERT_THAT(sent->closed_tasks, SizeIs(1));
  EXPECT_EQ(sent->closed_tasks[0].id, id);
  EXPECT_EQ(sent->closed_tasks[0].state, Task::State::kDone);
  EXPECT_EQ(sent->closed_tasks[0].by, std::string(kCreator));
  EXPECT_EQ(sent->closed_tasks[0].evidence, "role 1043");
  EXPECT_EQ(Current(walk).attempt, 2);
}

TEST(TaskTest, ATaskOfAnEarlierStepStaysClosed) {
  Walk walk = RunningAt(Step::kCreateRole);
  ASSERT_THAT(walk.Send(EventKind::kTaskNeeded), IsOk());
  const Event answer = walk.Make(EventKind::kTaskDone);
  ASSERT_THAT(walk.Send(answer), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kStepDone), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kTaskNeeded), IsOk());
  EXPECT_THAT(walk.Send(answer), HasReason("TASK_CLOSED"));
}

// Asked to confirm, at the end of a migration that can go back or not.
Walk OnTrial(bool reversible) {
  Walk walk({.reversible = reversible});
  EXPECT_TRUE(walk.GoTo(Step::kFinish));
  EXPECT_THAT(walk.Send(EventKind::kTaskNeeded), IsOk());
  return walk;
}

TEST(TrialTest, UnansweredItGoesBackAtItsInstantAndNotBefore) {
  Walk walk = OnTrial(/*reversible=*/true);
  const absl::Time end = walk.now() + testing::kTaskLife;
  EXPECT_EQ(walk.Next().kind, Action::Kind::kWait);
  EXPECT_EQ(walk.Next().at, end);
  Event early = walk.Make(EventKind::kSettle);
  early.at = end - absl::Nanoseconds(1);
  EXPECT_THAT(walk.Send(early), HasReason("ILLEGAL_TRANSITION"));

  walk.Pass(testing::kTaskLife);
  EXPECT_EQ(walk.Next().kind, Action::Kind::kSettle);
  const absl::StatusOr<Transition> expired = walk.Send(EventKind::kSettle);

  ASSERT_THAT(expired, IsOk());
  EXPECT_EQ(walk.migration().state, State::kRollingBack);
  EXPECT_EQ(walk.migration().current, Step::kResumeFlows);
  EXPECT_THAT(walk.migration().failure, HasSubstr("nobody answered in time"));
  EXPECT_THAT(expired->closed_tasks,
              ElementsAre(Field(&Transition::ClosedTask::state,
                                Task::State::kWithdrawn)));
  while (walk.Act(EventKind::kStepDone)) continue;
  EXPECT_EQ(walk.migration().state, State::kRolledBack);
}

TEST(TrialTest, AnsweredItGoesOnAndSaysWhoAnswered) {
  Walk walk = OnTrial(/*reversible=*/true);
  ASSERT_THAT(walk.Send(EventKind::kTaskDone), IsOk());
  ASSERT_TRUE(walk.migration().confirmed.has_value());
  EXPECT_EQ(walk.migration().confirmed->by, std::string(kCreator));
  EXPECT_EQ(walk.Next().kind, Action::Kind::kRun);
  ASSERT_THAT(walk.Send(EventKind::kStepDone), IsOk());
  EXPECT_EQ(walk.migration().state, State::kSucceeded);
}

TEST(TrialTest, WhereNothingLeadsBackItWaitsForEver) {
  Walk walk = OnTrial(/*reversible=*/false);
  EXPECT_EQ(walk.Next().kind, Action::Kind::kNone);
  walk.Pass(absl::Hours(24 * 365));
  EXPECT_THAT(walk.Send(EventKind::kSettle), HasReason("ILLEGAL_TRANSITION"));
  ASSERT_THAT(walk.Send(EventKind::kTaskDone), IsOk());
  EXPECT_EQ(walk.Next().kind, Action::Kind::kRun);
}

TEST(TrialTest, AWayBackThatTurnsOutClosedIsNotTriedAgain) {
  Walk walk = OnTrial(/*reversible=*/true);
  ASSERT_THAT(walk.Send(EventKind::kSettle), IsOk());
  while (walk.migration().current != Step::kCutOver) {
    ASSERT_TRUE(walk.Act(EventKind::kStepDone));
  }
  ASSERT_THAT(walk.Send(EventKind::kTurnForward), IsOk());
  ASSERT_TRUE(walk.GoTo(Step::kFinish));
  const absl::StatusOr<Transition> asked = walk.Send(EventKind::kTaskNeeded);
  ASSERT_THAT(asked, IsOk());
  EXPECT_FALSE(asked->opened_tasks.front().expires_at.has_value());
  EXPECT_EQ(walk.Next().kind, Action::Kind::kNone);
}

TEST(TrialTest, APauseHoldsItBackAndTheTimeGoesOn) {
  Walk walk = OnTrial(/*reversible=*/true);
  ASSERT_THAT(walk.Send(EventKind::kPause), IsOk());
  walk.Pass(2 * testing::kTaskLife);
  EXPECT_EQ(walk.Next().kind, Action::Kind::kNone);
  ASSERT_THAT(walk.Send(EventKind::kResume), IsOk());
  EXPECT_EQ(walk.Next().kind, Action::Kind::kSettle);
}

TEST(TaskTest, ATaskEventWithoutATaskIsOurBug) {
  Walk walk = RunningAt(Step::kCreateRole);
  Event event = walk.Make(EventKind::kTaskNeeded);
  event.task.reset();
  EXPECT_THAT(walk.Send(event), HasCode(absl::StatusCode::kInternal));
}

TEST(TaskTest, FollowUpTasksDoNotBlock) {
  Walk walk = RunningAt(Step::kFinish);
  Event event = walk.Make(EventKind::kStepDone);
  event.follow_up_tasks = {Task{.id = "retire", .blocking = false}};
  event.left_to_do = {"retire the password", "retire the password"};
  const absl::StatusOr<Transition> sent = walk.Send(event);
  ASSERT_THAT(sent, IsOk());
  EXPECT_EQ(walk.migration().state, State::kSucceeded);
  EXPECT_THAT(sent->opened_tasks, SizeIs(1));
  EXPECT_THAT(walk.migration().left_to_do, ElementsAre("retire the password"));
}

// The connection was switched, and its new token turned out to be bad.
Walk AskedForAnotherToken(Step step, bool reversible = false) {
  Walk walk = RunningAt(step, reversible);
  EXPECT_THAT(walk.Send(EventKind::kTaskNeeded), IsOk());
  EXPECT_THAT(walk.Send(EventKind::kTokenSubmitted), IsOk());
  return walk;
}

TEST(TokenTest, ANewTokenGoesThroughTheGateAgain) {
  for (const Step step :
       {Step::kQuiesce, Step::kCutOver, Step::kVerifyConnection,
        Step::kVerifyFlows, Step::kResumeFlows, Step::kProveTraffic}) {
    Walk walk = AskedForAnotherToken(step);
    EXPECT_EQ(walk.migration().current, Step::kTestCandidate) << Name(step);
    EXPECT_EQ(walk.migration().state, State::kRunning);
    std::vector<Step> ran;
    while (walk.Next().kind == Action::Kind::kRun) {
      ran.push_back(walk.Next().step);
      ASSERT_TRUE(walk.Act(EventKind::kStepDone));
    }
    EXPECT_EQ(walk.migration().state, State::kSucceeded);
    EXPECT_THAT(ran, ElementsAre(Step::kTestCandidate, Step::kQuiesce,
                                 Step::kCutOver, Step::kVerifyConnection,
                                 Step::kVerifyFlows, Step::kResumeFlows,
                                 Step::kProveTraffic, Step::kFinish));
    EXPECT_THAT(walk.flaws(), IsEmpty());
  }
}

TEST(TokenTest, ANewTokenBeforeTheGateIsCheckedByItsOwnStepFirst) {
  for (const Step step : {Step::kIssueToken, Step::kTestCandidate}) {
    Walk walk = AskedForAnotherToken(step);
    EXPECT_EQ(walk.migration().current, step);
    EXPECT_EQ(Current(walk).attempt, 2);
  }
}

TEST(TokenTest, TheSwitchIsNotForgottenWhileANewTokenGoesRound) {
  Walk walk = AskedForAnotherToken(Step::kVerifyConnection);
  for (const Step step : {Step::kTestCandidate, Step::kQuiesce, Step::kCutOver,
                          Step::kVerifyConnection}) {
    ASSERT_EQ(walk.migration().current, step);
    EXPECT_TRUE(IsCutOver(walk.migration()));
    EXPECT_THAT(walk.Send(EventKind::kCancel),
                AllOf(HasCode(absl::StatusCode::kFailedPrecondition),
                      HasReason("AFTER_CUT_OVER")));
    EXPECT_THAT(walk.Send(EventKind::kRollBack), HasReason("ONE_WAY"));
    Walk failing = walk;
    ASSERT_THAT(failing.Send(EventKind::kStepFailed), IsOk());
    EXPECT_EQ(failing.migration().state, State::kNeedsAttention);
    ASSERT_TRUE(walk.Act(EventKind::kStepDone));
  }
}

TEST(TokenTest, TheSwitchIsNotForgottenEvenIfItsStepGaveNoProof) {
  Walk walk = RunningAt(Step::kCutOver);
  Event event = walk.Make(EventKind::kStepDone);
  event.proofs.clear();
  ASSERT_THAT(walk.Send(event), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kTaskNeeded), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kTokenSubmitted), IsOk());
  EXPECT_TRUE(IsCutOver(walk.migration()));
}

TEST(TokenTest, ANewTokenWhilePausedGoesThroughTheGateAfterResume) {
  Walk walk = RunningAt(Step::kVerifyConnection);
  ASSERT_THAT(walk.Send(EventKind::kTaskNeeded), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kPause), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kTokenSubmitted), IsOk());
  EXPECT_EQ(walk.migration().state, State::kPaused);
  EXPECT_THAT(walk.Send(EventKind::kCancel), HasReason("AFTER_CUT_OVER"));
  ASSERT_THAT(walk.Send(EventKind::kResume), IsOk());
  EXPECT_EQ(walk.Next().step, Step::kTestCandidate);
  EXPECT_THAT(walk.flaws(), IsEmpty());
}

// ---- Cancel, failure, roll-back. ----

// It switched nothing, so to leave everything as it is stays possible.
TEST(CancelTest, IsPossibleAtEveryStepOfAnAdoption) {
  for (const Step step : {Step::kCutOver, Step::kVerifyConnection,
                          Step::kProveTraffic, Step::kFinish}) {
    Migration adoption = RunningAt(step).migration();
    adoption.spec.adopt = true;
    EXPECT_FALSE(IsCutOver(adoption)) << Name(step);
    const auto cancelled =
        Apply(adoption, {.kind = EventKind::kCancel, .at = absl::UnixEpoch()});
    ASSERT_THAT(cancelled, IsOk()) << Name(step);
    EXPECT_EQ(NextAction(cancelled->migration, absl::UnixEpoch()).kind,
              Action::Kind::kSettle);
  }
}

// A drain that took too long is waited for as long again.
TEST(RetryTest, OfAStepThatNeededAttentionBeginsItsTimeAnew) {
  Walk walk = RunningAt(Step::kQuiesce);
  ASSERT_THAT(walk.Send(EventKind::kStepBlocked), IsOk());
  Event retry = walk.Make(EventKind::kRetry);
  retry.at += absl::Hours(5);
  ASSERT_THAT(walk.Send(retry), IsOk());
  EXPECT_EQ(Current(walk).started_at, retry.at);
  EXPECT_EQ(Current(walk).waits, 0);
}

TEST(CancelTest, IsPossibleAtEveryStepBeforeTheSwitchAndAtNoneAfterIt) {
  for (const Step step : kAllSteps) {
    if (step == Step::kApprove) continue;
    Walk walk = RunningAt(step);
    if (step > Step::kCutOver) {
      EXPECT_THAT(walk.Send(EventKind::kCancel), HasReason("AFTER_CUT_OVER"))
          << Name(step);
    } else {
      EXPECT_THAT(walk.Send(EventKind::kCancel), IsOk()) << Name(step);
    }
  }
}

TEST(CancelTest, ASecondCancelChangesNothing) {
  Walk walk = RunningAt(Step::kIssueToken);
  ASSERT_THAT(walk.Send(EventKind::kCancel), IsOk());
  Event again = walk.Make(EventKind::kCancel);
  again.actor = "somebody else";
  EXPECT_THAT(KindsOf(walk.Send(again)), IsEmpty());
  EXPECT_EQ(walk.migration().failure, "cancelled by olga: cancel");
}

TEST(CancelTest, ThatCameTooLateForAOneWaySwitchLetsItGoOn) {
  Walk walk = RunningAt(Step::kCutOver);
  ASSERT_THAT(walk.Send(EventKind::kCancel), IsOk());
  EXPECT_THAT(KindsOf(walk.Send(EventKind::kStepDone)),
              Contains("CANCEL_TOO_LATE"));
  EXPECT_EQ(walk.migration().state, State::kRunning);
  EXPECT_EQ(walk.migration().current, Step::kVerifyConnection);
  EXPECT_EQ(walk.migration().failure, "");
}

TEST(CancelTest, ThatCameDuringAReversibleSwitchTakesItBack) {
  Walk walk = RunningAt(Step::kCutOver, /*reversible=*/true);
  ASSERT_THAT(walk.Send(EventKind::kCancel), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kStepDone), IsOk());
  EXPECT_EQ(walk.migration().state, State::kRollingBack);
  EXPECT_EQ(walk.migration().current, Step::kCutOver);
}

TEST(CancelTest, ARollBackThatCameTooLateForTheEndDoesNotStain) {
  Walk walk = RunningAt(Step::kFinish, /*reversible=*/true);
  ASSERT_THAT(walk.Send(EventKind::kRollBack), IsOk());
  EXPECT_THAT(KindsOf(walk.Send(EventKind::kStepDone)),
              Contains("CANCEL_TOO_LATE"));
  EXPECT_EQ(walk.migration().state, State::kSucceeded);
  EXPECT_EQ(walk.migration().failure, "");
}

TEST(CancelTest, OfAMigrationThatNeverBeganIsNotCalledARollBack) {
  Walk planned({.start = false});
  ASSERT_TRUE(planned.Act(EventKind::kPlanMade));
  ASSERT_THAT(planned.Send(EventKind::kCancel), IsOk());
  EXPECT_EQ(planned.migration().state, State::kCancelled);

  Walk begun = RunningAt(Step::kEnableTba);
  ASSERT_THAT(begun.Send(EventKind::kCancel), IsOk());
  ASSERT_THAT(begun.Send(EventKind::kSettle), IsOk());
  EXPECT_EQ(begun.migration().state, State::kRolledBack);
}

TEST(RollBackTest, IsPossibleAfterTheSwitchOnlyWhereThePlanSaidSo) {
  for (const Step step : {Step::kVerifyConnection, Step::kVerifyFlows,
                          Step::kResumeFlows, Step::kProveTraffic}) {
    Walk one_way = RunningAt(step);
    EXPECT_THAT(one_way.Send(EventKind::kRollBack),
                AllOf(HasCode(absl::StatusCode::kFailedPrecondition),
                      HasReason("ONE_WAY"),
                      MessageIs(HasSubstr("the old login is not held"))));
    Walk reversible = RunningAt(step, /*reversible=*/true);
    EXPECT_THAT(reversible.Send(EventKind::kRollBack), IsOk());
    EXPECT_THAT(reversible.Send(EventKind::kCancel),
                HasReason("AFTER_CUT_OVER"));
  }
}

TEST(RollBackTest, CannotBeCancelledButPausedAndRetried) {
  Walk walk = RunningAt(Step::kIssueToken);
  ASSERT_THAT(walk.Send(EventKind::kStepFailed), IsOk());
  ASSERT_EQ(walk.migration().state, State::kRollingBack);
  ASSERT_THAT(walk.Send(EventKind::kStepBlocked), IsOk());
  ASSERT_EQ(walk.migration().state, State::kNeedsAttention);
  for (const EventKind kind : {EventKind::kCancel, EventKind::kRollBack}) {
    EXPECT_THAT(walk.Send(kind), HasReason("ILLEGAL_TRANSITION"));
  }
  EXPECT_THAT(walk.migration().attention->ways_out,
              Not(Contains(HasSubstr("cancel"))));
  ASSERT_THAT(walk.Send(EventKind::kRetry), IsOk());
  EXPECT_EQ(walk.Next().kind, Action::Kind::kUndo);
  ASSERT_THAT(walk.Send(EventKind::kPause), IsOk());
  ASSERT_TRUE(walk.Act(EventKind::kStepDone));
  EXPECT_EQ(walk.migration().state, State::kPaused);
  ASSERT_THAT(walk.Send(EventKind::kResume), IsOk());
  EXPECT_EQ(walk.Next().kind, Action::Kind::kUndo);
}

TEST(RollBackTest, UndoingMayAskAPerson) {
  Walk walk = RunningAt(Step::kTestCandidate);
  ASSERT_THAT(walk.Send(EventKind::kStepFailed), IsOk());
  ASSERT_EQ(walk.migration().current, Step::kIssueToken);
  ASSERT_THAT(walk.Send(EventKind::kTaskNeeded), IsOk());
  EXPECT_EQ(walk.migration().state, State::kAwaitingTask);
  ASSERT_THAT(walk.Send(EventKind::kTaskDone), IsOk());
  EXPECT_EQ(walk.migration().state, State::kRollingBack);
  EXPECT_EQ(walk.Next().kind, Action::Kind::kUndo);
}

TEST(RollBackTest, TheProofOfAnUndoingIsKept) {
  Walk walk = RunningAt(Step::kAssignRole);
  ASSERT_THAT(walk.Send(EventKind::kStepFailed), IsOk());
  Event event = walk.Make(EventKind::kStepDone);
  event.proofs = {{"roles", "as before"}};
  ASSERT_THAT(walk.Send(event), IsOk());
  EXPECT_EQ(walk.migration().state, State::kRolledBack);
  EXPECT_THAT(walk.migration().record(Step::kAssignRole).proofs,
              ElementsAre(Proof{"roles", "as before"}));
}

TEST(FailureTest, LeadsBackBeforeTheSwitchAndToAPersonAfterIt) {
  for (const Step step : kAllSteps) {
    if (step <= Step::kApprove) continue;
    Walk walk = RunningAt(step, /*reversible=*/true);
    ASSERT_THAT(walk.Send(EventKind::kStepFailed), IsOk());
    if (step > Step::kCutOver) {
      EXPECT_EQ(walk.migration().state, State::kNeedsAttention) << Name(step);
    } else if (step < Step::kAssignRole) {
      EXPECT_EQ(walk.migration().state, State::kRolledBack) << Name(step);
    } else {
      EXPECT_EQ(walk.migration().state, State::kRollingBack) << Name(step);
    }
  }
}

TEST(FailureTest, OnlyAPossibleWayBackIsOffered) {
  const auto ways_out = [](Step step, bool reversible) {
    Walk walk = RunningAt(step, reversible);
    EXPECT_THAT(walk.Send(EventKind::kStepBlocked), IsOk());
    return walk.migration().attention.value_or(Attention{}).ways_out;
  };
  EXPECT_THAT(ways_out(Step::kQuiesce, false),
              ElementsAre(HasSubstr("retry"), HasSubstr("cancel")));
  EXPECT_THAT(ways_out(Step::kVerifyFlows, true),
              ElementsAre(HasSubstr("retry"), HasSubstr("rollback")));
  EXPECT_THAT(ways_out(Step::kVerifyFlows, false),
              ElementsAre(HasSubstr("retry")));
}

// ---- A way back that turns out to be closed. ----

TEST(TurnForwardTest, GoesOnWithTheSwitchAndKnowsThatItWasMade) {
  Walk walk = RunningAt(Step::kCutOver);
  ASSERT_THAT(walk.Send(EventKind::kCancel), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kSettle), IsOk());
  ASSERT_EQ(walk.migration().current, Step::kCutOver);
  ASSERT_THAT(walk.Send(EventKind::kTurnForward), IsOk());
  EXPECT_EQ(walk.migration().state, State::kRunning);
  EXPECT_EQ(walk.migration().current, Step::kCutOver);
  EXPECT_EQ(walk.migration().failure, "");
  EXPECT_TRUE(IsCutOver(walk.migration()));
  EXPECT_THAT(walk.Send(EventKind::kCancel), HasReason("AFTER_CUT_OVER"));
  // It would lead back here, and round again.
  ASSERT_THAT(walk.Send(EventKind::kStepFailed), IsOk());
  EXPECT_EQ(walk.migration().state, State::kNeedsAttention);
}

TEST(TurnForwardTest, ProvesAfreshWhatComesAfterTheSwitch) {
  Walk walk = RunningAt(Step::kProveTraffic, /*reversible=*/true);
  ASSERT_THAT(walk.Send(EventKind::kRollBack), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kSettle), IsOk());
  ASSERT_EQ(walk.migration().current, Step::kResumeFlows);
  ASSERT_THAT(walk.Send(EventKind::kStepDone), IsOk());
  ASSERT_THAT(walk.Send(EventKind::kTurnForward), IsOk());
  EXPECT_EQ(walk.migration().record(Step::kVerifyConnection).state,
            StepState::kPending);
  ASSERT_TRUE(walk.GoTo(Step::kFinish));
  EXPECT_THAT(walk.flaws(), IsEmpty());
}

TEST(TurnForwardTest, OnlyTheSwitchCanTurnOutToBeOneWay) {
  Walk walk = RunningAt(Step::kIssueToken);
  ASSERT_THAT(walk.Send(EventKind::kStepFailed), IsOk());
  EXPECT_THAT(walk.Send(EventKind::kTurnForward),
              HasReason("ILLEGAL_TRANSITION"));
}

// ---- What is to be done next. ----

TEST(NextActionTest, ANewMigrationPlansAtOnce) {
  const Walk walk({});
  EXPECT_EQ(walk.Next().kind, Action::Kind::kRun);
  EXPECT_EQ(walk.Next().step, Step::kPreflight);
  EXPECT_EQ(walk.migration().state, State::kPlanning);
  EXPECT_EQ(walk.migration().created_at, testing::Epoch());
}

TEST(NextActionTest, ACommandGoesBeforeATimer) {
  Walk walk = RunningAt(Step::kQuiesce);
  Event event = walk.Make(EventKind::kStepWait);
  event.not_before = walk.now() + absl::Hours(1);
  ASSERT_THAT(walk.Send(event), IsOk());
  ASSERT_EQ(walk.Next().kind, Action::Kind::kWait);
  ASSERT_THAT(walk.Send(EventKind::kCancel), IsOk());
  EXPECT_EQ(walk.Next().kind, Action::Kind::kSettle);
}

TEST(NextActionTest, TheTimerIsDueAtItsInstant) {
  Walk walk = RunningAt(Step::kQuiesce);
  Event event = walk.Make(EventKind::kStepWait);
  event.not_before = walk.now() + absl::Seconds(30);
  ASSERT_THAT(walk.Send(event), IsOk());
  const Migration& migration = walk.migration();
  EXPECT_EQ(
      NextAction(migration, *event.not_before - absl::Nanoseconds(1)).kind,
      Action::Kind::kWait);
  EXPECT_EQ(NextAction(migration, *event.not_before).kind, Action::Kind::kRun);
}

TEST(PolicyTest, EveryStepHasLimitsThatMakeSense) {
  for (const Step step : kAllSteps) {
    const RetryPolicy& policy = PolicyOf(step);
    EXPECT_GE(policy.attempts_max, 1) << Name(step);
    EXPECT_LE(policy.attempts_max, 20) << Name(step);
    EXPECT_GT(policy.backoff_first, absl::ZeroDuration()) << Name(step);
    EXPECT_GE(policy.backoff_max, policy.backoff_first) << Name(step);
    EXPECT_LE(policy.backoff_max, kDelayMax) << Name(step);
    EXPECT_GT(policy.attempt_timeout, absl::ZeroDuration()) << Name(step);
  }
}

TEST(PolicyTest, TheStepsThatChangeSomethingOutsideAreUndone) {
  std::vector<Step> undo;
  for (const Step step : kAllSteps) {
    if (HasUndo(step)) undo.push_back(step);
  }
  EXPECT_THAT(undo,
              ElementsAre(Step::kAssignRole, Step::kIssueToken, Step::kQuiesce,
                          Step::kCutOver, Step::kResumeFlows));
}

}  // namespace
}  // namespace keyturn::migration
