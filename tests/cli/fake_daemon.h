#ifndef KEYTURN_TESTS_CLI_FAKE_DAEMON_H_
#define KEYTURN_TESTS_CLI_FAKE_DAEMON_H_

#include <grpcpp/server.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "google/rpc/error_details.pb.h"
#include "keyturn/v1/access.grpc.pb.h"
#include "keyturn/v1/accounts.grpc.pb.h"
#include "keyturn/v1/admin.grpc.pb.h"
#include "keyturn/v1/campaigns.grpc.pb.h"
#include "keyturn/v1/credentials.grpc.pb.h"
#include "keyturn/v1/inventory.grpc.pb.h"
#include "keyturn/v1/migrations.grpc.pb.h"
#include "keyturn/v1/tasks.grpc.pb.h"
#include "tests/cli/certificates.h"

namespace keyturn::cli {

// An error as the daemon tells it.
grpc::Status MakeError(
    grpc::StatusCode code, const std::string& reason,
    const std::string& message,
    const std::vector<google::rpc::BadRequest::FieldViolation>& violations =
        {});

// The API's services over values in memory, for tests of its clients. It keeps
// the promises that clients build on (the order of events, snapshots, the same
// answer for the same request id) and migrates nothing: the test says what
// happens. Thread-safe.
class FakeDaemon {
 public:
  FakeDaemon();
  ~FakeDaemon();
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  // Listens on 127.0.0.1 with mutual TLS, on the port it had before or on a
  // free one, and on a unix socket where one was set.
  void Start();
  void Stop();
  void ListenOnUnixSocket(const std::string& path) { socket_ = path; }

  // How the vault stands, and what it was last unsealed with. Not to be touched
  // while a call is under way.
  v1::VaultStatus vault;
  std::string passphrase;
  std::string previous_passphrase;

  // The pieces of what BackUp sends, and all that Restore got; as above.
  std::vector<std::string> back_up;
  std::string restored;

  // What Discover finds beside its own connection; as above.
  v1::DiscoverResponse discovered;

  // While it is stopped: hangs up on the next `times` connections to its port.
  void HangUp(int times);

  // A file of contexts that leads here; with a certificate of another age.
  std::string ContextYaml() const;
  std::string ContextYaml(const Identity& client) const;
  const Certificates& certificates() const { return certificates_; }
  std::string UnixContextYaml() const;

  // What the next create answers, and what is there.
  void Put(const v1::Migration& migration);
  void Put(const v1::Task& task);
  // Makes an event durable and sends it to whoever watches; the migration
  // becomes `after` where that is given.
  void Emit(const v1::Event& event,
            std::optional<v1::Migration> after = std::nullopt);
  // Breaks every watch, as a restart does.
  void BreakWatches();

  // The next call of this name ("CreateMigration") fails so, `times` times.
  void Fail(const std::string& method, const grpc::Status& status,
            int times = 1);
  // Called within the call of this name, before it is answered.
  void When(const std::string& method, std::function<void()> action);

  // Full text of each request in the order of arrival, with its method's name
  // before it. Secrets handed in are among them.
  std::vector<std::string> requests() const;
  // Request ids that came for this method, in order.
  std::vector<std::string> request_ids(const std::string& method) const;
  // Waits until this method was called so often; false after 10 seconds.
  bool WaitForCalls(const std::string& method, int times);
  // Waits until so many watches were accepted and have sent their snapshots:
  // what happens afterwards reaches them as events.
  bool WaitForWatches(int times);

 private:
  class MigrationsService;
  class TasksService;
  class CredentialsService;
  class AccountsService;
  class CampaignsService;
  class InventoryService;
  class AccessService;
  class AdminService;

  // How often the watches were broken.
  int generation() const;

  // What every call goes through first.
  grpc::Status Enter(const std::string& method,
                     const google::protobuf::Message& request);

  const Certificates certificates_;
  std::string socket_;
  int port_ = 0;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;

  mutable absl::Mutex mutex_;
  std::map<std::string, v1::Migration> migrations_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::Task> tasks_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::Credential> credentials_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::Account> accounts_ ABSL_GUARDED_BY(mutex_);
  v1::Migration next_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::Event> events_ ABSL_GUARDED_BY(mutex_);
  int generation_ ABSL_GUARDED_BY(mutex_) = 0;
  int watches_begun_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::vector<grpc::Status>> failures_
      ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::function<void()>> actions_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<std::string, std::string>> requests_
      ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<std::string, std::string>> request_ids_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace keyturn::cli

#endif  // KEYTURN_TESTS_CLI_FAKE_DAEMON_H_
