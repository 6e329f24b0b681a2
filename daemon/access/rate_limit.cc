#include "daemon/access/rate_limit.h"

#include <algorithm>

namespace keyturn::access {

absl::Duration RateLimit::Wait(const std::string& key, absl::Time now) const {
  base::MutexLock lock(mutex_);
  return WaitOf(DebtOf(key), now);
}

void RateLimit::Charge(const std::string& key, absl::Time now) {
  base::MutexLock lock(mutex_);
  absl::Time& debt = DebtToCharge(key, now);
  debt = std::max(debt, now) + options_.interval;
}

absl::Duration RateLimit::Take(const std::string& key, absl::Time now) {
  base::MutexLock lock(mutex_);
  absl::Time& debt = DebtToCharge(key, now);
  const absl::Duration wait = WaitOf(debt, now);
  if (wait == absl::ZeroDuration()) {
    debt = std::max(debt, now) + options_.interval;
  }
  return wait;
}

absl::Duration RateLimit::WaitOf(absl::Time debt, absl::Time now) const {
  const absl::Duration allowed = options_.interval * (options_.burst - 1);
  return std::max(debt - now - allowed, absl::ZeroDuration());
}

absl::Time RateLimit::DebtOf(const std::string& key) const {
  const auto found = debts_.find(key);
  if (found != debts_.end()) return found->second;
  return debts_.size() < options_.keys_max ? absl::InfinitePast() : shared_;
}

absl::Time& RateLimit::DebtToCharge(const std::string& key, absl::Time now) {
  const auto found = debts_.find(key);
  if (found != debts_.end()) return found->second;
  if (debts_.size() >= options_.keys_max) {
    std::erase_if(debts_,
                  [now](const auto& entry) { return entry.second <= now; });
  }
  if (debts_.size() >= options_.keys_max) return shared_;
  return debts_.emplace(key, absl::InfinitePast()).first->second;
}

}  // namespace keyturn::access
