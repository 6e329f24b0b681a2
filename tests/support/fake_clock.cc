#include "tests/support/fake_clock.h"

#include <algorithm>
#include <asio/any_io_executor.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <utility>

#include "absl/cleanup/cleanup.h"

namespace keyturn::testing {

// A timer that never expires; to wake is to cancel the wait for it.
struct FakeClock::Sleeper {
  explicit Sleeper(const asio::any_io_executor& executor)
      : timer(executor, asio::steady_timer::time_point::max()) {}

  asio::steady_timer timer;
};

FakeClock::FakeClock()
    : FakeClock(
          absl::FromCivil(absl::CivilDay(2026, 1, 1), absl::UTCTimeZone())) {}

absl::Time FakeClock::Now() {
  absl::MutexLock lock(&mutex_);
  return now_;
}

asio::awaitable<void> FakeClock::SleepUntil(absl::Time instant) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto sleeper = std::make_shared<Sleeper>(executor);
  {
    absl::MutexLock lock(&mutex_);
    if (instant <= now_) co_return;
    sleepers_.emplace(instant, sleeper);
  }
  auto forget = absl::MakeCleanup([this, instant, sleeper] {
    absl::MutexLock lock(&mutex_);
    const auto [first, last] = sleepers_.equal_range(instant);
    const auto self = std::find_if(first, last, [&sleeper](const auto& entry) {
      return entry.second == sleeper;
    });
    if (self != last) sleepers_.erase(self);
  });
  asio::error_code ignored;
  auto completion = asio::redirect_error(asio::use_awaitable, ignored);
  co_await sleeper->timer.async_wait(completion);
}

void FakeClock::Advance(absl::Duration duration) {
  absl::MutexLock lock(&mutex_);
  MoveTo(now_ + duration);
}

bool FakeClock::AdvanceToNext() {
  absl::MutexLock lock(&mutex_);
  if (sleepers_.empty()) return false;
  MoveTo(sleepers_.begin()->first);
  return true;
}

size_t FakeClock::sleepers() {
  absl::MutexLock lock(&mutex_);
  return sleepers_.size();
}

void FakeClock::MoveTo(absl::Time instant) {
  now_ = std::max(now_, instant);
  const auto due = sleepers_.upper_bound(now_);
  for (auto entry = sleepers_.begin(); entry != due; ++entry) {
    std::shared_ptr<Sleeper> sleeper = std::move(entry->second);
    asio::any_io_executor executor = sleeper->timer.get_executor();
    asio::post(executor,
               [sleeper = std::move(sleeper)] { sleeper->timer.cancel(); });
  }
  sleepers_.erase(sleepers_.begin(), due);
}

}  // namespace keyturn::testing
