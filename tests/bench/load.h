// Migrations, many at once, and the people who answer their tasks at once.
#ifndef KEYTURN_TESTS_BENCH_LOAD_H_
#define KEYTURN_TESTS_BENCH_LOAD_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/migration/model.h"
#include "tests/bench/daemon.h"

namespace keyturn::bench {

inline constexpr int kStepsPerMigration = migration::kAllSteps.size();

struct LoadOptions {
  // Numbers of the migrations: `first`, and so many from there.
  int first = 0;
  int migrations = 1;
  // As one ends, the next one is created.
  int at_once = 1;
  // Otherwise each counts as ended when it waits for its first task.
  bool answer_tasks = true;
};

struct LoadResult {
  absl::Duration wall;
  // Of the whole process, the upstream included.
  absl::Duration processor;
  // Of the store; each transaction is one sync.
  int64_t transactions = 0;
  int64_t batches = 0;
  // Highest seen on the way.
  int64_t resident_bytes_max = 0;
};

// Returns when all have succeeded. Internal when one ends otherwise or is
// refused; DeadlineExceeded when nothing happens for a minute.
absl::StatusOr<LoadResult> RunLoad(Daemon& daemon, const LoadOptions& options);

}  // namespace keyturn::bench

#endif  // KEYTURN_TESTS_BENCH_LOAD_H_
