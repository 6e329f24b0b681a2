// A lock for coroutines.
#ifndef KEYTURN_DAEMON_ENGINE_TURNS_H_
#define KEYTURN_DAEMON_ENGINE_TURNS_H_

#include <asio/awaitable.hpp>
#include <deque>

#include "absl/functional/any_invocable.h"

namespace keyturn::engine {

// One coroutine at a time, first come, first served. No guard object passes the
// turn on: a coroutine that is destroyed with its context must touch nothing.
// Waiting ends only with the turn; a cancellation does not end it.
class Turns {
 public:
  Turns() = default;
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // Resumes the caller when it has the turn.
  asio::awaitable<void> Take();
  // Hands the turn to who waits longest; it runs after the caller has returned
  // to the loop.
  void Pass();

 private:
  bool taken_ = false;
  std::deque<absl::AnyInvocable<void()>> waiting_;
};

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_TURNS_H_
