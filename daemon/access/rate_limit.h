// How often somebody may do something.
#ifndef KEYTURN_DAEMON_ACCESS_RATE_LIMIT_H_
#define KEYTURN_DAEMON_ACCESS_RATE_LIMIT_H_

#include <cstddef>
#include <string>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "daemon/base/mutex.h"

namespace keyturn::access {

// For each key (a caller, an address) `burst` at once, and one more after each
// `interval`. Memory is bounded: beyond `keys_max` keys that have something to
// work off, all further ones share one allowance. Thread-safe.
class RateLimit {
 public:
  struct Options {
    int burst = 1;
    absl::Duration interval = absl::Seconds(1);
    size_t keys_max = 4096;
  };
  explicit RateLimit(Options options) : options_(options) {}

  // How long `key` must wait; zero: it need not. Takes nothing.
  absl::Duration Wait(const std::string& key, absl::Time now) const;
  // Takes one, also where there is none left.
  void Charge(const std::string& key, absl::Time now);
  // Both in one: takes one and returns zero, or returns the wait.
  absl::Duration Take(const std::string& key, absl::Time now);

 private:
  // When the key has worked off everything it took.
  using Debts = std::unordered_map<std::string, absl::Time>;

  absl::Duration WaitOf(absl::Time debt, absl::Time now) const;
  absl::Time DebtOf(const std::string& key) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Time& DebtToCharge(const std::string& key, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  mutable base::Mutex mutex_;
  Debts debts_ ABSL_GUARDED_BY(mutex_);
  // That of all keys that `debts_` has no room for.
  absl::Time shared_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace keyturn::access

#endif  // KEYTURN_DAEMON_ACCESS_RATE_LIMIT_H_
