#include "daemon/upstream/netsuite/oauth1.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/url.h"

namespace keyturn::netsuite {
namespace {

constexpr std::string_view kSignatureMethod = "HMAC-SHA256";
constexpr std::string_view kNonceAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

bool IsUnreserved(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// As http::PercentEncode, but leaves no copies of a secret behind: `out` does
// not grow if the caller reserved three bytes for each of `text`.
void AppendEncoded(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<uint8_t>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 0xF]);
  }
}

std::string Encoded(std::string_view text) {
  std::string encoded;
  encoded.reserve(3 * text.size());
  AppendEncoded(encoded, text);
  return encoded;
}

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

absl::StatusOr<std::string> DecodeQuery(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded.push_back(' ');
    } else if (text[i] != '%') {
      decoded.push_back(text[i]);
    } else {
      const auto high =
          i + 2 < text.size() ? HexDigit(text[i + 1]) : std::nullopt;
      const auto low =
          i + 2 < text.size() ? HexDigit(text[i + 2]) : std::nullopt;
      if (!high.has_value() || !low.has_value()) {
        return absl::InvalidArgumentError(
            "the query of a URL holds a '%' without two hexadecimal digits");
      }
      decoded.push_back(static_cast<char>(*high * 16 + *low));
      i += 2;
    }
  }
  return decoded;
}

// A URL as the base string needs it.
struct SplitUrl {
  std::string location;
  std::vector<Parameter> query;
};

absl::StatusOr<std::vector<Parameter>> SplitQuery(std::string_view query) {
  std::vector<Parameter> parameters;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    ASSIGN_OR_RETURN(std::string name, DecodeQuery(pair.substr(0, equals)));
    ASSIGN_OR_RETURN(
        std::string value,
        DecodeQuery(pair.substr(std::min(equals + 1, pair.size()))));
    parameters.push_back({std::move(name), std::move(value)});
  }
  return parameters;
}

absl::StatusOr<SplitUrl> Split(std::string_view text) {
  ASSIGN_OR_RETURN(const http::Url url, http::ParseUrl(text));
  SplitUrl split;
  split.location = absl::StrCat(
      "https://", url.host, url.port == 443 ? "" : absl::StrCat(":", url.port),
      url.path);
  ASSIGN_OR_RETURN(split.query, SplitQuery(url.query));
  return split;
}

std::vector<Parameter> HeaderParameters(const SignedRequest& request,
                                        const SigningKeys& keys,
                                        const Freshness& freshness) {
  std::vector<Parameter> parameters = {
      {"oauth_consumer_key", std::string(keys.consumer_key)},
      {"oauth_nonce", freshness.nonce},
      {"oauth_signature_method", std::string(kSignatureMethod)},
      {"oauth_timestamp",
       absl::StrCat(absl::ToUnixSeconds(freshness.timestamp))},
      {"oauth_version", "1.0"},
  };
  if (!keys.token.empty()) {
    parameters.push_back({"oauth_token", std::string(keys.token)});
  }
  parameters.insert(parameters.end(), request.extra.begin(),
                    request.extra.end());
  return parameters;
}

void Wipe(std::vector<Parameter>& parameters) {
  for (Parameter& parameter : parameters) secret::WipeString(parameter.value);
}

size_t EncodedSizeMax(const std::vector<Parameter>& parameters) {
  size_t size = 0;
  for (const Parameter& parameter : parameters) {
    size += 3 * (parameter.name.size() + parameter.value.size()) + 2;
  }
  return size;
}

// "name=value&…" sorted by encoded name, then by encoded value.
secret::Secret Normalise(const std::vector<Parameter>& parameters) {
  std::vector<Parameter> encoded;
  encoded.reserve(parameters.size());
  for (const Parameter& parameter : parameters) {
    encoded.push_back({Encoded(parameter.name), Encoded(parameter.value)});
  }
  std::sort(encoded.begin(), encoded.end(),
            [](const Parameter& a, const Parameter& b) {
              return std::tie(a.name, a.value) < std::tie(b.name, b.value);
            });
  std::string joined;
  joined.reserve(EncodedSizeMax(encoded));
  for (const Parameter& parameter : encoded) {
    if (!joined.empty()) joined.push_back('&');
    joined.append(parameter.name).append("=").append(parameter.value);
  }
  Wipe(encoded);
  return secret::Secret::Take(joined);
}

// encode(consumer secret) & encode(token secret); the '&' always stands.
secret::Secret SigningKey(const SigningKeys& keys) {
  std::string key;
  key.reserve(3 * (keys.consumer_secret.size() + keys.token_secret.size()) + 1);
  AppendEncoded(key, keys.consumer_secret);
  key.push_back('&');
  AppendEncoded(key, keys.token_secret);
  return secret::Secret::Take(key);
}

void AppendField(std::string& header, std::string_view name,
                 std::string_view value) {
  if (!header.ends_with(' ')) header.append(", ");
  AppendEncoded(header, name);
  header.append("=\"");
  AppendEncoded(header, value);
  header.push_back('"');
}

}  // namespace

std::string NewNonce() {
  // The largest multiple of the alphabet's size that fits in a byte: higher
  // bytes are thrown away, so that every character is equally likely.
  constexpr size_t kByteLimit = 256 - 256 % kNonceAlphabet.size();
  std::string nonce;
  while (nonce.size() < kNonceSize) {
    std::array<unsigned char, 2 * kNonceSize> bytes;
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
      std::abort();  // Without randomness nothing here is safe.
    }
    for (const unsigned char byte : bytes) {
      if (byte >= kByteLimit || nonce.size() == kNonceSize) continue;
      nonce.push_back(kNonceAlphabet[byte % kNonceAlphabet.size()]);
    }
  }
  return nonce;
}

absl::StatusOr<secret::Secret> SignatureBaseString(const SignedRequest& request,
                                                   const SigningKeys& keys,
                                                   const Freshness& freshness) {
  ASSIGN_OR_RETURN(SplitUrl url, Split(request.url));
  std::vector<Parameter> parameters =
      HeaderParameters(request, keys, freshness);
  std::move(url.query.begin(), url.query.end(), std::back_inserter(parameters));
  const secret::Secret normalised = Normalise(parameters);
  Wipe(parameters);

  std::string text;
  text.reserve(request.method.size() + 3 * url.location.size() +
               3 * normalised.size() + 2);
  text.append(request.method).push_back('&');
  AppendEncoded(text, url.location);
  text.push_back('&');
  AppendEncoded(text, normalised.Expose());
  return secret::Secret::Take(text);
}

std::string Sign(std::string_view base_string, const SigningKeys& keys) {
  const secret::Secret key = SigningKey(keys);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), key.Expose().data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(base_string.data()),
           base_string.size(), digest.data(), &size) == nullptr) {
    std::abort();  // HMAC-SHA256 is always there; this is a broken library.
  }
  return absl::Base64Escape(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

absl::StatusOr<secret::Secret> OAuthHeader(const AccountId& account,
                                           const SignedRequest& request,
                                           const SigningKeys& keys,
                                           const Freshness& freshness) {
  ASSIGN_OR_RETURN(const secret::Secret base_string,
                   SignatureBaseString(request, keys, freshness));
  const std::string signature = Sign(base_string.Expose(), keys);
  std::vector<Parameter> fields = HeaderParameters(request, keys, freshness);

  constexpr size_t kPunctuationPerField = 5;  // , ="" and the space
  constexpr size_t kFixedPart = 64;  // OAuth realm=… oauth_signature=…
  std::string header;
  header.reserve(kFixedPart + 3 * (account.realm().size() + signature.size()) +
                 EncodedSizeMax(fields) + kPunctuationPerField * fields.size());
  header.append("OAuth ");
  AppendField(header, "realm", account.realm());
  for (const Parameter& field : fields) {
    AppendField(header, field.name, field.value);
  }
  AppendField(header, "oauth_signature", signature);
  Wipe(fields);
  return secret::Secret::Take(header);
}

std::string TokenPassportSignature(const AccountId& account,
                                   const SigningKeys& keys,
                                   const Freshness& freshness) {
  const std::string timestamp =
      absl::StrCat(absl::ToUnixSeconds(freshness.timestamp));
  std::string text;
  text.reserve(3 * (account.realm().size() + keys.consumer_key.size() +
                    keys.token.size() + freshness.nonce.size() +
                    timestamp.size()) +
               4);
  for (const std::string_view part :
       {std::string_view(account.realm()), keys.consumer_key, keys.token,
        std::string_view(freshness.nonce), std::string_view(timestamp)}) {
    if (!text.empty()) text.push_back('&');
    AppendEncoded(text, part);
  }
  const secret::Secret base_string = secret::Secret::Take(text);
  return Sign(base_string.Expose(), keys);
}

secret::Secret NlAuthHeader(const AccountId& account, std::string_view email,
                            const secret::Secret& password,
                            std::string_view role_id) {
  constexpr size_t kFieldNames = 80;
  std::string header;
  header.reserve(kFieldNames + 3 * (account.realm().size() + email.size() +
                                    password.size() + role_id.size()));
  header.append("NLAuth nlauth_account=");
  AppendEncoded(header, account.realm());
  header.append(", nlauth_email=");
  AppendEncoded(header, email);
  header.append(", nlauth_signature=");
  AppendEncoded(header, password.Expose());
  header.append(", nlauth_role=");
  AppendEncoded(header, role_id);
  return secret::Secret::Take(header);
}

}  // namespace keyturn::netsuite
