#include "daemon/app/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::app {
namespace {

constexpr size_t kHostSizeMax = 253;
constexpr uint32_t kPortMax = 65535;

bool IsIpv6(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool IsHostName(std::string_view host) {
  return !host.empty() && host.size() <= kHostSizeMax &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '-' || c == '.';
         });
}

uint16_t PortOf(int socket_fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (getsockname(socket_fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return 0;
  }
  return ntohs(bound.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
}

}  // namespace

bool Address::IsWildcard() const { return host == "0.0.0.0" || host == "::"; }

std::string Address::ToString() const {
  return host.find(':') == std::string::npos
             ? absl::StrCat(host, ":", port)
             : absl::StrCat("[", host, "]:", port);
}

absl::StatusOr<Address> ParseAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  const absl::Status malformed = absl::InvalidArgumentError(absl::StrCat(
      "\"", base::ToAbsl(text),
      "\" is not HOST:PORT, such as 127.0.0.1:7443 or [::1]:7443"));
  if (colon == std::string_view::npos) return malformed;
  Address address;
  uint32_t port = 0;
  if (!absl::SimpleAtoi(base::ToAbsl(text.substr(colon + 1)), &port) ||
      port > kPortMax) {
    return malformed;
  }
  address.port = static_cast<uint16_t>(port);
  std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    address.host = host.substr(1, host.size() - 2);
    if (!IsIpv6(address.host)) return malformed;
    return address;
  }
  if (!IsHostName(host)) return malformed;
  address.host = host;
  return address;
}

absl::StatusOr<uint16_t> FindFreePort(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), "0", &hints, &found);
      error != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot find the host ", host, ": ", gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(
      found, &freeaddrinfo);
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  uint16_t port = 0;
  if (fd >= 0) {
    if (bind(fd, found->ai_addr, found->ai_addrlen) == 0) port = PortOf(fd);
    close(fd);
  }
  if (port != 0) return port;
  return absl::UnavailableError(absl::StrCat("cannot listen at ", host,
                                             ": it is no address of this "
                                             "machine"));
}

}  // namespace keyturn::app
