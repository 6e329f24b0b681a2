// The TCP connections on which nobody has made a call yet that he may make, and
// what they may cost.
//
// gRPC (1.51) looks at the size of a request only once it has it whole, and at
// who sends it only then; what is half sent it keeps. Its own bound
// (kGrpcBytesMax) holds for all callers together: beyond it, it takes any
// caller's streams. So those whom nobody knows are held far below it:
//
//   one    kStrangerCost, and what it sends, at most kStrangerBytesMax
//   all    kStrangersCostMax; beyond it the machine that costs most gives up
//          its costliest connection
#ifndef KEYTURN_DAEMON_RPC_STRANGERS_H_
#define KEYTURN_DAEMON_RPC_STRANGERS_H_

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "daemon/base/mutex.h"

namespace keyturn::rpc {

// Calls that one connection without a certificate may begin: who enrols needs
// one, and who guesses is told of it first (kRefusedEnrolmentsMax). Counted
// when their headers come, since some never end.
inline constexpr size_t kUnnamedCallsMax = 16;
// What a connection costs that sends next to nothing: TLS and gRPC's buffers
// (96 KiB, measured), and calls that are begun and not sent (12 KiB each,
// measured).
inline constexpr size_t kStrangerCost = (96 + kUnnamedCallsMax * 12) << 10;
// What one may send: the largest request four times.
inline constexpr size_t kStrangerBytesMax = size_t{1} << 20;
// What all may cost together: some 220 that are silent, or 50 that send all
// they may. A caller is one of them for the moment until his first call.
inline constexpr size_t kStrangersCostMax = size_t{64} << 20;

// Greet and Look are for the listener's thread. Descriptors belong to gRPC,
// which may have closed them.
class Strangers {
 public:
  struct Options {
    size_t bytes_max = kStrangerBytesMax;
    size_t cost_max = kStrangersCostMax;
    // One line for the operator's log.
    std::function<void(const std::string&)> log;
  };
  explicit Strangers(Options options) : options_(std::move(options)) {}

  // A connection from that machine, before gRPC gets it.
  void Greet(int fd, std::string machine);

  // Something came of it. False: it is none of them (any more).
  bool Look(int fd);

  // A caller who is known may make a call that he made over the connection of
  // `peer`, as gRPC writes it ("ipv4:…"). Thread-safe.
  void Vouch(std::string_view peer);

 private:
  struct Stranger {
    ino_t inode;
    // Of the peer's address and port.
    std::string key;
    std::string machine;
    size_t cost;
  };
  using Table = std::unordered_map<int, Stranger>;

  void KeepWithinBounds() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetGone() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Of the machine that costs most.
  Table::iterator Costliest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Table::iterator Forget(Table::iterator stranger)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  base::Mutex mutex_;
  Table by_fd_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<std::string, int> fd_by_key_ ABSL_GUARDED_BY(mutex_);
  size_t cost_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_STRANGERS_H_
