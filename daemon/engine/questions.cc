#include "daemon/engine/questions.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/account_questions.h"

namespace keyturn::engine {
namespace {

// A system that cannot be reached is no fault of the daemon's, which the caller
// did reach: the reason tells the two apart.
absl::Status FromOutside(const absl::Status& status) {
  if (!absl::IsUnavailable(status) || !base::ReasonOf(status).empty()) {
    return status;
  }
  return base::WithReason(status, "OUTSIDE_UNAVAILABLE");
}

absl::Status Explain(const absl::Status& cut, std::string_view account) {
  if (!absl::IsDeadlineExceeded(cut)) return cut;
  return base::WithReason(
      absl::UnavailableError(absl::StrCat(
          base::ToAbsl(account), " did not answer in time; try again later")),
      "OUTSIDE_UNAVAILABLE");
}

template <typename T>
asio::awaitable<absl::StatusOr<T>> Within(
    const Engine::Options& options, TimeLimits& limits, absl::Duration limit,
    std::string account, asio::awaitable<absl::StatusOr<T>> work) {
  const absl::Time deadline = options.clock.Now() + limit;
  Limited<absl::StatusOr<T>> result =
      co_await limits.Run(std::move(work), deadline);
  if (!result.cut.ok()) co_return Explain(result.cut, account);
  if (!result.value.ok()) co_return FromOutside(result.value.status());
  co_return *std::move(result.value);
}

}  // namespace

asio::awaitable<absl::StatusOr<std::vector<steps::DiscoveredConnection>>>
Discover(const Engine::Options& options, TimeLimits& limits,
         std::string account, std::shared_ptr<vault::Openings> openings) {
  co_return co_await Within(
      options, limits, kDiscoverTimeout, account,
      steps::DiscoverAccount(options.outside, account, *openings));
}

asio::awaitable<absl::StatusOr<Findings>> TestAccount(
    const Engine::Options& options, TimeLimits& limits, std::string account,
    std::shared_ptr<vault::Openings> openings) {
  const absl::StatusOr<store::Account> stored =
      options.store.GetAccount(account);
  if (!stored.ok()) co_return stored.status();
  co_return co_await Within(
      options, limits, kTestAccountTimeout, account,
      steps::AskAccount(options.outside, *stored, *openings));
}

}  // namespace keyturn::engine
