#include "tests/bench/floor.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "daemon/base/status.h"
#include "tests/bench/bare_calls.h"
#include "tests/bench/bare_commits.h"
#include "tests/bench/usage.h"

namespace keyturn::bench {
namespace {

class Floor {
 public:
  explicit Floor(const FloorOptions& options)
      : options_(options), lanes_(options.at_once) {}

  absl::Status Open() {
    ASSIGN_OR_RETURN(calls_, BareCalls::Open(options_.origin, options_.ca_pem,
                                             std::min(options_.at_once,
                                                      kFloorConnectionsMax)));
    ASSIGN_OR_RETURN(commits_, BareCommits::Open(options_.directory,
                                                 [this] { calls_->Wake(); }));
    return absl::OkStatus();
  }

  absl::Status Run() {
    for (int lane = 0; lane < options_.at_once; ++lane) BeginNext(lane);
    std::vector<int> ended;
    while (ended_ < options_.sequences) {
      RETURN_IF_ERROR(StartCalls());
      ended.clear();
      RETURN_IF_ERROR(calls_->Poll(ended));
      RETURN_IF_ERROR(commits_->Poll(ended));
      for (const int lane : ended) Advance(lane);
      if (ended.empty()) calls_->Wait();
    }
    return absl::OkStatus();
  }

  int64_t transactions() { return commits_->transactions(); }

 private:
  // One of the sequences that run at once.
  struct Lane {
    int sequence = 0;
    size_t position = 0;
  };

  void BeginNext(int lane) {
    if (next_ == options_.sequences) return;
    lanes_[lane] = {next_++, 0};
    Continue(lane);
  }

  void Advance(int lane) {
    ++lanes_[lane].position;
    Continue(lane);
  }

  void Continue(int lane) {
    const Lane& now = lanes_[lane];
    if (now.position == options_.work.size()) {
      ++ended_;
      BeginNext(lane);
      return;
    }
    const Work& work = options_.work[now.position];
    if (const auto* shape = std::get_if<CommitShape>(&work)) {
      commits_->Start(*shape, now.sequence, lane);
    } else {
      want_call_.push_back(lane);
    }
  }

  absl::Status StartCalls() {
    while (!want_call_.empty() && calls_->CanStart()) {
      const int lane = want_call_.front();
      want_call_.pop_front();
      const Work& work = options_.work[lanes_[lane].position];
      RETURN_IF_ERROR(calls_->Start(std::get<Call>(work), lane));
    }
    return absl::OkStatus();
  }

  const FloorOptions& options_;
  std::vector<Lane> lanes_;
  std::deque<int> want_call_;
  int next_ = 0;
  int ended_ = 0;
  std::unique_ptr<BareCalls> calls_;
  // Wakes `calls_`, so it is destroyed first.
  std::unique_ptr<BareCommits> commits_;
};

}  // namespace

absl::StatusOr<FloorResult> RunFloor(const FloorOptions& options) {
  if (options.work.empty()) {
    return absl::InternalError("the floor has nothing to do");
  }
  Floor floor(options);
  RETURN_IF_ERROR(floor.Open());
  FloorResult result;
  const absl::Duration used = ProcessorTime();
  const absl::Time started = absl::Now();
  RETURN_IF_ERROR(floor.Run());
  result.wall = absl::Now() - started;
  result.processor = ProcessorTime() - used;
  result.transactions = floor.transactions();
  return result;
}

}  // namespace keyturn::bench
