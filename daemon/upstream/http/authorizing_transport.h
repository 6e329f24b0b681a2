// Signs each try anew: a signature with a nonce is good for one try only.
#ifndef KEYTURN_DAEMON_UPSTREAM_HTTP_AUTHORIZING_TRANSPORT_H_
#define KEYTURN_DAEMON_UPSTREAM_HTTP_AUTHORIZING_TRANSPORT_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "daemon/secret/secret.h"
#include "daemon/upstream/http/transport.h"

namespace keyturn::http {

// The value of the Authorization header for this request, now.
using Authorizer =
    std::function<absl::StatusOr<secret::Secret>(const Request& request)>;

// Fills Request::authorization where it is empty. An error of `authorizer` is
// returned with Effect::kNone, and nothing is sent.
std::unique_ptr<Transport> NewAuthorizingTransport(
    std::unique_ptr<Transport> inner, Authorizer authorizer);

}  // namespace keyturn::http

#endif  // KEYTURN_DAEMON_UPSTREAM_HTTP_AUTHORIZING_TRANSPORT_H_
