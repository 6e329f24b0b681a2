// Transport over the real network: libcurl's multi interface, driven by an asio
// loop. No thread is blocked and none is added, except the short-lived ones in
// which libcurl looks host names up.
#ifndef KEYTURN_DAEMON_UPSTREAM_HTTP_CURL_TRANSPORT_H_
#define KEYTURN_DAEMON_UPSTREAM_HTTP_CURL_TRANSPORT_H_

#include <asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/base/clock.h"
#include "daemon/upstream/http/allowed_hosts.h"
#include "daemon/upstream/http/transport.h"

namespace keyturn::http {

inline constexpr size_t kBodySizeMax = 32 * 1024 * 1024;
inline constexpr size_t kHeaderSizeMax = 64 * 1024;
inline constexpr size_t kHeaderCountMax = 256;
// Further exchanges wait for a connection, within their own timeout.
inline constexpr long kConnectionsPerHostMax = 64;
inline constexpr long kConnectionsMax = 256;

struct CurlOptions {
  // Certificates in PEM that are trusted instead of the system's; empty: the
  // system's.
  std::string ca_pem;
  // "http://host:port"; empty: none, whatever the environment says.
  std::string proxy;
  absl::Duration connect_timeout = absl::Seconds(10);
};

// All connections of the daemon. Belongs to one executor, on which everything
// is called; outlives the transports it made.
//
// Every exchange verifies certificate and host name, uses TLS 1.2 or newer and
// only https, follows no redirect, keeps no cookie, and reads neither netrc nor
// the environment. Connections are kept and reused, but never between different
// `ca_pem`. A request is sent at most once, also when a kept connection turns
// out to be dead: what is sent again may need another signature (NetSuite
// refuses a nonce that it has seen). What libcurl copied of a request or an
// answer is wiped when it is freed.
class CurlPool {
 public:
  virtual ~CurlPool() = default;

  // `clock` reads the dates of `Retry-After`; timeouts run in real time.
  // Internal when libcurl lacks what we need.
  static absl::StatusOr<std::unique_ptr<CurlPool>> Open(
      asio::any_io_executor executor, base::Clock& clock, AllowedHosts allowed);

  // A transport for one account. Its errors name the host and the cause.
  virtual std::unique_ptr<Transport> NewTransport(CurlOptions options) = 0;
};

}  // namespace keyturn::http

#endif  // KEYTURN_DAEMON_UPSTREAM_HTTP_CURL_TRANSPORT_H_
