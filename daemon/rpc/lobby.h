// Where TCP connections wait until they have said hello: there each costs a
// descriptor and no more, while gRPC spends a hundred kilobytes on whoever only
// connects.
#ifndef KEYTURN_DAEMON_RPC_LOBBY_H_
#define KEYTURN_DAEMON_RPC_LOBBY_H_

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "absl/time/time.h"

namespace keyturn::rpc {

// So that who comes one by one is not told of one by one.
inline constexpr std::chrono::seconds kSendHomeInterval{1};
// A hello is shorter; who has said that much leaves, whatever it is. It also
// bounds what the kernel keeps of those who wait.
inline constexpr size_t kHelloBytesMax = 4096;

// Of the listener's thread. Owns the descriptors of those who wait.
class Lobby {
 public:
  struct Guest {
    int fd;
    // The machine it comes from.
    std::string address;
  };

  // At most `places` wait, each at most `patience`.
  Lobby(size_t places, absl::Duration patience);
  ~Lobby();
  Lobby(const Lobby&) = delete;
  Lobby& operator=(const Lobby&) = delete;

  // Takes the guest in. Where no place is left, who has waited longest is hung
  // up on, having had the most time; false then.
  bool Enter(Guest guest);

  bool Has(int fd) const { return by_fd_.contains(fd); }

  // The guest of that descriptor, who leaves, if enough has come of it: a whole
  // TLS record, kHelloBytesMax, something that is no TLS, or its end. Empty if
  // it has to wait on. To be asked when something came.
  std::optional<Guest> Call(int fd);

  // Hangs up on those whose time is over, at most once a kSendHomeInterval; how
  // many they were.
  size_t SendHome();

  // Milliseconds until SendHome has something to do; -1: nobody waits.
  int WaitMilliseconds() const;

 private:
  struct Waiting {
    Guest guest;
    std::chrono::steady_clock::time_point until;
  };

  void HangUpOnFirst();

  const size_t places_;
  const std::chrono::milliseconds patience_;
  // Who came first is first.
  std::list<Waiting> waiting_;
  std::unordered_map<int, std::list<Waiting>::iterator> by_fd_;
  std::chrono::steady_clock::time_point sends_home_at_;
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_LOBBY_H_
