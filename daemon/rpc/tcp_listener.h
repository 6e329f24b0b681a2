// The daemon's TCP port: how many may connect is decided here, before gRPC sees
// the connection. gRPC's own listener (1.51) knows no such limit, and stops to
// accept for good when the process runs out of descriptors.
#ifndef KEYTURN_DAEMON_RPC_TCP_LISTENER_H_
#define KEYTURN_DAEMON_RPC_TCP_LISTENER_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace keyturn::rpc {

// Connections that are open at once; fewer where the process may not have so
// many descriptors.
inline constexpr size_t kConnectionsMax = 4096;
// Of one machine (AddressOf), so that one alone cannot shut the others out.
inline constexpr size_t kConnectionsPerAddressMax = 2048;
// Descriptors that are not for connections: the store, outside calls, files.
inline constexpr size_t kDescriptorsReserved = 512;
inline constexpr int kTcpBacklog = 1024;
// How often those who have gone are looked for while a limit is reached.
inline constexpr absl::Duration kGoneLookInterval = absl::Milliseconds(50);

class TcpListener {
 public:
  struct Options {
    // "HOST:PORT"; port 0: any free one.
    std::string address;
    // Gets each admitted connection, non-blocking, and owns it from then on.
    // Called on the listener's thread.
    std::function<void(int fd)> accept;
    size_t connections_max = kConnectionsMax;
    size_t connections_per_address_max = kConnectionsPerAddressMax;
    // One line for the operator's log.
    std::function<void(const std::string&)> log;
  };

  // Listens at every address of the host. InvalidArgument for an address of
  // another form; Unavailable when it is none of this machine or in use.
  static absl::StatusOr<std::unique_ptr<TcpListener>> Open(Options options);

  // Stops, see Stop.
  ~TcpListener();

  int port() const { return port_; }

  // Begins to accept, on a thread of its own ("kt-tcp").
  void Start();

  // Accepts nobody any more; connections that were accepted live on.
  // Idempotent.
  void Stop();

 private:
  // A connection that gRPC was given. Whether it still has it is seen by the
  // inode behind the descriptor.
  struct Connection {
    int fd;
    ino_t inode;
    std::string address;
  };

  TcpListener(Options options, std::vector<int> listen_fds, int stop_fd,
              int port);

  void Run();
  void AcceptOne(int listen_fd);
  // Whether there is room for one more from there.
  bool HasRoom(const std::string& address);
  bool WithinLimits(const std::string& address) const;
  void ForgetGone();
  void Pause();

  const Options options_;
  const int port_;
  std::vector<int> listen_fds_;
  // Readable once Stop was called.
  const int stop_fd_;
  std::thread thread_;

  // Of the listener's thread.
  std::vector<Connection> open_;
  std::unordered_map<std::string, size_t> open_by_address_;
  absl::Time looked_at_ = absl::InfinitePast();
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_TCP_LISTENER_H_
