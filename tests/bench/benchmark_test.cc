// That the benchmark runs and says what it should. What it measures here means
// nothing: no times are checked.
#include "tests/bench/benchmark.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/bench/report.h"
#include "tests/support/status_matchers.h"

namespace keyturn::bench {
namespace {

using ::keyturn::testing::HasCode;
using ::keyturn::testing::MessageIs;
using ::testing::AllOf;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::SizeIs;

void Silently(const std::string&) {}

BenchmarkOptions Small() {
  BenchmarkOptions options;
  options.at_once = {1, 16};
  options.migrations = 20;
  options.rounds = 1;
  options.waiting = 50;
  return options;
}

MATCHER(IsFiniteAndPositive, "is finite and above zero") {
  return std::isfinite(arg) && arg > 0;
}

TEST(BenchmarkTest, ComparesEveryMigrationWithItsFloor) {
  const absl::StatusOr<BenchmarkResult> result =
      RunBenchmark(Small(), Silently);
  ASSERT_THAT(result, keyturn::testing::IsOk());

  EXPECT_EQ(result->profile.steps, 14);
  // Each step but approve leaves at least one commit.
  EXPECT_THAT(result->profile.commits, Gt(13));
  EXPECT_THAT(result->profile.calls, Gt(10));
  EXPECT_THAT(result->profile.commit_bytes, Gt(0));
  EXPECT_EQ(result->waiting, 50);
  EXPECT_TRUE(std::isfinite(result->waiting_kib));
  ASSERT_THAT(result->lines, SizeIs(2));
  for (const Line& line : result->lines) {
    EXPECT_EQ(line.migrations, 20);
    EXPECT_THAT(line.migrations_per_second, IsFiniteAndPositive());
    EXPECT_THAT(line.steps_per_second, IsFiniteAndPositive());
    EXPECT_THAT(line.of_calls, IsFiniteAndPositive());
    EXPECT_THAT(line.of_commits, IsFiniteAndPositive());
    EXPECT_THAT(line.of_floor, IsFiniteAndPositive());
    EXPECT_THAT(line.processor_of_floor, IsFiniteAndPositive());
    EXPECT_TRUE(std::isfinite(line.beyond_floor_us_per_step));
    EXPECT_THAT(line.syncs_per_step, IsFiniteAndPositive());
    EXPECT_THAT(line.floor_syncs_per_step, IsFiniteAndPositive());
  }
  // One at a time there is nothing to group: each commit is a sync, on both
  // sides.
  const Line& alone = result->lines.front();
  const double commits_per_step =
      static_cast<double>(result->profile.commits) / result->profile.steps;
  EXPECT_DOUBLE_EQ(alone.syncs_per_step, commits_per_step);
  EXPECT_DOUBLE_EQ(alone.floor_syncs_per_step, commits_per_step);

  const auto json = nlohmann::json::parse(JsonOf(*result));
  EXPECT_EQ(json["lines"].size(), 2u);
  EXPECT_EQ(json["lines"][1]["at_once"], 16);
  EXPECT_EQ(json["profile"]["calls"], result->profile.calls);
  EXPECT_THAT(TableOf(*result),
              AllOf(HasSubstr("of floor"), HasSubstr("of 50:")));
}

TEST(BenchmarkTest, NamesTheOptionThatIsWrong) {
  BenchmarkOptions options = Small();
  options.at_once = {0};
  EXPECT_THAT(RunBenchmark(options, Silently).status(),
              AllOf(HasCode(absl::StatusCode::kInvalidArgument),
                    MessageIs(HasSubstr("--at-once"))));
}

}  // namespace
}  // namespace keyturn::bench
