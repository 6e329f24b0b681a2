// What the audit trail holds of what the daemon does by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/engine/trail_rows.h"
#include "tests/engine/house.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {
namespace {

using migration::State;
using migration::Step;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class TrailTest : public House {
 protected:
  // "step/cut_over INTENDED", in order, of what the daemon did.
  std::vector<std::string> Deeds() {
    std::vector<std::string> deeds;
    for (const store::AuditRow& row : Trail()) {
      if (row.actor != "daemon") continue;
      deeds.push_back(absl::StrCat(row.action, " ", row.result));
    }
    return deeds;
  }

  // Whether the trail, as it is durable now, ends with the intent of `action`.
  bool IsIntended(const std::string& action) {
    const std::vector<store::AuditRow> rows = Trail();
    return !rows.empty() && rows.back().action == action &&
           rows.back().result == engine::kIntended;
  }
};

TEST_F(TrailTest, EveryAttemptIsIntendedDurablyBeforeItBegins) {
  std::vector<std::string> unintended;
  int attempts = 0;
  script_.otherwise = [&](Step step, bool undo) -> Script::Attempt {
    ++attempts;
    const std::string action = absl::StrCat(
        undo ? "undo/" : "step/", base::ToAbsl(migration::Name(step)));
    // Preflight of a creation is intended by its caller.
    if (step != Step::kPreflight && !IsIntended(action)) {
      unintended.push_back(action);
    }
    return nullptr;
  };
  const std::string id = Started();
  RunToState(id, State::kSucceeded);
  EXPECT_THAT(unintended, ElementsAre());
  EXPECT_GT(attempts, 10);
}

TEST_F(TrailTest, EveryAttemptHasItsOutcomeInTheTransactionOfItsChange) {
  const std::string id = Started();
  RunToState(id, State::kSucceeded);
  const std::vector<std::string> deeds = Deeds();
  ASSERT_GT(deeds.size(), 10u);
  ASSERT_EQ(deeds.size() % 2, 0u);
  for (size_t i = 0; i < deeds.size(); i += 2) {
    const std::string action = deeds[i].substr(0, deeds[i].find(' '));
    EXPECT_EQ(deeds[i], absl::StrCat(action, " INTENDED"));
    EXPECT_EQ(deeds[i + 1], absl::StrCat(action, " STEP_DONE"));
  }
}

// The intent of the next attempt rides with the outcome of the one before.
TEST_F(TrailTest, CostsNoTransactionBesideThoseOfTheChanges) {
  const std::string id = Started();
  const int64_t before = store_->stats().batches;
  const int64_t events_before = static_cast<int64_t>(History(id).size());
  RunToState(id, State::kSucceeded);
  int64_t outcomes = 0;
  for (const std::string& deed : Deeds()) {
    if (deed.ends_with(" STEP_DONE")) ++outcomes;
  }
  EXPECT_GT(static_cast<int64_t>(History(id).size()), events_before);
  EXPECT_LE(store_->stats().batches - before, outcomes);
}

TEST_F(TrailTest, AnAttemptAfterAWaitOrARestartIsIntendedAnew) {
  script_.OnRun(Step::kQuiesce, steps::WaitFor(absl::Minutes(1), "jobs run"));
  const std::string id = Started();
  RunUntil([&] { return Stored(id).wake_at.has_value(); });
  Crash();
  RunToState(id, State::kSucceeded);
  const std::vector<std::string> deeds = Deeds();
  EXPECT_EQ(std::count(deeds.begin(), deeds.end(), "step/quiesce INTENDED"), 2);
  EXPECT_THAT(deeds, Contains("step/quiesce STEP_WAIT"));
  EXPECT_THAT(deeds, Contains("step/quiesce STEP_DONE"));
}

TEST_F(TrailTest, NamesTheSecretsThatAStepMayUse) {
  const std::string id = Started();
  RunToState(id, State::kSucceeded);
  EXPECT_THAT(Trail(),
              Contains(AllOf(
                  Field(&store::AuditRow::action, "step/cut_over"),
                  Field(&store::AuditRow::target, "migrations/" + id),
                  Field(&store::AuditRow::detail, HasSubstr("credentials/")))));
}

// Nothing is done that the trail does not tell of.
TEST_F(TrailTest, NoAttemptBeginsWhenItsIntentCannotBeStored) {
  script_.OnRun(Step::kQuiesce, steps::WaitFor(absl::Minutes(1), "jobs run"));
  const std::string id = Started();
  RunUntil([&] { return Stored(id).wake_at.has_value(); });
  RunUntilQuiet();
  const size_t calls = script_.calls.size();
  store_->refuse = [](const store::Batch&) {
    return absl::DataLossError("the trail cannot be written");
  };
  clock_.Advance(absl::Minutes(2));
  RunUntilQuiet();
  EXPECT_THAT(script_.calls, SizeIs(calls));
  store_->refuse = nullptr;
}

}  // namespace
}  // namespace keyturn::testing
