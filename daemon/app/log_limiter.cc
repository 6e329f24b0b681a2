#include "daemon/app/log_limiter.h"

namespace keyturn::app {

std::optional<int64_t> LogLimiter::Admit(const std::string& key,
                                         absl::Time now) {
  const bool write = limit_.Take(key, now) == absl::ZeroDuration();
  base::MutexLock lock(mutex_);
  const auto known = left_out_.find(key);
  if (!write) {
    const bool room =
        known != left_out_.end() || left_out_.size() < kLogKeysMax;
    ++left_out_[room ? key : std::string()];
    return std::nullopt;
  }
  if (known == left_out_.end()) return 0;
  const int64_t left_out = known->second;
  left_out_.erase(known);
  return left_out;
}

}  // namespace keyturn::app
