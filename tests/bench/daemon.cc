#include "tests/bench/daemon.h"

#include <pthread.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/base/clock.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/allowed_hosts.h"
#include "daemon/vault/root_key.h"

namespace keyturn::bench {
namespace {

constexpr char kCredential[] = "celigo-token";

}  // namespace

std::string Daemon::CeligoAccountOf(int number) {
  return absl::StrCat("celigo-", number / kMigrationsPerAccount);
}

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Open(
    const std::string& directory, const Upstream& upstream, Trace& trace,
    int migrations) {
  auto daemon = std::unique_ptr<Daemon>(new Daemon());
  RETURN_IF_ERROR(daemon->OpenStore(directory, trace));
  RETURN_IF_ERROR(daemon->AddAccounts(upstream, migrations));
  RETURN_IF_ERROR(daemon->OpenEngine());
  return daemon;
}

Daemon::~Daemon() {
  context_.stop();
  if (thread_.joinable()) thread_.join();
  engine_.reset();
  clients_.reset();
  vault_.reset();
  store_.reset();
}

absl::Status Daemon::OpenStore(const std::string& directory, Trace& trace) {
  store::SqliteOptions options;
  options.path = absl::StrCat(directory, "/keyturn.db");
  ASSIGN_OR_RETURN(audit::ChainKey chain_key,
                   audit::ChainKey::DeriveFrom(secret::Secret("benchmark")));
  sealer_.SetKey(std::make_shared<audit::ChainKey>(std::move(chain_key)));
  options.audit_sealer = &sealer_;
  ASSIGN_OR_RETURN(std::unique_ptr<store::Store> store,
                   store::OpenSqliteStore(std::move(options)));
  store_ = std::make_unique<Meter>(std::move(store), trace);
  vault::RootKey root_key;
  root_key.key = secret::Secret(std::string(vault::kRootKeyBytes, 'k'));
  root_key.source = "the benchmark";
  ASSIGN_OR_RETURN(
      vault_, vault::Vault::Open(*store_, std::move(root_key), absl::Now()));
  return absl::OkStatus();
}

absl::Status Daemon::AddAccounts(const Upstream& upstream, int migrations) {
  const absl::Time now = absl::Now();
  store::Batch batch;
  vault::CeligoToken token;
  token.token = secret::Secret(std::string(32, 'c'));
  ASSIGN_OR_RETURN(
      store::CredentialWrite credential,
      vault_->SealNew(kCredential, vault::Payload(std::move(token)),
                      store::VersionLabel::kCurrent, "", "bench", now));
  batch.credentials.push_back(std::move(credential));
  store::Account netsuite;
  netsuite.name = NetSuiteAccount();
  netsuite.kind = store::AccountKind::kNetSuite;
  netsuite.account_id = kNetSuiteAccountId;
  netsuite.created_at = now;
  batch.accounts.push_back(store::CreateAccount{std::move(netsuite)});
  for (int number = 0; number < migrations; number += kMigrationsPerAccount) {
    store::Account celigo;
    celigo.name = CeligoAccountOf(number);
    celigo.kind = store::AccountKind::kCeligo;
    celigo.credential = kCredential;
    celigo.base_url = upstream.origin();
    celigo.ca_pem = upstream.ca_pem();
    celigo.created_at = now;
    batch.accounts.push_back(store::CreateAccount{std::move(celigo)});
  }
  return store_->CommitAndWait(std::move(batch)).status();
}

absl::Status Daemon::OpenEngine() {
  ASSIGN_OR_RETURN(http::AllowedHosts hosts,
                   http::AllowedHosts::Parse({"127.0.0.1"}));
  steps::AccountClients::Options clients{
      *store_, *vault_, base::RealClock(), {}};
  ASSIGN_OR_RETURN(clients_,
                   steps::AccountClients::Open(context_, std::move(clients),
                                               std::move(hosts)));
  engine_ = engine::Engine::Create(
      context_, {*store_, *vault_, *clients_, base::RealClock(),
                 [](const absl::Status&) {}, [](const std::string&) {}});
  RETURN_IF_ERROR(engine_->Start());
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "kt-engine");
    context_.run();
  });
  return absl::OkStatus();
}

}  // namespace keyturn::bench
