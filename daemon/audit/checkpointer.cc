#include "daemon/audit/checkpointer.h"

#include <pthread.h>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/audit/checkpoint_file.h"
#include "daemon/base/status.h"

namespace keyturn::audit {
class Checkpointer::Worker : public std::enable_shared_from_this<Worker> {
 public:
  explicit Worker(Options options)
      : options_(std::move(options)), timer_(context_) {}

  void Start() {
    thread_ = std::thread([self = shared_from_this()] { self->Run(); });
    pthread_setname_np(thread_.native_handle(), "kt-audit");
  }

  void CheckpointNow() {
    auto written = std::make_shared<std::promise<void>>();
    std::future<void> done = written->get_future();
    asio::post(context_, [this, written] {
      Checkpoint();
      written->set_value();
    });
    done.wait();
  }

  void Stop() {
    auto stopped = std::make_shared<std::promise<void>>();
    std::future<void> done = stopped->get_future();
    asio::post(context_, [this, stopped] {
      Checkpoint();
      context_.stop();
      stopped->set_value();
    });
    const auto patience = absl::ToChronoSeconds(kLastCheckpointPatience);
    if (done.wait_for(patience) == std::future_status::ready) {
      thread_.join();
      return;
    }
    left_behind_ = true;
    context_.stop();
    thread_.detach();
  }

 private:
  void Run() {
    WaitForInterval();
    context_.run();
  }

  void WaitForInterval() {
    timer_.expires_after(absl::ToChronoNanoseconds(options_.interval));
    timer_.async_wait([this](const asio::error_code& error) {
      if (error) return;
      if (options_.on_interval) options_.on_interval();
      Checkpoint();
      WaitForInterval();
    });
  }

  void Checkpoint() {
    const std::shared_ptr<const ChainKey> key = options_.sealer.key();
    if (key == nullptr) return;
    absl::StatusOr<audit::Checkpoint> end = EndOf(options_.store);
    if (!end.ok() || end->sequence == 0 || end->sequence == last_sequence_) {
      return;
    }
    if (end->head.empty()) {
      Tell(absl::DataLossError("the last row of the audit trail is not there"));
      return;
    }
    end->time = options_.clock.Now();
    absl::StatusOr<Place> place = last_place_.value_or(Place());
    if (!options_.file.empty()) place = FindPlace(*key);
    if (left_behind_) return;
    const std::string line = FormatCheckpoint(
        *end, place.value_or(last_place_.value_or(Place())), *key);
    options_.note(line);
    if (!options_.file.empty()) {
      const absl::Status written =
          place.ok() ? options_.append(options_.file, line) : place.status();
      if (left_behind_) return;
      Tell(written);
      if (!written.ok()) {
        // Nobody knows how much of it is there.
        last_place_.reset();
        return;
      }
    }
    last_place_ = ParseCheckpoint(line, *key)->place;
    last_sequence_ = end->sequence;
  }

  // The line that the next one follows.
  absl::StatusOr<Place> FindPlace(const ChainKey& key) {
    ASSIGN_OR_RETURN(const std::optional<CheckpointLine> newest,
                     ReadNewest(options_.file, key));
    const Place found = newest.has_value() ? newest->place : Place();
    if (left_behind_ || !last_place_.has_value() ||
        found.mac == last_place_->mac) {
      return found;
    }
    options_.warn(absl::StrCat(
        "audit: ", options_.file,
        found.mac.empty()
            ? " was begun anew by somebody else: checkpoints were taken out"
            : " does not end with the checkpoint that was written last: lines "
              "were taken out or added"));
    // The gap stays to be seen, except in a file that has nothing else.
    return found.mac.empty() ? found : *last_place_;
  }

  // Once, not each time.
  void Tell(const absl::Status& status) {
    if (status.ok() == works_) return;
    works_ = status.ok();
    options_.warn(
        works_ ? std::string("audit: checkpoints are written again")
               : absl::StrCat("audit: no checkpoint could be written, and it "
                              "will be tried again: ",
                              status.message()));
  }

  const Options options_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{
      context_.get_executor()};
  asio::steady_timer timer_;
  std::thread thread_;
  // The owner is gone: nothing of the options may be touched.
  std::atomic<bool> left_behind_ = false;

  // Of the thread alone.
  int64_t last_sequence_ = 0;
  // The line that was written last; empty: none since the start.
  std::optional<Place> last_place_;
  bool works_ = true;
};

Checkpointer::Checkpointer(Options options)
    : worker_(std::make_shared<Worker>(std::move(options))) {
  worker_->Start();
}

Checkpointer::~Checkpointer() { worker_->Stop(); }

void Checkpointer::CheckpointNow() { worker_->CheckpointNow(); }

}  // namespace keyturn::audit
