#ifndef KEYTURN_CLI_CLIENT_H_
#define KEYTURN_CLI_CLIENT_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/context.h"
#include "cli/errors.h"
#include "cli/names.h"
#include "keyturn/v1/access.grpc.pb.h"
#include "keyturn/v1/accounts.grpc.pb.h"
#include "keyturn/v1/admin.grpc.pb.h"
#include "keyturn/v1/audit.grpc.pb.h"
#include "keyturn/v1/campaigns.grpc.pb.h"
#include "keyturn/v1/credentials.grpc.pb.h"
#include "keyturn/v1/inventory.grpc.pb.h"
#include "keyturn/v1/migrations.grpc.pb.h"
#include "keyturn/v1/tasks.grpc.pb.h"

namespace keyturn::cli {

// Without --timeout: how long a call may take in which the daemon only looks
// into its store, and one in which it asks outside systems first.
inline constexpr absl::Duration kStoreCallTimeout = absl::Seconds(30);
inline constexpr absl::Duration kOutsideCallTimeout = absl::Minutes(5);

// One daemon, reached over mutual TLS or a unix socket. Thread-safe.
class Client {
 public:
  // Does not connect yet; the first call does. InvalidArgument for a context
  // that cannot be used. `timeout` replaces the ones above.
  static absl::StatusOr<std::unique_ptr<Client>> Make(
      const Context& context, std::optional<absl::Duration> timeout);

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // One unary call, for example Call(&v1::Migrations::Stub::GetMigration,
  // request). A request that has a `request_id` gets one, so that the daemon
  // does a repeated one only once.
  //
  // While the daemon cannot be reached the same request is sent again, a few
  // times and only within the timeout. Unavailable when that did not help, also
  // when the time ran out before there was a connection. All other errors are
  // the daemon's.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                   Response*),
      std::type_identity_t<Request>& request,
      absl::Duration default_timeout = kStoreCallTimeout) {
    if constexpr (requires { request.set_request_id(std::string()); }) {
      if (request.request_id().empty()) request.set_request_id(NewRequestId());
    }
    Stub& stub = *std::get<std::unique_ptr<Stub>>(stubs_);
    Response response;
    const absl::Status status = Attempt(
        [&](grpc::ClientContext& context) {
          return (stub.*method)(&context, request, &response);
        },
        timeout_.value_or(default_timeout));
    if (!status.ok()) return status;
    return response;
  }

  // Opens a watch; it lasts until `context` is cancelled or the daemon ends it,
  // and begins only when the connection stands. `context` must live longer.
  std::unique_ptr<grpc::ClientReader<v1::WatchMigrationsResponse>> Watch(
      grpc::ClientContext& context, const v1::WatchMigrationsRequest& request);

  // Watches the audit trail; as Watch.
  std::unique_ptr<grpc::ClientReader<v1::TailAuditResponse>> TailAudit(
      grpc::ClientContext& context, const v1::TailAuditRequest& request);

  // A back-up's pieces; and one that comes back. As Watch.
  std::unique_ptr<grpc::ClientReader<v1::BackUpResponse>> BackUp(
      grpc::ClientContext& context, const v1::BackUpRequest& request);
  std::unique_ptr<grpc::ClientWriter<v1::RestoreRequest>> Restore(
      grpc::ClientContext& context, v1::RestoreResponse* response);

  // Works on the connection until it stands or `until` has come, and tells
  // whether it stands. gRPC's synchronous calls connect only while somebody
  // waits in one of them: who pauses between calls pauses here.
  bool WaitForConnection(absl::Time until);

  // What a stream ended with, told as Call would tell it.
  absl::Status Tell(const grpc::Status& status) const;

  const std::string& server() const { return server_; }

 private:
  template <typename... Services>
  using Stubs = std::tuple<std::unique_ptr<typename Services::Stub>...>;

  Client(std::string server, std::shared_ptr<grpc::Channel> channel,
         std::optional<absl::Duration> timeout);

  absl::Status Attempt(
      const std::function<grpc::Status(grpc::ClientContext&)>& call,
      absl::Duration timeout);

  const std::string server_;
  const std::optional<absl::Duration> timeout_;
  const std::shared_ptr<grpc::Channel> channel_;
  const Stubs<v1::Access, v1::Accounts, v1::Admin, v1::Audit, v1::Campaigns,
              v1::Credentials, v1::Inventory, v1::Migrations, v1::Tasks>
      stubs_;
};

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_CLIENT_H_
