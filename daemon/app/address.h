// "HOST:PORT".
#ifndef KEYTURN_DAEMON_APP_ADDRESS_H_
#define KEYTURN_DAEMON_APP_ADDRESS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace keyturn::app {

struct Address {
  // Without the brackets of an IPv6 address.
  std::string host;
  uint16_t port = 0;

  // Whether it stands for every address of the machine.
  bool IsWildcard() const;
  // With brackets where they are needed.
  std::string ToString() const;
};

// InvalidArgument unless `text` is "HOST:PORT" with a host name, an IPv4
// address, or an IPv6 address in brackets.
absl::StatusOr<Address> ParseAddress(std::string_view text);

// A port that nobody listens at on that host just now. Unavailable when the
// host is none of this machine.
absl::StatusOr<uint16_t> FindFreePort(const std::string& host);

}  // namespace keyturn::app

#endif  // KEYTURN_DAEMON_APP_ADDRESS_H_
