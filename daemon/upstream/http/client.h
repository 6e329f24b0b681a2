// How the calls of one account reach the network.
#ifndef KEYTURN_DAEMON_UPSTREAM_HTTP_CLIENT_H_
#define KEYTURN_DAEMON_UPSTREAM_HTTP_CLIENT_H_

#include <functional>
#include <memory>
#include <string>

#include "daemon/base/clock.h"
#include "daemon/upstream/http/authorizing_transport.h"
#include "daemon/upstream/http/logging_transport.h"
#include "daemon/upstream/http/login_guard.h"
#include "daemon/upstream/http/rate_limit_transport.h"
#include "daemon/upstream/http/retry_transport.h"
#include "daemon/upstream/http/transport.h"

namespace keyturn::http {

struct AccountTransportOptions {
  RetryOptions retry;
  RateLimitOptions rate_limit;
  // Asked for the Authorization header of every single try; empty: requests
  // carry their own.
  Authorizer authorizer;
  // Shared by all transports of one account; null: no guard.
  std::shared_ptr<LoginGuard> login_guard;
  // Told about every single try; empty: nobody is.
  ExchangeObserver observer;
};

// Stacks the layers on `wire` (a CurlPool's transport, or a fake). From the
// caller down:
//
//   retry          repeats what is safe to repeat; each try passes all below
//   rate limit     waits for this account's turn
//   login guard    refuses when the account's login has failed twice in a row
//   authorization  signs; after the waiting, so that a signature is fresh
//   logging        one line per try, with the time of the exchange alone
//   wire
//
// `clock` and `random` outlive the transport.
std::unique_ptr<Transport> MakeAccountTransport(std::unique_ptr<Transport> wire,
                                                AccountTransportOptions options,
                                                base::Clock& clock,
                                                RandomSource& random);

}  // namespace keyturn::http

#endif  // KEYTURN_DAEMON_UPSTREAM_HTTP_CLIENT_H_
