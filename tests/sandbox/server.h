#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/sandbox/certificates.h"
#include "tests/sandbox/world.h"

namespace keyturn::sandbox {

class TlsServer;

// Serves a world over HTTPS on 127.0.0.1, on one port or on several.
//
// Waits out injected delays and drops connections where an answer says so,
// always without the world's lock. Threads come as connections do, up to
// kConnectionsMax; each holds one keep-alive connection.
class Server {
 public:
  struct Options {
    KeyAndCertificate certificate;
    // 0: a free one.
    std::vector<int> ports = {0};
  };

  // `world` must outlive the server. Unavailable when a port is taken.
  static absl::StatusOr<std::unique_ptr<Server>> Start(Options options,
                                                       World* world);
  // Drops every connection and joins every thread.
  ~Server();

  const std::vector<int>& ports() const { return ports_; }

 private:
  Server();
  absl::Status Listen(const KeyAndCertificate& certificate, int port,
                      World* world);

  std::vector<std::unique_ptr<TlsServer>> servers_;
  std::vector<std::thread> threads_;
  std::vector<int> ports_;
};

}  // namespace keyturn::sandbox
