// What survives a stop and a crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/engine/house.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {
namespace {

using migration::EventKind;
using migration::Migration;
using migration::State;
using migration::Step;
using migration::Task;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

class RestartTest : public House {
 protected:
  // True: `done` came.
  bool Stop(absl::Duration patience) {
    bool done = false;
    engine_->Stop(clock_.Now() + patience, [&done] { done = true; });
    RunUntil([&done] { return done; });
    return done;
  }
  void Restart() {
    ASSERT_TRUE(Stop(absl::Minutes(1)));
    Crash();
  }
};

TEST_F(RestartTest, AnAttemptThatACrashCutShortRunsAgainAtEveryStep) {
  int connection = 0;
  for (const Step step : migration::kAllSteps) {
    if (step <= Step::kApprove) continue;
    SCOPED_TRACE(migration::Name(step));
    Door door;
    script_.OnRun(step, GivingBehind(door, steps::Done("never said")));
    const auto created = Create(/*start=*/true, SpecFor(++connection));
    ASSERT_THAT(created, IsOk());
    RunUntil([&door] { return door.waiting() == 1; });

    Crash();

    EXPECT_EQ(Stored(created->id).current, step);
    RunToState(created->id, State::kSucceeded);
    EXPECT_EQ(Stored(created->id).record(step).failures, 0);
  }
}

TEST_F(RestartTest, ACrashDuringTheUndoingLetsItRunAgain) {
  Door door;
  script_.OnRun(Step::kQuiesce, steps::Failed("a flow does not stop"));
  script_.OnUndo(Step::kIssueToken,
                 GivingBehind(door, steps::Done("never said")));
  const std::string id = Started();
  RunUntil([&door] { return door.waiting() == 1; });

  Crash();
  RunToState(id, State::kRolledBack);

  EXPECT_EQ(script_.calls.back(), "undo assign_role");
}

TEST_F(RestartTest, ACrashBeforeTheFirstCommitLeavesNothing) {
  Door door;
  script_.OnRun(Step::kPreflight, GivingBehind(door, PlanFor(SpecFor())));
  engine::CreateCommand command;
  command.spec = SpecFor();
  const auto answer = AskToCreate(Operator("request-1"), command);
  RunUntil([&door] { return door.waiting() == 1; });

  Crash();

  EXPECT_FALSE(answer->has_value());
  EXPECT_THAT(store_->ListMigrations({}, {})->items, IsEmpty());
  EXPECT_THAT(Wait(AskToCreate(Operator("request-1"), command)), IsOk());
}

TEST_F(RestartTest, AWaitGoesOnWhereItWas) {
  steps::Outcome busy = Retry("busy");
  busy.retry_after = absl::Hours(3);
  script_.OnRun(Step::kEnableTba, busy);
  const std::string id = Started();
  RunUntil([&] { return Stored(id).wake_at.has_value(); });
  const absl::Time due = *Stored(id).wake_at;

  Crash();
  EXPECT_EQ(store_->migrations_read, 0);
  RunToState(id, State::kSucceeded);

  EXPECT_EQ(Stored(id).record(Step::kEnableTba).ended_at, due);
}

TEST_F(RestartTest, AWaitThatEndedWhileTheDaemonWasDownIsTakenUpAtOnce) {
  steps::Outcome busy = Retry("busy");
  busy.retry_after = absl::Hours(3);
  script_.OnRun(Step::kEnableTba, busy);
  const std::string id = Started();
  RunUntil([&] { return Stored(id).wake_at.has_value(); });

  Close();
  clock_.Advance(absl::Hours(30));
  Open();
  RunUntilQuiet();

  EXPECT_EQ(Stored(id).state, State::kSucceeded);
}

TEST_F(RestartTest, RestingStatesStayAsTheyAre) {
  script_.OnRun(Step::kEnableTba, AskFor(Task::Answer::kDoneByHand));
  const std::string asking = Started();
  RunToState(asking, State::kAwaitingTask);
  const std::string planned = Create(false, SpecFor(2))->id;
  script_.OnRun(Step::kEnableTba, steps::Blocked("BLOCKED", "operator", "no"));
  const std::string blocked = Create(true, SpecFor(3))->id;
  RunToState(blocked, State::kNeedsAttention);
  script_.OnRun(Step::kEnableTba, AskFor(Task::Answer::kDoneByHand));
  const std::string paused = Create(true, SpecFor(4))->id;
  RunToState(paused, State::kAwaitingTask);
  ASSERT_THAT(Command(EventKind::kPause, paused), IsOk());
  migration::Spec four_eyes = SpecFor(5);
  four_eyes.approvals = 1;
  const std::string approving = Create(true, four_eyes)->id;
  RunUntilQuiet();
  script_.calls.clear();

  Crash();
  RunUntilQuiet();

  EXPECT_THAT(script_.calls, IsEmpty());
  EXPECT_EQ(Stored(asking).state, State::kAwaitingTask);
  EXPECT_EQ(Stored(planned).state, State::kPlanned);
  EXPECT_EQ(Stored(blocked).state, State::kNeedsAttention);
  EXPECT_EQ(Stored(paused).state, State::kPaused);
  EXPECT_EQ(Stored(approving).state, State::kAwaitingApproval);

  ASSERT_THAT(Complete(OpenTask(asking)), IsOk());
  ASSERT_THAT(Command(EventKind::kStart, planned), IsOk());
  ASSERT_THAT(Command(EventKind::kRetry, blocked), IsOk());
  ASSERT_THAT(Command(EventKind::kResume, paused), IsOk());
  ASSERT_THAT(Complete(OpenTask(paused)), IsOk());
  engine::Caller other = Operator();
  other.identity = "bert";
  ASSERT_THAT(Command(EventKind::kApprove, approving, other), IsOk());
  for (const std::string& id : {asking, planned, blocked, paused, approving}) {
    RunToState(id, State::kSucceeded);
  }
}

TEST_F(RestartTest, ATaskExpiresAlsoAcrossARestart) {
  steps::Outcome asking = AskFor(Task::Answer::kDoneByHand);
  asking.task->expires_at = clock_.Now() + absl::Hours(3);
  script_.OnRun(Step::kEnableTba, asking);
  const std::string id = Started();
  RunToState(id, State::kAwaitingTask);

  Close();
  clock_.Advance(absl::Hours(4));
  Open();
  RunToState(id, State::kRolledBack);

  EXPECT_THAT(Stored(id).failure,
              ::testing::HasSubstr("nobody answered in time"));
}

TEST_F(RestartTest, ATaskThatExpiresLaterIsWaitedFor) {
  steps::Outcome asking = AskFor(Task::Answer::kDoneByHand);
  asking.task->expires_at = clock_.Now() + absl::Hours(3);
  script_.OnRun(Step::kEnableTba, asking);
  const std::string id = Started();
  RunToState(id, State::kAwaitingTask);
  Crash();
  ASSERT_THAT(Complete(OpenTask(id)), IsOk());
  RunToState(id, State::kSucceeded);
}

TEST_F(RestartTest, ACancelThatCameDuringTheCrashedAttemptTakesEffect) {
  Door door;
  script_.OnRun(Step::kAssignRole,
                GivingBehind(door, steps::Done("never said")));
  const std::string id = Started();
  RunUntil([&door] { return door.waiting() == 1; });
  ASSERT_THAT(Command(EventKind::kCancel, id), IsOk());

  Crash();
  RunToState(id, State::kRolledBack);

  EXPECT_EQ(script_.calls.back(), "undo assign_role");
}

asio::awaitable<steps::Outcome> SaveAndHang(steps::Context& context,
                                            Door& door) {
  context.notes.issue_sent = true;
  co_await context.checkpoint("about to ask for the token");
  co_await door.Wait();
  co_return steps::Done("never said");
}

TEST_F(RestartTest, WhatACheckpointSavedIsThereAfterACrash) {
  Door door;
  bool known = false;
  script_.OnRun(Step::kIssueToken, [&door](steps::Context& context) {
    return SaveAndHang(context, door);
  });
  script_.OnRun(Step::kIssueToken, [&known](steps::Context& context) {
    known = context.notes.issue_sent;
    return Giving(steps::Done("found"))(context);
  });
  const std::string id = Started();
  RunUntil([&door] { return door.waiting() == 1; });

  Crash();
  RunToState(id, State::kSucceeded);

  EXPECT_TRUE(known);
}

TEST_F(RestartTest, ATokenThatWasTakenIsThereAfterACrash) {
  script_.OnRun(Step::kIssueToken, AskFor(Task::Answer::kToken));
  const std::string id = Started();
  RunToState(id, State::kAwaitingTask);
  ASSERT_THAT(Submit(OpenTask(id), "the-id", "the-secret"), IsOk());

  Crash();

  EXPECT_EQ(vault_
                ->OpenAs<vault::ConnectionToken>(steps::TokenCredential(id),
                                                 store::VersionLabel::kPending,
                                                 openings_)
                ->token_secret.Expose(),
            "the-secret");
  RunToState(id, State::kSucceeded);
}

// --- Stop ---

TEST_F(RestartTest, StopWaitsForTheAttemptsUnderWay) {
  script_.OnRun(Step::kEnableTba,
                GivingAfter(absl::Seconds(20), steps::Done("enabled")));
  const std::string id = Started();
  RunUntil([this] { return script_.under_way == 1; });

  ASSERT_TRUE(Stop(absl::Minutes(1)));

  EXPECT_EQ(Stored(id).current, Step::kCreateRole);
  EXPECT_THAT(script_.calls, Not(Contains("run create_role")));
  Crash();
  RunToState(id, State::kSucceeded);
}

TEST_F(RestartTest, StopCutsAttemptsAtItsDeadlineAndCountsNoFailure) {
  script_.OnRun(Step::kEnableTba,
                GivingAfter(absl::Hours(5), steps::Done("never said")));
  const std::string id = Started();
  RunUntil([this] { return script_.under_way == 1; });
  const int64_t revision = Stored(id).revision;
  const absl::Time start = clock_.Now();

  ASSERT_TRUE(Stop(absl::Seconds(30)));

  EXPECT_EQ(clock_.Now(), start + absl::Seconds(30));
  EXPECT_EQ(Stored(id).revision, revision);
  Crash();
  RunToState(id, State::kSucceeded);
}

TEST_F(RestartTest, StopTakesNoCommandsAnyMore) {
  const auto planned = Create(/*start=*/false);
  ASSERT_TRUE(Stop(absl::Minutes(1)));

  EXPECT_THAT(Command(EventKind::kStart, planned->id), HasReason("STOPPING"));
  EXPECT_EQ(Stored(planned->id).state, State::kPlanned);
}

TEST_F(RestartTest, StopAnswersACreationThatItCut) {
  script_.OnRun(Step::kPreflight,
                GivingAfter(absl::Hours(5), PlanFor(SpecFor())));
  engine::CreateCommand command;
  command.spec = SpecFor();
  const auto answer = AskToCreate(Operator(), command);
  RunUntil([this] { return script_.under_way == 1; });

  ASSERT_TRUE(Stop(absl::Seconds(30)));

  ASSERT_TRUE(answer->has_value());
  EXPECT_THAT(**answer, HasReason("STOPPING"));
  EXPECT_THAT(store_->ListMigrations({}, {})->items, IsEmpty());
}

TEST_F(RestartTest, AnIdleEngineStopsAtOnce) {
  const absl::Time start = clock_.Now();
  ASSERT_TRUE(Stop(absl::Minutes(1)));
  EXPECT_EQ(clock_.Now(), start);
}

}  // namespace
}  // namespace keyturn::testing
