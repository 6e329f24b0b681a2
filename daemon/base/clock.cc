#include "daemon/base/clock.h"

#include <algorithm>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include "absl/time/clock.h"

namespace keyturn::base {
namespace {

// A step of the wall clock must not make a sleeper miss its instant by more.
constexpr absl::Duration kNapMax = absl::Minutes(1);

class MachineClock final : public Clock {
 public:
  absl::Time Now() override { return absl::Now(); }

  asio::awaitable<void> SleepUntil(absl::Time instant) override {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (absl::Duration left = instant - absl::Now();
         left > absl::ZeroDuration(); left = instant - absl::Now()) {
      timer.expires_after(absl::ToChronoNanoseconds(std::min(left, kNapMax)));
      asio::error_code error;
      auto completion = asio::redirect_error(asio::use_awaitable, error);
      co_await timer.async_wait(completion);
      if (error) co_return;
    }
  }
};

}  // namespace

Clock& RealClock() {
  static MachineClock clock;
  return clock;
}

}  // namespace keyturn::base
