#include "tests/upstream/http/tls_script_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/streambuf.hpp>
#include <asio/write.hpp>
#include <utility>

#include "absl/cleanup/cleanup.h"

namespace keyturn::testing {
namespace {

using asio::ip::tcp;

// The head of the next request; empty when none comes. Its body is read too.
template <typename Stream>
std::string ReadRequest(Stream& stream, std::string& buffer) {
  asio::error_code error;
  const size_t head_size =
      asio::read_until(stream, asio::dynamic_buffer(buffer), "\r\n\r\n", error);
  if (error) return {};
  std::string head = buffer.substr(0, head_size);
  buffer.erase(0, head_size);
  std::string lower = head;
  std::transform(lower.begin(), lower.end(), lower.begin(), ::tolower);
  const size_t length_at = lower.find("content-length: ");
  const size_t length = length_at == std::string::npos
                            ? 0
                            : std::stoul(lower.substr(length_at + 16));
  if (length > buffer.size()) {
    asio::read(stream, asio::dynamic_buffer(buffer),
               asio::transfer_exactly(length - buffer.size()), error);
  }
  buffer.erase(0, length);
  return head;
}

void Reset(tcp::socket& socket) {
  asio::error_code ignored;
  socket.set_option(asio::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
}

}  // namespace

TlsScriptServer::TlsScriptServer(const TestCertificate& certificate,
                                 Script script)
    : script_(std::move(script)),
      tls_(asio::ssl::context::tls_server),
      acceptor_(io_, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)),
      port_(acceptor_.local_endpoint().port()) {
  SSL_CTX_use_certificate(tls_.native_handle(), certificate.certificate());
  SSL_CTX_use_PrivateKey(tls_.native_handle(), certificate.key());
  thread_ = std::thread([this] { Serve(); });
}

TlsScriptServer::TlsScriptServer(const TestCertificate& certificate)
    : TlsScriptServer(certificate, Script()) {}

TlsScriptServer::~TlsScriptServer() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    if (connection_ >= 0) ::shutdown(connection_, SHUT_RDWR);
  }
  // Wakes the accept.
  tcp::socket socket(io_);
  asio::error_code ignored;
  socket.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), port_),
                 ignored);
  socket.close(ignored);
  thread_.join();
}

void TlsScriptServer::Serve() {
  for (int connection = 0;; ++connection) {
    asio::error_code error;
    tcp::socket socket(io_);
    acceptor_.accept(socket, error);
    if (error) return;
    if (!SetConnection(-1)) return;
    if (!script_) {
      Reset(socket);
    } else {
      ServeConnection(std::move(socket), connection);
    }
  }
}

bool TlsScriptServer::SetConnection(int descriptor) {
  absl::MutexLock lock(&mutex_);
  connection_ = descriptor;
  return !stopping_;
}

void TlsScriptServer::ServeConnection(tcp::socket socket, int connection) {
  if (!SetConnection(socket.native_handle())) return;
  asio::ssl::stream<tcp::socket> stream(std::move(socket), tls_);
  // Before the socket is closed and its number given to another.
  auto forget = absl::MakeCleanup([this] { SetConnection(-1); });
  asio::error_code error;
  stream.handshake(asio::ssl::stream_base::server, error);
  if (error) return;
  std::string buffer;
  while (true) {
    if (ReadRequest(stream, buffer).empty()) return;
    const std::string answer = script_(requests_++, connection);
    if (answer.empty()) {
      SetConnection(-1);
      Reset(stream.next_layer());
      return;
    }
    asio::write(stream, asio::buffer(answer), error);
    if (error) return;
  }
}

}  // namespace keyturn::testing
