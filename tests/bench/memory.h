// The memory of this process.
#ifndef KEYTURN_TESTS_BENCH_MEMORY_H_
#define KEYTURN_TESTS_BENCH_MEMORY_H_

#include <cstdint>

namespace keyturn::bench {

// Bytes that are in memory now.
int64_t ResidentBytes();

// As ResidentBytes, after free memory was given back to the system: what stays
// is in use, but for the allocator's holes.
int64_t ResidentBytesTrimmed();

}  // namespace keyturn::bench

#endif  // KEYTURN_TESTS_BENCH_MEMORY_H_
