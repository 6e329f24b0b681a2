// Cuts work that takes too long.
#ifndef KEYTURN_DAEMON_ENGINE_TIME_LIMITS_H_
#define KEYTURN_DAEMON_ENGINE_TIME_LIMITS_H_

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <cstdint>
#include <exception>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/base/clock.h"
#include "daemon/engine/alarm.h"

namespace keyturn::engine {

// Unavailable (STOPPING).
absl::Status StoppingError();

// How work has ended.
template <typename T>
struct Limited {
  // What it gave; Internal when it threw.
  absl::StatusOr<T> value = absl::UnknownError("");
  // Why it was cut: DeadlineExceeded, StoppingError, or what CutRunning was
  // told. OK: it was not.
  absl::Status cut;
};

// Belongs to the context's thread.
class TimeLimits {
 public:
  TimeLimits(asio::io_context& context, base::Clock& clock);

  // Runs `work` and waits until it has ended. At `deadline` it is cancelled
  // (asio's terminal cancellation) and still waited for: it may give a value
  // all the same.
  template <typename T>
  asio::awaitable<Limited<T>> Run(asio::awaitable<T> work, absl::Time deadline);

  // Cuts what runs; later work is not begun.
  void CutAll();

  // Cuts what runs and gives `why` as the reason. Later work runs as ever.
  void CutRunning(const absl::Status& why);

 private:
  struct Work {
    asio::cancellation_signal signal;
    // Why it was cut; OK: it was not.
    absl::Status cut;
  };
  using Key = std::pair<absl::Time, uint64_t>;

  void CutDue();
  static absl::Status Explain(const std::exception& thrown);

  asio::io_context& context_;
  base::Clock& clock_;
  bool cut_all_ = false;
  uint64_t last_number_ = 0;
  std::map<Key, Work> running_;
  Alarm alarm_;
};

template <typename T>
asio::awaitable<Limited<T>> TimeLimits::Run(asio::awaitable<T> work,
                                            absl::Time deadline) {
  Limited<T> result;
  if (cut_all_) {
    result.cut = StoppingError();
    co_return result;
  }
  const Key key{deadline, ++last_number_};
  Work& running = running_[key];
  alarm_.Set(deadline);
  try {
    auto completion = asio::bind_cancellation_slot(running.signal.slot(),
                                                   asio::use_awaitable);
    result.value =
        co_await asio::co_spawn(context_, std::move(work), completion);
  } catch (const std::exception& thrown) {
    result.value = Explain(thrown);
  }
  result.cut = running.cut;
  running_.erase(key);
  co_return result;
}

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_TIME_LIMITS_H_
