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
                                         std::string credential,
                                         vault::Openings& openings) {
  return [&vault, &openings,
          credential =
              std::move(credential)]() -> absl::StatusOr<secret::Secret> {
    ASSIGN_OR_RETURN(vault::CeligoToken opened,
                     vault.OpenAs<vault::CeligoToken>(
                         credential, store::VersionLabel::kCurrent, openings));
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
                                             std::string credential,
                                             vault::Openings& openings) {
  if (credential.empty()) return {};
  return [&vault, &openings, credential = std::move(credential)]()
             -> absl::StatusOr<netsuite::AccessCredential> {
    ASSIGN_OR_RETURN(
        vault::OpenedCredential opened,
        vault.Open(credential, store::VersionLabel::kCurrent, openings));
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
    std::string_view account, vault::Openings& openings) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Entry> entry,
                   Find(account, store::AccountKind::kCeligo));
  struct Lent {
    std::shared_ptr<Entry> entry;
    celigo::Client client;
  };
  const store::Account& stored = entry->account;
  const std::shared_ptr<Lent> lent(new Lent{
      entry,
      celigo::Client(
          *entry->transport,
          stored.base_url.empty() ? std::string(CeligoOrigin(stored.region))
                                  : stored.base_url,
          CeligoTokens(options_.vault, stored.credential, openings))});
  return std::shared_ptr<celigo::Client>(lent, &lent->client);
}

absl::StatusOr<NetSuiteAccount> AccountClients::NetSuite(
    std::string_view account, vault::Openings& openings) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Entry> entry,
                   Find(account, store::AccountKind::kNetSuite));
  struct Lent {
    std::shared_ptr<Entry> entry;
    std::unique_ptr<netsuite::Client> client;
  };
  const std::string& credential = entry->account.credential;
  const std::shared_ptr<Lent> lent(
      new Lent{entry, entry->netsuite->With(AccessCredentials(
                          options_.vault, credential, openings))});
  return NetSuiteAccount{
      entry->netsuite->account(),
      std::shared_ptr<netsuite::Client>(lent, lent->client.get()),
      /*has_access=*/!credential.empty()};
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
    ASSIGN_OR_RETURN(store::Account stored, options_.store.GetAccount(account));
    ASSIGN_OR_RETURN(entry, Make(std::move(stored)));
    entries_.emplace(std::string(account), entry);
  }
  if (kind == entry->account.kind) return entry;
  const bool celigo = kind == store::AccountKind::kCeligo;
  return base::WithReason(
      absl::InvalidArgumentError(
          absl::StrCat("the account ", base::ToAbsl(account), " is not a ",
                       celigo ? "Celigo" : "NetSuite", " account")),
      "ACCOUNT_KIND");
}

absl::StatusOr<std::shared_ptr<AccountClients::Entry>> AccountClients::Make(
    store::Account account) {
  auto entry = std::make_shared<Entry>();
  entry->account = std::move(account);
  switch (entry->account.kind) {
    case store::AccountKind::kCeligo:
      MakeCeligo(*entry);
      break;
    case store::AccountKind::kNetSuite:
      RETURN_IF_ERROR(MakeNetSuite(*entry));
      break;
  }
  return entry;
}

std::unique_ptr<http::Transport> AccountClients::NewTransport(
    const Entry& entry, http::RetryOptions retry,
    http::RateLimitOptions limit) {
  http::CurlOptions wire;
  wire.ca_pem = entry.account.ca_pem;
  http::AccountTransportOptions layers;
  layers.retry = retry;
  layers.rate_limit = limit;
  layers.login_guard = entry.guard;
  layers.observer = options_.observer;
  return http::MakeAccountTransport(pool_->NewTransport(std::move(wire)),
                                    std::move(layers), options_.clock,
                                    *random_);
}

void AccountClients::MakeCeligo(Entry& entry) {
  entry.transport =
      NewTransport(entry, http::RetryOptions(), celigo::AccountRateLimit());
}

absl::Status AccountClients::MakeNetSuite(Entry& entry) {
  const store::Account& account = entry.account;
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
  entry.transport = NewTransport(entry, netsuite::AccountRetry(), limit);
  netsuite::Client::Parts parts{id, std::move(endpoints), /*credential=*/{},
                                /*nonce=*/{},
                                /*jitter=*/[this] { return random_->Next(); }};
  entry.netsuite = std::make_unique<netsuite::Client>(
      std::move(parts), *entry.transport, options_.clock);
  return absl::OkStatus();
}

}  // namespace keyturn::steps
