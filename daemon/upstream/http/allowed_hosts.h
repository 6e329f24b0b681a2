// Where outside calls may go.
#ifndef KEYTURN_DAEMON_UPSTREAM_HTTP_ALLOWED_HOSTS_H_
#define KEYTURN_DAEMON_UPSTREAM_HTTP_ALLOWED_HOSTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/upstream/http/url.h"

namespace keyturn::http {

// The list of hosts in the daemon's configuration. Immutable; safe to use from
// many threads.
class AllowedHosts {
 public:
  static constexpr size_t kEntriesMax = 1000;

  // Allows nothing.
  AllowedHosts() = default;

  // Each entry is "host", "host:port", or "*." and a domain, which stands for
  // every host below that domain (not for the domain itself). Without a port,
  // every port is allowed. InvalidArgument names the entry that is none of
  // these; "*" alone is none.
  static absl::StatusOr<AllowedHosts> Parse(
      const std::vector<std::string>& entries);

  bool Allows(std::string_view host, uint16_t port) const;

  // FailedPrecondition with reason HOST_NOT_ALLOWED, saying which entry is
  // missing in the configuration.
  absl::Status Check(const Url& url) const;

 private:
  struct Entry {
    // Lower case. For a whole domain: the part from its dot on.
    std::string host;
    bool whole_domain = false;
    std::optional<uint16_t> port;
  };

  std::vector<Entry> entries_;
};

}  // namespace keyturn::http

#endif  // KEYTURN_DAEMON_UPSTREAM_HTTP_ALLOWED_HOSTS_H_
