#include "tests/sandbox/jwt.h"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>

#include "tests/sandbox/text.h"

namespace keyturn::sandbox {
namespace {

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
  void operator()(ECDSA_SIG* p) const { ECDSA_SIG_free(p); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

Owned<X509> ReadCertificate(std::string_view pem) {
  Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Owned<X509>(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

// JWT's r‖s as the DER that OpenSSL takes; "" for an odd length.
std::string DerSignature(std::string_view raw) {
  if (raw.empty() || raw.size() % 2 != 0) return "";
  const auto* bytes = reinterpret_cast<const unsigned char*>(raw.data());
  const int half = static_cast<int>(raw.size() / 2);
  Owned<ECDSA_SIG> signature(ECDSA_SIG_new());
  ECDSA_SIG_set0(signature.get(), BN_bin2bn(bytes, half, nullptr),
                 BN_bin2bn(bytes + half, half, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) return "";
  std::string out(reinterpret_cast<char*>(der), size);
  OPENSSL_free(der);
  return out;
}

const EVP_MD* DigestOf(std::string_view algorithm) {
  if (algorithm.ends_with("256")) return EVP_sha256();
  if (algorithm.ends_with("384")) return EVP_sha384();
  if (algorithm.ends_with("512")) return EVP_sha512();
  return nullptr;
}

std::optional<absl::Time> ToTime(const ASN1_TIME* time) {
  std::tm fields;
  if (ASN1_TIME_to_tm(time, &fields) != 1) return std::nullopt;
  return absl::FromTM(fields, absl::UTCTimeZone());
}

}  // namespace

std::optional<Jwt> ParseJwt(std::string_view text) {
  const size_t first = text.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const size_t second = text.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto header = Base64Decode(text.substr(0, first));
  const auto payload = Base64Decode(text.substr(first + 1, second - first - 1));
  const auto signature = Base64Decode(text.substr(second + 1));
  if (!header || !payload || !signature) return std::nullopt;
  Jwt jwt{ParseJson(*header), ParseJson(*payload),
          std::string(text.substr(0, second)), *signature};
  if (!jwt.header.is_object() || !jwt.payload.is_object()) return std::nullopt;
  return jwt;
}

bool VerifyJwt(const Jwt& jwt, std::string_view certificate_pem) {
  const std::string algorithm = Text(jwt.header, "alg");
  const bool pss = algorithm.starts_with("PS");
  const EVP_MD* digest = DigestOf(algorithm);
  if (digest == nullptr || (!pss && !algorithm.starts_with("ES"))) return false;
  Owned<X509> certificate = ReadCertificate(certificate_pem);
  if (certificate == nullptr) return false;
  EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  if (key == nullptr ||
      EVP_PKEY_base_id(key) != (pss ? EVP_PKEY_RSA : EVP_PKEY_EC)) {
    return false;
  }
  const std::string signature =
      pss ? jwt.signature : DerSignature(jwt.signature);
  Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  if (EVP_DigestVerifyInit(context.get(), &key_context, digest, nullptr, key) !=
      1) {
    return false;
  }
  if (pss) {
    EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST);
  }
  return EVP_DigestVerify(
             context.get(),
             reinterpret_cast<const unsigned char*>(signature.data()),
             signature.size(),
             reinterpret_cast<const unsigned char*>(jwt.signed_text.data()),
             jwt.signed_text.size()) == 1;
}

std::optional<CertificateFacts> InspectCertificate(
    std::string_view certificate_pem) {
  Owned<X509> certificate = ReadCertificate(certificate_pem);
  if (certificate == nullptr) return std::nullopt;
  EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  const auto not_before = ToTime(X509_get0_notBefore(certificate.get()));
  const auto not_after = ToTime(X509_get0_notAfter(certificate.get()));
  if (key == nullptr || !not_before || !not_after) return std::nullopt;
  CertificateFacts facts;
  facts.key_type = EVP_PKEY_base_id(key) == EVP_PKEY_RSA  ? "RSA"
                   : EVP_PKEY_base_id(key) == EVP_PKEY_EC ? "EC"
                                                          : "other";
  facts.key_bits = EVP_PKEY_bits(key);
  facts.not_before = *not_before;
  facts.not_after = *not_after;
  return facts;
}

}  // namespace keyturn::sandbox
