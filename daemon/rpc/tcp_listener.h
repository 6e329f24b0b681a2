// The daemon's TCP port: who may connect is decided here, before gRPC sees the
// connection. gRPC's own listener (1.51) knows no limit, and stops to accept
// for good when the process runs out of descriptors.
//
// A connection first waits until it has said hello (see Lobby). Then it counts:
// when all places are taken, the machine that has most of them gives one up to
// a machine that has fewer. So no number of connections from some machines
// shuts out the others.
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
#include "daemon/rpc/lobby.h"
#include "daemon/rpc/strangers.h"

namespace keyturn::rpc {

// Connections that have said hello, open at once; fewer where the process may
// not have so many descriptors.
inline constexpr size_t kConnectionsMax = 2048;
// Of one machine (AddressOf), so that one alone cannot shut the others out.
inline constexpr size_t kConnectionsPerAddressMax = 1536;
// Connections that have not said hello yet, and how long they may take. Fewer
// where there are not so many descriptors.
inline constexpr size_t kSilentMax = 16'384;
inline constexpr absl::Duration kHelloTimeMax = absl::Seconds(10);
// Descriptors that are not for connections: the store, outside calls, files.
inline constexpr size_t kDescriptorsReserved = 512;
// Connections that had to give up their place and are not closed yet.
inline constexpr size_t kDisplacedMax = 256;
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
    size_t silent_max = kSilentMax;
    absl::Duration hello_time_max = kHelloTimeMax;
    // One line for the operator's log.
    std::function<void(const std::string&)> log;
    // Outlives the listener.
    Strangers* strangers = nullptr;
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
    // It had to give up its place, and counts no more.
    bool displaced = false;
  };

  TcpListener(Options options, std::vector<int> listen_fds, int stop_fd,
              int poll_fd, int port);

  void Run();
  void AcceptOne(int listen_fd);
  // Something came of that connection.
  void Hear(int fd);
  void StopWatching(int fd);
  void Admit(Lobby::Guest guest);
  // Whether there is room for one more from there, if need be made.
  bool HasRoom(const std::string& address);
  bool WithinLimits(const std::string& address) const;
  // Takes a place from the machine that has most, if `address` has fewer.
  bool Displace(const std::string& address);
  void ForgetGone();
  size_t CountOf(const std::string& address) const;
  void Pause();

  const Options options_;
  const int port_;
  std::vector<int> listen_fds_;
  // Readable once Stop was called.
  const int stop_fd_;
  const int poll_fd_;
  std::thread thread_;

  // Of the listener's thread.
  Lobby lobby_;
  std::vector<Connection> open_;
  // Without those that were displaced.
  std::unordered_map<std::string, size_t> open_by_address_;
  size_t displaced_ = 0;
  absl::Time looked_at_ = absl::InfinitePast();
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_TCP_LISTENER_H_
