// A gRPC server over a real store and vault and a fake engine, in this process,
// with both transports.
#ifndef KEYTURN_TESTS_RPC_SERVED_DAEMON_H_
#define KEYTURN_TESTS_RPC_SERVED_DAEMON_H_

#include <grpcpp/channel.h>
#include <grpcpp/support/status.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/access/certificates.h"
#include "daemon/audit/sealer.h"
#include "daemon/audit/trail.h"
#include "daemon/base/mutex.h"
#include "daemon/engine/custodian.h"
#include "daemon/engine/registry.h"
#include "daemon/rpc/server.h"
#include "daemon/store/store.h"
#include "daemon/vault/vault.h"
#include "google/rpc/error_details.pb.h"
#include "tests/rpc/fake_engine.h"
#include "tests/store/samples.h"
#include "tests/support/fake_clock.h"

namespace keyturn::testing {

class ServedDaemon {
 public:
  explicit ServedDaemon(
      const std::function<void(rpc::Server::Options&)>& adjust = nullptr);
  ~ServedDaemon();

  // A new connection over TLS as that caller, who enrolled.
  std::shared_ptr<grpc::Channel> Tls(access::Roles roles,
                                     std::string_view name = "ann");
  // The same for one who is limited to `accounts`, as the certificate says; the
  // store says the same unless `stored` is given.
  std::shared_ptr<grpc::Channel> Limited(
      std::string_view name, const access::AccountScope& accounts,
      access::Roles roles = {access::Role::kAutomation},
      std::optional<std::vector<std::string>> stored = std::nullopt);
  // The same with a certificate of the test's choice; without one, as nobody.
  std::shared_ptr<grpc::Channel> Tls(const std::string& ca_pem,
                                     const access::CertifiedKey& client);
  // Stores that the daemon gave that certificate out.
  void Enter(const access::CertifiedKey& client,
             std::optional<std::vector<std::string>> accounts = std::nullopt);
  std::shared_ptr<grpc::Channel> Unix();
  // A new connection to the unix socket as that user of the machine. Needs
  // root's powers, see CanActAsOthers.
  std::shared_ptr<grpc::Channel> UnixAs(uid_t uid);
  std::shared_ptr<grpc::Channel> PlainTcp();

  std::string unix_path() const { return directory_.Path("d.sock"); }
  std::vector<rpc::CallRecord> calls();

  TemporaryDirectory directory_;
  // Real time: certificates are checked by gRPC against the machine's clock.
  FakeClock clock;
  access::CertifiedKey ca;
  audit::Sealer sealer;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<audit::Trail> trail;
  std::unique_ptr<vault::Vault> vault;
  FakeEngine engine;
  std::vector<std::string> forgotten;
  std::unique_ptr<engine::Registry> registry;
  std::unique_ptr<engine::Custodian> custodian;
  std::unique_ptr<rpc::Server> server;

 private:
  base::Mutex mutex_;
  std::vector<rpc::CallRecord> calls_ ABSL_GUARDED_BY(mutex_);
};

// Whether this process may connect as other users.
bool CanActAsOthers();

// What is in the details of an error; the test fails when they are malformed.
struct ErrorDetails {
  std::string reason;
  std::string domain;
  std::map<std::string, std::string> metadata;
  std::string field;
  std::string precondition;
  std::string resource_type;
  std::string resource_name;
  bool retry_info = false;
};
ErrorDetails DetailsOf(const grpc::Status& status);

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_RPC_SERVED_DAEMON_H_
