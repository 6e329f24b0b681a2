// The daemon as daemon/app builds it, without its servers: store on disk,
// vault, outside clients, steps, and the engine on its own thread.
#ifndef KEYTURN_TESTS_BENCH_DAEMON_H_
#define KEYTURN_TESTS_BENCH_DAEMON_H_

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/audit/sealer.h"
#include "daemon/engine/engine.h"
#include "daemon/steps/account_clients.h"
#include "daemon/vault/vault.h"
#include "tests/bench/meter.h"
#include "tests/bench/upstream.h"

namespace keyturn::bench {

// Celigo allows an account 1,000 calls at once and then 300 a second, and the
// daemon keeps to that: so few migrations share an account that it never waits.
inline constexpr int kMigrationsPerAccount = 40;

class Daemon {
 public:
  // With a new store in `directory`, and as many accounts as `migrations` need.
  static absl::StatusOr<std::unique_ptr<Daemon>> Open(
      const std::string& directory, const Upstream& upstream, Trace& trace,
      int migrations);
  // Drops what is under way, as a crash does.
  ~Daemon();

  engine::Engine& engine() { return *engine_; }
  Meter& store() { return *store_; }
  // Of the migration with this number, from 0.
  static std::string CeligoAccountOf(int number);
  static std::string NetSuiteAccount() { return "netsuite"; }

 private:
  Daemon() = default;

  absl::Status OpenStore(const std::string& directory, Trace& trace);
  absl::Status AddAccounts(const Upstream& upstream, int migrations);
  absl::Status OpenEngine();

  // In the order in which they depend on each other.
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{
      context_.get_executor()};
  audit::Sealer sealer_;
  std::unique_ptr<Meter> store_;
  std::unique_ptr<vault::Vault> vault_;
  std::unique_ptr<steps::AccountClients> clients_;
  std::unique_ptr<engine::Engine> engine_;
  std::thread thread_;
};

}  // namespace keyturn::bench

#endif  // KEYTURN_TESTS_BENCH_DAEMON_H_
