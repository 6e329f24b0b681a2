#include "daemon/rpc/lobby.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <utility>

namespace keyturn::rpc {
namespace {

using Clock = std::chrono::steady_clock;

// A TLS record (RFC 8446, 5.1): its type, two bytes of version, its length.
constexpr size_t kRecordHeaderBytes = 5;
constexpr unsigned char kHandshakeRecord = 22;

bool HasSaidEnough(int fd) {
  std::array<unsigned char, kRecordHeaderBytes> header{};
  const ssize_t read =
      recv(fd, header.data(), header.size(), MSG_PEEK | MSG_DONTWAIT);
  if (read < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  // Its end, or an error: gRPC finds out by itself.
  if (read <= 0) return true;
  if (header[0] != kHandshakeRecord) return true;
  if (static_cast<size_t>(read) < header.size()) return false;
  int there = 0;
  if (ioctl(fd, FIONREAD, &there) != 0) return true;
  const size_t record =
      kRecordHeaderBytes + (size_t{header[3]} << 8 | header[4]);
  return static_cast<size_t>(there) >= std::min(record, kHelloBytesMax);
}

}  // namespace

Lobby::Lobby(size_t places, absl::Duration patience)
    : places_(std::max<size_t>(1, places)),
      patience_(absl::ToChronoMilliseconds(patience)) {}

Lobby::~Lobby() {
  while (!waiting_.empty()) HangUpOnFirst();
}

bool Lobby::Enter(Guest guest) {
  const bool full = waiting_.size() >= places_;
  if (full) HangUpOnFirst();
  const int fd = guest.fd;
  waiting_.push_back({std::move(guest), Clock::now() + patience_});
  by_fd_[fd] = std::prev(waiting_.end());
  return !full;
}

std::optional<Lobby::Guest> Lobby::Call(int fd) {
  const auto found = by_fd_.find(fd);
  if (found == by_fd_.end() || !HasSaidEnough(fd)) return std::nullopt;
  Guest guest = std::move(found->second->guest);
  waiting_.erase(found->second);
  by_fd_.erase(found);
  return guest;
}

size_t Lobby::SendHome() {
  const Clock::time_point now = Clock::now();
  if (now < sends_home_at_) return 0;
  sends_home_at_ = now + kSendHomeInterval;
  size_t sent = 0;
  for (; !waiting_.empty() && waiting_.front().until <= now; ++sent) {
    HangUpOnFirst();
  }
  return sent;
}

int Lobby::WaitMilliseconds() const {
  if (waiting_.empty()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(
      std::max(waiting_.front().until, sends_home_at_) - Clock::now());
  return static_cast<int>(std::max<int64_t>(0, left.count()));
}

void Lobby::HangUpOnFirst() {
  const int fd = waiting_.front().guest.fd;
  by_fd_.erase(fd);
  waiting_.pop_front();
  close(fd);
}

}  // namespace keyturn::rpc
