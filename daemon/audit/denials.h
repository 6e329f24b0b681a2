// Tells the trail of calls that were refused at the door, so that a flood of
// them cannot fill it: the first of a kind at once, how many more there were
// later.
#ifndef KEYTURN_DAEMON_AUDIT_DENIALS_H_
#define KEYTURN_DAEMON_AUDIT_DENIALS_H_

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "daemon/base/mutex.h"
#include "daemon/store/records.h"

namespace keyturn::audit {

// How long refusals of a kind are summed up.
inline constexpr absl::Duration kDenialWindow = absl::Minutes(1);
// Kinds that are told apart in one window; all others are one kind.
inline constexpr size_t kDenialKindsMax = 64;

// How many refusals a row that Denials gave tells of.
int64_t RefusalsIn(const store::AuditRow& row);

// Thread-safe. A kind is who (actor, transport, serial), what (action) and why
// (result).
class Denials {
 public:
  // The rows to be written now, for one more refusal at `now`: at most
  // 2 * kDenialKindsMax in a window.
  std::vector<store::AuditRow> Add(store::AuditRow row, absl::Time now);
  // The sums of a window that has ended before `now`; those of the present one,
  // too, when `now` is infinite.
  std::vector<store::AuditRow> Sums(absl::Time now);

 private:
  using Kind = std::tuple<std::string, std::string, std::string, std::string,
                          std::string>;
  struct Count {
    store::AuditRow row;
    int64_t more = 0;
  };

  std::vector<store::AuditRow> EndWindow(absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  base::Mutex mutex_;
  absl::Time window_end_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::map<Kind, Count> counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace keyturn::audit

#endif  // KEYTURN_DAEMON_AUDIT_DENIALS_H_
