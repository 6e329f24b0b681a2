// One sleeper for any number of instants.
#ifndef KEYTURN_DAEMON_ENGINE_ALARM_H_
#define KEYTURN_DAEMON_ENGINE_ALARM_H_

#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>
#include <functional>
#include <optional>

#include "absl/time/time.h"
#include "daemon/base/clock.h"

namespace keyturn::engine {

// Belongs to the context's thread. Destroyed when the context does not run any
// more, or after Stop and a turn of the loop.
class Alarm {
 public:
  // `ring` is called from the loop, never from inside Set.
  Alarm(asio::io_context& context, base::Clock& clock,
        std::function<void()> ring);
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // Rings at `instant` or soon after. It may ring earlier, for an instant that
  // was set before, and then has to be set again: whoever is called looks what
  // is due.
  void Set(absl::Time instant);

  // Does not ring any more.
  void Stop();

 private:
  void Sleep(absl::Time instant);
  void WakeUp();

  asio::io_context& context_;
  base::Clock& clock_;
  const std::function<void()> ring_;
  bool stopped_ = false;
  // Until when the sleeper sleeps; none: there is no sleeper.
  std::optional<absl::Time> asleep_until_;
  // An earlier instant, for when the sleeper has been woken.
  std::optional<absl::Time> sooner_;
  asio::cancellation_signal wake_;
};

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_ALARM_H_
