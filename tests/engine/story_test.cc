// Whole lives, broken off and disturbed at every point.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
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
using ::testing::Each;
using ::testing::SizeIs;

// Times that a person helps one migration on before the test gives up.
constexpr int kHelpMax = 60;

class StoryTest : public House {
 protected:
  absl::StatusOr<Task> AnswerTask(const std::string& task_id) {
    const absl::StatusOr<Task> task = store_->GetTask(task_id);
    if (!task.ok()) return task;
    if (task->answer == Task::Answer::kDoneByHand) return Complete(task_id);
    return Submit(task_id, "the-id", "the-secret");
  }

  // Does what the person must do whom the migration's state names.
  void HelpOn(const std::string& id) {
    switch (Stored(id).state) {
      case State::kPlanned:
        EXPECT_THAT(Command(EventKind::kStart, id), IsOk());
        break;
      case State::kAwaitingTask:
        EXPECT_THAT(AnswerTask(OpenTask(id)), IsOk());
        break;
      case State::kPaused:
        EXPECT_THAT(Command(EventKind::kResume, id), IsOk());
        break;
      case State::kNeedsAttention:
        EXPECT_THAT(Command(EventKind::kRetry, id), IsOk());
        break;
      case State::kPlanning:
      case State::kAwaitingApproval:
      case State::kRunning:
      case State::kRollingBack:
      case State::kSucceeded:
      case State::kRolledBack:
      case State::kCancelled:
        break;
    }
  }

  // Lets time pass until the migration does nothing by itself any more.
  void RunOn(const std::string& id) {
    RunUntil([this, &id] {
      return migration::NextAction(Stored(id), clock_.Now()).kind ==
             migration::Action::Kind::kNone;
    });
    RunUntilQuiet();
  }

  State RunToRest(const std::string& id) {
    for (int help = 0; help < kHelpMax; ++help) {
      RunOn(id);
      if (migration::IsAtRest(Stored(id).state)) break;
      HelpOn(id);
    }
    return Stored(id).state;
  }
};

TEST_F(StoryTest, ACrashAfterAnyCommitLosesNothing) {
  bool more = true;
  for (int crash_after = 1; more; ++crash_after) {
    SCOPED_TRACE(crash_after);
    script_.OnRun(Step::kEnableTba, AskFor(Task::Answer::kDoneByHand));
    script_.OnRun(Step::kIssueToken, AskFor(Task::Answer::kToken));
    script_.OnRun(Step::kCutOver, Retry("busy"));
    engine::CreateCommand command;
    command.spec = SpecFor(crash_after);
    command.start = true;
    const std::string request = "request-" + std::to_string(crash_after);
    store_->commits_left = crash_after;
    const auto created = Wait(AskToCreate(Operator(request), command));
    ASSERT_THAT(created, IsOk());
    more = false;
    for (int help = 0; help < kHelpMax && !more; ++help) {
      RunUntil([&] {
        return store_->commits_left <= 0 ||
               migration::NextAction(Stored(created->id), clock_.Now()).kind ==
                   migration::Action::Kind::kNone;
      });
      more = store_->commits_left <= 0;
      if (more || migration::IsAtRest(Stored(created->id).state)) break;
      HelpOn(created->id);
    }

    Crash();

    const auto again = Wait(AskToCreate(Operator(request), command));
    ASSERT_THAT(again, IsOk());
    ASSERT_EQ(again->id, created->id);
    ASSERT_EQ(RunToRest(created->id), State::kSucceeded);
    ASSERT_THAT(
        store_->GetCredential(steps::TokenCredential(created->id))->versions,
        SizeIs(1));
  }
}

TEST_F(StoryTest, ADrainThatTakesTooLongIsAnOperatorsChoice) {
  const steps::Outcome waits = steps::WaitFor(absl::Seconds(5), "waits for a");
  const steps::Outcome late =
      steps::Blocked("DRAIN_TIMEOUT", "operator", "a still runs", {"retry"});
  script_.OnRun(Step::kQuiesce, waits)
      .OnRun(Step::kQuiesce, waits)
      .OnRun(Step::kQuiesce, late)
      .OnRun(Step::kQuiesce, waits)
      .OnRun(Step::kQuiesce, late);
  const auto created = Create();
  ASSERT_THAT(created, IsOk());
  RunToState(created->id, State::kNeedsAttention);
  EXPECT_EQ(Stored(created->id).attention->reason, "DRAIN_TIMEOUT");
  // What is waited for is told when it changes, not at every look.
  EXPECT_THAT(History(created->id),
              ::testing::Contains("STEP_WAITING quiesce").Times(1));

  ASSERT_THAT(Command(EventKind::kRetry, created->id), IsOk());
  RunToState(created->id, State::kNeedsAttention);
  ASSERT_THAT(Command(EventKind::kCancel, created->id), IsOk());
  RunToState(created->id, State::kRolledBack);
  EXPECT_THAT(script_.calls, ::testing::Contains("undo quiesce"));
  EXPECT_THAT(script_.calls, Each(::testing::Ne("run cut_over")));
}

TEST_F(StoryTest, AnAdoptionCanBeLeftAfterWhatWouldHaveBeenTheSwitch) {
  script_.OnRun(Step::kVerifyConnection,
                steps::Blocked("ADOPTED_LOGIN_FAILS", "administrator",
                               "the token is revoked", {"cancel"}));
  migration::Spec spec = SpecFor();
  spec.adopt = true;
  const auto created = Create(/*start=*/true, spec);
  ASSERT_THAT(created, IsOk());
  RunToState(created->id, State::kNeedsAttention);

  ASSERT_THAT(Command(EventKind::kCancel, created->id), IsOk());
  RunToState(created->id, State::kRolledBack);
}

// Makes outcomes and commands from one seed.
class Chaos {
 public:
  explicit Chaos(unsigned seed) : generator_(seed) {}

  int Below(int limit) {
    return std::uniform_int_distribution<int>(0, limit - 1)(generator_);
  }

  Script::Attempt Attempt(Step step, bool undo) {
    if (step == Step::kPreflight) return nullptr;
    const absl::Duration duration = absl::Seconds(Below(200));
    switch (Below(undo ? 6 : 12)) {
      case 0:
        return GivingAfter(duration, Retry("busy"));
      case 1:
        return GivingAfter(duration, steps::WaitFor(duration, "not yet"));
      case 2:
        return GivingAfter(duration, AskFor(Task::Answer::kDoneByHand));
      case 3:
        return GivingAfter(duration,
                           steps::Blocked("BLOCKED", "operator", "no"));
      case 4:
        return Below(4) == 0 ? Throwing() : nullptr;
      case 5:
        return Below(3) == 0 ? Giving(steps::Failed("never")) : nullptr;
      default:
        return nullptr;
    }
  }

  EventKind Command() {
    constexpr std::array kCommands = {EventKind::kStart,  EventKind::kPause,
                                      EventKind::kResume, EventKind::kCancel,
                                      EventKind::kRetry,  EventKind::kRollBack,
                                      EventKind::kResume, EventKind::kRetry};
    return kCommands[Below(kCommands.size())];
  }

 private:
  std::mt19937 generator_;
};

class ChaosTest : public StoryTest,
                  public ::testing::WithParamInterface<int> {};

TEST_P(ChaosTest, EveryMigrationEndsAtRestAndNoneIsTriedTwiceAtOnce) {
  constexpr int kCount = 12;
  constexpr int kTurns = 250;
  Chaos chaos(GetParam());
  script_.reversible_after_cut_over = GetParam() % 2 == 0;
  script_.otherwise = [&chaos](Step step, bool undo) {
    return chaos.Attempt(step, undo);
  };
  std::vector<std::string> ids;
  for (int i = 1; i <= kCount; ++i) {
    ids.push_back(Create(/*start=*/true, SpecFor(i))->id);
  }
  for (int turn = 0; turn < kTurns; ++turn) {
    const std::string& id = ids[chaos.Below(kCount)];
    switch (chaos.Below(6)) {
      case 0:
        AskTo(chaos.Command(), id);
        break;
      case 1:
        AskTo(chaos.Command(), id);
        RunUntilQuiet();
        break;
      case 2:
        if (const std::string task = OpenTask(id); !task.empty()) {
          AnswerTask(task).IgnoreError();
        }
        break;
      case 3:
        if (turn % 10 == 0) Crash();
        break;
      default:
        clock_.AdvanceToNext();
        RunUntilQuiet();
    }
  }

  script_.otherwise = nullptr;
  for (const std::string& id : ids) {
    EXPECT_TRUE(migration::IsAtRest(RunToRest(id))) << id;
    EXPECT_EQ(OpenTask(id), "");
  }
  EXPECT_EQ(script_.under_way_of_one_max, 1);
  EXPECT_THAT(broken_, SizeIs(0));
}

INSTANTIATE_TEST_SUITE_P(Seeds, ChaosTest, ::testing::Range(1, 9));

}  // namespace
}  // namespace keyturn::testing
