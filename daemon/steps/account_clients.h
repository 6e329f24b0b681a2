// The outside systems as the daemon's accounts describe them.
#ifndef KEYTURN_DAEMON_STEPS_ACCOUNT_CLIENTS_H_
#define KEYTURN_DAEMON_STEPS_ACCOUNT_CLIENTS_H_

#include <asio/io_context.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "daemon/base/clock.h"
#include "daemon/steps/outside.h"
#include "daemon/store/store.h"
#include "daemon/upstream/http/allowed_hosts.h"
#include "daemon/upstream/http/client.h"
#include "daemon/upstream/http/curl_transport.h"
#include "daemon/vault/vault.h"

namespace keyturn::steps {

// The address of a region's Celigo; kNone counts as kUs.
std::string_view CeligoOrigin(store::CeligoRegion region);

// Builds what an account's clients stand on when they are first asked for and
// keeps it: its connections, its rate limit, its count of refused logins and
// its access token are shared by all migrations of that account. At most as
// many as there are accounts.
//
// Belongs to the engine's thread.
class AccountClients final : public Outside {
 public:
  struct Options {
    store::Store& store;
    vault::Vault& vault;
    base::Clock& clock;
    // Told about every exchange; empty: nobody is.
    http::ExchangeObserver observer;
  };

  // Internal when libcurl lacks what is needed.
  static absl::StatusOr<std::unique_ptr<AccountClients>> Open(
      asio::io_context& context, Options options, http::AllowedHosts allowed);
  // The same over connections of the caller's, in place of the real network.
  static std::unique_ptr<AccountClients> Over(
      std::unique_ptr<http::CurlPool> pool,
      std::unique_ptr<http::RandomSource> random, Options options);

  absl::StatusOr<std::shared_ptr<celigo::Client>> Celigo(
      std::string_view account, vault::Openings& openings) override;
  absl::StatusOr<NetSuiteAccount> NetSuite(std::string_view account,
                                           vault::Openings& openings) override;
  void Forget(std::string_view account) override;
  void DropSecrets() override;

 private:
  // One account's stack.
  struct Entry {
    store::Account account;
    // NetSuite accounts only.
    std::shared_ptr<http::LoginGuard> guard;
    std::unique_ptr<http::Transport> transport;
    // NetSuite accounts only: without a credential, those that are given out
    // are made from it.
    std::unique_ptr<netsuite::Client> netsuite;
  };

  AccountClients(Options options, std::unique_ptr<http::CurlPool> pool,
                 std::unique_ptr<http::RandomSource> random);

  absl::StatusOr<std::shared_ptr<Entry>> Find(std::string_view account,
                                              store::AccountKind kind);
  absl::StatusOr<std::shared_ptr<Entry>> Make(store::Account account);
  void MakeCeligo(Entry& entry);
  absl::Status MakeNetSuite(Entry& entry);
  std::unique_ptr<http::Transport> NewTransport(const Entry& entry,
                                                http::RetryOptions retry,
                                                http::RateLimitOptions limit);

  const Options options_;
  const std::unique_ptr<http::CurlPool> pool_;
  const std::unique_ptr<http::RandomSource> random_;
  std::map<std::string, std::shared_ptr<Entry>, std::less<>> entries_;
};

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_ACCOUNT_CLIENTS_H_
