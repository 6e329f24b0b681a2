// Repeats what is worth repeating and safe to repeat.
#ifndef KEYTURN_DAEMON_UPSTREAM_HTTP_RETRY_TRANSPORT_H_
#define KEYTURN_DAEMON_UPSTREAM_HTTP_RETRY_TRANSPORT_H_

#include <memory>

#include "absl/time/time.h"
#include "daemon/base/clock.h"
#include "daemon/upstream/http/transport.h"

namespace keyturn::http {

// Where jitter comes from. Belongs to the transports' executor.
class RandomSource {
 public:
  virtual ~RandomSource() = default;
  // Uniform in [0, 1).
  virtual double Next() = 0;
};

// Seeded by the machine.
std::unique_ptr<RandomSource> NewRandomSource();

struct RetryOptions {
  // The first one included.
  int tries_max = 4;
  // The wait before try n is uniform in [0, delay_first * 2^(n-2)], at most
  // delay_max ("full jitter").
  absl::Duration delay_first = absl::Milliseconds(500);
  absl::Duration delay_max = absl::Seconds(8);
  // A `Retry-After` up to this is waited for here, plus the jitter; a longer
  // one is the caller's business, who may free what it holds meanwhile.
  absl::Duration retry_after_honoured_max = absl::Seconds(20);
};

// Repeats a request when it is a GET or `repeatable`, or when the error has
// Effect::kNone, and the outcome is 408, 429, 500, 502, 503, 504 or
// Unavailable. Gives up after `tries_max`, or at once when asked to wait longer
// than honoured: then the last response or error is the result; an error then
// says how often it was tried. Cancelled during a wait: Cancelled.
std::unique_ptr<Transport> NewRetryTransport(std::unique_ptr<Transport> inner,
                                             RetryOptions options,
                                             base::Clock& clock,
                                             RandomSource& random);

}  // namespace keyturn::http

#endif  // KEYTURN_DAEMON_UPSTREAM_HTTP_RETRY_TRANSPORT_H_
