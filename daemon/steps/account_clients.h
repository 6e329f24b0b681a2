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

// Builds an account's clients when they are first asked for and keeps them: its
// connections, its rate limit and its count of refused logins are shared by all
// migrations of that account. At most as many as there are accounts.
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
      std::string_view account) override;
  absl::StatusOr<NetSuiteAccount> NetSuite(std::string_view account) override;
  void Forget(std::string_view account) override;
  void DropSecrets() override;

 private:
  // One account's stack; the client is below what it uses.
  struct Entry {
    // NetSuite accounts only.
    std::shared_ptr<http::LoginGuard> guard;
    std::unique_ptr<http::Transport> transport;
    std::shared_ptr<celigo::Client> celigo;
    std::shared_ptr<netsuite::Client> netsuite;
    std::optional<netsuite::AccountId> account_id;
    bool has_access = false;
  };

  AccountClients(Options options, std::unique_ptr<http::CurlPool> pool,
                 std::unique_ptr<http::RandomSource> random);

  absl::StatusOr<std::shared_ptr<Entry>> Find(std::string_view account,
                                              store::AccountKind kind);
  absl::StatusOr<std::shared_ptr<Entry>> Make(const store::Account& account);
  absl::Status MakeCeligo(const store::Account& account, Entry& entry);
  absl::Status MakeNetSuite(const store::Account& account, Entry& entry);
  std::unique_ptr<http::Transport> NewTransport(const store::Account& account,
                                                http::RetryOptions retry,
                                                http::RateLimitOptions limit,
                                                Entry& entry);

  const Options options_;
  const std::unique_ptr<http::CurlPool> pool_;
  const std::unique_ptr<http::RandomSource> random_;
  std::map<std::string, std::shared_ptr<Entry>, std::less<>> entries_;
};

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_ACCOUNT_CLIENTS_H_
