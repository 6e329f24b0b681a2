#include "daemon/rpc/unix_listener.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::rpc {
namespace {

absl::Status SystemError(std::string_view what, const std::string& path) {
  return absl::UnavailableError(absl::StrCat("cannot ", base::ToAbsl(what), " ",
                                             path, ": ", std::strerror(errno)));
}

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int NewSocket() {
  return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

bool SomebodyAnswers(const std::string& path) {
  const int fd = NewSocket();
  if (fd < 0) return true;
  const sockaddr_un address = AddressOf(path);
  const int result =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const bool nobody = result != 0 && errno == ECONNREFUSED;
  close(fd);
  return !nobody;
}

absl::Status RemoveStale(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : SystemError("look at", path);
  }
  const auto in_use = [&path](std::string_view why) {
    return base::WithReason(absl::FailedPreconditionError(
                                absl::StrCat(path, " ", base::ToAbsl(why))),
                            "SOCKET_IN_USE");
  };
  if (!S_ISSOCK(info.st_mode)) {
    return in_use(
        "is there already and is no socket; move it away or choose another "
        "path in listen.unix");
  }
  if (SomebodyAnswers(path)) {
    return in_use(
        "is in use: another program answers there; stop it or choose another "
        "path in listen.unix");
  }
  if (unlink(path.c_str()) != 0) return SystemError("remove", path);
  return absl::OkStatus();
}

bool GiveTo(const UnixListener::Options& options) {
  const char* const path = options.path.c_str();
  constexpr auto kSameOwner = static_cast<uid_t>(-1);
  return (!options.group.has_value() ||
          chown(path, kSameOwner, *options.group) == 0) &&
         chmod(path, options.mode) == 0;
}

absl::StatusOr<int> Listen(const UnixListener::Options& options) {
  const std::string& path = options.path;
  const int fd = NewSocket();
  if (fd < 0) return SystemError("make a socket for", path);
  const sockaddr_un address = AddressOf(path);
  // Group and mode are right from the first instant on: nobody can connect
  // before listen.
  const bool listening = bind(fd, reinterpret_cast<const sockaddr*>(&address),
                              sizeof(address)) == 0 &&
                         GiveTo(options) && listen(fd, kUnixBacklog) == 0;
  if (listening) return fd;
  const absl::Status error = SystemError("listen at", path);
  close(fd);
  return error;
}

}  // namespace

absl::StatusOr<std::unique_ptr<UnixListener>> UnixListener::Open(
    Options options) {
  if (options.path.empty() || options.path.size() > kUnixPathSizeMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path of a unix socket must be 1 to ",
                     kUnixPathSizeMax, " bytes long: ", options.path));
  }
  RETURN_IF_ERROR(RemoveStale(options.path));
  ASSIGN_OR_RETURN(const int listen_fd, Listen(options));
  const int stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_fd < 0) {
    const absl::Status error = SystemError("watch", options.path);
    close(listen_fd);
    unlink(options.path.c_str());
    return error;
  }
  return std::unique_ptr<UnixListener>(
      new UnixListener(std::move(options), listen_fd, stop_fd));
}

UnixListener::UnixListener(Options options, int listen_fd, int stop_fd)
    : options_(std::move(options)), listen_fd_(listen_fd), stop_fd_(stop_fd) {
  struct stat info {};
  if (lstat(options_.path.c_str(), &info) == 0) {
    device_ = info.st_dev;
    inode_ = info.st_ino;
  }
}

UnixListener::~UnixListener() {
  Stop();
  close(stop_fd_);
}

void UnixListener::Start() {
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "kt-unix");
}

void UnixListener::Stop() {
  if (thread_.joinable()) {
    eventfd_write(stop_fd_, 1);
    thread_.join();
  }
  if (listen_fd_ < 0) return;
  close(listen_fd_);
  listen_fd_ = -1;
  struct stat info {};
  if (lstat(options_.path.c_str(), &info) == 0 && info.st_dev == device_ &&
      info.st_ino == inode_) {
    unlink(options_.path.c_str());
  }
}

void UnixListener::Run() {
  for (;;) {
    std::array<pollfd, 2> waiting = {pollfd{stop_fd_, POLLIN, 0},
                                     pollfd{listen_fd_, POLLIN, 0}};
    if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) {
      options_.log(
          absl::StrCat("the unix socket stops: ", std::strerror(errno)));
      return;
    }
    if (waiting[0].revents != 0) return;
    if (waiting[1].revents != 0) AcceptOne();
  }
}

void UnixListener::AcceptOne() {
  const int fd =
      accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
    options_.log(absl::StrCat("cannot accept on the unix socket: ",
                              std::strerror(errno)));
    pollfd stop{stop_fd_, POLLIN, 0};
    poll(&stop, 1, static_cast<int>(absl::ToInt64Milliseconds(kAcceptPause)));
    return;
  }
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    close(fd);
    return;
  }
  if (!options_.admits(peer.uid)) {
    options_.log(absl::StrCat("refused user ", peer.uid, " (process ", peer.pid,
                              ") at the unix socket"));
    if (options_.refused) options_.refused(peer.uid);
    close(fd);
    return;
  }
  options_.accept(fd, peer.uid);
}

}  // namespace keyturn::rpc
