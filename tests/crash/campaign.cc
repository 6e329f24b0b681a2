#include "tests/crash/campaign.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "daemon/base/status.h"
#include "tests/sandbox/random.h"

namespace keyturn::crash {
namespace {

// Of every history that is drawn from a seed.
constexpr int kStopsMax = 3;
// A stop lies at one of the first points of its life.
constexpr int kStopPointMax = 250;

Simulation& RunOne(const Options& options,
                   std::unique_ptr<Simulation>& simulation) {
  simulation = std::make_unique<Simulation>(options);
  simulation->Run();
  return *simulation;
}

}  // namespace

void Tally::Add(const Options& options, const Simulation& simulation) {
  ++histories;
  stops += static_cast<int64_t>(simulation.points().size()) - 1;
  troubles += simulation.troubles();
  const std::optional<migration::Migration>& end = simulation.end();
  ++ends[end.has_value() ? std::string(Name(end->state)) : "none"];
  std::set<std::string> broken;
  for (const Violation& violation : simulation.violations()) {
    if (!broken.insert(violation.guarantee).second) continue;
    ++violations[violation.guarantee];
    if (failures.size() < kFailuresMax) {
      failures.push_back({options, violation});
    }
  }
}

void Tally::Add(const Tally& other) {
  histories += other.histories;
  stops += other.stops;
  troubles += other.troubles;
  recorded += other.recorded;
  covered += other.covered;
  for (const auto& [end, count] : other.ends) ends[end] += count;
  for (const auto& [guarantee, count] : other.violations) {
    violations[guarantee] += count;
  }
  for (const Failure& failure : other.failures) {
    if (failures.size() < kFailuresMax) failures.push_back(failure);
  }
}

std::string ReplayCommand(const Options& options) {
  std::string command = absl::StrCat("build/dev/bin/keyturn_crash replay ",
                                     options.scenario.name, " ", options.seed);
  if (options.troubles) absl::StrAppend(&command, " troubles");
  for (const int stop : options.stops) absl::StrAppend(&command, " ", stop);
  return command;
}

Tally TrySingles(const Options& options) {
  Tally tally;
  std::unique_ptr<Simulation> simulation;
  tally.Add(options, RunOne(options, simulation));
  tally.recorded = simulation->points().front();
  Options stopped = options;
  for (int point = 1; point <= tally.recorded; ++point) {
    stopped.stops = {point};
    tally.Add(stopped, RunOne(stopped, simulation));
    if (simulation->points().size() == 2) ++tally.covered;
  }
  return tally;
}

Tally TryPairs(const Options& options, int share, int shares,
               const std::function<bool()>& goes_on) {
  Tally tally;
  std::unique_ptr<Simulation> simulation;
  const int points = RunOne(options, simulation).points().front();
  int64_t number = 0;
  Options stopped = options;
  for (int first = 1; first <= points; ++first) {
    stopped.stops = {first};
    const int after = RunOne(stopped, simulation).points().back();
    for (int second = 1; second <= after; ++second) {
      if (number++ % shares != share) continue;
      if (!goes_on()) return tally;
      ++tally.recorded;
      stopped.stops = {first, second};
      tally.Add(stopped, RunOne(stopped, simulation));
      if (simulation->points().size() == 3) ++tally.covered;
    }
  }
  return tally;
}

Options OptionsOf(uint64_t seed) {
  sandbox::Random chance(seed);
  const auto draw = [&chance](int limit) {
    return static_cast<int>(chance.Fraction() * limit);
  };
  Options options;
  options.seed = seed;
  options.troubles = true;
  options.scenario = kScenarios[draw(static_cast<int>(kScenarios.size()))];
  for (int left = draw(kStopsMax + 1); left > 0; --left) {
    options.stops.push_back(1 + draw(kStopPointMax));
  }
  return options;
}

Tally TrySeeds(uint64_t first, uint64_t count,
               const std::function<bool()>& goes_on) {
  Tally tally;
  std::unique_ptr<Simulation> simulation;
  for (uint64_t seed = first; seed < first + count && goes_on(); ++seed) {
    const Options options = OptionsOf(seed);
    tally.Add(options, RunOne(options, simulation));
  }
  return tally;
}

std::string Report(const Tally& tally) {
  std::string report;
  for (const std::string_view guarantee : kGuarantees) {
    const auto found = tally.violations.find(std::string(guarantee));
    absl::StrAppend(
        &report, absl::StrFormat(
                     "%-4s histories %d, stops %d, faults %d, violations %d\n",
                     std::string(guarantee), tally.histories, tally.stops,
                     tally.troubles,
                     found == tally.violations.end() ? 0 : found->second));
  }
  for (const auto& [end, count] : tally.ends) {
    absl::StrAppend(&report, "ended ", end, ": ", count, "\n");
  }
  for (const Failure& failure : tally.failures) {
    absl::StrAppend(&report, failure.violation.guarantee, ": ",
                    failure.violation.what, "\n  ",
                    ReplayCommand(failure.options), "\n");
  }
  return report;
}

}  // namespace keyturn::crash
