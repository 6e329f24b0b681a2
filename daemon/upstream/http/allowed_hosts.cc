#include "daemon/upstream/http/allowed_hosts.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::http {
namespace {

using base::ToAbsl;

constexpr size_t kHostSizeMax = 253;
constexpr uint16_t kHttpsPort = 443;

bool IsHostCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
         c == '.' || c == '_';
}

bool IsHost(std::string_view text) {
  if (text.empty() || text.size() > kHostSizeMax) return false;
  if (text.front() == '[') {
    return text.size() > 4 && text.back() == ']' &&
           text.find_first_not_of("0123456789abcdef:.", 1) == text.size() - 1;
  }
  return text.front() != '.' && text.back() != '.' &&
         text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), IsHostCharacter);
}

absl::Status Malformed(std::string_view entry) {
  return base::WithReason(
      absl::InvalidArgumentError(absl::StrCat(
          "\"", ToAbsl(entry),
          "\" is no allowed host: write a host (api.integrator.io), a host "
          "with a port (localhost:8443), or a domain "
          "(*.suitetalk.api.netsuite.com)")),
      "INVALID_ALLOWED_HOST");
}

}  // namespace

absl::StatusOr<AllowedHosts> AllowedHosts::Parse(
    const std::vector<std::string>& entries) {
  if (entries.size() > kEntriesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("more than ", kEntriesMax, " allowed hosts"));
  }
  AllowedHosts hosts;
  for (const std::string& text : entries) {
    Entry entry;
    entry.host = absl::AsciiStrToLower(text);
    const size_t colon = entry.host.rfind(':');
    if (colon != std::string::npos && !absl::EndsWith(entry.host, "]")) {
      uint32_t port = 0;
      if (!absl::SimpleAtoi(entry.host.substr(colon + 1), &port) || port == 0 ||
          port > 65535) {
        return Malformed(text);
      }
      entry.port = static_cast<uint16_t>(port);
      entry.host.resize(colon);
    }
    if (absl::StartsWith(entry.host, "*.")) {
      entry.whole_domain = true;
      entry.host.erase(0, 1);
      if (!IsHost(std::string_view(entry.host).substr(1)) ||
          entry.host.find('.', 1) == std::string::npos) {
        return Malformed(text);
      }
    } else if (!IsHost(entry.host)) {
      return Malformed(text);
    }
    hosts.entries_.push_back(std::move(entry));
  }
  return hosts;
}

bool AllowedHosts::Allows(std::string_view host, uint16_t port) const {
  const std::string name = absl::AsciiStrToLower(ToAbsl(host));
  return std::any_of(
      entries_.begin(), entries_.end(), [&name, port](const Entry& entry) {
        if (entry.port.has_value() && *entry.port != port) return false;
        return entry.whole_domain ? name.size() > entry.host.size() &&
                                        absl::EndsWith(name, entry.host)
                                  : name == entry.host;
      });
}

absl::Status AllowedHosts::Check(const Url& url) const {
  if (Allows(url.host, url.port)) return absl::OkStatus();
  const std::string entry =
      url.port == kHttpsPort ? url.host : absl::StrCat(url.host, ":", url.port);
  return base::WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "calls to ", entry,
          " are not allowed: add it to the allowed hosts in the daemon's "
          "configuration and restart the daemon")),
      "HOST_NOT_ALLOWED");
}

}  // namespace keyturn::http
