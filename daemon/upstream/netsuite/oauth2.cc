#include "daemon/upstream/netsuite/oauth2.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/json.h"
#include "daemon/upstream/netsuite/errors.h"
#include "daemon/upstream/netsuite/oauth1.h"
#include "daemon/upstream/netsuite/secret_json.h"

namespace keyturn::netsuite {
namespace {

using base::ToAbsl;
using http::Document;

constexpr char kDoing[] = "to log in with the certificate";
constexpr char kTokenPath[] = "/services/rest/auth/oauth2/v1/token";
constexpr char kScope[] = "rest_webservices";
constexpr int kRsaBitsMin = 2048;
constexpr size_t kAccessTokenSizeMax = 16 * 1024;

template <auto Function>
struct Deleter {
  template <typename T>
  void operator()(T* pointer) const {
    Function(pointer);
  }
};
using PrivateKey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;

struct Algorithm {
  const char* name;
  const EVP_MD* digest;
  // Of r and of s; 0 for RSA.
  int coordinate_size;
};

// No passphrase is ever asked for on a terminal.
int NoPassphrase(char*, int, int, void*) { return 0; }

PrivateKey ReadKey(const secret::Secret& pem) {
  const Bio bio(
      BIO_new_mem_buf(pem.Expose().data(), static_cast<int>(pem.size())));
  PrivateKey key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  return key;
}

std::optional<Algorithm> ChooseAlgorithm(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    if (EVP_PKEY_get_bits(key) < kRsaBitsMin) return std::nullopt;
    return Algorithm{"PS256", EVP_sha256(), 0};
  }
  if (EVP_PKEY_is_a(key, "EC") != 1) return std::nullopt;
  std::array<char, 32> name{};
  if (EVP_PKEY_get_group_name(key, name.data(), name.size(), nullptr) != 1) {
    return std::nullopt;
  }
  const std::string_view curve(name.data());
  if (curve == "prime256v1") return Algorithm{"ES256", EVP_sha256(), 32};
  if (curve == "secp384r1") return Algorithm{"ES384", EVP_sha384(), 48};
  if (curve == "secp521r1") return Algorithm{"ES512", EVP_sha512(), 66};
  return std::nullopt;
}

// JWT wants r and s side by side where OpenSSL gives DER (RFC 7518, 3.4).
std::optional<std::string> ToFixedSize(const std::string& der, int size) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const EcdsaSignature signature(
      d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size())));
  if (signature == nullptr) return std::nullopt;
  std::string raw(2 * size, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  if (BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, size) != size ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + size, size) !=
          size) {
    return std::nullopt;
  }
  return raw;
}

std::optional<std::string> SignWith(EVP_PKEY* key, const Algorithm& algorithm,
                                    std::string_view text) {
  const DigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  if (EVP_DigestSignInit(context.get(), &parameters, algorithm.digest, nullptr,
                         key) != 1) {
    return std::nullopt;
  }
  const bool rsa = algorithm.coordinate_size == 0;
  if (rsa &&
      (EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) != 1 ||
       EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) !=
           1)) {
    return std::nullopt;
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  size_t size = 0;
  if (EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) != 1) {
    return std::nullopt;
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(),
                     reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes, text.size()) != 1) {
    return std::nullopt;
  }
  signature.resize(size);
  return rsa ? signature : ToFixedSize(signature, algorithm.coordinate_size);
}

std::string Base64Url(std::string_view text) {
  return absl::WebSafeBase64Escape(ToAbsl(text));
}

std::string Dump(const Document& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/true,
                    Document::error_handler_t::replace);
}

http::Request TokenRequest(const std::string& url,
                           const secret::Secret& assertion) {
  http::Request request;
  request.method = http::Method::kPost;
  request.url = url;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                     {"Accept", "application/json"}};
  constexpr std::string_view kForm =
      "grant_type=client_credentials&client_assertion_type="
      "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
      "&client_assertion=";
  std::string body;
  body.reserve(kForm.size() + assertion.size());
  body.append(kForm).append(assertion.Expose());
  request.body = secret::Secret::Take(body);
  return request;
}

// The part of a JWT between its dots, as JSON; null when it is not one.
Document PayloadOf(std::string_view token) {
  const size_t first = token.find('.');
  if (first == std::string_view::npos) return {};
  const size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return {};
  std::string payload;
  if (!absl::WebSafeBase64Unescape(
          ToAbsl(token.substr(first + 1, second - first - 1)), &payload)) {
    return {};
  }
  return http::ParseJson(payload).value_or(Document());
}

// Both sides of "a;b"; empty without a semicolon.
std::pair<std::string, std::string> SplitPair(const std::string& text) {
  const size_t semicolon = text.find(';');
  if (semicolon == std::string::npos) return {};
  return {text.substr(0, semicolon), text.substr(semicolon + 1)};
}

}  // namespace

absl::StatusOr<secret::Secret> ClientAssertion(const M2m& credential,
                                               std::string_view token_url,
                                               absl::Time now) {
  const PrivateKey key = ReadKey(credential.private_key_pem);
  const std::optional<Algorithm> algorithm =
      key == nullptr ? std::nullopt : ChooseAlgorithm(key.get());
  if (!algorithm.has_value()) {
    return absl::InvalidArgumentError(
        "the private key of the NetSuite certificate cannot be used: it must "
        "be PEM without a passphrase, RSA of 2048 bits or more, or EC on the "
        "curve P-256, P-384 or P-521");
  }
  const int64_t issued_at = absl::ToUnixSeconds(now);
  const Document header = {{"typ", "JWT"},
                           {"alg", algorithm->name},
                           {"kid", credential.certificate_id}};
  const Document claims = {
      {"iss", std::string(credential.client_id.Expose())},
      {"scope", Document::array({kScope})},
      {"aud", std::string(token_url)},
      {"iat", issued_at},
      {"exp", issued_at + absl::ToInt64Seconds(kAssertionLifetime)}};
  std::string text =
      absl::StrCat(Base64Url(Dump(header)), ".", Base64Url(Dump(claims)));
  const std::optional<std::string> signature =
      SignWith(key.get(), *algorithm, text);
  if (!signature.has_value()) {
    ERR_clear_error();
    return absl::InternalError(
        "the private key of the NetSuite certificate does not sign");
  }
  absl::StrAppend(&text, ".", Base64Url(*signature));
  return secret::Secret::Take(text);
}

BearerHint DescribeBearer(const secret::Secret& access_token) {
  BearerHint hint;
  const Document payload = PayloadOf(access_token.Expose());
  if (!payload.is_object()) return hint;
  if (const auto sub = payload.find("sub");
      sub != payload.end() && sub->is_string()) {
    std::tie(hint.role_id, hint.entity_id) =
        SplitPair(sub->get_ref<const std::string&>());
  }
  if (const auto aud = payload.find("aud");
      aud != payload.end() && aud->is_array()) {
    for (const Document& audience : *aud) {
      if (!audience.is_string() || !hint.account.empty()) continue;
      hint.account = SplitPair(audience.get_ref<const std::string&>()).second;
    }
  }
  return hint;
}

BearerCache::BearerCache(std::string suitetalk, http::Transport& transport,
                         base::Clock& clock)
    : token_url_(absl::StrCat(suitetalk, kTokenPath)),
      transport_(transport),
      clock_(clock) {}

bool BearerCache::Holds(const M2m& credential) const {
  return !access_token_.empty() &&
         certificate_id_ == credential.certificate_id &&
         secret::Equal(client_id_, credential.client_id);
}

void BearerCache::Forget() {
  access_token_ = secret::Secret();
  usable_until_ = absl::InfinitePast();
}

asio::awaitable<absl::StatusOr<secret::Secret>> BearerCache::Get(
    const M2m& credential) {
  const absl::Time now = clock_.Now();
  if (Holds(credential) && now < usable_until_) {
    co_return access_token_.Clone();
  }
  CO_ASSIGN_OR_RETURN(const secret::Secret assertion,
                      ClientAssertion(credential, token_url_, now));
  http::Request request = TokenRequest(token_url_, assertion);
  absl::StatusOr<http::Response> response =
      co_await transport_.Send(std::move(request));
  if (!response.ok()) co_return base::Annotate(response.status(), kDoing);
  co_return Keep(credential, *response, now);
}

absl::StatusOr<secret::Secret> BearerCache::Keep(const M2m& credential,
                                                 const http::Response& response,
                                                 absl::Time asked_at) {
  const Purpose purpose{.channel = Channel::kOAuth2, .doing = kDoing};
  RETURN_IF_ERROR(ErrorOf(response, purpose, clock_.Now()));
  const std::string_view body = response.body.Expose();
  const std::optional<std::string_view> token =
      FindScalar(body, "access_token");
  int64_t seconds = 0;
  if (!token.has_value() || token->empty() ||
      token->size() > kAccessTokenSizeMax ||
      !absl::SimpleAtoi(ToAbsl(FindScalar(body, "expires_in").value_or("3600")),
                        &seconds)) {
    return UnexpectedAnswer(kDoing, "no access token in it");
  }
  const absl::Duration lifetime =
      std::min(absl::Seconds(seconds), kBearerLifetimeMax);
  access_token_ = secret::Secret(*token);
  usable_until_ = asked_at + lifetime - kBearerExpiryMargin;
  client_id_ = credential.client_id.Clone();
  certificate_id_ = credential.certificate_id;
  return access_token_.Clone();
}

}  // namespace keyturn::netsuite
