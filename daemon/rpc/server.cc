#include "daemon/rpc/server.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <map>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/access/certificates.h"
#include "daemon/access/policy.h"
#include "daemon/base/status.h"
#include "daemon/rpc/access_service.h"
#include "daemon/rpc/audit_service.h"
#include "daemon/rpc/campaigns_service.h"
#include "daemon/rpc/enrolment.h"
#include "daemon/rpc/identity_book.h"
#include "daemon/rpc/migrations_service.h"
#include "daemon/rpc/nesting.h"
#include "daemon/rpc/porter.h"
#include "daemon/rpc/registry_services.h"
#include "daemon/rpc/strangers.h"
#include "daemon/rpc/tasks_service.h"
#include "daemon/rpc/tcp_listener.h"
#include "daemon/rpc/unix_listener.h"
#include "daemon/rpc/watch_hub.h"

namespace keyturn::rpc {
namespace {

using Acceptor = grpc::experimental::ExternalConnectionAcceptor;

// Beyond the first: certificates change every few months.
constexpr size_t kGenerationsMax = 4;
constexpr auto kFromFd =
    grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD;

// gRPC's own services come without a descriptor in our pool.
constexpr std::array<std::string_view, 3> kGrpcRpcs = {
    "grpc.health.v1.Health/Check",
    "grpc.health.v1.Health/Watch",
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
};

std::vector<std::string> ServiceNames() {
  return {
      v1::Access::service_full_name(),    v1::Accounts::service_full_name(),
      v1::Admin::service_full_name(),     v1::Audit::service_full_name(),
      v1::Campaigns::service_full_name(), v1::Credentials::service_full_name(),
      v1::Inventory::service_full_name(), v1::Migrations::service_full_name(),
      v1::Tasks::service_full_name()};
}

// Those with a call that needs a secret: while the daemon is sealed their
// health is NOT_SERVING.
std::vector<std::string> SecretServiceNames() {
  return {v1::Accounts::service_full_name(),
          v1::Credentials::service_full_name(),
          v1::Inventory::service_full_name(),
          v1::Migrations::service_full_name(), v1::Tasks::service_full_name()};
}

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

// So that those whom nobody knows cannot make gRPC take from those who are.
static_assert(kStrangersCostMax <= kGrpcBytesMax / 2);
// A refusal by the enrolment tells more than one by the porter.
static_assert(kUnnamedCallsMax > kRefusedEnrolmentsMax);

// gRPC's switches for the whole process.
void EnableHealthAndReflection() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

std::string_view OutsidePemOf(const Server::Tcp& tcp) {
  return tcp.outside_ca.has_value() ? tcp.outside_ca->ca_pem
                                    : std::string_view();
}

// A certificate is asked for and verified, but not required: who enrols has
// none yet. What a caller without one may do, the table of permissions says.
// The authority goes along with the server's certificate, so that who enrols
// can recognise it by its fingerprint.
std::shared_ptr<grpc::ServerCredentials> TlsCredentials(
    const Server::Tcp& tcp, Gate& gate,
    const std::function<void(const std::string&)>& log) {
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs =
      absl::StrCat(tcp.ca_pem, "\n", base::ToAbsl(OutsidePemOf(tcp)));
  options.pem_key_cert_pairs.push_back(
      {std::string(tcp.key_pem.Expose()),
       absl::StrCat(tcp.certificate_pem,
                    tcp.ca_key_pem.empty() ? "" : tcp.ca_pem)});
  auto credentials = grpc::SslServerCredentials(options);
  secret::WipeString(options.pem_key_cert_pairs.front().private_key);
  credentials->SetAuthMetadataProcessor(std::make_shared<Porter>(gate, log));
  return credentials;
}

std::optional<access::CertifiedKey> AuthorityOf(
    const std::optional<Server::Tcp>& tcp) {
  if (!tcp.has_value() || tcp->ca_key_pem.empty()) return std::nullopt;
  return access::CertifiedKey{tcp->ca_pem, tcp->ca_key_pem.Clone()};
}

mode_t UnixModeOf(const Server::Options& options) {
  if (options.unix_peers.empty()) return 0600;
  return options.unix_group.has_value() ? 0660 : 0666;
}

// All that a connection is made with.
std::string FilesOf(const Server::Tcp& tcp) {
  return absl::StrCat(tcp.ca_pem, "\n", tcp.certificate_pem, "\n",
                      base::ToAbsl(OutsidePemOf(tcp)));
}

absl::Status UseAuthorities(const std::optional<Server::Tcp>& tcp,
                            access::Authorities& authorities) {
  return tcp.has_value() ? authorities.Use(tcp->ca_pem, tcp->outside_ca)
                         : absl::OkStatus();
}

class GrpcServer final : public Server {
 public:
  GrpcServer(Options& options, std::unique_ptr<IdentityBook> book,
             std::unique_ptr<WatchHub> hub)
      : log_(std::move(options.log)),
        clock_(options.clock),
        trail_(options.trail),
        unix_mode_(UnixModeOf(options)),
        unix_group_(options.unix_group),
        unix_peers_(
            access::WithOwners(std::move(options.unix_peers), geteuid())),
        book_(std::move(book)),
        enrolment_({options.store, options.clock, *book_, options.trail,
                    AuthorityOf(options.tcp), options.fingerprint_key}),
        strangers_({kStrangerBytesMax, kStrangersCostMax, log_}),
        gate_({options.clock, *book_, authorities_, options.trail,
               std::move(options.call_log), unix_peers_,
               std::move(options.fingerprint_key), options.records_requests,
               options.call_rate, options.call_time_max, strangers_}),
        hub_(std::move(hub)),
        migrations_(gate_, options.store, options.engine, *hub_),
        tasks_(gate_, options.store, options.engine),
        accounts_(gate_, options.store, options.engine, options.registry),
        credentials_(gate_, options.store, options.registry),
        campaigns_(gate_, options.store, options.engine),
        inventory_(gate_, options.store, options.engine),
        access_({gate_, options.store, options.clock, *book_, enrolment_}),
        custodian_(options.custodian),
        back_ups_({gate_, options.store, options.trail, options.custodian,
                   options.clock, std::move(options.store_path),
                   std::move(options.on_restored)}),
        admin_(gate_, options.store, options.custodian, options.clock,
               std::move(options.facts), back_ups_),
        audit_(gate_, options.store, options.trail) {
    quota_.Resize(kGrpcBytesMax);
  }

  ~GrpcServer() override { Shutdown(absl::InfinitePast()); }

  absl::Status Serve(const std::optional<Tcp>& tcp,
                     const std::string& unix_path) {
    grpc::ServerBuilder builder;
    if (!unix_path.empty()) RETURN_IF_ERROR(OpenUnix(unix_path, builder));
    custodian_.Listen([this](bool sealed) { TellHealth(sealed); });
    RETURN_IF_ERROR(UseAuthorities(tcp, authorities_));
    if (tcp.has_value()) RETURN_IF_ERROR(OpenTcp(tcp->address));
    RETURN_IF_ERROR(AddGeneration(tcp, builder));
    if (tcp.has_value()) Remember(*tcp);
    if (tcp_ != nullptr) tcp_->Start();
    if (unix_ != nullptr) unix_->Start();
    return absl::OkStatus();
  }

  int tcp_port() const override { return tcp_ == nullptr ? 0 : tcp_->port(); }

  absl::Status UseCertificates(Tcp certificates) override {
    const std::optional<Tcp> tcp = std::move(certificates);
    access::Authorities probe;
    RETURN_IF_ERROR(UseAuthorities(tcp, probe));
    if (FilesOf(*tcp) != served_) RETURN_IF_ERROR(ServeAnew(tcp));
    RETURN_IF_ERROR(UseAuthorities(tcp, authorities_));
    const bool same_outside = OutsidePemOf(*tcp) == outside_pem_;
    Remember(*tcp);
    book_->Review([this, same_outside](const access::Identity& identity) {
      return same_outside && authorities_.StillGrants(identity);
    });
    return absl::OkStatus();
  }

  void AnnounceStop() override {
    custodian_.Listen(nullptr);
    base::MutexLock lock(mutex_);
    for (const Generation& generation : generations_) {
      generation.server->GetHealthCheckService()->Shutdown();
    }
  }

  void Shutdown(absl::Time deadline) override {
    custodian_.Listen(nullptr);
    if (tcp_ != nullptr) tcp_->Stop();
    if (unix_ != nullptr) unix_->Stop();
    hub_->Stop();
    audit_.Stop();
    std::vector<Generation> generations;
    {
      base::MutexLock lock(mutex_);
      generations.swap(generations_);
    }
    for (const Generation& generation : generations) {
      generation.server->Shutdown(absl::ToChronoTime(deadline));
    }
  }

 private:
  // A gRPC server has its certificates for life. New ones need a new server,
  // which gets all connections from then on; those that are open stay with the
  // former one until they end. Services are shared.
  struct Generation {
    // Null without TCP.
    std::unique_ptr<Acceptor> tcp;
    std::unique_ptr<grpc::Server> server;
  };

  void Remember(const Tcp& tcp) {
    served_ = FilesOf(tcp);
    outside_pem_ = OutsidePemOf(tcp);
  }

  // A generation for new connections, instead of the oldest one where there are
  // many.
  absl::Status ServeAnew(const std::optional<Tcp>& tcp) {
    grpc::ServerBuilder builder;
    RETURN_IF_ERROR(AddGeneration(tcp, builder));
    if (std::optional<access::CertifiedKey> authority = AuthorityOf(tcp)) {
      enrolment_.SetAuthority(*std::move(authority));
    }
    Generation oldest;
    {
      base::MutexLock lock(mutex_);
      if (generations_.size() <= kGenerationsMax) return absl::OkStatus();
      // The first one has the unix socket too.
      oldest = std::move(generations_[1]);
      generations_.erase(generations_.begin() + 1);
    }
    oldest.server->Shutdown(std::chrono::system_clock::now());
    return absl::OkStatus();
  }

  absl::Status AddGeneration(const std::optional<Tcp>& tcp,
                             grpc::ServerBuilder& builder) {
    for (grpc::Service* service : std::initializer_list<grpc::Service*>{
             &migrations_, &tasks_, &accounts_, &credentials_, &campaigns_,
             &inventory_, &access_, &admin_, &audit_}) {
      builder.RegisterService(service);
    }
    SetLimits(builder);
    Generation generation;
    if (tcp.has_value()) {
      // gRPC itself finds out only when somebody connects.
      RETURN_IF_ERROR(access::CheckCertificates(tcp->certificate_pem));
      RETURN_IF_ERROR(access::CheckKeyFits(tcp->certificate_pem, tcp->key_pem));
      generation.tcp = builder.experimental().AddExternalConnectionAcceptor(
          kFromFd, TlsCredentials(*tcp, gate_, log_));
    }
    generation.server = builder.BuildAndStart();
    if (generation.server == nullptr) {
      return absl::UnavailableError("gRPC does not start");
    }
    for (const std::string& name : ServiceNames()) {
      generation.server->GetHealthCheckService()->SetServingStatus(name, true);
    }
    base::MutexLock lock(mutex_);
    SetSecretServices(generation);
    generations_.push_back(std::move(generation));
    return absl::OkStatus();
  }

  void TellHealth(bool sealed) {
    base::MutexLock lock(mutex_);
    sealed_ = sealed;
    for (const Generation& generation : generations_) {
      SetSecretServices(generation);
    }
  }

  void SetSecretServices(const Generation& generation)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (const std::string& name : SecretServiceNames()) {
      generation.server->GetHealthCheckService()->SetServingStatus(name,
                                                                   !sealed_);
    }
  }

  void SetLimits(grpc::ServerBuilder& builder) const {
    builder.SetResourceQuota(quota_);
    builder.SetMaxReceiveMessageSize(kRequestBytesMax);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                               kStreamsPerConnectionMax);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                               Milliseconds(kHandshakeTimeout));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                               Milliseconds(kIdleConnectionMax));
    // gRPC unpacks a message before it looks at its size: a small one could
    // fill the memory. Nobody needs that here.
    for (const grpc_compression_algorithm algorithm :
         {GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP}) {
      builder.SetCompressionAlgorithmSupportStatus(algorithm,
                                                   /*enabled=*/false);
    }
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                               Milliseconds(kKeepaliveInterval));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                               Milliseconds(kKeepaliveTimeout));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(
        GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
        Milliseconds(kPeerKeepaliveMin));
  }

  absl::Status OpenTcp(const std::string& address) {
    TcpListener::Options options;
    options.address = address;
    options.log = log_;
    options.strangers = &strangers_;
    options.accept = [this](int fd) {
      base::MutexLock lock(mutex_);
      HandOver(fd, *generations_.back().tcp);
    };
    ASSIGN_OR_RETURN(tcp_, TcpListener::Open(std::move(options)));
    return absl::OkStatus();
  }

  static void HandOver(int fd, Acceptor& acceptor) {
    Acceptor::NewConnectionParameters connection;
    connection.fd = fd;
    acceptor.HandleNewConnection(&connection);
  }

  // One acceptor for each user that is admitted, see peer.h.
  absl::Status OpenUnix(const std::string& path, grpc::ServerBuilder& builder) {
    for (const auto& [uid, grant] : unix_peers_) {
      auto credentials = grpc::experimental::LocalServerCredentials(UDS);
      credentials->SetAuthMetadataProcessor(std::make_shared<Usher>(uid));
      unix_acceptors_[uid] =
          builder.experimental().AddExternalConnectionAcceptor(
              kFromFd, std::move(credentials));
    }
    UnixListener::Options options;
    options.path = path;
    options.mode = unix_mode_;
    options.group = unix_group_;
    options.log = log_;
    options.admits = [this](uid_t uid) { return unix_peers_.contains(uid); };
    options.refused = [this](uid_t uid) { TellRefused(uid); };
    options.accept = [this](int fd, uid_t uid) {
      HandOver(fd, *unix_acceptors_.at(uid));
    };
    ASSIGN_OR_RETURN(unix_, UnixListener::Open(std::move(options)));
    return absl::OkStatus();
  }

  void TellRefused(uid_t uid) {
    store::AuditRow row;
    row.time = clock_.Now();
    row.actor = absl::StrCat("uid:", uid);
    row.transport = access::Name(access::Transport::kUnix);
    row.peer = row.actor;
    row.action = "connect";
    row.target = "unix socket";
    row.result = absl::StatusCodeToString(absl::StatusCode::kPermissionDenied);
    row.detail = "the configuration does not name this user";
    trail_.Deny(std::move(row));
  }

  const std::function<void(const std::string&)> log_;
  base::Clock& clock_;
  audit::Trail& trail_;
  const mode_t unix_mode_;
  const std::optional<gid_t> unix_group_;
  const access::UnixPeers unix_peers_;
  const std::unique_ptr<IdentityBook> book_;
  access::Authorities authorities_;
  Enrolment enrolment_;
  Strangers strangers_;
  Gate gate_;
  const std::unique_ptr<WatchHub> hub_;
  MigrationsService migrations_;
  TasksService tasks_;
  AccountsService accounts_;
  CredentialsService credentials_;
  CampaignsService campaigns_;
  InventoryService inventory_;
  AccessService access_;
  engine::Custodian& custodian_;
  BackUpStreams back_ups_;
  AdminService admin_;
  AuditService audit_;

  grpc::ResourceQuota quota_;
  // Of each of unix_peers_, once the socket is open.
  std::map<uid_t, std::unique_ptr<Acceptor>> unix_acceptors_;
  // Of the thread that serves, and then uses certificates.
  std::string served_;
  std::string outside_pem_;
  base::Mutex mutex_;
  // Oldest first; empty before Serve and after Shutdown.
  std::vector<Generation> generations_ ABSL_GUARDED_BY(mutex_);
  bool sealed_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<TcpListener> tcp_;
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
  RETURN_IF_ERROR(CheckTypes(ServedRpcs()));
  EnableHealthAndReflection();
  auto book = std::make_unique<IdentityBook>(IdentityBook::Options{
      options.store, options.clock,
      /*knows_all=*/AuthorityOf(options.tcp).has_value()});
  ASSIGN_OR_RETURN(std::unique_ptr<WatchHub> hub,
                   WatchHub::Start(options.store, options.clock,
                                   [book = book.get(), &clock = options.clock] {
                                     book->CutExpired(clock.Now());
                                   }));
  const std::string unix_path = std::move(options.unix_path);
  const std::optional<Tcp>& tcp = options.tcp;
  auto server =
      std::make_unique<GrpcServer>(options, std::move(book), std::move(hub));
  RETURN_IF_ERROR(server->Serve(tcp, unix_path));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace keyturn::rpc
