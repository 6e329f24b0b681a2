// Attempts, their outcomes, and what becomes of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/awaitable.hpp>
#include <string>

#include "daemon/base/status.h"
#include "daemon/engine/convert.h"
#include "tests/engine/house.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {
namespace {

using migration::EventKind;
using migration::Migration;
using migration::State;
using migration::Step;
using migration::StepState;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class DriveTest : public House {};

TEST_F(DriveTest, RunsEveryStepToTheEnd) {
  const std::string id = Started();
  RunToState(id, State::kSucceeded);

  EXPECT_THAT(
      script_.calls,
      ElementsAre("run preflight", "run enable_tba", "run create_role",
                  "run assign_role", "run issue_token", "run test_candidate",
                  "run quiesce", "run cut_over", "run verify_connection",
                  "run verify_flows", "run resume_flows", "run prove_traffic",
                  "run finish"));
  const Migration migration = Stored(id);
  for (const Step step : migration::kAllSteps) {
    EXPECT_EQ(migration.record(step).state, StepState::kDone)
        << migration::Name(step);
  }
  EXPECT_EQ(migration.connection_key,
            "acme/" + migration.spec.celigo.connection);
  EXPECT_EQ(migration.connection_name, "NetSuite of Acme");
}

TEST_F(DriveTest, TellsTheWholeStory) {
  script_.OnRun(Step::kEnableTba, Retry("NetSuite is busy"));
  const std::string id = Started();
  RunToState(id, State::kSucceeded);

  const std::vector<std::string> history = History(id);
  EXPECT_EQ(history.front(), "CREATED preflight");
  EXPECT_EQ(history.back(), "SUCCEEDED");
  EXPECT_THAT(history, Contains("STEP_RETRY enable_tba"));
  EXPECT_THAT(log_, Contains(HasSubstr("enable_tba attempt 1: STEP_RETRY: "
                                       "NetSuite is busy")));
  EXPECT_THAT(log_, Contains(HasSubstr("RUNNING -> SUCCEEDED")));
}

TEST_F(DriveTest, GivesEachEventTheStateItLeft) {
  script_.OnRun(Step::kEnableTba, AskFor(migration::Task::Answer::kDoneByHand));
  const std::string id = Started();
  RunToState(id, State::kAwaitingTask);

  const auto events = store_->ListEvents(id, 0, 100);
  ASSERT_THAT(events, IsOk());
  const store::StoredEvent& last = events->back();
  EXPECT_EQ(last.kind, "TASK_OPENED");
  EXPECT_EQ(last.state, State::kAwaitingTask);
  EXPECT_EQ(last.step, Step::kEnableTba);
  EXPECT_EQ(last.record->state, StepState::kAwaitingTask);
  EXPECT_EQ(last.actor, "daemon");
}

TEST_F(DriveTest, WaitsLongerAfterEachFailure) {
  for (int i = 0; i < 3; ++i) script_.OnRun(Step::kEnableTba, Retry("busy"));
  const absl::Time start = clock_.Now();
  const std::string id = Started();
  RunToState(id, State::kSucceeded);

  // The jitter is 1, the first backoff one second.
  EXPECT_EQ(Stored(id).record(Step::kEnableTba).ended_at,
            start + absl::Seconds(1 + 2 + 4));
  EXPECT_EQ(Stored(id).record(Step::kEnableTba).attempt, 4);
}

TEST_F(DriveTest, HonoursAnAskedForDelay) {
  steps::Outcome busy = Retry("busy");
  busy.retry_after = absl::Minutes(7);
  script_.OnRun(Step::kEnableTba, busy);
  const absl::Time start = clock_.Now();
  const std::string id = Started();
  RunToState(id, State::kSucceeded);

  EXPECT_EQ(Stored(id).record(Step::kEnableTba).ended_at,
            start + absl::Minutes(7));
}

TEST_F(DriveTest, GivesUpAfterTheLastAttemptAndGoesOnWhenAsked) {
  const int attempts_max = migration::PolicyOf(Step::kEnableTba).attempts_max;
  for (int i = 0; i < attempts_max; ++i) {
    script_.OnRun(Step::kEnableTba, Retry("busy"));
  }
  const std::string id = Started();
  RunToState(id, State::kNeedsAttention);
  EXPECT_EQ(Stored(id).attention->reason, "ATTEMPTS_EXHAUSTED");

  ASSERT_THAT(Command(EventKind::kRetry, id), IsOk());
  RunToState(id, State::kSucceeded);
}

TEST_F(DriveTest, LooksAgainAndAgainWhileAStepIsUnderWay) {
  for (int i = 0; i < 20; ++i) {
    script_.OnRun(Step::kQuiesce,
                  steps::WaitFor(absl::Seconds(30), "1 job runs"));
  }
  const absl::Time start = clock_.Now();
  const std::string id = Started();
  RunToState(id, State::kSucceeded);

  EXPECT_EQ(clock_.Now() - start, absl::Minutes(10));
  EXPECT_EQ(Stored(id).record(Step::kQuiesce).waits, 20);
}

TEST_F(DriveTest, NeverSpinsOnAWaitOfNothing) {
  script_.OnRun(Step::kQuiesce,
                steps::WaitFor(absl::ZeroDuration(), "1 job runs"));
  const absl::Time start = clock_.Now();
  const std::string id = Started();
  RunToState(id, State::kSucceeded);

  EXPECT_EQ(clock_.Now() - start, engine::kWaitMin);
}

TEST_F(DriveTest, CutsAnAttemptThatTakesTooLongAndTriesAgain) {
  script_.OnRun(Step::kCutOver,
                GivingAfter(absl::Hours(5), steps::Done("too late")));
  const absl::Time start = clock_.Now();
  const std::string id = Started();
  RunToState(id, State::kSucceeded);

  EXPECT_THAT(History(id), Contains("STEP_RETRY cut_over"));
  EXPECT_THAT(log_, Contains(HasSubstr("cut_over was not done within 2m")));
  EXPECT_LT(clock_.Now() - start, absl::Minutes(10));
}

// What a step says after its call was aborted is the cut as the step saw it.
asio::awaitable<steps::Outcome> BlockWhenCut(steps::Context& context) {
  context.notes.role_id = "1042";
  co_await context.clock.SleepUntil(context.clock.Now() + absl::Hours(5));
  co_return steps::Blocked("CANCELLED", "operator", "the call was aborted");
}

TEST_F(DriveTest, TakesACutForAFailureAndKeepsWhatWasFound) {
  script_.OnRun(Step::kCreateRole,
                [](steps::Context& context) { return BlockWhenCut(context); });
  script_.OnRun(Step::kCreateRole, steps::Done("there"));
  const std::string id = Started();
  RunToState(id, State::kSucceeded);

  EXPECT_THAT(History(id), Contains("STEP_RETRY create_role"));
  EXPECT_EQ(steps::ParseNotes(Stored(id).notes)->role_id, "1042");
}

TEST_F(DriveTest, BringsAThrowingStepToAnAdministrator) {
  script_.OnRun(Step::kCreateRole, Throwing());
  const std::string id = Started();
  RunToState(id, State::kNeedsAttention);

  EXPECT_EQ(Stored(id).attention->reason, "INTERNAL");
  EXPECT_EQ(Stored(id).attention->owner, "administrator");
  EXPECT_THAT(Stored(id).attention->message, Not(HasSubstr("secret-looking")));
}

TEST_F(DriveTest, UndoesInReverseOrderWhenAStepFailsForGood) {
  script_.OnRun(Step::kQuiesce, steps::Failed("a flow does not stop"));
  const std::string id = Started();
  RunToState(id, State::kRolledBack);

  const std::vector<std::string> undone(script_.calls.end() - 3,
                                        script_.calls.end());
  EXPECT_THAT(undone, ElementsAre("undo quiesce", "undo issue_token",
                                  "undo assign_role"));
  EXPECT_EQ(Stored(id).failure, "a flow does not stop");
}

TEST_F(DriveTest, GoesForwardAgainWhenTheWayBackTurnsOutClosed) {
  script_.OnRun(Step::kCutOver, steps::Failed("Celigo says no"));
  steps::Outcome forward = steps::Done("switched after all", {{"a", "b"}});
  forward.kind = steps::Outcome::Kind::kTurnForward;
  script_.OnUndo(Step::kCutOver, forward);
  const std::string id = Started();
  RunToState(id, State::kSucceeded);

  EXPECT_THAT(History(id), Contains("TURNED_FORWARD cut_over"));
}

asio::awaitable<steps::Outcome> SaveThenWait(steps::Context& context,
                                             Door& door) {
  context.notes.role_id = "1042";
  const absl::Status saved = co_await context.checkpoint("role 1042 is made");
  if (!saved.ok()) co_return steps::FromError(saved, "saving");
  co_await door.Wait();
  co_return steps::Done("there");
}

TEST_F(DriveTest, MakesACheckpointDurableBeforeTheAttemptGoesOn) {
  Door door;
  script_.OnRun(Step::kCreateRole, [&door](steps::Context& context) {
    return SaveThenWait(context, door);
  });
  const std::string id = Started();
  RunUntil([&door] { return door.waiting() == 1; });

  EXPECT_EQ(steps::ParseNotes(Stored(id).notes)->role_id, "1042");
  EXPECT_EQ(History(id).back(), "STEP_PROGRESS create_role");
  EXPECT_EQ(Stored(id).record(Step::kCreateRole).message, "role 1042 is made");

  door.Open();
  RunToState(id, State::kSucceeded);
}

asio::awaitable<steps::Outcome> SaveTooLate(steps::Context& context) {
  co_await context.clock.SleepUntil(context.clock.Now() + absl::Hours(5));
  const absl::Status saved = co_await context.checkpoint("never");
  co_return steps::Done(saved.ToString());
}

TEST_F(DriveTest, ACutAttemptMakesNoCheckpointAndHoldsNobodyUp) {
  script_.OnRun(Step::kCreateRole,
                [](steps::Context& context) { return SaveTooLate(context); });
  const std::string id = Started();
  RunToState(id, State::kSucceeded);

  EXPECT_THAT(History(id), Not(Contains("STEP_PROGRESS create_role")));
}

TEST_F(DriveTest, StoresCredentialsWithTheOutcomeThatMadeThem) {
  script_.OnRun(Step::kIssueToken, [this](steps::Context& context) {
    vault::ConnectionToken token{secret::Secret("the-id"),
                                 secret::Secret("the-secret")};
    steps::Outcome outcome = steps::Done("issued");
    const vault::Payload payload(std::move(token));
    outcome.credentials.push_back(
        *vault_->SealNew(steps::TokenCredential(context.migration.id), payload,
                         store::VersionLabel::kPending, context.migration.id,
                         "daemon", clock_.Now()));
    context.notes.token_version = 1;
    return Giving(outcome)(context);
  });
  const std::string id = Started();
  RunToState(id, State::kSucceeded);

  EXPECT_THAT(
      vault_->OpenAs<vault::ConnectionToken>(
          steps::TokenCredential(id), store::VersionLabel::kPending, openings_),
      IsOk());
}

TEST_F(DriveTest, TriesAgainWhenTheStoreRefusesAnOutcome) {
  steps::Outcome wrong = steps::Done("issued");
  wrong.credentials.push_back(store::RelabelVersion{
      "nobody-has-this", 1, store::VersionLabel::kCurrent});
  script_.OnRun(Step::kIssueToken, wrong);
  const std::string id = Started();
  RunToState(id, State::kSucceeded);

  EXPECT_THAT(History(id), Contains("STEP_RETRY issue_token"));
  EXPECT_THAT(broken_, SizeIs(0));
}

TEST_F(DriveTest, AnOutcomeThatTheCoreRefusesEndsWithAnOperator) {
  const int attempts_max = migration::PolicyOf(Step::kQuiesce).attempts_max;
  steps::Outcome forward = steps::Done("no sense here");
  forward.kind = steps::Outcome::Kind::kTurnForward;
  for (int i = 0; i < attempts_max; ++i) script_.OnRun(Step::kQuiesce, forward);
  const std::string id = Started();
  RunToState(id, State::kNeedsAttention);

  EXPECT_EQ(Stored(id).attention->reason, "ATTEMPTS_EXHAUSTED");
}

TEST_F(DriveTest, OpensFollowUpTasksWithoutWaitingForThem) {
  steps::Outcome outcome = steps::Done("switched");
  migration::Task retire;
  retire.title = "retire the password";
  outcome.follow_up_tasks.push_back(retire);
  script_.OnRun(Step::kFinish, outcome);
  const std::string id = Started();
  RunToState(id, State::kSucceeded);

  const auto task = store_->GetTask(OpenTask(id));
  ASSERT_THAT(task, IsOk());
  EXPECT_EQ(task->title, "retire the password");
  EXPECT_FALSE(task->blocking);
  EXPECT_EQ(task->migration_id, id);
  EXPECT_EQ(task->step, Step::kFinish);
  EXPECT_EQ(task->account, "acme-ns");
}

TEST_F(DriveTest, RunsOneAttemptOfAMigrationAtATime) {
  for (int i = 0; i < 3; ++i) script_.OnRun(Step::kEnableTba, Retry("busy"));
  const std::string id = Started();
  for (int i = 0; i < 5; ++i) AskTo(EventKind::kRetry, id);
  RunToState(id, State::kSucceeded);

  EXPECT_EQ(script_.under_way_of_one_max, 1);
}

}  // namespace
}  // namespace keyturn::testing
