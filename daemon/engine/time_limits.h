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

// Belongs to the context's thread.
class TimeLimits {
 public:
  TimeLimits(asio::io_context& context, base::Clock& clock);

  // Runs `work` and waits until it has ended. At `deadline` it is cancelled
  // (asio's terminal cancellation) and still waited for. Its value counts
  // whenever it gives one. Otherwise: DeadlineExceeded when it was cut at
  // `deadline`, StoppingError when CutAll cut it, Internal when it threw
  // without having been cut.
  template <typename T>
  asio::awaitable<absl::StatusOr<T>> Run(asio::awaitable<T> work,
                                         absl::Time deadline);

  // Cuts what runs; later work is not begun.
  void CutAll();

 private:
  struct Work {
    asio::cancellation_signal signal;
    // Why it was cut; OK: it was not.
    absl::Status cut;
  };
  using Key = std::pair<absl::Time, uint64_t>;

  void CutDue();
  static absl::Status Explain(const absl::Status& cut,
                              const std::exception& thrown);

  asio::io_context& context_;
  base::Clock& clock_;
  bool cut_all_ = false;
  uint64_t last_number_ = 0;
  std::map<Key, Work> running_;
  Alarm alarm_;
};

template <typename T>
asio::awaitable<absl::StatusOr<T>> TimeLimits::Run(asio::awaitable<T> work,
                                                   absl::Time deadline) {
  if (cut_all_) co_return StoppingError();
  const Key key{deadline, ++last_number_};
  Work& running = running_[key];
  alarm_.Set(deadline);
  absl::StatusOr<T> result = absl::UnknownError("");
  try {
    auto completion = asio::bind_cancellation_slot(running.signal.slot(),
                                                   asio::use_awaitable);
    result = co_await asio::co_spawn(context_, std::move(work), completion);
  } catch (const std::exception& thrown) {
    result = Explain(running.cut, thrown);
  }
  running_.erase(key);
  co_return result;
}

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_TIME_LIMITS_H_
