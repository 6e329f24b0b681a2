// Measures the engine with everything below it against the floor, both in the
// same process, one right after the other.
#ifndef KEYTURN_TESTS_BENCH_BENCHMARK_H_
#define KEYTURN_TESTS_BENCH_BENCHMARK_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace keyturn::bench {

inline constexpr int kAtOnceMax = 3000;
inline constexpr int kMigrationsMax = 100'000;
inline constexpr int kRoundsMax = 99;
// From here on the memory of one running migration stands out from the rest.
inline constexpr int kMemoryAtOnceMin = 256;

struct BenchmarkOptions {
  // How many migrations run at once, one line of the result for each.
  std::vector<int> at_once = {1, 16, 256, 2000};
  // Migrations of each run; 0: as many as take a few seconds.
  int migrations = 0;
  // Each line shows the medians of so many rounds.
  int rounds = 3;
  // Migrations that wait for a task; 0: their memory is not measured.
  int waiting = 20'000;
  // Where databases are made (each in a new directory that is removed again);
  // empty: where temporary files go. What the disk does there is measured.
  std::string directory;
};

// What one migration does.
struct Profile {
  int steps = 0;
  int calls = 0;
  int commits = 0;
  // Written by its commits, without SQLite's own.
  int64_t commit_bytes = 0;
};

struct Line {
  int at_once = 0;
  int migrations = 0;
  double migrations_per_second = 0;
  double steps_per_second = 0;
  // Time of a step beyond that of the floor's calls and commits.
  double beyond_floor_us_per_step = 0;
  // The store's transactions, and the floor's.
  double syncs_per_step = 0;
  double floor_syncs_per_step = 0;
  // Speed as a part of the speed of the calls alone, of the commits alone, and
  // of the floor, which does both.
  double of_calls = 0;
  double of_commits = 0;
  double of_floor = 0;
  // The floor's processor time as a part of the daemon's: steadier than speed
  // on a busy machine or a slow disk.
  double processor_of_floor = 0;
  // Of one running migration; 0 below kMemoryAtOnceMin.
  double running_kib = 0;
};

struct BenchmarkResult {
  Profile profile;
  std::vector<Line> lines;
  int waiting = 0;
  double waiting_kib = 0;
};

// `progress` gets a line for people now and then. InvalidArgument, naming the
// option; Internal when a migration or the floor does not come through.
absl::StatusOr<BenchmarkResult> RunBenchmark(
    const BenchmarkOptions& options,
    const std::function<void(const std::string&)>& progress);

}  // namespace keyturn::bench

#endif  // KEYTURN_TESTS_BENCH_BENCHMARK_H_
