// The floor: a bare program that makes the same calls (libcurl's multi
// interface, HTTPS, kept connections) and the same commits (SQLite, WAL,
// synchronous=FULL, whatever waits goes into one transaction) with nothing
// around them: no state, no rules, no secrets, no reading of answers.
#ifndef KEYTURN_TESTS_BENCH_FLOOR_H_
#define KEYTURN_TESTS_BENCH_FLOOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/trace.h"

namespace keyturn::bench {

// As http::kConnectionsPerHostMax and store::kGroupBatchesMax: the daemon has
// neither more connections nor larger groups.
inline constexpr int kFloorConnectionsMax = 64;
inline constexpr size_t kFloorGroupMax = 1024;

struct FloorOptions {
  // Where the database is made.
  std::string directory;
  std::string origin;
  std::string ca_pem;
  // What each sequence does, one after the other. Outlives the run.
  const std::vector<Work>& work;
  int sequences = 1;
  // As one ends, the next one begins.
  int at_once = 1;
};

struct FloorResult {
  absl::Duration wall;
  // Of the whole process, the upstream included.
  absl::Duration processor;
  int64_t transactions = 0;
};

// Internal, saying what libcurl or SQLite said, when something fails.
absl::StatusOr<FloorResult> RunFloor(const FloorOptions& options);

}  // namespace keyturn::bench

#endif  // KEYTURN_TESTS_BENCH_FLOOR_H_
