#include "daemon/upstream/celigo/paging.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/base/status.h"

namespace keyturn::celigo {
namespace {

using base::ToAbsl;

constexpr std::string_view kApiPrefix = "/api/";
constexpr std::string_view kVersionPrefix = "/v1/";

// Whether ` ; rel="next"; title=…` (what stands after a target, up to the
// comma) has the relation "next".
bool IsNext(std::string_view parameters) {
  for (absl::string_view parameter : absl::StrSplit(ToAbsl(parameters), ';')) {
    parameter = absl::StripAsciiWhitespace(parameter);
    const size_t equals = parameter.find('=');
    if (equals == absl::string_view::npos) continue;
    const absl::string_view name =
        absl::StripAsciiWhitespace(parameter.substr(0, equals));
    if (!absl::EqualsIgnoreCase(name, "rel")) continue;
    absl::string_view value =
        absl::StripAsciiWhitespace(parameter.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    for (const absl::string_view relation : absl::StrSplit(value, ' ')) {
      if (absl::EqualsIgnoreCase(relation, "next")) return true;
    }
  }
  return false;
}

std::string NextIn(std::string_view header) {
  size_t from = 0;
  while (true) {
    const size_t open = header.find('<', from);
    if (open == std::string_view::npos) return {};
    const size_t close = header.find('>', open);
    if (close == std::string_view::npos) return {};
    // The target may hold commas; its parameters end before the next target.
    const size_t next_open = header.find('<', close);
    std::string_view parameters = header.substr(close + 1);
    if (next_open != std::string_view::npos) {
      parameters = parameters.substr(0, next_open - close - 1);
      parameters = parameters.substr(0, parameters.find_last_of(','));
    }
    if (IsNext(parameters)) {
      return std::string(header.substr(open + 1, close - open - 1));
    }
    from = close + 1;
  }
}

}  // namespace

std::string NextLink(const http::Response& response) {
  for (const http::Header& header : response.headers) {
    if (header.name != "link") continue;
    std::string next = NextIn(header.value);
    if (!next.empty()) return next;
  }
  return {};
}

absl::StatusOr<std::string> PathOnOwnOrigin(std::string_view link) {
  std::string_view path = link;
  const size_t scheme = path.find("://");
  if (scheme != std::string_view::npos && scheme < path.find_first_of("/?")) {
    path.remove_prefix(scheme + 3);
    path.remove_prefix(std::min(path.find('/'), path.size()));
  }
  path = path.substr(0, path.find('#'));
  if (absl::StartsWith(ToAbsl(path), ToAbsl(kApiPrefix))) {
    path.remove_prefix(kApiPrefix.size() - 1);
  }
  if (path.size() < 2 || path[0] != '/' || path[1] == '/' ||
      path.substr(0, path.find('?')).find("..") != std::string_view::npos) {
    return absl::DataLossError(
        "Celigo's answer points to a next page that cannot be used");
  }
  if (absl::StartsWith(ToAbsl(path), ToAbsl(kVersionPrefix))) {
    return std::string(path);
  }
  return absl::StrCat(ToAbsl(kVersionPrefix), ToAbsl(path.substr(1)));
}

absl::StatusOr<std::string> NextPage(const http::Response& response,
                                     const http::Document& body) {
  std::string link = http::StringAt(body, "nextPageURL");
  if (link.empty()) link = NextLink(response);
  if (link.empty()) return std::string();
  return PathOnOwnOrigin(link);
}

}  // namespace keyturn::celigo
