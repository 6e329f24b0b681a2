#include "daemon/engine/questions.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/upstream/celigo/client.h"
#include "daemon/upstream/netsuite/client.h"

namespace keyturn::engine {
namespace {

using netsuite::ProbeResult;

absl::StatusOr<Findings> Finding(bool accepted, std::string line) {
  Findings findings;
  findings.accepted = accepted;
  findings.lines.push_back(std::move(line));
  return findings;
}

// Whether the outside system, or our own rules, said no: an answer to the
// question.
bool IsRefusal(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) ||
         absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status);
}

absl::StatusOr<Findings> FindingOf(const absl::Status& status) {
  if (!IsRefusal(status)) return status;
  return Finding(/*accepted=*/false, base::MessageOf(status));
}

asio::awaitable<absl::StatusOr<Findings>> AskCeligo(
    std::shared_ptr<celigo::Client> client) {
  const absl::StatusOr<celigo::TokenInfo> info =
      co_await client->GetTokenInfo();
  if (!info.ok()) co_return FindingOf(info.status());
  const bool full = info->scope == "*";
  co_return Finding(
      /*accepted=*/true,
      absl::StrCat("Celigo accepts the token; it stands for user ",
                   info->user_id,
                   full ? " with full access"
                        : absl::StrCat(", limited to scope ", info->scope,
                                       "; a migration needs full access")));
}

asio::awaitable<absl::StatusOr<Findings>> AskNetSuite(
    steps::NetSuiteAccount account) {
  if (!account.has_access) {
    co_return Finding(
        /*accepted=*/false,
        "The account has no access credential, so NetSuite was not asked; "
        "tasks will guide a person through NetSuite's part.");
  }
  const absl::StatusOr<ProbeResult> probe = co_await account.client->Probe();
  if (!probe.ok()) co_return FindingOf(probe.status());
  const bool accepted = probe->verdict == ProbeResult::Verdict::kWorks ||
                        probe->verdict == ProbeResult::Verdict::kNoSuiteQl;
  co_return Finding(accepted, probe->summary);
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
  if (!result.value.ok()) co_return result.value.status();
  co_return *std::move(result.value);
}

}  // namespace

asio::awaitable<absl::StatusOr<std::vector<steps::DiscoveredConnection>>>
Discover(const Engine::Options& options, TimeLimits& limits,
         std::string account) {
  absl::StatusOr<std::shared_ptr<celigo::Client>> client =
      options.outside.Celigo(account);
  if (!client.ok()) co_return client.status();
  co_return co_await Within(options, limits, kDiscoverTimeout, account,
                            steps::Discover(**client));
}

asio::awaitable<absl::StatusOr<Findings>> TestAccount(
    const Engine::Options& options, TimeLimits& limits, std::string account) {
  const absl::StatusOr<store::Account> stored =
      options.store.GetAccount(account);
  if (!stored.ok()) co_return stored.status();
  options.outside.Forget(account);
  if (stored->kind == store::AccountKind::kCeligo) {
    absl::StatusOr<std::shared_ptr<celigo::Client>> client =
        options.outside.Celigo(account);
    if (!client.ok()) co_return FindingOf(client.status());
    co_return co_await Within(options, limits, kTestAccountTimeout, account,
                              AskCeligo(*std::move(client)));
  }
  absl::StatusOr<steps::NetSuiteAccount> netsuite =
      options.outside.NetSuite(account);
  if (!netsuite.ok()) co_return FindingOf(netsuite.status());
  co_return co_await Within(options, limits, kTestAccountTimeout, account,
                            AskNetSuite(*std::move(netsuite)));
}

}  // namespace keyturn::engine
