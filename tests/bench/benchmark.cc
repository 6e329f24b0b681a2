#include "tests/bench/benchmark.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "daemon/base/status.h"
#include "tests/bench/daemon.h"
#include "tests/bench/floor.h"
#include "tests/bench/load.h"
#include "tests/bench/upstream.h"
#include "tests/bench/usage.h"

namespace keyturn::bench {
namespace {

namespace fs = std::filesystem;

// Migrations that a run has by default, unless more run at once: few one after
// the other, since each waits for the disk.
constexpr int kMigrationsDefault = 768;
constexpr int kInARowMax = 40;
// Enough to fill every cache before memory is looked at.
constexpr int kWarmUpMax = 1000;
constexpr int kWaitingAtOnce = 256;
constexpr double kKib = 1024;
// Part of the calls that may be repeated, and of the commits that this costs.
constexpr double kRepeatedMax = 0.01;

class TemporaryDirectory {
 public:
  static absl::StatusOr<TemporaryDirectory> Make(const std::string& parent) {
    const fs::path where =
        parent.empty() ? fs::temp_directory_path() : fs::path(parent);
    std::string pattern = (where / "keyturn-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--directory: cannot make a directory in ", where.string()));
    }
    return TemporaryDirectory(std::move(pattern));
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  TemporaryDirectory(TemporaryDirectory&& other) noexcept
      : path_(std::exchange(other.path_, {})) {}

  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

absl::Status Check(const BenchmarkOptions& options) {
  const auto check = [](const char* name, int value, int low, int high) {
    if (value >= low && value <= high) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(name, " must be ", low, " to ", high));
  };
  for (const int at_once : options.at_once) {
    RETURN_IF_ERROR(check("--at-once", at_once, 1, kAtOnceMax));
  }
  RETURN_IF_ERROR(check("--migrations", options.migrations, 0, kMigrationsMax));
  RETURN_IF_ERROR(check("--rounds", options.rounds, 1, kRoundsMax));
  return check("--waiting", options.waiting, 0, kMigrationsMax);
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

template <typename Kind>
std::vector<Work> Only(const std::vector<Work>& work) {
  std::vector<Work> chosen;
  for (const Work& one : work) {
    if (std::holds_alternative<Kind>(one)) chosen.push_back(one);
  }
  return chosen;
}

Profile ProfileOf(const std::vector<Work>& work) {
  Profile profile;
  profile.steps = kStepsPerMigration;
  for (const Work& one : work) {
    const auto* shape = std::get_if<CommitShape>(&one);
    if (shape == nullptr) {
      ++profile.calls;
      continue;
    }
    ++profile.commits;
    profile.commit_bytes += static_cast<int64_t>(shape->state_bytes);
    for (const size_t bytes : shape->row_bytes) {
      profile.commit_bytes += static_cast<int64_t>(bytes);
    }
  }
  return profile;
}

// One round: the daemon, then the floor in its three forms.
struct Round {
  LoadResult daemon;
  int64_t resident_bytes_before = 0;
  FloorResult calls;
  FloorResult commits;
  FloorResult both;
};

class Benchmark {
 public:
  Benchmark(const BenchmarkOptions& options,
            const std::function<void(const std::string&)>& progress)
      : options_(options), progress_(progress) {}

  absl::StatusOr<BenchmarkResult> Run() {
    ASSIGN_OR_RETURN(upstream_, Upstream::Start(trace_));
    RETURN_IF_ERROR(Record());
    BenchmarkResult result;
    result.profile = ProfileOf(work_);
    for (const int at_once : options_.at_once) {
      ASSIGN_OR_RETURN(Line line, Measure(at_once));
      result.lines.push_back(std::move(line));
    }
    if (options_.waiting > 0) {
      result.waiting = options_.waiting;
      ASSIGN_OR_RETURN(result.waiting_kib, MeasureWaiting());
    }
    if (upstream_->strange_calls() > 0) {
      return absl::InternalError(absl::StrCat("the upstream has no answer for ",
                                              upstream_->strange_calls(),
                                              " of the calls"));
    }
    return result;
  }

 private:
  // One migration alone tells what each of them does.
  absl::Status Record() {
    ASSIGN_OR_RETURN(const TemporaryDirectory directory,
                     TemporaryDirectory::Make(options_.directory));
    ASSIGN_OR_RETURN(const std::unique_ptr<Daemon> daemon,
                     OpenDaemon(directory, /*migrations=*/1));
    trace_.Start();
    LoadOptions load;
    const absl::StatusOr<LoadResult> ran = RunLoad(*daemon, load);
    work_ = trace_.Stop();
    calls_ = Only<Call>(work_);
    commits_ = Only<CommitShape>(work_);
    return ran.status();
  }

  absl::StatusOr<std::unique_ptr<Daemon>> OpenDaemon(
      const TemporaryDirectory& directory, int migrations) {
    upstream_->Forget();
    return Daemon::Open(absl::StrCat(directory.path(), "/data"), *upstream_,
                        trace_, migrations);
  }

  int MigrationsOf(int at_once) const {
    if (options_.migrations > 0) return options_.migrations;
    const int in_a_row =
        std::clamp(kMigrationsDefault / at_once, 1, kInARowMax);
    return at_once * in_a_row;
  }

  absl::StatusOr<Line> Measure(int at_once) {
    const int migrations = MigrationsOf(at_once);
    std::vector<Round> rounds;
    for (int number = 1; number <= options_.rounds; ++number) {
      progress_(absl::StrFormat("%d migrations, %d at once, round %d of %d",
                                migrations, at_once, number, options_.rounds));
      ASSIGN_OR_RETURN(Round round, RunRound(migrations, at_once));
      rounds.push_back(std::move(round));
    }
    return LineOf(migrations, at_once, rounds);
  }

  absl::StatusOr<Round> RunRound(int migrations, int at_once) {
    Round round;
    ASSIGN_OR_RETURN(round.calls, Bare(calls_, migrations, at_once));
    ASSIGN_OR_RETURN(round.commits, Bare(commits_, migrations, at_once));
    ASSIGN_OR_RETURN(round.both, Bare(work_, migrations, at_once));
    ASSIGN_OR_RETURN(const TemporaryDirectory directory,
                     TemporaryDirectory::Make(options_.directory));
    ASSIGN_OR_RETURN(const std::unique_ptr<Daemon> daemon,
                     OpenDaemon(directory, migrations));
    round.resident_bytes_before = ResidentBytesTrimmed();
    LoadOptions load;
    load.migrations = migrations;
    load.at_once = at_once;
    const int64_t calls_before = upstream_->calls();
    ASSIGN_OR_RETURN(round.daemon, RunLoad(*daemon, load));
    return Checked(std::move(round), migrations,
                   upstream_->calls() - calls_before);
  }

  // The comparison holds only when both did the same, but for a call that the
  // daemon had to repeat.
  absl::StatusOr<Round> Checked(Round round, int migrations, int64_t calls) {
    const int64_t calls_expected =
        int64_t{migrations} * static_cast<int64_t>(calls_.size());
    const int64_t commits_expected =
        int64_t{migrations} * static_cast<int64_t>(commits_.size());
    const auto alike = [](int64_t done, int64_t expected) {
      return done >= expected &&
             static_cast<double>(done - expected) <= kRepeatedMax * expected;
    };
    if (alike(calls, calls_expected) &&
        alike(round.daemon.batches, commits_expected)) {
      return round;
    }
    return absl::InternalError(absl::StrCat(
        "the migrations made ", calls, " calls and ", round.daemon.batches,
        " commits, but the floor ", calls_expected, " and ", commits_expected));
  }

  absl::StatusOr<FloorResult> Bare(const std::vector<Work>& work,
                                   int migrations, int at_once) {
    ASSIGN_OR_RETURN(const TemporaryDirectory directory,
                     TemporaryDirectory::Make(options_.directory));
    FloorOptions floor{directory.path(),    upstream_->origin(),
                       upstream_->ca_pem(), work,
                       migrations,          at_once};
    return RunFloor(floor);
  }

  static Line LineOf(int migrations, int at_once,
                     const std::vector<Round>& rounds) {
    const auto median =
        [&rounds](const std::function<double(const Round&)>& of) {
          std::vector<double> values;
          for (const Round& round : rounds) values.push_back(of(round));
          return Median(std::move(values));
        };
    const auto part_of = [&median](const FloorResult Round::*floor) {
      return median([floor](const Round& round) {
        return absl::FDivDuration((round.*floor).wall, round.daemon.wall);
      });
    };
    const double steps = static_cast<double>(migrations) * kStepsPerMigration;
    Line line;
    line.at_once = at_once;
    line.migrations = migrations;
    line.steps_per_second = median([steps](const Round& round) {
      return steps / absl::ToDoubleSeconds(round.daemon.wall);
    });
    line.migrations_per_second = line.steps_per_second / kStepsPerMigration;
    line.beyond_floor_us_per_step = median([steps](const Round& round) {
      return absl::ToDoubleMicroseconds(round.daemon.wall - round.both.wall) /
             steps;
    });
    line.syncs_per_step = median([steps](const Round& round) {
      return static_cast<double>(round.daemon.transactions) / steps;
    });
    line.floor_syncs_per_step = median([steps](const Round& round) {
      return static_cast<double>(round.both.transactions) / steps;
    });
    line.of_calls = part_of(&Round::calls);
    line.of_commits = part_of(&Round::commits);
    line.of_floor = part_of(&Round::both);
    line.processor_of_floor = median([](const Round& round) {
      return absl::FDivDuration(round.both.processor, round.daemon.processor);
    });
    if (at_once < kMemoryAtOnceMin) return line;
    line.running_kib = median([at_once](const Round& round) {
      const int64_t more =
          round.daemon.resident_bytes_max - round.resident_bytes_before;
      return static_cast<double>(more) / kKib / at_once;
    });
    return line;
  }

  absl::StatusOr<double> MeasureWaiting() {
    progress_(absl::StrCat(options_.waiting, " migrations wait for a task"));
    const int warm_up = std::min(options_.waiting, kWarmUpMax);
    ASSIGN_OR_RETURN(const TemporaryDirectory directory,
                     TemporaryDirectory::Make(options_.directory));
    ASSIGN_OR_RETURN(const std::unique_ptr<Daemon> daemon,
                     OpenDaemon(directory, warm_up + options_.waiting));
    LoadOptions load;
    load.migrations = warm_up;
    load.at_once = kWaitingAtOnce;
    load.answer_tasks = false;
    RETURN_IF_ERROR(RunLoad(*daemon, load).status());
    const int64_t before = ResidentBytesTrimmed();
    load.first = warm_up;
    load.migrations = options_.waiting;
    RETURN_IF_ERROR(RunLoad(*daemon, load).status());
    const int64_t more = ResidentBytesTrimmed() - before;
    return static_cast<double>(more) / kKib / options_.waiting;
  }

  const BenchmarkOptions& options_;
  const std::function<void(const std::string&)>& progress_;
  Trace trace_;
  std::unique_ptr<Upstream> upstream_;
  // Of one migration; the latter two are its parts.
  std::vector<Work> work_;
  std::vector<Work> calls_;
  std::vector<Work> commits_;
};

}  // namespace

absl::StatusOr<BenchmarkResult> RunBenchmark(
    const BenchmarkOptions& options,
    const std::function<void(const std::string&)>& progress) {
  RETURN_IF_ERROR(Check(options));
  return Benchmark(options, progress).Run();
}

}  // namespace keyturn::bench
