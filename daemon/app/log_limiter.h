// Keeps a flood of like lines out of the log: it should say so, not drown.
#ifndef KEYTURN_DAEMON_APP_LOG_LIMITER_H_
#define KEYTURN_DAEMON_APP_LOG_LIMITER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "daemon/access/rate_limit.h"
#include "daemon/base/mutex.h"

namespace keyturn::app {

// Lines with the same key: so many at once, then one after each interval.
inline constexpr int kLogBurstMax = 20;
inline constexpr absl::Duration kLogInterval = absl::Seconds(10);
inline constexpr size_t kLogKeysMax = 1024;

// Thread-safe.
class LogLimiter {
 public:
  // Empty: the line is left out. Otherwise how many with this key were left out
  // since the last one that was not.
  std::optional<int64_t> Admit(const std::string& key, absl::Time now);

 private:
  access::RateLimit limit_{{kLogBurstMax, kLogInterval, kLogKeysMax}};
  base::Mutex mutex_;
  // Beyond kLogKeysMax all further keys are counted as one, the empty one.
  std::unordered_map<std::string, int64_t> left_out_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace keyturn::app

#endif  // KEYTURN_DAEMON_APP_LOG_LIMITER_H_
