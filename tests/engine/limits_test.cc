// Many at once, and a store that fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <iostream>
#include <string>
#include <vector>

#include "daemon/base/id.h"
#include "daemon/base/status.h"
#include "daemon/engine/agenda.h"
#include "tests/engine/house.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {
namespace {

using migration::EventKind;
using migration::Migration;
using migration::State;
using migration::Step;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LimitsTest : public House {
 protected:
  std::vector<Answer<Migration>> AskToCreateMany(int count, bool start) {
    std::vector<Answer<Migration>> answers;
    for (int i = 1; i <= count; ++i) {
      engine::CreateCommand command;
      command.spec = SpecFor(i);
      command.start = start;
      answers.push_back(AskToCreate(Operator(), std::move(command)));
    }
    return answers;
  }
  int64_t Count(State state) {
    const auto counts = *store_->CountByState();
    const auto found = counts.find(state);
    return found == counts.end() ? 0 : found->second;
  }
};

TEST_F(LimitsTest, RunsNoMoreAtOnceThanAllowedAndEveryOneInTheEnd) {
  running_max_ = 3;
  Crash();
  const auto answers = AskToCreateMany(10, /*start=*/false);
  RunUntilQuiet();
  script_.under_way_max = 0;
  for (const auto& answer : answers) {
    ASSERT_THAT(**answer, IsOk());
    AskTo(EventKind::kStart, (**answer)->id);
    script_.OnRun(Step::kEnableTba,
                  GivingAfter(absl::Seconds(5), steps::Done("enabled")));
  }
  RunUntil([this] { return Count(State::kSucceeded) == 10; });

  EXPECT_EQ(script_.under_way_max, 3);
}

TEST_F(LimitsTest, TakesThemUpInTheOrderInWhichTheyCame) {
  running_max_ = 1;
  Crash();
  const auto answers = AskToCreateMany(5, /*start=*/false);
  RunUntilQuiet();
  std::vector<std::string> order;
  std::vector<std::string> expected;
  for (const auto& answer : answers) {
    expected.push_back((**answer)->id);
    AskTo(EventKind::kStart, (**answer)->id);
    script_.OnRun(Step::kEnableTba, [&order](steps::Context& context) {
      order.push_back(context.migration.id);
      return Giving(steps::Done("enabled"))(context);
    });
  }
  RunUntil([this] { return Count(State::kSucceeded) == 5; });

  EXPECT_EQ(order, expected);
}

TEST_F(LimitsTest, RefusesCallsBeyondItsLimit) {
  Door door;
  for (int i = 0; i <= engine::kCallsMax; ++i) {
    script_.OnRun(Step::kPreflight, GivingBehind(door, Retry("busy")));
  }
  const auto answers = AskToCreateMany(engine::kCallsMax + 1, /*start=*/false);
  RunUntilQuiet();

  ASSERT_TRUE(answers.back()->has_value());
  EXPECT_THAT(**answers.back(), HasReason("BUSY"));
  EXPECT_FALSE(answers.front()->has_value());
}

TEST_F(LimitsTest, TwoThousandAtOnce) {
  constexpr int kCount = 2000;
  const auto answers = AskToCreateMany(kCount, /*start=*/true);
  const absl::Time begin = absl::Now();
  RunUntil([this] { return Count(State::kSucceeded) == kCount; });
  const absl::Duration took = absl::Now() - begin;

  const store::Stats stats = store_->stats();
  std::cout << "[ MEASURED ] " << kCount << " migrations in " << took << ", "
            << stats.batches << " changes in " << stats.transactions
            << " transactions\n";
  EXPECT_EQ(script_.under_way_of_one_max, 1);
  EXPECT_LT(stats.transactions, stats.batches / 10);
}

size_t HeapInUse() { return mallinfo2().uordblks; }

TEST_F(LimitsTest, AWaitingMigrationCostsARowAndATimer) {
  constexpr int kCount = 100'000;
  std::vector<std::string> ids;
  for (int i = 0; i < kCount; ++i) ids.push_back(base::NewId());
  const size_t before = HeapInUse();

  engine::Agenda agenda;
  for (int i = 0; i < kCount; ++i) {
    agenda.Put(ids[i], clock_.Now() + absl::Seconds(i));
  }

  const size_t each = (HeapInUse() - before) / kCount;
  std::cout << "[ MEASURED ] " << each << " bytes per waiting migration\n";
  EXPECT_LE(each, 512u);
}

TEST_F(LimitsTest, StartsWithAHundredThousandWaiting) {
  constexpr int kCount = 100'000;
  migration::Migration waiting = migration::NewMigration(
      "", SpecFor(), "anna", /*start=*/true, clock_.Now());
  waiting.revision = 1;
  waiting.wake_at = clock_.Now() + absl::Hours(5);
  int stored = 0;
  for (int i = 0; i < kCount; ++i) {
    store::Batch batch;
    waiting.id = base::NewId();
    batch.migration = store::MigrationWrite{waiting, 0};
    store_->Commit(std::move(batch),
                   [](auto result) { ASSERT_THAT(result, IsOk()); });
    if (++stored % 4000 == 0) RunUntilQuiet();
  }
  Close();
  malloc_trim(0);
  const size_t before = HeapInUse();
  const absl::Time begin = absl::Now();
  Open();
  RunUntilQuiet();
  const absl::Duration took = absl::Now() - begin;

  const size_t each = (HeapInUse() - before) / kCount;
  std::cout << "[ MEASURED ] started in " << took << " with " << kCount
            << " waiting, " << each << " bytes each, store included\n";
  EXPECT_EQ(store_->migrations_read, 0);
  EXPECT_LE(each, 512u);
  EXPECT_THAT(script_.calls, IsEmpty());
}

// --- The store fails ---

TEST_F(LimitsTest, AStoreThatCannotBeTrustedStopsEverything) {
  const auto planned = Create(/*start=*/false);
  const auto other = Create(/*start=*/false, SpecFor(2));
  store_->refuse = [](const store::Batch&) {
    return base::WithReason(absl::DataLossError("a sync failed"),
                            "STORE_BROKEN");
  };
  script_.calls.clear();

  EXPECT_THAT(Command(EventKind::kStart, planned->id),
              HasReason("STORE_BROKEN"));
  RunUntilQuiet();

  ASSERT_THAT(broken_, SizeIs(1));
  EXPECT_THAT(broken_[0], HasReason("STORE_BROKEN"));
  EXPECT_THAT(script_.calls, IsEmpty());
  store_->refuse = nullptr;
  EXPECT_THAT(Command(EventKind::kStart, other->id),
              HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(Stored(other->id).state, State::kPlanned);
}

TEST_F(LimitsTest, NoStepFollowsAnOutcomeThatWasNotStored) {
  const auto planned = Create(/*start=*/false);
  Door door;
  script_.OnRun(Step::kEnableTba, GivingBehind(door, steps::Done("enabled")));
  ASSERT_THAT(Command(EventKind::kStart, planned->id), IsOk());
  RunUntil([&door] { return door.waiting() == 1; });
  store_->refuse = [](const store::Batch&) {
    return base::WithReason(absl::ResourceExhaustedError("no room"),
                            "DISK_FULL");
  };
  door.Open();
  RunUntilQuiet();

  EXPECT_THAT(broken_, SizeIs(1));
  EXPECT_EQ(script_.calls.back(), "run enable_tba");
  Crash();
  RunToState(planned->id, State::kSucceeded);
}

TEST_F(LimitsTest, ARefusedBatchStopsNothing) {
  const auto planned = Create(/*start=*/false);
  store_->refuse = [](const store::Batch& batch) {
    return batch.request.has_value()
               ? base::WithReason(absl::ResourceExhaustedError("queue"),
                                  "STORE_QUEUE_FULL")
               : absl::OkStatus();
  };

  EXPECT_THAT(Command(EventKind::kStart, planned->id, Operator("request-1")),
              HasReason("STORE_QUEUE_FULL"));
  store_->refuse = nullptr;
  EXPECT_THAT(broken_, IsEmpty());
  EXPECT_THAT(Command(EventKind::kStart, planned->id, Operator("request-1")),
              IsOk());
  RunToState(planned->id, State::kSucceeded);
}

TEST_F(LimitsTest, WhenNothingOfAnOutcomeCanBeStoredEverythingStops) {
  const auto planned = Create(/*start=*/false);
  Door door;
  script_.OnRun(Step::kEnableTba, GivingBehind(door, steps::Done("enabled")));
  ASSERT_THAT(Command(EventKind::kStart, planned->id), IsOk());
  RunUntil([&door] { return door.waiting() == 1; });
  store_->refuse = [](const store::Batch&) {
    return base::WithReason(absl::AbortedError("another revision"),
                            "REVISION_CONFLICT");
  };
  door.Open();
  RunUntilQuiet();

  EXPECT_THAT(broken_, SizeIs(1));
}

}  // namespace
}  // namespace keyturn::testing
