#include "tests/sandbox/oauth1.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"

namespace keyturn::sandbox {
namespace {

constexpr int kHeaderFieldsMax = 64;

std::string_view Trim(std::string_view text) {
  while (!text.empty() && absl::ascii_isspace(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && absl::ascii_isspace(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

// "https://Host:443/path?query" as it is signed: lower-case scheme and host, no
// default port, no query.
std::string NormalUrl(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return std::string(url);
  const std::string scheme = Lower(url.substr(0, scheme_end));
  std::string_view rest = url.substr(scheme_end + 3);
  const size_t slash = rest.find('/');
  std::string host = Lower(rest.substr(0, slash));
  const std::string path =
      slash == std::string_view::npos ? "/" : std::string(rest.substr(slash));
  const std::string default_port = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(default_port)) {
    host.resize(host.size() - default_port.size());
  }
  return scheme + "://" + host + path;
}

// Takes the scheme word off; nothing when it is another one.
std::optional<std::string_view> AfterScheme(std::string_view authorization,
                                            std::string_view scheme) {
  if (authorization.size() <= scheme.size() ||
      !EqualsIgnoringCase(authorization.substr(0, scheme.size()), scheme) ||
      authorization[scheme.size()] != ' ') {
    return std::nullopt;
  }
  return authorization.substr(scheme.size() + 1);
}

}  // namespace

bool OAuthHeader::Has(std::string_view name) const {
  return std::any_of(fields.begin(), fields.end(), [&](const NameValue& field) {
    return field.first == name;
  });
}

std::string OAuthHeader::Field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return "";
}

std::optional<OAuthHeader> ParseOAuthHeader(std::string_view authorization) {
  std::optional<std::string_view> rest = AfterScheme(authorization, "OAuth");
  if (!rest.has_value()) return std::nullopt;
  OAuthHeader header;
  std::string_view text = Trim(*rest);
  while (!text.empty()) {
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals + 1 >= text.size() ||
        text[equals + 1] != '"') {
      return std::nullopt;
    }
    const size_t quote = text.find('"', equals + 2);
    if (quote == std::string_view::npos) return std::nullopt;
    const std::string name = PercentDecode(Trim(text.substr(0, equals)));
    if (name.empty() || header.Has(name) ||
        header.fields.size() >= kHeaderFieldsMax) {
      return std::nullopt;
    }
    header.fields.emplace_back(
        name, PercentDecode(text.substr(equals + 2, quote - equals - 2)));
    text = Trim(text.substr(quote + 1));
    if (text.empty()) break;
    if (text.front() != ',') return std::nullopt;
    text = Trim(text.substr(1));
  }
  return header;
}

std::string SignatureBase(std::string_view method, std::string_view url,
                          const OAuthHeader& header,
                          const std::vector<NameValue>& parameters) {
  std::vector<NameValue> encoded;
  for (const auto& [name, value] : header.fields) {
    if (name == "realm" || name == "oauth_signature") continue;
    encoded.emplace_back(PercentEncode(name), PercentEncode(value));
  }
  for (const auto& [name, value] : parameters) {
    encoded.emplace_back(PercentEncode(name), PercentEncode(value));
  }
  std::sort(encoded.begin(), encoded.end());
  const std::string joined =
      absl::StrJoin(encoded, "&", absl::PairFormatter("="));
  return Upper(method) + "&" + PercentEncode(NormalUrl(url)) + "&" +
         PercentEncode(joined);
}

std::string Signature(std::string_view base, std::string_view consumer_secret,
                      std::string_view token_secret) {
  const std::string key =
      PercentEncode(consumer_secret) + "&" + PercentEncode(token_secret);
  return Base64Encode(HmacSha256(key, base));
}

std::string PassportSignature(std::string_view account,
                              std::string_view consumer_key,
                              std::string_view token, std::string_view nonce,
                              std::string_view timestamp,
                              std::string_view consumer_secret,
                              std::string_view token_secret) {
  const std::string base = absl::StrJoin(
      {PercentEncode(account), PercentEncode(consumer_key),
       PercentEncode(token), PercentEncode(nonce), PercentEncode(timestamp)},
      "&");
  return Signature(base, consumer_secret, token_secret);
}

std::optional<NlAuth> ParseNlAuth(std::string_view authorization) {
  std::optional<std::string_view> rest = AfterScheme(authorization, "NLAuth");
  if (!rest.has_value()) return std::nullopt;
  NlAuth auth;
  std::string_view text = *rest;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view part = Trim(text.substr(0, comma));
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = part.substr(0, equals);
    const std::string value = PercentDecode(part.substr(equals + 1));
    if (name == "nlauth_account") auth.account = value;
    if (name == "nlauth_email") auth.email = value;
    if (name == "nlauth_signature") auth.password = value;
    if (name == "nlauth_role") auth.role = value;
    if (name == "nlauth_otp") auth.one_time_password = value;
  }
  if (auth.account.empty() || auth.email.empty() || auth.password.empty()) {
    return std::nullopt;
  }
  return auth;
}

std::string TimeBasedPassword(std::string_view secret, absl::Time now) {
  const uint64_t counter = static_cast<uint64_t>(absl::ToUnixSeconds(now)) / 30;
  std::string message;
  for (int shift = 56; shift >= 0; shift -= 8) {
    message.push_back(static_cast<char>(counter >> shift & 0xff));
  }
  const std::string mac = HmacSha1(secret, message);
  const auto at = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(mac[i]));
  };
  const size_t offset = at(mac.size() - 1) & 15;
  const uint32_t code = (at(offset) & 0x7f) << 24 | at(offset + 1) << 16 |
                        at(offset + 2) << 8 | at(offset + 3);
  char digits[8];
  std::snprintf(digits, sizeof(digits), "%06u", code % 1000000);
  return digits;
}

}  // namespace keyturn::sandbox
