// SPIFFE ids: how an outside authority names callers. The rules are those of
// the SPIFFE-ID standard.
#ifndef KEYTURN_DAEMON_ACCESS_SPIFFE_H_
#define KEYTURN_DAEMON_ACCESS_SPIFFE_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "daemon/access/identity.h"

namespace keyturn::access {

inline constexpr size_t kSpiffeIdSizeMax = 2048;
inline constexpr size_t kTrustDomainSizeMax = 255;
// What the configuration may name.
inline constexpr size_t kSpiffePatternsMax = 256;

// Whether that is the id of a caller: "spiffe://", a trust domain of
// [a-z0-9._-], and a path of one or more segments of [A-Za-z0-9._-], none of
// them "." or "..". Nothing is escaped and nothing folded, so that two texts
// name the same caller only when they are equal.
bool IsSpiffeId(std::string_view text);

// Who of an outside authority is let in, and as what.
class SpiffeGrants {
 public:
  // `pattern` is an id, or one whose last segment is "*": all ids with that
  // beginning and something behind it. InvalidArgument for anything else;
  // AlreadyExists when it is there.
  absl::Status Add(std::string_view pattern, Grant grant);

  // What `id` gets: by its own name, else by the longest beginning that fits.
  // Null: it is not let in.
  const Grant* Find(std::string_view id) const;

  // For people: "spiffe://acme.example/ci/* automation of acme; …".
  std::string ToText() const;

  size_t size() const { return exact_.size() + below_.size(); }

 private:
  std::map<std::string, Grant, std::less<>> exact_;
  // By the pattern without its "*": it ends with a slash.
  std::map<std::string, Grant, std::less<>> below_;
};

}  // namespace keyturn::access

#endif  // KEYTURN_DAEMON_ACCESS_SPIFFE_H_
