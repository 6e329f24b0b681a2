#include "tests/crash/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace keyturn::crash {
namespace {

using ::testing::IsEmpty;
using ::testing::ValuesIn;

class SimulationTest : public ::testing::TestWithParam<Scenario> {};

TEST_P(SimulationTest, EndsAsItShouldAndBreaksNothing) {
  Simulation simulation({.scenario = GetParam()});
  simulation.Run();
  EXPECT_THAT(simulation.violations(), IsEmpty()) << simulation.history();
  ASSERT_TRUE(simulation.end().has_value());
  EXPECT_EQ(simulation.end()->state, GetParam().end());
}

TEST_P(SimulationTest, OneSeedGivesOneHistoryToTheByte) {
  const auto run = [](uint64_t seed) {
    Simulation simulation({.scenario = GetParam(), .seed = seed});
    simulation.Run();
    return simulation.history();
  };
  const std::string first = run(17);
  EXPECT_EQ(first, run(17));
  EXPECT_NE(first, run(18));
}

INSTANTIATE_TEST_SUITE_P(Scenarios, SimulationTest, ValuesIn(kScenarios),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace keyturn::crash
