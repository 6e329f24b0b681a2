#include "tests/rpc/served_daemon.h"

#include <fcntl.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/vault/root_key.h"
#include "google/rpc/status.pb.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {
namespace {

// gRPC shares connections between channels that look alike.
grpc::ChannelArguments OwnConnection() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

// Negative when the socket's file refuses.
int ConnectTo(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) != 0) {
    close(fd);
    return -1;
  }
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

}  // namespace

ServedDaemon::ServedDaemon(
    const std::function<void(rpc::Server::Options&)>& adjust)
    : clock(absl::Now()),
      ca(access::MakeCa("test-ca", absl::Now()).value()),
      store(OpenSealedStore(directory_.Path("store/keyturn.db"), &sealer)) {
  sealer.SetKey(std::make_shared<audit::ChainKey>(
      audit::ChainKey::DeriveFrom(secret::Secret("a key for the trail"))
          .value()));
  trail = std::make_unique<audit::Trail>(audit::Trail::Options{
      *store, sealer, clock, directory_.Path("checkpoints"),
      audit::kCheckpointInterval, [](const std::string&) {},
      [](const std::string&) {}});
  EXPECT_THAT(vault::GenerateRootKeyFile(directory_.Path("root.key")), IsOk());
  vault =
      vault::Vault::Open(
          *store, vault::ReadRootKeyFile(directory_.Path("root.key")).value(),
          clock.Now())
          .value();
  const std::vector<std::string> allowed = {"api.integrator.io",
                                            "allowed.example"};
  registry = std::make_unique<engine::Registry>(engine::Registry::Options{
      *store, *vault, engine, clock, http::AllowedHosts::Parse(allowed).value(),
      [this](const std::string& account) { forgotten.push_back(account); }});
  engine.on_park = [this] { vault->DropKeys(); };
  vault::RootKeySources root_key;
  root_key.current = vault::RootKeyFile{directory_.Path("root.key")};
  custodian = std::make_unique<engine::Custodian>(
      engine::Custodian::Options{*store, *vault, engine, clock, root_key,
                                 [](const std::string&) {}},
      vault::ReadRootKeys(root_key, {}).value());
  access::CertifiedKey server_key =
      access::IssueServerCertificate(ca, {}, absl::Now()).value();
  rpc::Server::Options options{
      *store,
      engine,
      *registry,
      *trail,
      *custodian,
      clock,
      {"1.2.3", At(0), At(1), allowed,
       [] {
         return rpc::Diagnosis{.configuration = {{"listen.tcp", "127.0.0.1:1"}},
                               .process = {{"kernel", "a kernel"}},
                               .log_lines = {"msg=ready"}};
       }},
      [this] { return vault->DeriveKey("fingerprints"); },
      rpc::Server::Tcp{"127.0.0.1:0", ca.certificate_pem,
                       server_key.certificate_pem,
                       std::move(server_key.key_pem), ca.key_pem.Clone()},
      unix_path(),
      [this](const rpc::CallRecord& record) {
        base::MutexLock lock(mutex_);
        calls_.push_back(record);
      },
      [](const std::string&) {}};
  if (adjust) adjust(options);
  server = rpc::Server::Start(std::move(options)).value();
}

ServedDaemon::~ServedDaemon() {
  server->Shutdown(absl::InfinitePast());
  server = nullptr;
}

std::vector<rpc::CallRecord> ServedDaemon::calls() {
  base::MutexLock lock(mutex_);
  return calls_;
}

std::shared_ptr<grpc::Channel> ServedDaemon::Tls(access::Roles roles,
                                                 std::string_view name) {
  const access::CertifiedKey client =
      access::IssueClientCertificate(ca, name, roles, absl::Now(),
                                     access::kClientLifetime)
          .value();
  Enter(client);
  return Tls(ca.certificate_pem, client);
}

std::shared_ptr<grpc::Channel> ServedDaemon::Limited(
    std::string_view name, const access::AccountScope& accounts,
    access::Roles roles, std::optional<std::vector<std::string>> stored) {
  const access::CertifiedKey client =
      access::IssueClientCertificate(ca, name, roles, absl::Now(),
                                     access::kClientLifetime, accounts)
          .value();
  Enter(client, std::move(stored));
  return Tls(ca.certificate_pem, client);
}

void ServedDaemon::Enter(const access::CertifiedKey& client,
                         std::optional<std::vector<std::string>> accounts) {
  const access::Identity identity =
      access::IdentityOfCertificate(client.certificate_pem).value();
  store::AddCertificate write;
  write.certificate.serial = identity.certificate_serial;
  write.certificate.identity = identity.name;
  write.certificate.roles = identity.roles.Names();
  write.certificate.accounts =
      std::move(accounts).value_or(identity.accounts.Names());
  write.certificate.issued_at = clock.Now();
  write.certificate.expires_at = *identity.certificate_expires_at;
  write.certificate.creator = "test";
  store::Batch batch;
  batch.identities.push_back(std::move(write));
  EXPECT_THAT(store->CommitAndWait(std::move(batch)).status(), IsOk());
}

std::shared_ptr<grpc::Channel> ServedDaemon::Tls(
    const std::string& ca_pem, const access::CertifiedKey& client) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = ca_pem;
  options.pem_private_key = std::string(client.key_pem.Expose());
  options.pem_cert_chain = client.certificate_pem;
  grpc::ChannelArguments arguments = OwnConnection();
  arguments.SetSslTargetNameOverride(std::string(access::kServerName));
  return grpc::CreateCustomChannel(
      absl::StrCat("127.0.0.1:", server->tcp_port()),
      grpc::SslCredentials(options), arguments);
}

std::shared_ptr<grpc::Channel> ServedDaemon::Unix() {
  return grpc::CreateCustomChannel("unix:" + unix_path(),
                                   grpc::InsecureChannelCredentials(),
                                   OwnConnection());
}

std::shared_ptr<grpc::Channel> ServedDaemon::UnixAs(uid_t uid) {
  std::filesystem::permissions(directory_.Path("."),
                               std::filesystem::perms(0711));
  int fd = -1;
  std::thread([this, uid, &fd] {
    // By the system call alone: the library's function would make all threads
    // that user, not just this one.
    constexpr auto kSame = static_cast<uid_t>(-1);
    if (syscall(SYS_setresuid, kSame, uid, kSame) != 0) return;
    fd = ConnectTo(unix_path());
  }).join();
  EXPECT_GE(fd, 0) << "as user " << uid;
  return grpc::CreateInsecureChannelFromFd("unix:", fd);
}

bool CanActAsOthers() { return geteuid() == 0; }

std::shared_ptr<grpc::Channel> ServedDaemon::PlainTcp() {
  return grpc::CreateCustomChannel(
      absl::StrCat("127.0.0.1:", server->tcp_port()),
      grpc::InsecureChannelCredentials(), OwnConnection());
}

ErrorDetails DetailsOf(const grpc::Status& status) {
  ErrorDetails result;
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), static_cast<int>(status.error_code()));
  EXPECT_EQ(details.message(), status.error_message());
  int infos = 0;
  for (const google::protobuf::Any& detail : details.details()) {
    if (google::rpc::ErrorInfo info; detail.UnpackTo(&info)) {
      ++infos;
      result.reason = info.reason();
      result.domain = info.domain();
      result.metadata.insert(info.metadata().begin(), info.metadata().end());
    } else if (google::rpc::BadRequest bad; detail.UnpackTo(&bad)) {
      result.field = bad.field_violations(0).field();
    } else if (google::rpc::PreconditionFailure failure;
               detail.UnpackTo(&failure)) {
      result.precondition = failure.violations(0).type();
    } else if (google::rpc::ResourceInfo resource; detail.UnpackTo(&resource)) {
      result.resource_type = resource.resource_type();
      result.resource_name = resource.resource_name();
    } else if (detail.Is<google::rpc::RetryInfo>()) {
      result.retry_info = true;
    } else {
      ADD_FAILURE() << "unexpected detail " << detail.type_url();
    }
  }
  EXPECT_EQ(infos, 1) << "exactly one ErrorInfo";
  return result;
}

}  // namespace keyturn::testing
