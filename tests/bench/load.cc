#include "tests/bench/load.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "daemon/base/mutex.h"
#include "daemon/base/status.h"
#include "tests/bench/usage.h"

namespace keyturn::bench {
namespace {

using migration::State;

constexpr absl::Duration kLook = absl::Milliseconds(10);
constexpr absl::Duration kPatienceMax = absl::Minutes(1);
constexpr size_t kTokenSize = 64;

migration::Spec SpecOf(int number) {
  migration::Spec spec;
  spec.celigo.account = Daemon::CeligoAccountOf(number);
  spec.celigo.connection = absl::StrFormat("%024x", number + 1);
  spec.netsuite.account = Daemon::NetSuiteAccount();
  spec.netsuite.user = "jira.integration@example.com";
  spec.recipe = "jira";
  spec.role.name = "CeligoJiraTBA";
  spec.iclient = kIClientName;
  return spec;
}

class Load : public std::enable_shared_from_this<Load> {
 public:
  Load(Daemon& daemon, const LoadOptions& options)
      : engine_(daemon.engine()),
        options_(options),
        next_(options.first),
        end_(options.first + options.migrations) {}

  void Begin() {
    for (int i = 0; i < options_.at_once; ++i) CreateNext();
  }

  // Until all have ended; says when the last one did.
  absl::StatusOr<absl::Time> Wait(int64_t& resident_bytes_max) {
    absl::Time heard = absl::Now();
    int64_t seen = 0;
    while (true) {
      resident_bytes_max = std::max(resident_bytes_max, ResidentBytes());
      {
        base::MutexLock lock(mutex_);
        if (!failure_.ok()) return failure_;
        if (ended_ == options_.migrations) return ended_at_;
        if (std::exchange(seen, changes_) != changes_) heard = absl::Now();
        if (absl::Now() - heard > kPatienceMax) {
          return absl::DeadlineExceededError(
              absl::StrCat("nothing happened for a minute; ", ended_, " of ",
                           options_.migrations, " migrations have ended"));
        }
      }
      absl::SleepFor(kLook);
    }
  }

  void OnDurable(const Durable& durable) {
    {
      base::MutexLock lock(mutex_);
      ++changes_;
    }
    if (durable.state == State::kSucceeded) return OnEnded();
    if (migration::IsAtRest(durable.state) ||
        durable.state == State::kNeedsAttention) {
      return Fail(absl::InternalError(
          absl::StrCat("migration ", durable.migration_id, " is ",
                       base::ToAbsl(migration::Name(durable.state)))));
    }
    if (durable.opened_tasks.empty()) return;
    if (!options_.answer_tasks) return OnEnded();
    for (const Durable::OpenedTask& task : durable.opened_tasks) Answer(task);
  }

 private:
  void CreateNext() {
    int number = 0;
    {
      base::MutexLock lock(mutex_);
      if (next_ == end_) return;
      number = next_++;
    }
    engine::CreateCommand command;
    command.spec = SpecOf(number);
    command.start = true;
    engine_.Create(NewCaller(), std::move(command),
                   FailIfRefused<migration::Migration>());
  }

  void Answer(const Durable::OpenedTask& task) {
    if (!task.wants_token) {
      engine_.CompleteTask(NewCaller(), task.id, "done as described",
                           FailIfRefused<migration::Task>());
      return;
    }
    engine_.SubmitToken(NewCaller(), task.id,
                        secret::Secret(std::string(kTokenSize, 'a')),
                        secret::Secret(std::string(kTokenSize, 'b')),
                        FailIfRefused<migration::Task>());
  }

  engine::Caller NewCaller() {
    engine::Caller caller;
    caller.identity = "bench";
    caller.transport = "unix";
    base::MutexLock lock(mutex_);
    const int64_t request = (int64_t{options_.first} << 32) + ++requests_;
    caller.request_id = absl::StrFormat("%036d", request);
    caller.fingerprint = std::string(64, 'f');
    return caller;
  }

  template <typename T>
  engine::Callback<T> FailIfRefused() {
    return [self = shared_from_this()](absl::StatusOr<T> result) {
      if (!result.ok()) self->Fail(result.status());
    };
  }

  void OnEnded() {
    {
      base::MutexLock lock(mutex_);
      ++ended_;
      ended_at_ = absl::Now();
    }
    CreateNext();
  }

  void Fail(absl::Status status) {
    base::MutexLock lock(mutex_);
    failure_.Update(std::move(status));
  }

  engine::Engine& engine_;
  const LoadOptions options_;

  base::Mutex mutex_;
  int next_ ABSL_GUARDED_BY(mutex_);
  const int end_;
  int ended_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time ended_at_ ABSL_GUARDED_BY(mutex_);
  int64_t requests_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<LoadResult> RunLoad(Daemon& daemon, const LoadOptions& options) {
  auto load = std::make_shared<Load>(daemon, options);
  daemon.store().Observe(
      [load](const Durable& durable) { load->OnDurable(durable); });
  const store::Stats before = daemon.store().stats();
  LoadResult result;
  const absl::Duration used = ProcessorTime();
  const absl::Time started = absl::Now();
  load->Begin();
  const absl::StatusOr<absl::Time> ended =
      load->Wait(result.resident_bytes_max);
  daemon.store().Observe(nullptr);
  RETURN_IF_ERROR(ended.status());
  result.wall = *ended - started;
  result.processor = ProcessorTime() - used;
  const store::Stats after = daemon.store().stats();
  result.transactions = after.transactions - before.transactions;
  result.batches = after.batches - before.batches;
  return result;
}

}  // namespace keyturn::bench
