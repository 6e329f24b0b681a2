// Tells what was exchanged with whom and how long it took, and nothing that was
// in it.
#ifndef KEYTURN_DAEMON_UPSTREAM_HTTP_LOGGING_TRANSPORT_H_
#define KEYTURN_DAEMON_UPSTREAM_HTTP_LOGGING_TRANSPORT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "daemon/base/clock.h"
#include "daemon/upstream/http/transport.h"

namespace keyturn::http {

// Holds no header, no body and no value of a query.
struct Exchange {
  Method method = Method::kGet;
  std::string host;
  // With ids, and with the names of the query's parameters:
  // "/v1/integrations/5f…/connections?fetchQueueSize".
  std::string path;
  // 0 when no response came; then `error` says why.
  int status = 0;
  absl::Status error;
  absl::Duration duration;
  size_t bytes_sent = 0;
  size_t bytes_received = 0;
};

// Called on the transport's executor; must not block.
using ExchangeObserver = std::function<void(const Exchange& exchange)>;

std::unique_ptr<Transport> NewLoggingTransport(std::unique_ptr<Transport> inner,
                                               base::Clock& clock,
                                               ExchangeObserver observer);

}  // namespace keyturn::http

#endif  // KEYTURN_DAEMON_UPSTREAM_HTTP_LOGGING_TRANSPORT_H_
