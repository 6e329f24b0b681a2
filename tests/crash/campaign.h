// Many histories, and what was found in them.
#ifndef KEYTURN_TESTS_CRASH_CAMPAIGN_H_
#define KEYTURN_TESTS_CRASH_CAMPAIGN_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/crash/simulation.h"

namespace keyturn::crash {

// The first failures are told; all are counted.
inline constexpr size_t kFailuresMax = 10;

struct Failure {
  Options options;
  Violation violation;
};

struct Tally {
  int64_t histories = 0;
  // Stops of the daemon, and what the network, the disk and people did.
  int64_t stops = 0;
  int64_t troubles = 0;
  // Points that the recorded histories have, and those at which the daemon was
  // stopped; the same for ordered pairs.
  int64_t recorded = 0;
  int64_t covered = 0;
  // How the migrations ended: "SUCCEEDED", ...; "none" for those never made.
  std::map<std::string, int64_t> ends;
  // Histories with a violation, by the guarantee.
  std::map<std::string, int64_t> violations;
  std::vector<Failure> failures;

  void Add(const Options& options, const Simulation& simulation);
  void Add(const Tally& other);
};

// The command that runs this history again and shows it.
std::string ReplayCommand(const Options& options);

// One undisturbed history, and one for each of its points, with the daemon
// stopped there. `mutation` and `seed` are those of every history.
Tally TrySingles(const Options& options);

// Every `shares`th ordered pair of points, beginning with number `share`: the
// second stop comes at each point of the life that begins after the first.
// `goes_on` is asked before each history.
Tally TryPairs(const Options& options, int share, int shares,
               const std::function<bool()>& goes_on);

// What a seed stands for: a scenario, its troubles, and stops.
Options OptionsOf(uint64_t seed);
Tally TrySeeds(uint64_t first, uint64_t count,
               const std::function<bool()>& goes_on);

// For people: a line for each guarantee, and each failure with its command.
std::string Report(const Tally& tally);

}  // namespace keyturn::crash

#endif  // KEYTURN_TESTS_CRASH_CAMPAIGN_H_
