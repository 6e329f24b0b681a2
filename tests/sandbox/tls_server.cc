#include "tests/sandbox/tls_server.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace keyturn::sandbox {
namespace {

constexpr int kRequestsPerConnectionMax = 10'000'000;
constexpr time_t kIdleSecondsMax = 600;

// Bytes over TLS, read through a buffer since the library asks for single ones.
class TlsStream final : public httplib::Stream {
 public:
  TlsStream(SSL* ssl, socket_t socket) : ssl_(ssl), socket_(socket) {}

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }

  ssize_t read(char* out, size_t size) override {
    if (!Fill()) return -1;
    const size_t taken = std::min(size, end_ - begin_);
    std::memcpy(out, buffer_.data() + begin_, taken);
    begin_ += taken;
    return static_cast<ssize_t>(taken);
  }

  ssize_t write(const char* data, size_t size) override {
    if (size == 0) return 0;
    const int written = SSL_write(ssl_, data, static_cast<int>(size));
    return written > 0 ? written : -1;
  }

  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip = "127.0.0.1";
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    get_remote_ip_and_port(ip, port);
  }
  socket_t socket() const override { return socket_; }

  // Waits for a byte; false when the connection has ended.
  bool Fill() {
    if (begin_ < end_) return true;
    const int got =
        SSL_read(ssl_, buffer_.data(), static_cast<int>(buffer_.size()));
    if (got <= 0) return false;
    begin_ = 0;
    end_ = static_cast<size_t>(got);
    return true;
  }

 private:
  SSL* ssl_;
  socket_t socket_;
  std::array<char, 16384> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace

TlsServer::TlsServer(const KeyAndCertificate& pair) {
  BIO* bio = BIO_new_mem_buf(pair.certificate_pem.data(),
                             static_cast<int>(pair.certificate_pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  bio = BIO_new_mem_buf(pair.private_key_pem.data(),
                        static_cast<int>(pair.private_key_pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  context_ = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
  if (SSL_CTX_use_certificate(context_, certificate) != 1 ||
      SSL_CTX_use_PrivateKey(context_, key) != 1) {
    SSL_CTX_free(context_);
    context_ = nullptr;
  }
  X509_free(certificate);
  EVP_PKEY_free(key);
}

TlsServer::~TlsServer() { SSL_CTX_free(context_); }

void TlsServer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const socket_t socket : open_) ::shutdown(socket, SHUT_RDWR);
  }
  stop();
}

void TlsServer::Drop(const httplib::Request& request) {
  if (request.ssl == nullptr) return;
  const int socket = SSL_get_fd(request.ssl);
  const linger at_once = {1, 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  ::shutdown(socket, SHUT_RDWR);
}

bool TlsServer::process_and_close_socket(socket_t socket) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      ::close(socket);
      return false;
    }
    open_.insert(socket);
  }
  const timeval idle = {kIdleSecondsMax, 0};
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof(idle));
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &idle, sizeof(idle));
  SSL* ssl = SSL_new(context_);
  SSL_set_fd(ssl, socket);
  if (SSL_accept(ssl) == 1) Talk(ssl, socket);
  SSL_free(ssl);
  ERR_clear_error();
  const std::lock_guard lock(mutex_);
  open_.erase(socket);
  ::close(socket);
  return true;
}

void TlsServer::Talk(SSL* ssl, socket_t socket) {
  TlsStream stream(ssl, socket);
  for (int left = kRequestsPerConnectionMax; left > 0; --left) {
    if (!stream.Fill()) return;
    bool closed = false;
    const bool ok = process_request(
        stream, /*close_connection=*/left == 1, closed,
        [ssl](httplib::Request& request) { request.ssl = ssl; });
    if (!ok || closed) break;
  }
  SSL_shutdown(ssl);
}

}  // namespace keyturn::sandbox
