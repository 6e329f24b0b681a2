#include "daemon/steps/account_clients.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::steps {
namespace {

// NetSuite's smallest service tier allows five requests at once, shared with
// everything else of the customer's (NetSuite help bridgehead_1500275603).
constexpr size_t kNetSuiteConcurrentMax = 1;

celigo::Client::TokenSource CeligoTokens(vault::Vault& vault,
                                         std::string credential) {
  return [&vault, credential = std::move(
                      credential)]() -> absl::StatusOr<secret::Secret> {
    ASSIGN_OR_RETURN(vault::CeligoToken opened,
                     vault.OpenAs<vault::CeligoToken>(
                         credential, store::VersionLabel::kCurrent));
    return std::move(opened.token);
  };
}

absl::StatusOr<netsuite::AccessCredential> ToAccess(vault::Payload payload) {
  if (auto* tba = std::get_if<vault::NetSuiteTba>(&payload)) {
    netsuite::Tba credential;
    credential.consumer_key = std::move(tba->consumer_key);
    credential.consumer_secret = std::move(tba->consumer_secret);
    credential.token_id = std::move(tba->token_id);
    credential.token_secret = std::move(tba->token_secret);
    return netsuite::AccessCredential(std::move(credential));
  }
  if (auto* m2m = std::get_if<vault::NetSuiteM2m>(&payload)) {
    netsuite::M2m credential;
    credential.client_id = std::move(m2m->client_id);
    credential.certificate_id = std::string(m2m->certificate_id.Expose());
    credential.private_key_pem = std::move(m2m->private_key_pem);
    return netsuite::AccessCredential(std::move(credential));
  }
  return base::WithReason(
      absl::FailedPreconditionError(
          "a NetSuite account needs a netsuite-tba or netsuite-m2m credential"),
      "CREDENTIAL_KIND");
}

netsuite::CredentialSource AccessCredentials(vault::Vault& vault,
                                             std::string credential) {
  if (credential.empty()) return {};
  return [&vault, credential = std::move(credential)]()
             -> absl::StatusOr<netsuite::AccessCredential> {
    ASSIGN_OR_RETURN(vault::OpenedCredential opened,
                     vault.Open(credential, store::VersionLabel::kCurrent));
    return ToAccess(std::move(opened.payload));
  };
}

}  // namespace

std::string_view CeligoOrigin(store::CeligoRegion region) {
  switch (region) {
    case store::CeligoRegion::kNone:
    case store::CeligoRegion::kUs:
      return "https://api.integrator.io";
    case store::CeligoRegion::kEu:
      return "https://api.eu.integrator.io";
    case store::CeligoRegion::kAu:
      return "https://api.au.integrator.io";
    case store::CeligoRegion::kCa:
      return "https://api.ca.integrator.io";
  }
  return "https://api.integrator.io";
}

absl::StatusOr<std::unique_ptr<AccountClients>> AccountClients::Open(
    asio::io_context& context, Options options, http::AllowedHosts allowed) {
  ASSIGN_OR_RETURN(std::unique_ptr<http::CurlPool> pool,
                   http::CurlPool::Open(context.get_executor(), options.clock,
                                        std::move(allowed)));
  return Over(std::move(pool), http::NewRandomSource(), std::move(options));
}

std::unique_ptr<AccountClients> AccountClients::Over(
    std::unique_ptr<http::CurlPool> pool,
    std::unique_ptr<http::RandomSource> random, Options options) {
  return std::unique_ptr<AccountClients>(new AccountClients(
      std::move(options), std::move(pool), std::move(random)));
}

AccountClients::AccountClients(Options options,
                               std::unique_ptr<http::CurlPool> pool,
                               std::unique_ptr<http::RandomSource> random)
    : options_(std::move(options)),
      pool_(std::move(pool)),
      random_(std::move(random)) {}

absl::StatusOr<std::shared_ptr<celigo::Client>> AccountClients::Celigo(
    std::string_view account) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Entry> entry,
                   Find(account, store::AccountKind::kCeligo));
  return std::shared_ptr<celigo::Client>(entry, entry->celigo.get());
}

absl::StatusOr<NetSuiteAccount> AccountClients::NetSuite(
    std::string_view account) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Entry> entry,
                   Find(account, store::AccountKind::kNetSuite));
  return NetSuiteAccount{
      *entry->account_id,
      std::shared_ptr<netsuite::Client>(entry, entry->netsuite.get()),
      entry->has_access};
}

void AccountClients::Forget(std::string_view account) {
  const auto found = entries_.find(account);
  if (found != entries_.end()) entries_.erase(found);
}

void AccountClients::DropSecrets() {
  for (const auto& [account, entry] : entries_) {
    if (entry->netsuite != nullptr) entry->netsuite->DropAccessToken();
  }
}

absl::StatusOr<std::shared_ptr<AccountClients::Entry>> AccountClients::Find(
    std::string_view account, store::AccountKind kind) {
  const auto found = entries_.find(account);
  std::shared_ptr<Entry> entry;
  if (found != entries_.end()) {
    entry = found->second;
  } else {
    ASSIGN_OR_RETURN(const store::Account stored,
                     options_.store.GetAccount(account));
    ASSIGN_OR_RETURN(entry, Make(stored));
    entries_.emplace(std::string(account), entry);
  }
  const bool celigo = kind == store::AccountKind::kCeligo;
  if (celigo == (entry->celigo != nullptr)) return entry;
  return base::WithReason(
      absl::InvalidArgumentError(
          absl::StrCat("the account ", base::ToAbsl(account), " is not a ",
                       celigo ? "Celigo" : "NetSuite", " account")),
      "ACCOUNT_KIND");
}

absl::StatusOr<std::shared_ptr<AccountClients::Entry>> AccountClients::Make(
    const store::Account& account) {
  auto entry = std::make_shared<Entry>();
  switch (account.kind) {
    case store::AccountKind::kCeligo:
      RETURN_IF_ERROR(MakeCeligo(account, *entry));
      break;
    case store::AccountKind::kNetSuite:
      RETURN_IF_ERROR(MakeNetSuite(account, *entry));
      break;
  }
  return entry;
}

std::unique_ptr<http::Transport> AccountClients::NewTransport(
    const store::Account& account, http::RetryOptions retry,
    http::RateLimitOptions limit, Entry& entry) {
  http::CurlOptions wire;
  wire.ca_pem = account.ca_pem;
  http::AccountTransportOptions layers;
  layers.retry = retry;
  layers.rate_limit = limit;
  layers.login_guard = entry.guard;
  layers.observer = options_.observer;
  return http::MakeAccountTransport(pool_->NewTransport(std::move(wire)),
                                    std::move(layers), options_.clock,
                                    *random_);
}

absl::Status AccountClients::MakeCeligo(const store::Account& account,
                                        Entry& entry) {
  entry.transport = NewTransport(account, http::RetryOptions(),
                                 celigo::AccountRateLimit(), entry);
  entry.celigo = std::make_shared<celigo::Client>(
      *entry.transport,
      account.base_url.empty() ? std::string(CeligoOrigin(account.region))
                               : account.base_url,
      CeligoTokens(options_.vault, account.credential));
  return absl::OkStatus();
}

absl::Status AccountClients::MakeNetSuite(const store::Account& account,
                                          Entry& entry) {
  ASSIGN_OR_RETURN(const netsuite::AccountId id,
                   netsuite::AccountId::Parse(account.account_id));
  netsuite::Endpoints endpoints = netsuite::Endpoints::Of(id);
  if (!account.base_url.empty()) {
    ASSIGN_OR_RETURN(endpoints,
                     netsuite::Endpoints::AtBaseUrl(id, account.base_url));
  }
  // Celigo's token locks nobody out, and its 401 may be about the login of a
  // connection that was tested: only NetSuite's logins are counted.
  entry.guard = std::make_shared<http::LoginGuard>(account.name);
  http::RateLimitOptions limit;
  limit.concurrent_max = kNetSuiteConcurrentMax;
  entry.transport =
      NewTransport(account, netsuite::AccountRetry(), limit, entry);
  entry.account_id = id;
  entry.has_access = !account.credential.empty();
  netsuite::Client::Parts parts{
      id, std::move(endpoints),
      AccessCredentials(options_.vault, account.credential),
      /*nonce=*/{},
      /*jitter=*/[this] { return random_->Next(); }};
  entry.netsuite = std::make_shared<netsuite::Client>(
      std::move(parts), *entry.transport, options_.clock);
  return absl::OkStatus();
}

}  // namespace keyturn::steps
