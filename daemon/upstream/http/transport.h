// One HTTPS exchange with an outside system. Retry, rate limit and logging are
// layers around a Transport; see client.h for the order in which they stand.
#ifndef KEYTURN_DAEMON_UPSTREAM_HTTP_TRANSPORT_H_
#define KEYTURN_DAEMON_UPSTREAM_HTTP_TRANSPORT_H_

#include <asio/awaitable.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/secret/secret.h"

namespace keyturn::http {

enum class Method { kGet, kPost, kPut, kPatch, kDelete };

std::string_view Name(Method method);

struct Header {
  std::string name;
  std::string value;
};

struct Request {
  Method method = Method::kGet;
  // Absolute, https, percent-encoded.
  std::string url;
  std::vector<Header> headers;
  // The value of the Authorization header; empty: none is sent.
  secret::Secret authorization;
  // Always wiped, since a document to be written may hold a credential.
  secret::Secret body;
  // Whether repeating the request is harmless although its outcome is unknown.
  // The retry layer repeats only such requests. Default: only reads are.
  bool repeatable = false;
  // For the whole exchange, connecting included.
  absl::Duration timeout = absl::Seconds(30);

  // With copies of the secrets, for another try.
  Request Clone() const;
};

struct Response {
  int status = 0;
  // Names in lower case, in the order received.
  std::vector<Header> headers;
  secret::Secret body;
  // From `Retry-After`: seconds or an HTTP date, at most kRetryAfterMax.
  std::optional<absl::Duration> retry_after;

  // The first header of that (lower-case) name, or empty.
  std::string_view Find(std::string_view name) const;
};

// What has become of a request whose exchange failed before a response was
// complete. Attached to the error by Transport, see EffectOf.
enum class Effect {
  // It never left: the outside system cannot have acted on it.
  kNone,
  // It may have arrived: only reading tells (guarantee G3).
  kUnknown,
};

// Of an error that Transport::Send returned. kUnknown when it does not say.
Effect EffectOf(const absl::Status& status);
absl::Status WithEffect(absl::Status status, Effect effect);

// Implementations belong to one asio executor; Send is called on it. A
// transport outlives its exchanges.
class Transport {
 public:
  virtual ~Transport() = default;

  // Sends `request` and receives the whole response, whatever its status code:
  // 404 or 500 is not an error here. `request` is taken by value, so that its
  // secrets are wiped when the exchange ends. Cancelling the calling coroutine
  // aborts the exchange.
  //
  // Cancelled when it was aborted so. Unavailable when the host cannot be
  // reached, the connection breaks, or the time is up; FailedPrecondition with
  // reason HOST_NOT_ALLOWED or TLS_REFUSED; ResourceExhausted when a limit on
  // headers or body is passed.
  virtual asio::awaitable<absl::StatusOr<Response>> Send(Request request) = 0;
};

}  // namespace keyturn::http

#endif  // KEYTURN_DAEMON_UPSTREAM_HTTP_TRANSPORT_H_
