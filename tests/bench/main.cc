#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "daemon/base/status.h"
#include "tests/bench/benchmark.h"
#include "tests/bench/report.h"

int main(int argc, char** argv) {
  keyturn::bench::BenchmarkOptions options;
  bool json = false;
  CLI::App app("Measures the daemon against a bare program that does the same");
  app.add_option("--at-once", options.at_once, "Migrations at once")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--migrations", options.migrations,
                 "Migrations of each run (0: as many as take a few seconds)");
  app.add_option("--rounds", options.rounds, "Rounds; medians are shown")
      ->capture_default_str();
  app.add_option("--waiting", options.waiting,
                 "Migrations that wait for a person (0: none)")
      ->capture_default_str();
  app.add_option("--directory", options.directory,
                 "Where the databases are made: the disk to be measured");
  app.add_flag("--json", json, "Print one JSON value instead of a table");
  CLI11_PARSE(app, argc, argv);
  const auto result = keyturn::bench::RunBenchmark(
      options, [](const std::string& line) { std::cerr << line << '\n'; });
  if (!result.ok()) {
    std::cerr << keyturn::base::MessageOf(result.status()) << '\n';
    return 1;
  }
  std::cout << (json ? keyturn::bench::JsonOf(*result)
                     : keyturn::bench::TableOf(*result));
  return 0;
}
