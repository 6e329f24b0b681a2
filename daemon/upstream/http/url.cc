#include "daemon/upstream/http/url.h"

#include <curl/curl.h>

#include <memory>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/curl_global.h"

namespace keyturn::http {
namespace {

using base::ToAbsl;
using Handle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::optional<std::string> Part(CURLU* url, CURLUPart part,
                                unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return std::nullopt;
  std::string copy(text);
  curl_free(text);
  return copy;
}

absl::Status NotAUrl(std::string_view cause) {
  return base::WithReason(absl::InvalidArgumentError(absl::StrCat(
                              "not a usable address: ", ToAbsl(cause),
                              "; it must look like https://host/path")),
                          "INVALID_URL");
}

bool IsPrintable(std::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

bool IsUnreserved(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

absl::StatusOr<Url> ParseUrl(std::string_view text) {
  RETURN_IF_ERROR(InitCurl());
  if (text.size() > kUrlSizeMax) return NotAUrl("it is too long");
  if (!IsPrintable(text)) {
    return NotAUrl("it has a space or a character outside ASCII");
  }
  const Handle url(curl_url(), curl_url_cleanup);
  if (url == nullptr) return absl::ResourceExhaustedError("out of memory");
  const CURLUcode code = curl_url_set(
      url.get(), CURLUPART_URL, std::string(text).c_str(), CURLU_PATH_AS_IS);
  if (code != CURLUE_OK) return NotAUrl(curl_url_strerror(code));
  if (Part(url.get(), CURLUPART_SCHEME) != "https") {
    return NotAUrl("only https is allowed");
  }
  if (Part(url.get(), CURLUPART_USER) || Part(url.get(), CURLUPART_PASSWORD)) {
    return NotAUrl("it holds a user or a password");
  }
  if (Part(url.get(), CURLUPART_FRAGMENT) ||
      text.find('#') != std::string_view::npos) {
    return NotAUrl("it has a fragment");
  }
  Url parsed;
  parsed.host =
      absl::AsciiStrToLower(Part(url.get(), CURLUPART_HOST).value_or(""));
  parsed.path = Part(url.get(), CURLUPART_PATH).value_or("/");
  parsed.query = Part(url.get(), CURLUPART_QUERY).value_or("");
  uint32_t port = 0;
  const auto port_text = Part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if (!absl::SimpleAtoi(port_text.value_or("443"), &port) || port == 0 ||
      port > 65535) {
    return NotAUrl("the port is not between 1 and 65535");
  }
  parsed.port = static_cast<uint16_t>(port);
  if (parsed.host.empty()) return NotAUrl("it names no host");
  return parsed;
}

absl::StatusOr<std::string> NormalizeBaseUrl(std::string_view text) {
  ASSIGN_OR_RETURN(const Url url, ParseUrl(text));
  if (url.path != "/" || text.find('?') != std::string_view::npos) {
    return base::WithReason(
        absl::InvalidArgumentError(
            "a base URL is scheme and host only, such as "
            "https://api.integrator.io: leave out path and query"),
        "INVALID_URL");
  }
  return url.port == 443 ? absl::StrCat("https://", url.host)
                         : absl::StrCat("https://", url.host, ":", url.port);
}

std::string PercentEncode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c)) {
      encoded.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded.push_back('%');
      encoded.push_back(kHex[byte >> 4]);
      encoded.push_back(kHex[byte & 15]);
    }
  }
  return encoded;
}

}  // namespace keyturn::http
