#include "daemon/rpc/strangers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/rpc/sockets.h"

namespace keyturn::rpc {
namespace {

std::string KeyOf(const void* address, size_t size, uint16_t port) {
  return absl::StrCat(
      absl::string_view(static_cast<const char*>(address), size), ":", port);
}

// Of the other end; empty when it has gone.
std::string KeyOf(int fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof(peer);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) {
    return "";
  }
  if (peer.ss_family == AF_INET6) {
    const auto& address = reinterpret_cast<const sockaddr_in6&>(peer);
    return KeyOf(&address.sin6_addr, sizeof(address.sin6_addr),
                 ntohs(address.sin6_port));
  }
  const auto& address = reinterpret_cast<const sockaddr_in&>(peer);
  return KeyOf(&address.sin_addr, sizeof(address.sin_addr),
               ntohs(address.sin_port));
}

// Of "ipv4:192.0.2.1:1000" or "ipv6:%5B2001:db8::1%5D:1000"; empty for others.
std::string KeyOf(std::string_view peer) {
  constexpr std::string_view kIpv4 = "ipv4:";
  constexpr std::string_view kIpv6 = "ipv6:%5B";
  const size_t colon = peer.rfind(':');
  int port = 0;
  if (colon == std::string_view::npos ||
      !absl::SimpleAtoi(base::ToAbsl(peer.substr(colon + 1)), &port)) {
    return "";
  }
  const std::string_view address = peer.substr(0, colon);
  in6_addr bytes;
  if (address.starts_with(kIpv4) &&
      inet_pton(AF_INET, std::string(address.substr(kIpv4.size())).c_str(),
                &bytes) == 1) {
    return KeyOf(&bytes, sizeof(in_addr), static_cast<uint16_t>(port));
  }
  if (!address.starts_with(kIpv6)) return "";
  const std::string_view text = address.substr(kIpv6.size());
  // A zone or the closing bracket follows.
  if (inet_pton(AF_INET6, std::string(text.substr(0, text.find('%'))).c_str(),
                &bytes) != 1) {
    return "";
  }
  return KeyOf(&bytes, sizeof(bytes), static_cast<uint16_t>(port));
}

// What the kernel tells (from 4.1); the C library's struct ends before it.
struct TcpInfo {
  tcp_info known;
  uint64_t pacing_rate;
  uint64_t max_pacing_rate;
  uint64_t bytes_acked;
  uint64_t bytes_received;
};
static_assert(offsetof(TcpInfo, bytes_received) == 128);

size_t BytesReceived(int fd) {
  TcpInfo info{};
  socklen_t size = sizeof(info);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return info.bytes_received;
}

}  // namespace

void Strangers::Greet(int fd, std::string machine) {
  std::string key = KeyOf(fd);
  if (key.empty()) return;
  base::MutexLock lock(mutex_);
  // gRPC has closed the one that had this number.
  if (const auto former = by_fd_.find(fd); former != by_fd_.end()) {
    Forget(former);
  }
  fd_by_key_[key] = fd;
  by_fd_[fd] = {InodeOf(fd), std::move(key), std::move(machine), kStrangerCost};
  cost_ += kStrangerCost;
  KeepWithinBounds();
}

bool Strangers::Look(int fd) {
  base::MutexLock lock(mutex_);
  const auto found = by_fd_.find(fd);
  if (found == by_fd_.end()) return false;
  Stranger& stranger = found->second;
  if (InodeOf(fd) != stranger.inode) {
    Forget(found);
    return false;
  }
  const size_t received = BytesReceived(fd);
  if (received > options_.bytes_max) {
    options_.log(absl::StrCat(
        "hung up on a caller whom nobody knows: more than ", options_.bytes_max,
        " bytes came and no call that may be made"));
    HangUp(fd, stranger.inode);
    Forget(found);
    return false;
  }
  cost_ -= stranger.cost;
  stranger.cost = kStrangerCost + received;
  cost_ += stranger.cost;
  KeepWithinBounds();
  return by_fd_.contains(fd);
}

void Strangers::Vouch(std::string_view peer) {
  const std::string key = KeyOf(peer);
  base::MutexLock lock(mutex_);
  const auto found = fd_by_key_.find(key);
  if (found != fd_by_key_.end()) Forget(by_fd_.find(found->second));
}

void Strangers::KeepWithinBounds() {
  if (cost_ <= options_.cost_max) return;
  ForgetGone();
  while (cost_ > options_.cost_max) {
    const auto costliest = Costliest();
    options_.log(absl::StrCat(
        "hung up on a connection for the sake of others: callers whom nobody "
        "knows would take more than ",
        options_.cost_max, " bytes"));
    HangUp(costliest->first, costliest->second.inode);
    Forget(costliest);
  }
}

void Strangers::ForgetGone() {
  for (auto one = by_fd_.begin(); one != by_fd_.end();) {
    one =
        InodeOf(one->first) == one->second.inode ? std::next(one) : Forget(one);
  }
}

Strangers::Table::iterator Strangers::Costliest() {
  std::unordered_map<std::string, size_t> by_machine;
  for (const auto& [fd, stranger] : by_fd_) {
    by_machine[stranger.machine] += stranger.cost;
  }
  const auto weight = [&by_machine](const Table::value_type& one) {
    return std::pair(by_machine[one.second.machine], one.second.cost);
  };
  return std::max_element(by_fd_.begin(), by_fd_.end(),
                          [&weight](const auto& one, const auto& other) {
                            return weight(one) < weight(other);
                          });
}

Strangers::Table::iterator Strangers::Forget(Table::iterator stranger) {
  cost_ -= stranger->second.cost;
  // The same peer may have come anew.
  const auto key = fd_by_key_.find(stranger->second.key);
  if (key != fd_by_key_.end() && key->second == stranger->first) {
    fd_by_key_.erase(key);
  }
  return by_fd_.erase(stranger);
}

}  // namespace keyturn::rpc
