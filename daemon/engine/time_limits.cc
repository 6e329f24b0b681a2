#include "daemon/engine/time_limits.h"

#include <typeinfo>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::engine {

absl::Status StoppingError() {
  return base::WithReason(
      absl::UnavailableError("the daemon is stopping; what was answered is "
                             "stored, send the rest again when it runs again"),
      "STOPPING");
}

TimeLimits::TimeLimits(asio::io_context& context, base::Clock& clock)
    : context_(context),
      clock_(clock),
      alarm_(context, clock, [this] { CutDue(); }) {}

void TimeLimits::CutAll() {
  cut_all_ = true;
  alarm_.Stop();
  CutRunning(StoppingError());
}

void TimeLimits::CutRunning(const absl::Status& why) {
  // A signal may end the work at once, which erases it.
  std::vector<Key> keys;
  for (const auto& [key, work] : running_) keys.push_back(key);
  for (const Key& key : keys) {
    const auto found = running_.find(key);
    if (found == running_.end()) continue;
    if (found->second.cut.ok()) found->second.cut = why;
    found->second.signal.emit(asio::cancellation_type::terminal);
  }
}

void TimeLimits::CutDue() {
  const absl::Time now = clock_.Now();
  std::vector<Key> due;
  for (const auto& [key, work] : running_) {
    if (key.first > now) break;
    if (work.cut.ok()) due.push_back(key);
  }
  for (const Key& key : due) {
    const auto found = running_.find(key);
    if (found == running_.end()) continue;
    found->second.cut = absl::DeadlineExceededError("took too long");
    found->second.signal.emit(asio::cancellation_type::terminal);
  }
  for (const auto& [key, work] : running_) {
    if (!work.cut.ok()) continue;
    alarm_.Set(key.first);
    break;
  }
}

absl::Status TimeLimits::Explain(const std::exception& thrown) {
  // The text of the exception may repeat what an outside system sent.
  return absl::InternalError(
      absl::StrCat("an exception of type ", typeid(thrown).name()));
}

}  // namespace keyturn::engine
