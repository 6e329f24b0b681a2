// Runs coroutines to their end from a plain test body.
#ifndef KEYTURN_TESTS_SUPPORT_RUN_AWAITABLE_H_
#define KEYTURN_TESTS_SUPPORT_RUN_AWAITABLE_H_

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "tests/support/fake_clock.h"

namespace keyturn::testing {

// Real time after which waiting for something that does not come fails a test.
inline constexpr absl::Duration kPatienceMax = absl::Seconds(30);

// Runs `io` until `done` says true. With a `clock`: whenever no handler is
// ready, and none becomes so within `grace` of real time, the clock jumps to
// the next instant that somebody sleeps for. Give a grace only where real
// sockets or other threads take part; the jump is a timeout for them.
//
// Throws std::runtime_error, which fails the test, when nothing at all has
// happened for kPatienceMax.
void RunUntil(asio::io_context& io, const std::function<bool()>& done,
              FakeClock* clock = nullptr,
              absl::Duration grace = absl::ZeroDuration());

// Runs `work` on `io` to its end and returns its value; what it throws comes
// out here. Other coroutines spawned on `io` run along. For `clock` and `grace`
// see RunUntil.
template <typename T>
T RunAwaitable(asio::io_context& io, asio::awaitable<T> work,
               FakeClock* clock = nullptr,
               absl::Duration grace = absl::ZeroDuration()) {
  std::optional<T> value;
  bool done = false;
  std::exception_ptr thrown;
  // The parameters live in the coroutine; nothing is captured.
  auto run = [](asio::awaitable<T> inner,
                std::optional<T>& result) -> asio::awaitable<void> {
    result.emplace(co_await std::move(inner));
  };
  asio::co_spawn(io, run(std::move(work), value),
                 [&done, &thrown](std::exception_ptr exception) {
                   thrown = exception;
                   done = true;
                 });
  RunUntil(
      io, [&done] { return done; }, clock, grace);
  if (thrown) std::rethrow_exception(thrown);
  return *std::move(value);
}

inline void RunAwaitable(asio::io_context& io, asio::awaitable<void> work,
                         FakeClock* clock = nullptr,
                         absl::Duration grace = absl::ZeroDuration()) {
  bool done = false;
  std::exception_ptr thrown;
  asio::co_spawn(io, std::move(work),
                 [&done, &thrown](std::exception_ptr exception) {
                   thrown = exception;
                   done = true;
                 });
  RunUntil(
      io, [&done] { return done; }, clock, grace);
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_SUPPORT_RUN_AWAITABLE_H_
