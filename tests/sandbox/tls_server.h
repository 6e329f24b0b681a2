#pragma once

#include <httplib.h>
#include <openssl/ssl.h>

#include <mutex>
#include <set>
#include <string>

#include "tests/sandbox/certificates.h"

namespace keyturn::sandbox {

// cpp-httplib's HTTP over our own TLS sockets. The library's SSLServer looks
// every ten milliseconds whether an idle connection has something to say, and
// cannot be stopped before idle connections time out; with hundreds of them
// both hurt. Here a connection's thread sleeps in read(), and Stop wakes them
// all.
class TlsServer final : public httplib::Server {
 public:
  explicit TlsServer(const KeyAndCertificate& pair);
  ~TlsServer() override;

  bool is_valid() const override { return context_ != nullptr; }

  // Ends listening and drops every connection. Thread-safe.
  void Stop();

  // Drops the connection that a request came in on, without an answer.
  static void Drop(const httplib::Request& request);

 private:
  bool process_and_close_socket(socket_t socket) override;
  void Talk(SSL* ssl, socket_t socket);

  SSL_CTX* context_ = nullptr;
  std::mutex mutex_;
  bool stopping_ = false;
  std::set<socket_t> open_;
};

}  // namespace keyturn::sandbox
