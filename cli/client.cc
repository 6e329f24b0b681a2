#include "cli/client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr int kAttemptsMax = 5;
constexpr absl::Duration kPauseFirst = absl::Milliseconds(200);
constexpr absl::Duration kPauseMax = absl::Seconds(2);
constexpr int kMessageBytesMax = 64 * 1024 * 1024;
constexpr int kReconnectPauseFirstMs = 200;
constexpr int kReconnectPauseMaxMs = 2000;
// gRPC's "minimum reconnect backoff" is the time that one attempt to connect
// may take, TLS handshake included (doc/connection-backoff.md).
constexpr int kConnectMs = 10 * 1000;
// A server that was not told otherwise hangs up on clients that ask more often
// than every five minutes whether it is still there (gRPC, doc/keepalive.md).
constexpr int kKeepaliveMs = 6 * 60 * 1000;
constexpr int kKeepaliveAnswerMs = 20 * 1000;

grpc::ChannelArguments Arguments(const Context& context) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                   kReconnectPauseFirstMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectPauseMaxMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveAnswerMs);
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  if (!context.OverUnixSocket() && !context.server_name.empty()) {
    arguments.SetSslTargetNameOverride(context.server_name);
  }
  return arguments;
}

std::shared_ptr<grpc::ChannelCredentials> Credentials(const Context& context) {
  if (context.OverUnixSocket()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options = {
      .pem_root_certs = context.authority,
      .pem_private_key = context.key.Reveal(),
      .pem_cert_chain = context.certificate};
  std::shared_ptr<grpc::ChannelCredentials> credentials =
      grpc::SslCredentials(options);
  Wipe(options.pem_private_key);
  return credentials;
}

bool MayHelpToRepeat(const absl::Status& status) {
  return absl::IsUnavailable(status) && !IsOutside(status);
}

}  // namespace

Client::Client(std::string server, std::shared_ptr<grpc::Channel> channel,
               std::optional<absl::Duration> timeout)
    : server_(std::move(server)),
      timeout_(timeout),
      channel_(std::move(channel)),
      stubs_(v1::Access::NewStub(channel_), v1::Accounts::NewStub(channel_),
             v1::Admin::NewStub(channel_), v1::Audit::NewStub(channel_),
             v1::Campaigns::NewStub(channel_),
             v1::Credentials::NewStub(channel_),
             v1::Inventory::NewStub(channel_),
             v1::Migrations::NewStub(channel_), v1::Tasks::NewStub(channel_)) {}

absl::StatusOr<std::unique_ptr<Client>> Client::Make(
    const Context& context, std::optional<absl::Duration> timeout) {
  const std::shared_ptr<grpc::ChannelCredentials> credentials =
      Credentials(context);
  if (credentials == nullptr) {
    return UsageError(
        absl::StrCat("the context \"", OneLine(context.name),
                     "\" holds a certificate or key that is not PEM"),
        "keyturn context show");
  }
  return std::unique_ptr<Client>(
      new Client(context.server,
                 grpc::CreateCustomChannel(context.server, credentials,
                                           Arguments(context)),
                 timeout));
}

absl::Status Client::Attempt(
    const std::function<grpc::Status(grpc::ClientContext&)>& call,
    absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  absl::Duration pause = kPauseFirst;
  for (int attempt = 1;; ++attempt) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline));
    absl::Status status = Tell(call(context));
    const absl::Duration asked =
        DetailsOf(status).retry_delay.value_or(absl::ZeroDuration());
    const absl::Duration wait = std::max(pause, asked);
    if (!MayHelpToRepeat(status) || attempt == kAttemptsMax ||
        absl::Now() + wait >= deadline) {
      return status;
    }
    const absl::Time until = absl::Now() + wait;
    WaitForConnection(until);
    absl::SleepFor(until - absl::Now());
    pause = std::min(2 * pause, kPauseMax);
  }
}

std::unique_ptr<grpc::ClientReader<v1::WatchMigrationsResponse>> Client::Watch(
    grpc::ClientContext& context, const v1::WatchMigrationsRequest& request) {
  return std::get<std::unique_ptr<v1::Migrations::Stub>>(stubs_)
      ->WatchMigrations(&context, request);
}

std::unique_ptr<grpc::ClientReader<v1::TailAuditResponse>> Client::TailAudit(
    grpc::ClientContext& context, const v1::TailAuditRequest& request) {
  return std::get<std::unique_ptr<v1::Audit::Stub>>(stubs_)->TailAudit(&context,
                                                                       request);
}

std::unique_ptr<grpc::ClientReader<v1::BackUpResponse>> Client::BackUp(
    grpc::ClientContext& context, const v1::BackUpRequest& request) {
  return std::get<std::unique_ptr<v1::Admin::Stub>>(stubs_)->BackUp(&context,
                                                                    request);
}

std::unique_ptr<grpc::ClientWriter<v1::RestoreRequest>> Client::Restore(
    grpc::ClientContext& context, v1::RestoreResponse* response) {
  return std::get<std::unique_ptr<v1::Admin::Stub>>(stubs_)->Restore(&context,
                                                                     response);
}

bool Client::WaitForConnection(absl::Time until) {
  return channel_->WaitForConnected(absl::ToChronoTime(until));
}

absl::Status Client::Tell(const grpc::Status& status) const {
  absl::Status told = FromGrpc(status);
  const bool connected =
      channel_->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_READY;
  const bool in_vain = absl::IsDeadlineExceeded(told) && !connected;
  const bool unreachable =
      absl::IsUnavailable(told) && DetailsOf(told).reason.empty();
  if (!in_vain && !unreachable) return told;
  return absl::UnavailableError(
      absl::StrCat("the daemon at ", server_,
                   " cannot be reached: ", status.error_message()));
}

}  // namespace keyturn::cli
