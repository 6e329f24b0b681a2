// The memory and the processor time of this process.
#ifndef KEYTURN_TESTS_BENCH_USAGE_H_
#define KEYTURN_TESTS_BENCH_USAGE_H_

#include <cstdint>

#include "absl/time/time.h"

namespace keyturn::bench {

// Bytes that are in memory now.
int64_t ResidentBytes();

// As ResidentBytes, after free memory was given back to the system: what stays
// is in use, but for the allocator's holes.
int64_t ResidentBytesTrimmed();

// Of all threads, since the process began.
absl::Duration ProcessorTime();

}  // namespace keyturn::bench

#endif  // KEYTURN_TESTS_BENCH_USAGE_H_
