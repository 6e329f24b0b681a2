// Time, as a parameter. Code that needs an instant takes `now`; only code that
// waits takes a Clock, so that a test can run weeks in milliseconds.
#ifndef KEYTURN_DAEMON_BASE_CLOCK_H_
#define KEYTURN_DAEMON_BASE_CLOCK_H_

#include <asio/awaitable.hpp>

#include "absl/time/time.h"

namespace keyturn::base {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall time, for people and for what is stored.
  virtual absl::Time Now() = 0;

  // Resumes the calling coroutine at `instant` or shortly after, on its own
  // executor. Ends early when the coroutine is cancelled; that is not an error
  // here: a caller that minds asks its cancellation state.
  virtual asio::awaitable<void> SleepUntil(absl::Time instant) = 0;
};

// The machine's clock. Lives as long as the process.
Clock& RealClock();

}  // namespace keyturn::base

#endif  // KEYTURN_DAEMON_BASE_CLOCK_H_
