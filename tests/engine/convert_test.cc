// From outcomes to events, and from events to what is stored.
#include "daemon/engine/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "daemon/base/id.h"
#include "daemon/base/status.h"
#include "daemon/engine/history.h"

namespace keyturn::engine {
namespace {

using migration::EventKind;
using migration::Migration;
using migration::State;
using migration::Step;
using steps::Outcome;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

Migration RunningAt(Step step) {
  Migration migration = migration::NewMigration("aaaaaaaaaaaaaaaa", {}, "anna",
                                                /*start=*/true, kNow);
  migration.spec.celigo.account = "acme";
  migration.spec.netsuite.account = "acme-ns";
  migration.state = State::kRunning;
  migration.current = step;
  migration.turn = 7;
  migration.revision = 3;
  migration.plan = migration::Plan{};
  migration.record(step).attempt = 1;
  return migration;
}

migration::Event Convert(Outcome outcome, Step step = Step::kEnableTba) {
  Ending ending;
  ending.outcome = std::move(outcome);
  ending.notes = steps::Notes{};
  return EventOf(RunningAt(step), std::move(ending), kNow, 0.5);
}

TEST(EventOfTest, EveryKindOfOutcomeHasItsEvent) {
  const std::pair<Outcome::Kind, EventKind> kPairs[] = {
      {Outcome::Kind::kDone, EventKind::kStepDone},
      {Outcome::Kind::kPlan, EventKind::kPlanMade},
      {Outcome::Kind::kWait, EventKind::kStepWait},
      {Outcome::Kind::kRetry, EventKind::kStepRetry},
      {Outcome::Kind::kTask, EventKind::kTaskNeeded},
      {Outcome::Kind::kFailed, EventKind::kStepFailed},
      {Outcome::Kind::kBlocked, EventKind::kStepBlocked},
      {Outcome::Kind::kRefused, EventKind::kStepBlocked},
      {Outcome::Kind::kTurnForward, EventKind::kTurnForward},
  };
  for (const auto& [kind, event_kind] : kPairs) {
    Outcome outcome = steps::Done("so it is");
    outcome.kind = kind;
    const migration::Event event = Convert(std::move(outcome));
    EXPECT_EQ(event.kind, event_kind);
    EXPECT_EQ(event.turn, 7);
    EXPECT_EQ(event.at, kNow);
    EXPECT_EQ(event.actor, "daemon");
    EXPECT_EQ(event.message, "so it is");
    EXPECT_TRUE(event.notes.has_value());
  }
}

TEST(EventOfTest, AWaitHasAnInstantAndALowerBound) {
  EXPECT_EQ(Convert(steps::WaitFor(absl::Minutes(1), "")).not_before,
            kNow + absl::Minutes(1));
  EXPECT_EQ(Convert(steps::WaitFor(-absl::Minutes(1), "")).not_before,
            kNow + kWaitMin);
}

TEST(EventOfTest, ATaskGetsWhatTheStepDoesNotKnow) {
  migration::Task task;
  task.title = "tick the box";
  const migration::Event event = Convert(steps::Ask(task));

  ASSERT_TRUE(event.task.has_value());
  EXPECT_TRUE(base::IsId(event.task->id));
  EXPECT_EQ(event.task->migration_id, "aaaaaaaaaaaaaaaa");
  EXPECT_EQ(event.task->step, Step::kEnableTba);
  EXPECT_EQ(event.task->account, "acme-ns");
  EXPECT_EQ(event.task->created_at, kNow);
  EXPECT_TRUE(event.task->blocking);
}

TEST(EventOfTest, ATaskInTheOtherAccountStaysThere) {
  migration::Task task;
  task.account = "acme";

  EXPECT_EQ(Convert(steps::Ask(task)).task->account, "acme");
}

TEST(EventOfTest, TheConnectionIsNamedByThePlanAlone) {
  Ending ending;
  ending.outcome = steps::Done("");
  ending.notes = steps::Notes{};
  ending.notes->connection_id = "5F3A";
  EXPECT_EQ(EventOf(RunningAt(Step::kQuiesce), ending, kNow, 0).connection_key,
            "");
  ending.outcome.kind = Outcome::Kind::kPlan;
  EXPECT_EQ(
      EventOf(RunningAt(Step::kPreflight), ending, kNow, 0).connection_key,
      "acme/5f3a");
}

TEST(EventOfTest, NotesThatCannotBeTrustedStayAsTheyAre) {
  Ending ending;
  ending.outcome = steps::Done("");

  EXPECT_FALSE(
      EventOf(RunningAt(Step::kQuiesce), ending, kNow, 0).notes.has_value());
}

TEST(HistoryTest, ACommandThatNothingHoldsUpTakesEffectInTheSameChange) {
  migration::Event pause;
  pause.kind = EventKind::kPause;
  pause.at = kNow;
  pause.actor = "anna";

  const auto settled =
      ChangeOf(RunningAt(Step::kEnableTba), pause, /*settle=*/true);
  const auto noted =
      ChangeOf(RunningAt(Step::kEnableTba), pause, /*settle=*/false);

  EXPECT_EQ(settled->after.state, State::kPaused);
  EXPECT_EQ(settled->after.revision, 5);
  EXPECT_EQ(settled->batch.migration->expected_revision, 3);
  EXPECT_THAT(settled->batch.events, SizeIs(2));
  EXPECT_EQ(noted->after.state, State::kRunning);
  EXPECT_TRUE(noted->after.pause_requested);
}

TEST(HistoryTest, TheLogHasOneLineForEachChange) {
  migration::Event cancel;
  cancel.kind = EventKind::kCancel;
  cancel.at = kNow;
  cancel.actor = "anna";
  cancel.message = "wrong account\nmigration x: SUCCEEDED";

  const auto change =
      ChangeOf(RunningAt(Step::kEnableTba), cancel, /*settle=*/true);

  EXPECT_THAT(change->log, Contains(HasSubstr("RUNNING -> ROLLED_BACK")));
  EXPECT_THAT(change->log, Each(Not(HasSubstr("\n"))));
}

}  // namespace
}  // namespace keyturn::engine
