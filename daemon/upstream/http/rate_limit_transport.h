// Keeps within what an outside system allows one account.
#ifndef KEYTURN_DAEMON_UPSTREAM_HTTP_RATE_LIMIT_TRANSPORT_H_
#define KEYTURN_DAEMON_UPSTREAM_HTTP_RATE_LIMIT_TRANSPORT_H_

#include <cstddef>
#include <memory>

#include "absl/time/time.h"
#include "daemon/base/clock.h"
#include "daemon/upstream/http/transport.h"

namespace keyturn::http {

struct RateLimitOptions {
  // Requests that may go at once when none has gone for long; 0: no limit.
  double burst = 0;
  // Above zero when `burst` is.
  double per_second = 0;
  // Exchanges under way at the same time.
  size_t concurrent_max = 64;
  // Requests that wait for their turn; one more is refused.
  size_t waiting_max = 16384;
};

// A bucket that holds up to `burst` tokens and gets `per_second` new ones.
// Pure.
class TokenBucket {
 public:
  TokenBucket(double burst, double per_second, absl::Time now);

  // Takes one token, from the future if need be, and says when it is there: at
  // once (`now`) or later. Instants of later calls are never earlier.
  absl::Time Take(absl::Time now);

 private:
  const double burst_;
  const double per_second_;
  double tokens_;
  absl::Time filled_;
};

// Lets requests through in the order in which they came. Unavailable with
// Effect::kNone when `waiting_max` others wait; Cancelled when cancelled while
// waiting.
std::unique_ptr<Transport> NewRateLimitTransport(
    std::unique_ptr<Transport> inner, RateLimitOptions options,
    base::Clock& clock);

}  // namespace keyturn::http

#endif  // KEYTURN_DAEMON_UPSTREAM_HTTP_RATE_LIMIT_TRANSPORT_H_
