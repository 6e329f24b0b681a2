// A benchmark's result as text.
#ifndef KEYTURN_TESTS_BENCH_REPORT_H_
#define KEYTURN_TESTS_BENCH_REPORT_H_

#include <string>

#include "tests/bench/benchmark.h"

namespace keyturn::bench {

// For people: one aligned line for each number of migrations at once.
std::string TableOf(const BenchmarkResult& result);

// One JSON value with the fields' names as in benchmark.h.
std::string JsonOf(const BenchmarkResult& result);

}  // namespace keyturn::bench

#endif  // KEYTURN_TESTS_BENCH_REPORT_H_
