// Addresses of outside systems, taken apart by the same parser that connects to
// them, so that what is checked is what is used.
#ifndef KEYTURN_DAEMON_UPSTREAM_HTTP_URL_H_
#define KEYTURN_DAEMON_UPSTREAM_HTTP_URL_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace keyturn::http {

inline constexpr size_t kUrlSizeMax = 16 * 1024;

struct Url {
  // Lower case; an IPv6 address stands in brackets.
  std::string host;
  uint16_t port = 443;
  // Begins with a slash, still percent-encoded.
  std::string path;
  // Without the question mark, still percent-encoded; empty: none.
  std::string query;
};

// InvalidArgument unless `text` is an absolute https URL without user, password
// and fragment. The message does not repeat the query.
absl::StatusOr<Url> ParseUrl(std::string_view text);

// Checks what a person gives as the base URL of an account and returns it as
// clients use it: "https://host" or "https://host:port", no slash at the end.
// InvalidArgument when it has a path, a query, or is no https URL.
absl::StatusOr<std::string> NormalizeBaseUrl(std::string_view text);

// RFC 3986: everything but letters, digits and "-._~" becomes %XX.
std::string PercentEncode(std::string_view text);

}  // namespace keyturn::http

#endif  // KEYTURN_DAEMON_UPSTREAM_HTTP_URL_H_
