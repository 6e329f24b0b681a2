#include "daemon/steps/account_questions.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/account_clients.h"
#include "daemon/upstream/celigo/client.h"
#include "daemon/upstream/http/url.h"
#include "daemon/upstream/netsuite/account_id.h"
#include "daemon/upstream/netsuite/client.h"

namespace keyturn::steps {
namespace {

using netsuite::ProbeResult;
using store::AccountKind;
using store::CredentialKind;

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

asio::awaitable<absl::StatusOr<Findings>> AskNetSuite(NetSuiteAccount account) {
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

std::string_view BaseUrlField(AccountKind kind) {
  return kind == AccountKind::kCeligo ? "account.celigo.base_url"
                                      : "account.netsuite.base_url";
}

}  // namespace

asio::awaitable<absl::StatusOr<Findings>> AskAccount(
    Outside& outside, store::Account account, vault::Openings& openings) {
  outside.Forget(account.name);
  if (account.kind == AccountKind::kCeligo) {
    absl::StatusOr<std::shared_ptr<celigo::Client>> client =
        outside.Celigo(account.name, openings);
    if (!client.ok()) co_return FindingOf(client.status());
    co_return co_await AskCeligo(*std::move(client));
  }
  absl::StatusOr<NetSuiteAccount> netsuite =
      outside.NetSuite(account.name, openings);
  if (!netsuite.ok()) co_return FindingOf(netsuite.status());
  co_return co_await AskNetSuite(*std::move(netsuite));
}

asio::awaitable<absl::StatusOr<std::vector<DiscoveredConnection>>>
DiscoverAccount(Outside& outside, std::string account,
                vault::Openings& openings) {
  const absl::StatusOr<std::shared_ptr<celigo::Client>> client =
      outside.Celigo(account, openings);
  if (!client.ok()) co_return client.status();
  co_return co_await Discover(**client);
}

absl::Status NormalizeAccount(store::Account& account) {
  if (account.kind == AccountKind::kNetSuite) {
    const auto id = netsuite::AccountId::Parse(account.account_id);
    if (!id.ok()) {
      return base::FieldError("account.netsuite.account_id",
                              base::MessageOf(id.status()));
    }
  }
  if (account.base_url.empty()) return absl::OkStatus();
  absl::StatusOr<std::string> normal = http::NormalizeBaseUrl(account.base_url);
  if (!normal.ok()) {
    return base::FieldError(BaseUrlField(account.kind),
                            base::MessageOf(normal.status()));
  }
  account.base_url = *std::move(normal);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> OriginsOf(
    const store::Account& account) {
  if (!account.base_url.empty()) {
    return std::vector<std::string>{account.base_url};
  }
  if (account.kind == AccountKind::kCeligo) {
    return std::vector<std::string>{std::string(CeligoOrigin(account.region))};
  }
  ASSIGN_OR_RETURN(const netsuite::AccountId id,
                   netsuite::AccountId::Parse(account.account_id));
  const netsuite::Endpoints endpoints = netsuite::Endpoints::Of(id);
  return std::vector<std::string>{endpoints.suitetalk, endpoints.restlets};
}

const std::vector<std::string>& VendorHosts() {
  static const auto& hosts = *new std::vector<std::string>{
      "api.integrator.io",
      "api.eu.integrator.io",
      "api.au.integrator.io",
      "api.ca.integrator.io",
      "*.suitetalk.api.netsuite.com",
      "*.restlets.api.netsuite.com",
  };
  return hosts;
}

absl::Status CheckCredentialFits(AccountKind account,
                                 CredentialKind credential) {
  const bool fits = account == AccountKind::kCeligo
                        ? credential == CredentialKind::kCeligoToken
                        : credential == CredentialKind::kNetSuiteTba ||
                              credential == CredentialKind::kNetSuiteM2m;
  if (fits) return absl::OkStatus();
  return base::WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "is a credential of kind ", base::ToAbsl(store::Name(credential)),
          "; such an account logs in with ",
          account == AccountKind::kCeligo ? "CELIGO_TOKEN"
                                          : "NETSUITE_TBA or NETSUITE_M2M")),
      "CREDENTIAL_KIND");
}

}  // namespace keyturn::steps
