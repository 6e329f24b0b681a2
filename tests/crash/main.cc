// Runs histories outside of the tests: one to be looked at, or many for long.
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/crash/campaign.h"

namespace keyturn::crash {
namespace {

constexpr char kUsage[] =
    "usage: keyturn_crash replay SCENARIO SEED [troubles] [POINT]...\n"
    "       keyturn_crash singles SCENARIO\n"
    "       keyturn_crash pairs SCENARIO SHARE SHARES MINUTES\n"
    "       keyturn_crash seeds FIRST MINUTES\n";

const Scenario* Find(const std::string& name) {
  for (const Scenario& scenario : kScenarios) {
    if (scenario.name == name) return &scenario;
  }
  return nullptr;
}

int64_t NumberOf(const std::string& text) {
  int64_t number = 0;
  return absl::SimpleAtoi(text, &number) ? number : -1;
}

std::function<bool()> For(int64_t minutes) {
  const absl::Time end = absl::Now() + absl::Minutes(minutes);
  return [end] { return absl::Now() < end; };
}

int Replay(const std::vector<std::string>& arguments) {
  const Scenario* scenario =
      arguments.size() < 3 ? nullptr : Find(arguments[1]);
  if (scenario == nullptr) return 2;
  Options options{.scenario = *scenario};
  options.seed = static_cast<uint64_t>(NumberOf(arguments[2]));
  for (size_t i = 3; i < arguments.size(); ++i) {
    if (arguments[i] == "troubles") {
      options.troubles = true;
    } else {
      options.stops.push_back(static_cast<int>(NumberOf(arguments[i])));
    }
  }
  Simulation simulation(options);
  simulation.Run();
  std::cout << simulation.history();
  for (const int points : simulation.points()) {
    std::cout << points << " points\n";
  }
  return simulation.violations().empty() ? 0 : 1;
}

int Show(const Tally& tally) {
  std::cout << tally.covered << " of " << tally.recorded
            << " recorded points or pairs\n"
            << Report(tally) << std::flush;
  return tally.violations.empty() ? 0 : 1;
}

int Main(const std::vector<std::string>& arguments) {
  const std::string command = arguments.empty() ? "" : arguments[0];
  if (command == "replay") return Replay(arguments);
  if (command == "singles" && arguments.size() == 2) {
    const Scenario* scenario = Find(arguments[1]);
    return scenario == nullptr ? 2 : Show(TrySingles({.scenario = *scenario}));
  }
  if (command == "pairs" && arguments.size() == 5) {
    const Scenario* scenario = Find(arguments[1]);
    if (scenario == nullptr) return 2;
    return Show(TryPairs(
        {.scenario = *scenario}, static_cast<int>(NumberOf(arguments[2])),
        static_cast<int>(NumberOf(arguments[3])), For(NumberOf(arguments[4]))));
  }
  if (command == "seeds" && arguments.size() == 3) {
    const auto first = static_cast<uint64_t>(NumberOf(arguments[1]));
    return Show(
        TrySeeds(first, UINT64_MAX - first, For(NumberOf(arguments[2]))));
  }
  return 2;
}

}  // namespace
}  // namespace keyturn::crash

int main(int argc, char** argv) {
  const int code =
      keyturn::crash::Main(std::vector<std::string>(argv + 1, argv + argc));
  if (code == 2) std::cerr << keyturn::crash::kUsage;
  return code;
}
