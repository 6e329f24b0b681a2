#include "daemon/rpc/server.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <unistd.h>

#include <array>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/access/policy.h"
#include "daemon/base/status.h"
#include "daemon/rpc/migrations_service.h"
#include "daemon/rpc/registry_services.h"
#include "daemon/rpc/tasks_service.h"
#include "daemon/rpc/unix_listener.h"
#include "daemon/rpc/watch_hub.h"

namespace keyturn::rpc {
namespace {

using Acceptor = grpc::experimental::ExternalConnectionAcceptor;

constexpr uid_t kRootUid = 0;

// gRPC's own services come without a descriptor in our pool.
constexpr std::array<std::string_view, 3> kGrpcRpcs = {
    "grpc.health.v1.Health/Check",
    "grpc.health.v1.Health/Watch",
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
};

std::vector<std::string> ServiceNames() {
  return {
      v1::Access::service_full_name(),    v1::Accounts::service_full_name(),
      v1::Admin::service_full_name(),     v1::Credentials::service_full_name(),
      v1::Inventory::service_full_name(), v1::Migrations::service_full_name(),
      v1::Tasks::service_full_name()};
}

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

// gRPC's switches for the whole process.
void EnableHealthAndReflection() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

std::shared_ptr<grpc::ServerCredentials> TlsCredentials(
    const Server::Tcp& tcp) {
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = tcp.ca_pem;
  options.pem_key_cert_pairs.push_back(
      {std::string(tcp.key_pem.Expose()), tcp.certificate_pem});
  auto credentials = grpc::SslServerCredentials(options);
  secret::WipeString(options.pem_key_cert_pairs.front().private_key);
  return credentials;
}

class GrpcServer final : public Server {
 public:
  GrpcServer(Options options, std::unique_ptr<WatchHub> hub)
      : log_(std::move(options.log)),
        gate_({options.clock, std::move(options.call_log), geteuid(),
               std::move(options.fingerprint_key), options.records_requests}),
        hub_(std::move(hub)),
        migrations_(gate_, options.store, options.engine, *hub_),
        tasks_(gate_, options.store, options.engine),
        accounts_(gate_, options.store, options.engine, options.registry),
        credentials_(gate_, options.store, options.registry),
        inventory_(gate_, options.engine),
        access_(gate_),
        admin_(gate_, options.store, std::move(options.facts)) {}

  ~GrpcServer() override {
    if (server_ != nullptr) Shutdown(absl::InfinitePast());
  }

  absl::Status Serve(const std::optional<Tcp>& tcp,
                     const std::string& unix_path) {
    grpc::ServerBuilder builder;
    for (grpc::Service* service : std::initializer_list<grpc::Service*>{
             &migrations_, &tasks_, &accounts_, &credentials_, &inventory_,
             &access_, &admin_}) {
      builder.RegisterService(service);
    }
    SetLimits(builder);
    if (tcp.has_value()) {
      builder.AddListeningPort(tcp->address, TlsCredentials(*tcp), &tcp_port_);
    }
    if (!unix_path.empty()) RETURN_IF_ERROR(OpenUnix(unix_path, builder));
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || (tcp.has_value() && tcp_port_ == 0)) {
      return absl::UnavailableError(absl::StrCat(
          "cannot listen at ", tcp.has_value() ? tcp->address : unix_path,
          "; is the port in use, and do the certificate and its key in tls fit "
          "together?"));
    }
    for (const std::string& name : ServiceNames()) {
      server_->GetHealthCheckService()->SetServingStatus(name, true);
    }
    if (unix_ != nullptr) unix_->Start();
    return absl::OkStatus();
  }

  int tcp_port() const override { return tcp_port_; }

  void AnnounceStop() override { server_->GetHealthCheckService()->Shutdown(); }

  void Shutdown(absl::Time deadline) override {
    if (unix_ != nullptr) unix_->Stop();
    hub_->Stop();
    server_->Shutdown(absl::ToChronoTime(deadline));
  }

 private:
  static void SetLimits(grpc::ServerBuilder& builder) {
    builder.SetMaxReceiveMessageSize(kRequestBytesMax);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                               kStreamsPerConnectionMax);
    // A second daemon on the same port is an error, not a load balancer.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                               Milliseconds(kKeepaliveInterval));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                               Milliseconds(kKeepaliveTimeout));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(
        GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
        Milliseconds(kPeerKeepaliveMin));
  }

  // One acceptor for each user that is admitted, see peer.h.
  absl::Status OpenUnix(const std::string& path, grpc::ServerBuilder& builder) {
    constexpr auto kFromFd =
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD;
    const uid_t own_uid = geteuid();
    own_acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
        kFromFd, grpc::experimental::LocalServerCredentials(UDS));
    if (own_uid != kRootUid) {
      root_acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
          kFromFd, grpc::InsecureServerCredentials());
    }
    UnixListener::Options options;
    options.path = path;
    options.log = log_;
    options.admits = [own_uid](uid_t uid) {
      return uid == own_uid || uid == kRootUid;
    };
    options.accept = [this, own_uid](int fd, uid_t uid) {
      Acceptor& acceptor = uid == own_uid ? *own_acceptor_ : *root_acceptor_;
      Acceptor::NewConnectionParameters connection;
      connection.fd = fd;
      acceptor.HandleNewConnection(&connection);
    };
    ASSIGN_OR_RETURN(unix_, UnixListener::Open(std::move(options)));
    return absl::OkStatus();
  }

  const std::function<void(const std::string&)> log_;
  Gate gate_;
  const std::unique_ptr<WatchHub> hub_;
  MigrationsService migrations_;
  TasksService tasks_;
  AccountsService accounts_;
  CredentialsService credentials_;
  InventoryService inventory_;
  AccessService access_;
  AdminService admin_;

  int tcp_port_ = 0;
  std::unique_ptr<Acceptor> own_acceptor_;
  // Null when root is our own user.
  std::unique_ptr<Acceptor> root_acceptor_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<UnixListener> unix_;
};

}  // namespace

std::vector<std::string> ServedRpcs() {
  std::vector<std::string> rpcs(kGrpcRpcs.begin(), kGrpcRpcs.end());
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  for (const std::string& name : ServiceNames()) {
    const google::protobuf::ServiceDescriptor* service =
        pool->FindServiceByName(name);
    if (service == nullptr) continue;
    for (int i = 0; i < service->method_count(); ++i) {
      rpcs.push_back(absl::StrCat(name, "/", service->method(i)->name()));
    }
  }
  return rpcs;
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(Options options) {
  RETURN_IF_ERROR(access::CheckComplete(ServedRpcs()));
  EnableHealthAndReflection();
  ASSIGN_OR_RETURN(std::unique_ptr<WatchHub> hub,
                   WatchHub::Start(options.store, options.clock));
  std::optional<Tcp> tcp = std::move(options.tcp);
  const std::string unix_path = std::move(options.unix_path);
  auto server =
      std::make_unique<GrpcServer>(std::move(options), std::move(hub));
  RETURN_IF_ERROR(server->Serve(tcp, unix_path));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace keyturn::rpc
