#include "daemon/access/spiffe.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "daemon/base/status.h"

namespace keyturn::access {
namespace {

constexpr std::string_view kScheme = "spiffe://";
constexpr std::string_view kAllBelow = "/*";

bool IsTrustDomain(absl::string_view text) {
  return !text.empty() && text.size() <= kTrustDomainSizeMax &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) ||
                  c == '.' || c == '-' || c == '_';
         });
}

bool IsSegment(absl::string_view text) {
  return !text.empty() && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_';
         });
}

// "spiffe://", the domain, and `segments_min` segments or more.
bool IsShaped(std::string_view text, size_t segments_min) {
  if (text.size() > kSpiffeIdSizeMax || !text.starts_with(kScheme)) {
    return false;
  }
  const std::vector<absl::string_view> parts =
      absl::StrSplit(base::ToAbsl(text.substr(kScheme.size())), '/');
  return parts.size() > segments_min && IsTrustDomain(parts.front()) &&
         std::all_of(parts.begin() + 1, parts.end(), IsSegment);
}

}  // namespace

bool IsSpiffeId(std::string_view text) {
  return IsShaped(text, /*segments_min=*/1);
}

absl::Status SpiffeGrants::Add(std::string_view pattern, Grant grant) {
  const bool below = pattern.ends_with(kAllBelow);
  const std::string_view stem =
      below ? pattern.substr(0, pattern.size() - kAllBelow.size()) : pattern;
  if (!IsShaped(stem, below ? 0 : 1)) {
    return absl::InvalidArgumentError(
        "must be a SPIFFE id such as spiffe://acme.example/ci, or one that "
        "ends with /* for all below it");
  }
  auto& grants = below ? below_ : exact_;
  // Of "spiffe://acme.example/ci/*" the slash is kept: "/cider" is not below.
  std::string key(below ? pattern.substr(0, pattern.size() - 1) : pattern);
  if (grants.emplace(std::move(key), std::move(grant)).second) {
    return absl::OkStatus();
  }
  return absl::AlreadyExistsError("is named for the second time");
}

const Grant* SpiffeGrants::Find(std::string_view id) const {
  if (!IsSpiffeId(id)) return nullptr;
  const auto own = exact_.find(id);
  if (own != exact_.end()) return &own->second;
  for (size_t slash = id.rfind('/'); slash >= kScheme.size();
       slash = id.rfind('/', slash - 1)) {
    const auto found = below_.find(id.substr(0, slash + 1));
    if (found != below_.end()) return &found->second;
  }
  return nullptr;
}

std::string SpiffeGrants::ToText() const {
  std::vector<std::string> lines;
  for (const auto* const grants : {&exact_, &below_}) {
    for (const auto& [name, grant] : *grants) {
      lines.push_back(absl::StrCat(name, grants == &below_ ? "* " : " ",
                                   access::ToText(grant)));
    }
  }
  return absl::StrJoin(lines, "; ");
}

}  // namespace keyturn::access
