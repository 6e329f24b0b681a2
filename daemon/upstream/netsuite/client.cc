#include "daemon/upstream/netsuite/client.h"

#include <utility>
#include <variant>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/retry_after.h"

namespace keyturn::netsuite {
namespace {

using base::ToAbsl;

Client::Parts WithDefaults(Client::Parts parts) {
  if (!parts.nonce) parts.nonce = NewNonce;
  if (!parts.jitter) {
    parts.jitter = [] {
      absl::BitGen random;
      return absl::Uniform(random, 0.0, 1.0);
    };
  }
  return parts;
}

SigningKeys KeysOf(const Tba& credential) {
  return SigningKeys{.consumer_key = credential.consumer_key.Expose(),
                     .consumer_secret = credential.consumer_secret.Expose(),
                     .token = credential.token_id.Expose(),
                     .token_secret = credential.token_secret.Expose()};
}

}  // namespace

http::RetryOptions AccountRetry() {
  http::RetryOptions options;
  options.tries_max = 1;
  return options;
}

http::Request Client::Call::ToRequest() const {
  http::Request request;
  request.method = method;
  request.url = url;
  request.headers = headers;
  request.body = body.Clone();
  request.timeout = timeout;
  return request;
}

Client::Client(Parts parts, http::Transport& transport, base::Clock& clock)
    : parts_(WithDefaults(std::move(parts))),
      transport_(transport),
      clock_(clock),
      bearer_(std::make_shared<BearerCache>(parts_.endpoints.suitetalk,
                                            transport, clock)) {}

Client::Client(Parts parts, http::Transport& transport, base::Clock& clock,
               std::shared_ptr<BearerCache> bearer)
    : parts_(std::move(parts)),
      transport_(transport),
      clock_(clock),
      bearer_(std::move(bearer)) {}

std::unique_ptr<Client> Client::With(CredentialSource credential) const {
  Parts parts = parts_;
  parts.credential = std::move(credential);
  return std::unique_ptr<Client>(
      new Client(std::move(parts), transport_, clock_, bearer_));
}

absl::StatusOr<AccessCredential> Client::OpenCredential() {
  if (parts_.credential) return parts_.credential();
  return base::WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "Keyturn has no access of its own to NetSuite account ",
          parts_.account.realm(),
          "; give the account a credential of kind netsuite-tba or "
          "netsuite-m2m, or let a person do this in the browser")),
      kNoAccessCredential);
}

absl::StatusOr<secret::Secret> Client::SignTba(const Tba& credential,
                                               const http::Request& request) {
  const SignedRequest to_sign{
      .method = http::Name(request.method), .url = request.url, .extra = {}};
  const Freshness freshness{.nonce = parts_.nonce(), .timestamp = clock_.Now()};
  return OAuthHeader(parts_.account, to_sign, KeysOf(credential), freshness);
}

asio::awaitable<absl::StatusOr<secret::Secret>> Client::Authorize(
    const AccessCredential& credential, const http::Request& request) {
  if (const Tba* tba = std::get_if<Tba>(&credential)) {
    co_return SignTba(*tba, request);
  }
  const M2m& m2m = std::get<M2m>(credential);
  CO_ASSIGN_OR_RETURN(const secret::Secret bearer, co_await bearer_->Get(m2m));
  constexpr std::string_view kScheme = "Bearer ";
  std::string header;
  header.reserve(kScheme.size() + bearer.size());
  header.append(kScheme).append(bearer.Expose());
  co_return secret::Secret::Take(header);
}

asio::awaitable<absl::StatusOr<http::Response>> Client::SendOnce(
    const Call& call, const AccessCredential& credential) {
  http::Request request = call.ToRequest();
  absl::StatusOr<secret::Secret> authorization =
      co_await Authorize(credential, request);
  if (!authorization.ok()) co_return authorization.status();
  request.authorization = *std::move(authorization);
  co_return co_await Exchange(std::move(request), call.purpose);
}

asio::awaitable<absl::StatusOr<http::Response>> Client::Exchange(
    http::Request request, const Purpose& purpose) {
  absl::StatusOr<http::Response> response =
      co_await transport_.Send(std::move(request));
  if (!response.ok()) {
    co_return base::Annotate(
        response.status(),
        absl::StrCat("NetSuite was to be asked ", ToAbsl(purpose.doing)));
  }
  absl::Status status = ErrorOf(*response, purpose, clock_.Now());
  if (!status.ok()) {
    const bool certain = response->status == 429 ||
                         status.code() != absl::StatusCode::kUnavailable;
    co_return http::WithEffect(std::move(status), certain
                                                      ? http::Effect::kNone
                                                      : http::Effect::kUnknown);
  }
  co_return response;
}

absl::Duration Client::WaitBefore(int next_attempt,
                                  const absl::Status& failure) {
  const absl::Duration backoff =
      kBackoffFirst * (int64_t{1} << (next_attempt - 2)) * parts_.jitter();
  return http::RetryAfterOf(failure).value_or(absl::ZeroDuration()) + backoff;
}

asio::awaitable<absl::StatusOr<http::Response>> Client::Read(Call call) {
  CO_ASSIGN_OR_RETURN(const AccessCredential credential, OpenCredential());
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<http::Response> response =
        co_await SendOnce(call, credential);
    if (response.ok()) co_return response;
    if (base::ReasonOf(response.status()) == kLoginRefused) bearer_->Forget();
    if (!absl::IsUnavailable(response.status()) ||
        attempt == kReadAttemptsMax) {
      co_return response;
    }
    const absl::Duration wait = WaitBefore(attempt + 1, response.status());
    if (wait > kReadWaitMax) co_return response;
    co_await clock_.SleepUntil(clock_.Now() + wait);
  }
}

asio::awaitable<absl::StatusOr<http::Response>> Client::Write(Call call) {
  CO_ASSIGN_OR_RETURN(const AccessCredential credential, OpenCredential());
  absl::StatusOr<http::Response> response = co_await SendOnce(call, credential);
  if (base::ReasonOf(response.status()) == kLoginRefused) bearer_->Forget();
  co_return response;
}

}  // namespace keyturn::netsuite
