// Every point at which the daemon can stop, enumerated and not sampled: one
// history for each point of each scenario, and the ordered pairs of points,
// where the second stop comes in the life that begins after the first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <string>

#include "tests/crash/campaign.h"

namespace keyturn::crash {
namespace {

using ::testing::IsEmpty;
using ::testing::ValuesIn;

// Fewer points mean that something is not recorded any more: the seed's
// migration makes some fifty calls and thirty commits, each with its points.
constexpr int64_t kPointsMin = 200;
// Of the pairs, every so many are tried here; all of them take hours, see
// tests/long.
constexpr int kShares = 499;

std::string NameOf(const ::testing::TestParamInfo<Scenario>& info) {
  return info.param.name;
}

class CrashPointsTest : public ::testing::TestWithParam<Scenario> {};

TEST_P(CrashPointsTest, BreaksNothingWhenStoppedAtAnyPoint) {
  const Tally tally = TrySingles({.scenario = GetParam()});
  std::cout << GetParam().name << ": stopped at " << tally.covered << " of "
            << tally.recorded << " points\n";
  EXPECT_THAT(tally.violations, IsEmpty()) << Report(tally);
  EXPECT_EQ(tally.covered, tally.recorded);
  EXPECT_GE(tally.recorded, kPointsMin);
}

class CrashPairsTest : public ::testing::TestWithParam<Scenario> {};

TEST_P(CrashPairsTest, BreaksNothingWhenStoppedTwice) {
  const Tally tally =
      TryPairs({.scenario = GetParam()}, 0, kShares, [] { return true; });
  std::cout << GetParam().name << ": stopped at " << tally.covered << " of "
            << tally.recorded << " pairs of points, each " << kShares
            << "th of all\n";
  EXPECT_THAT(tally.violations, IsEmpty()) << Report(tally);
  EXPECT_EQ(tally.covered, tally.recorded);
  EXPECT_GE(tally.recorded, kPointsMin * kPointsMin / 4 / kShares);
}

INSTANTIATE_TEST_SUITE_P(Scenarios, CrashPointsTest, ValuesIn(kScenarios),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Scenarios, CrashPairsTest, ValuesIn(kScenarios),
                         NameOf);

}  // namespace
}  // namespace keyturn::crash
