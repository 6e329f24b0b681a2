// The daemon's unix socket: who may connect is decided here, before gRPC sees
// the connection.
#ifndef KEYTURN_DAEMON_RPC_UNIX_LISTENER_H_
#define KEYTURN_DAEMON_RPC_UNIX_LISTENER_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace keyturn::rpc {

// sockaddr_un has room for 108 bytes, the last of which is a zero.
inline constexpr size_t kUnixPathSizeMax = 107;
// Connections that wait to be accepted.
inline constexpr int kUnixBacklog = 64;
// After accept failed for want of descriptors or memory.
inline constexpr absl::Duration kAcceptPause = absl::Milliseconds(100);

class UnixListener {
 public:
  struct Options {
    std::string path;
    // Gets each admitted connection, non-blocking, with the peer's user id, and
    // owns it from then on. Called on the listener's thread.
    std::function<void(int fd, uid_t uid)> accept;
    // Whether that user may connect.
    std::function<bool(uid_t uid)> admits;
    // Told of one who may not, on the listener's thread; may be null.
    std::function<void(uid_t uid)> refused;
    // Of the socket's file: who gets as far as being asked for the user id.
    mode_t mode = 0600;
    // The file's group; none: the daemon's own.
    std::optional<gid_t> group;
    // One line for the operator's log.
    std::function<void(const std::string&)> log;
  };

  // Listens at `path`. A socket that was left behind is replaced when nobody
  // answers there.
  //
  // InvalidArgument for a path that is too long; FailedPrecondition
  // (SOCKET_IN_USE) when another program answers at it, or when something that
  // is no socket lies there; Unavailable when the system refuses.
  static absl::StatusOr<std::unique_ptr<UnixListener>> Open(Options options);

  // Stops, see Stop.
  ~UnixListener();

  // Begins to accept, on a thread of its own ("kt-unix").
  void Start();

  // Accepts nobody any more and removes the socket; connections that were
  // accepted live on. Idempotent.
  void Stop();

 private:
  UnixListener(Options options, int listen_fd, int stop_fd);

  void Run();
  void AcceptOne();

  const Options options_;
  int listen_fd_;
  // Readable once Stop was called.
  const int stop_fd_;
  // The socket's file, so that another one at the same path is left alone.
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::thread thread_;
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_UNIX_LISTENER_H_
