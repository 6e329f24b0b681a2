// Time that a test moves: weeks pass in milliseconds, and every run is alike.
#ifndef KEYTURN_TESTS_SUPPORT_FAKE_CLOCK_H_
#define KEYTURN_TESTS_SUPPORT_FAKE_CLOCK_H_

#include <asio/awaitable.hpp>
#include <cstddef>
#include <map>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "daemon/base/clock.h"

namespace keyturn::testing {

// Stands still until it is moved. Sleepers wake in the order of their instants;
// those of one instant in the order in which they fell asleep.
//
// Two ways to use it: by hand with Advance, from any thread; or let
// RunAwaitable (run_awaitable.h) jump to the next instant whenever nothing else
// is left to do. Thread-safe. Outlives every coroutine that sleeps on it.
class FakeClock final : public base::Clock {
 public:
  // 2026-01-01T00:00:00Z.
  FakeClock();
  explicit FakeClock(absl::Time now) : now_(now) {}

  absl::Time Now() override;
  asio::awaitable<void> SleepUntil(absl::Time instant) override;

  // Moves on by `duration`, waking on the way whoever is due. They run as soon
  // as their executor does.
  void Advance(absl::Duration duration);
  // Moves to the earliest instant that somebody waits for and wakes all who
  // wait for it. False, and nothing moves, when nobody sleeps.
  bool AdvanceToNext();
  // How many coroutines sleep now.
  size_t sleepers();

 private:
  struct Sleeper;

  void MoveTo(absl::Time instant) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
  std::multimap<absl::Time, std::shared_ptr<Sleeper>> sleepers_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_SUPPORT_FAKE_CLOCK_H_
