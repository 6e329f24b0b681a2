#include "daemon/upstream/http/client.h"

#include <utility>

namespace keyturn::http {

std::unique_ptr<Transport> MakeAccountTransport(std::unique_ptr<Transport> wire,
                                                AccountTransportOptions options,
                                                base::Clock& clock,
                                                RandomSource& random) {
  std::unique_ptr<Transport> stack = std::move(wire);
  if (options.observer) {
    stack = NewLoggingTransport(std::move(stack), clock,
                                std::move(options.observer));
  }
  if (options.authorizer) {
    stack = NewAuthorizingTransport(std::move(stack),
                                    std::move(options.authorizer));
  }
  if (options.login_guard != nullptr) {
    stack =
        NewGuardedTransport(std::move(stack), std::move(options.login_guard));
  }
  stack = NewRateLimitTransport(std::move(stack), options.rate_limit, clock);
  return NewRetryTransport(std::move(stack), options.retry, clock, random);
}

}  // namespace keyturn::http
