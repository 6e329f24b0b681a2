#include "tests/bench/report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace keyturn::bench {

std::string TableOf(const BenchmarkResult& result) {
  const Profile& profile = result.profile;
  std::string text = absl::StrFormat(
      "a migration: %d steps, %d HTTPS calls, %d commits of %.1f KiB\n\n",
      profile.steps, profile.calls, profile.commits,
      static_cast<double>(profile.commit_bytes) / 1024 / profile.commits);
  absl::StrAppendFormat(&text, "%7s %10s %9s %9s %9s %9s %9s %9s %9s %9s %9s\n",
                        "at once", "migr/s", "steps/s", "of floor", "of calls",
                        "of commit", "cpu of fl", "+us/step", "syncs/st",
                        "floor s/s", "KiB/run");
  for (const Line& line : result.lines) {
    const std::string memory = line.at_once < kMemoryAtOnceMin
                                   ? "-"
                                   : absl::StrFormat("%.1f", line.running_kib);
    absl::StrAppendFormat(
        &text,
        "%7d %10.1f %9.0f %9.2f %9.2f %9.2f %9.2f %9.0f %9.3f %9.3f %9s\n",
        line.at_once, line.migrations_per_second, line.steps_per_second,
        line.of_floor, line.of_calls, line.of_commits, line.processor_of_floor,
        line.beyond_floor_us_per_step, line.syncs_per_step,
        line.floor_syncs_per_step, memory);
  }
  if (result.waiting > 0) {
    absl::StrAppendFormat(&text,
                          "\na migration that waits for a person, of %d: "
                          "%.2f KiB resident\n",
                          result.waiting, result.waiting_kib);
  }
  return text;
}

std::string JsonOf(const BenchmarkResult& result) {
  nlohmann::ordered_json json;
  json["profile"] = {{"steps", result.profile.steps},
                     {"calls", result.profile.calls},
                     {"commits", result.profile.commits},
                     {"commit_bytes", result.profile.commit_bytes}};
  json["lines"] = nlohmann::ordered_json::array();
  for (const Line& line : result.lines) {
    json["lines"].push_back(
        {{"at_once", line.at_once},
         {"migrations", line.migrations},
         {"migrations_per_second", line.migrations_per_second},
         {"steps_per_second", line.steps_per_second},
         {"of_floor", line.of_floor},
         {"of_calls", line.of_calls},
         {"of_commits", line.of_commits},
         {"processor_of_floor", line.processor_of_floor},
         {"beyond_floor_us_per_step", line.beyond_floor_us_per_step},
         {"syncs_per_step", line.syncs_per_step},
         {"floor_syncs_per_step", line.floor_syncs_per_step},
         {"running_kib", line.running_kib}});
  }
  json["waiting"] = result.waiting;
  json["waiting_kib"] = result.waiting_kib;
  return json.dump(2) + "\n";
}

}  // namespace keyturn::bench
