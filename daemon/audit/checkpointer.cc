#include "daemon/audit/checkpointer.h"

#include <pthread.h>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/audit/checkpoint_file.h"
#include "daemon/base/status.h"

namespace keyturn::audit {
namespace {

// The head after the row `sequence`; empty when there is no such row.
absl::StatusOr<std::string> HeadAt(store::Store& store, int64_t sequence) {
  ASSIGN_OR_RETURN(const std::vector<store::AuditRow> rows,
                   store.ListAuditRows(sequence - 1, 1));
  if (rows.empty() || rows.front().sequence != sequence) return std::string();
  const store::AuditRow& row = rows.front();
  const absl::StatusOr<Seal> seal = ParseSeal(row.seal);
  if (!seal.ok()) return std::string();
  return HeadAfter(row, seal->sequence, seal->head_before);
}

}  // namespace

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
    CompareWithLast();
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

  // An old copy that was put back shows at once, not only to who verifies.
  void CompareWithLast() {
    const std::shared_ptr<const ChainKey> key = options_.sealer.key();
    if (key == nullptr || options_.file.empty()) return;
    const absl::StatusOr<CheckpointFile> file =
        ReadCheckpoints(options_.file, *key);
    if (left_behind_ || !file.ok() || file->checkpoints.empty()) return;
    const audit::Checkpoint& last = file->checkpoints.back();
    const absl::StatusOr<std::string> head =
        HeadAt(options_.store, last.sequence);
    if (!head.ok() || *head == last.head) return;
    options_.warn(absl::StrCat(
        "audit: the trail does not go through its last checkpoint (row ",
        last.sequence,
        "): the database was changed or an old copy was put back; run keyturn "
        "audit verify and see the run book"));
  }

  void Checkpoint() {
    const std::shared_ptr<const ChainKey> key = options_.sealer.key();
    if (key == nullptr) return;
    const absl::StatusOr<int64_t> last = options_.store.LastAuditSequence();
    if (!last.ok() || *last == 0 || *last == last_sequence_) return;
    const absl::StatusOr<std::string> head = HeadAt(options_.store, *last);
    if (!head.ok() || head->empty()) {
      Tell(absl::DataLossError("the last row of the audit trail is not there"));
      return;
    }
    const std::string line =
        FormatCheckpoint({*last, *head, options_.clock.Now()}, *key);
    options_.note(line);
    if (!options_.file.empty()) {
      const absl::Status written = options_.append(options_.file, line);
      if (left_behind_) return;
      Tell(written);
      if (!written.ok()) return;
    }
    last_sequence_ = *last;
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
  bool works_ = true;
};

Checkpointer::Checkpointer(Options options)
    : worker_(std::make_shared<Worker>(std::move(options))) {
  worker_->Start();
}

Checkpointer::~Checkpointer() { worker_->Stop(); }

void Checkpointer::CheckpointNow() { worker_->CheckpointNow(); }

}  // namespace keyturn::audit
