// Histories drawn from seeds: network, disk, clock and people make trouble, and
// the daemon is stopped up to three times.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/crash/campaign.h"

namespace keyturn::crash {
namespace {

using ::testing::Gt;
using ::testing::IsEmpty;

constexpr uint64_t kSeeds = 300;

// A history that found a fault of the daemon, kept for ever.
struct Named {
  const char* found;
  Scenario scenario;
  uint64_t seed;
  std::vector<int> stops;
};

TEST(SeedsTest, AFixedNumberOfSeedsBreaksNothing) {
  const Tally tally = TrySeeds(1, kSeeds, [] { return true; });
  EXPECT_THAT(tally.violations, IsEmpty()) << Report(tally);
  EXPECT_EQ(tally.histories, kSeeds);
  EXPECT_THAT(tally.stops, Gt(0));
  // Some histories must go well, some back, and some must need somebody.
  EXPECT_THAT(tally.ends.at("SUCCEEDED"), Gt(0)) << Report(tally);
  EXPECT_THAT(tally.ends.at("ROLLED_BACK"), Gt(0)) << Report(tally);
  EXPECT_THAT(tally.ends.at("NEEDS_ATTENTION"), Gt(0)) << Report(tally);
}

TEST(SeedsTest, OneSeedWithTroublesGivesOneHistoryToTheByte) {
  const auto run = [](uint64_t seed) {
    Simulation simulation(OptionsOf(seed));
    simulation.Run();
    return simulation.history();
  };
  for (const uint64_t seed : {3, 4, 5, 6}) EXPECT_EQ(run(seed), run(seed));
}

TEST(SeedsTest, WhatWasFoundOnceStaysMended) {
  const std::vector<Named> found = {
      {"the way back did not tell of an edit that it had overwritten",
       kScenarios[3],
       54,
       {131}},
      {"an edit seconds after a first write was overwritten by a second one "
       "and "
       "not told of",
       kScenarios[0],
       5001121,
       {2}},
      {"of more than ten tokens that were made in vain the first were not told",
       kScenarios[0],
       7001500,
       {111}},
      {"a token that was made twice was not seen", kScenarios[5], 8004271, {}},
  };
  for (const Named& named : found) {
    Options options{.scenario = named.scenario};
    options.seed = named.seed;
    options.stops = named.stops;
    options.troubles = true;
    Simulation simulation(options);
    simulation.Run();
    EXPECT_THAT(simulation.violations(), IsEmpty()) << named.found << "\n"
                                                    << ReplayCommand(options);
  }
}

}  // namespace
}  // namespace keyturn::crash
