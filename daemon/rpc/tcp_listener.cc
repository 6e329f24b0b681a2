#include "daemon/rpc/tcp_listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/base/status.h"
#include "daemon/rpc/sockets.h"
#include "daemon/rpc/unix_listener.h"

namespace keyturn::rpc {
namespace {

constexpr size_t kNetworkBytes = 8;
// What one look at the sockets may bring.
constexpr size_t kEventsAtOnce = 256;

struct HostAndPort {
  std::string host;
  std::string port;
};

absl::StatusOr<HostAndPort> Split(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", address, "\" is not HOST:PORT"));
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return HostAndPort{std::move(host), address.substr(colon + 1)};
}

in_port_t& PortIn(sockaddr_storage& address) {
  return address.ss_family == AF_INET6
             ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
             : reinterpret_cast<sockaddr_in&>(address).sin_port;
}

int PortOf(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  return ntohs(PortIn(bound));
}

// Listens at one address, at `port` unless that is 0. -1, with errno, if not.
int ListenAt(const addrinfo& found, int port) {
  const int fd =
      socket(found.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  sockaddr_storage address{};
  std::memcpy(&address, found.ai_addr, found.ai_addrlen);
  if (port != 0) PortIn(address) = htons(static_cast<uint16_t>(port));
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (found.ai_family == AF_INET6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
  }
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), found.ai_addrlen) == 0 &&
      listen(fd, kTcpBacklog) == 0) {
    return fd;
  }
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

// The machine at the other end: of an IPv6 address the first 64 bits, since who
// has one has all below it.
std::string MachineOf(const sockaddr_storage& peer) {
  if (peer.ss_family == AF_INET6) {
    const auto& address = reinterpret_cast<const sockaddr_in6&>(peer);
    return std::string(reinterpret_cast<const char*>(address.sin6_addr.s6_addr),
                       kNetworkBytes);
  }
  const auto& address = reinterpret_cast<const sockaddr_in&>(peer);
  return std::string(reinterpret_cast<const char*>(&address.sin_addr),
                     sizeof(address.sin_addr));
}

// Milliseconds since something came of the other side; 0 where nobody can tell.
uint32_t SilenceOf(int fd) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return info.tcpi_last_data_recv;
}

bool Watch(int poll_fd, int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  return epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

// Asks for as many descriptors as the limits need, and lowers the limits to
// what was granted.
void FitIntoDescriptors(TcpListener::Options& options) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t needed =
      options.connections_max + options.silent_max + kDescriptorsReserved;
  if (limit.rlim_cur < needed) {
    limit.rlim_cur = std::min(needed, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= needed) return;
  const size_t room = limit.rlim_cur > 2 * kDescriptorsReserved
                          ? limit.rlim_cur - kDescriptorsReserved
                          : limit.rlim_cur / 2;
  options.silent_max = std::clamp<size_t>(room / 2, 1, options.silent_max);
  options.connections_max =
      std::clamp<size_t>(room - room / 2, 1, options.connections_max);
}

}  // namespace

absl::StatusOr<std::unique_ptr<TcpListener>> TcpListener::Open(
    Options options) {
  ASSIGN_OR_RETURN(const HostAndPort where, Split(options.address));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int error =
          getaddrinfo(where.host.c_str(), where.port.c_str(), &hints, &found);
      error != 0) {
    return absl::UnavailableError(absl::StrCat(
        "cannot listen at ", options.address, ": ", gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(
      found, &freeaddrinfo);
  std::vector<int> fds;
  int port = 0;
  int error = 0;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    const int fd = ListenAt(*one, port);
    if (fd < 0) error = errno;
    // A host's other address may be one that this machine does not have.
    if (fd < 0 && error == EADDRINUSE) break;
    if (fd < 0) continue;
    fds.push_back(fd);
    port = PortOf(fd);
  }
  const int stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const int poll_fd = epoll_create1(EPOLL_CLOEXEC);
  bool watched = Watch(poll_fd, stop_fd, EPOLLIN);
  for (const int fd : fds) watched = watched && Watch(poll_fd, fd, EPOLLIN);
  if (fds.empty() || error == EADDRINUSE || !watched) {
    for (const int fd : fds) close(fd);
    if (stop_fd >= 0) close(stop_fd);
    if (poll_fd >= 0) close(poll_fd);
    return absl::UnavailableError(absl::StrCat(
        "cannot listen at ", options.address, ": ", std::strerror(error)));
  }
  FitIntoDescriptors(options);
  return std::unique_ptr<TcpListener>(new TcpListener(
      std::move(options), std::move(fds), stop_fd, poll_fd, port));
}

TcpListener::TcpListener(Options options, std::vector<int> listen_fds,
                         int stop_fd, int poll_fd, int port)
    : options_(std::move(options)),
      port_(port),
      listen_fds_(std::move(listen_fds)),
      stop_fd_(stop_fd),
      poll_fd_(poll_fd),
      lobby_(options_.silent_max, options_.hello_time_max) {}

TcpListener::~TcpListener() {
  Stop();
  close(stop_fd_);
  close(poll_fd_);
}

void TcpListener::Start() {
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "kt-tcp");
}

void TcpListener::Stop() {
  if (thread_.joinable()) {
    eventfd_write(stop_fd_, 1);
    thread_.join();
  }
  for (const int fd : listen_fds_) close(fd);
  listen_fds_.clear();
}

void TcpListener::Run() {
  std::array<epoll_event, kEventsAtOnce> events;
  for (;;) {
    const int count = epoll_wait(poll_fd_, events.data(), events.size(),
                                 lobby_.WaitMilliseconds());
    if (count < 0 && errno != EINTR) {
      options_.log(absl::StrCat("the TCP port stops: ", std::strerror(errno)));
      return;
    }
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == stop_fd_) return;
      const bool listens = std::find(listen_fds_.begin(), listen_fds_.end(),
                                     fd) != listen_fds_.end();
      if (listens) {
        AcceptOne(fd);
      } else {
        Hear(fd);
      }
    }
    if (const size_t sent = lobby_.SendHome(); sent > 0) {
      options_.log(absl::StrCat("hung up on ", sent,
                                " connections that did not begin TLS within ",
                                absl::FormatDuration(options_.hello_time_max)));
    }
  }
}

void TcpListener::AcceptOne(int listen_fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof(peer);
  const int fd = accept4(listen_fd, reinterpret_cast<sockaddr*>(&peer), &size,
                         SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
    options_.log(
        absl::StrCat("cannot accept on the TCP port: ", std::strerror(errno)));
    Pause();
    return;
  }
  const int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  if (!lobby_.Enter({fd, MachineOf(peer)})) {
    options_.log(
        absl::StrCat("hung up on a connection that had not begun TLS: there "
                     "are ",
                     options_.silent_max, " of them"));
  }
  // Told once of each piece that comes; also of what has come already.
  if (!Watch(poll_fd_, fd, EPOLLIN | EPOLLRDHUP | EPOLLET)) Hear(fd);
}

void TcpListener::Hear(int fd) {
  if (!lobby_.Has(fd)) {
    if (!options_.strangers->Look(fd)) StopWatching(fd);
    return;
  }
  std::optional<Lobby::Guest> guest = lobby_.Call(fd);
  if (guest.has_value()) Admit(*std::move(guest));
}

void TcpListener::StopWatching(int fd) {
  epoll_ctl(poll_fd_, EPOLL_CTL_DEL, fd, nullptr);
}

void TcpListener::Admit(Lobby::Guest guest) {
  if (!HasRoom(guest.address)) {
    // Told first, so that who sees the other end close finds it in the log.
    options_.log(absl::StrCat("refused a connection: there are ", open_.size(),
                              " already; at most ", options_.connections_max,
                              ", and ", options_.connections_per_address_max,
                              " of one address"));
    close(guest.fd);
    return;
  }
  ++open_by_address_[guest.address];
  open_.push_back({guest.fd, InodeOf(guest.fd), std::move(guest.address)});
  options_.strangers->Greet(guest.fd, open_.back().address);
  options_.accept(guest.fd);
}

bool TcpListener::HasRoom(const std::string& address) {
  if (WithinLimits(address)) return true;
  const absl::Time now = absl::Now();
  if (now - looked_at_ >= kGoneLookInterval) {
    looked_at_ = now;
    ForgetGone();
  }
  return WithinLimits(address) || Displace(address);
}

bool TcpListener::WithinLimits(const std::string& address) const {
  return open_.size() - displaced_ < options_.connections_max &&
         CountOf(address) < options_.connections_per_address_max;
}

bool TcpListener::Displace(const std::string& address) {
  const auto most =
      std::max_element(open_by_address_.begin(), open_by_address_.end(),
                       [](const auto& one, const auto& other) {
                         return one.second < other.second;
                       });
  // Otherwise the two would take places from each other for ever.
  if (most == open_by_address_.end() || most->second <= CountOf(address) + 1 ||
      displaced_ >= kDisplacedMax) {
    return false;
  }
  // The one that has been silent longest is the least likely to be at work.
  Connection* quiet = nullptr;
  uint32_t longest = 0;
  for (Connection& connection : open_) {
    if (connection.displaced || connection.address != most->first) continue;
    const uint32_t silence = SilenceOf(connection.fd);
    if (quiet != nullptr && silence <= longest) continue;
    quiet = &connection;
    longest = silence;
  }
  HangUp(quiet->fd, quiet->inode);
  quiet->displaced = true;
  ++displaced_;
  --most->second;
  options_.log(
      absl::StrCat("closed a connection for somebody else: its "
                   "address has ",
                   most->second, " more, and all ", options_.connections_max,
                   " places are taken"));
  return true;
}

// A descriptor that gRPC has closed is gone, or stands for something else.
void TcpListener::ForgetGone() {
  std::erase_if(open_, [this](const Connection& connection) {
    if (InodeOf(connection.fd) == connection.inode) return false;
    if (connection.displaced) {
      --displaced_;
      return true;
    }
    const auto count = open_by_address_.find(connection.address);
    if (--count->second == 0) open_by_address_.erase(count);
    return true;
  });
}

size_t TcpListener::CountOf(const std::string& address) const {
  const auto count = open_by_address_.find(address);
  return count == open_by_address_.end() ? 0 : count->second;
}

void TcpListener::Pause() {
  pollfd stop{stop_fd_, POLLIN, 0};
  poll(&stop, 1, static_cast<int>(absl::ToInt64Milliseconds(kAcceptPause)));
}

}  // namespace keyturn::rpc
