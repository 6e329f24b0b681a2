// A TLS server that breaks connections where a test wants it to.
#ifndef KEYTURN_TESTS_UPSTREAM_HTTP_TLS_SCRIPT_SERVER_H_
#define KEYTURN_TESTS_UPSTREAM_HTTP_TLS_SCRIPT_SERVER_H_

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ssl/context.hpp>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "tests/upstream/http/test_certificate.h"

namespace keyturn::testing {

// Serves one connection after the other on 127.0.0.1, on a thread of its own.
class TlsScriptServer {
 public:
  // What to send for the nth request (from 0 on, over all connections) on the
  // nth connection. Empty: the connection is reset without an answer.
  using Script = std::function<std::string(int request, int connection)>;

  TlsScriptServer(const TestCertificate& certificate, Script script);
  // Resets every connection before TLS begins.
  explicit TlsScriptServer(const TestCertificate& certificate);
  ~TlsScriptServer();

  uint16_t port() const { return port_; }
  int requests() const { return requests_; }

 private:
  void Serve();
  // False when the server is stopping.
  bool SetConnection(int descriptor);
  void ServeConnection(asio::ip::tcp::socket socket, int connection);

  const Script script_;
  asio::io_context io_;
  asio::ssl::context tls_;
  asio::ip::tcp::acceptor acceptor_;
  const uint16_t port_;
  std::atomic<int> requests_ = 0;
  absl::Mutex mutex_;
  // Of the connection being served, so that stopping can wake its reader.
  int connection_ ABSL_GUARDED_BY(mutex_) = -1;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_UPSTREAM_HTTP_TLS_SCRIPT_SERVER_H_
