#include "tests/sandbox/certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

#include "absl/strings/str_cat.h"

namespace keyturn::sandbox {
namespace {

constexpr long kBackdateSeconds = 24L * 3600;
constexpr long kLifeSeconds = 365L * 24 * 3600;

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

std::string Contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(size));
}

absl::StatusOr<KeyAndCertificate> ToPem(EVP_PKEY* key, X509* certificate) {
  Owned<BIO> key_bio(BIO_new(BIO_s_mem()));
  Owned<BIO> certificate_bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PrivateKey(key_bio.get(), key, nullptr, nullptr, 0, nullptr,
                               nullptr) != 1 ||
      PEM_write_bio_X509(certificate_bio.get(), certificate) != 1) {
    return absl::InternalError("OpenSSL could not write a certificate");
  }
  return KeyAndCertificate{Contents(key_bio.get()),
                           Contents(certificate_bio.get())};
}

bool AddExtension(X509* certificate, X509* issuer, int nid,
                  const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  Owned<X509_EXTENSION> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension != nullptr &&
         X509_add_ext(certificate, extension.get(), -1) == 1;
}

// A certificate for `key` with everything but issuer, extensions, signature.
Owned<X509> Draft(const std::string& name, EVP_PKEY* key) {
  Owned<X509> certificate(X509_new());
  unsigned char serial[16];
  RAND_bytes(serial, sizeof(serial));
  serial[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(serial, sizeof(serial), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_set_version(certificate.get(), 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kBackdateSeconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kLifeSeconds);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(
      X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
      reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

}  // namespace

absl::StatusOr<KeyAndCertificate> MakeAuthority(const std::string& name) {
  Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  if (key == nullptr) return absl::InternalError("OpenSSL made no key");
  Owned<X509> certificate = Draft(name, key.get());
  X509_set_issuer_name(certificate.get(),
                       X509_get_subject_name(certificate.get()));
  if (!AddExtension(certificate.get(), certificate.get(), NID_basic_constraints,
                    "critical,CA:TRUE") ||
      !AddExtension(certificate.get(), certificate.get(), NID_key_usage,
                    "critical,keyCertSign,cRLSign,digitalSignature") ||
      !AddExtension(certificate.get(), certificate.get(),
                    NID_subject_key_identifier, "hash") ||
      X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) {
    return absl::InternalError("OpenSSL could not sign the authority");
  }
  return ToPem(key.get(), certificate.get());
}

absl::StatusOr<KeyAndCertificate> MakeServerCertificate(
    const KeyAndCertificate& authority,
    const std::vector<std::string>& dns_names,
    const std::vector<std::string>& ip_addresses) {
  Owned<BIO> bio(
      BIO_new_mem_buf(authority.certificate_pem.data(),
                      static_cast<int>(authority.certificate_pem.size())));
  Owned<X509> issuer(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  Owned<BIO> key_bio(
      BIO_new_mem_buf(authority.private_key_pem.data(),
                      static_cast<int>(authority.private_key_pem.size())));
  Owned<EVP_PKEY> issuer_key(
      PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  if (issuer == nullptr || issuer_key == nullptr || key == nullptr ||
      dns_names.empty()) {
    return absl::InternalError("the authority cannot be read");
  }
  Owned<X509> certificate = Draft(dns_names.front(), key.get());
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer.get()));
  std::string names;
  for (const std::string& name : dns_names) {
    absl::StrAppend(&names, names.empty() ? "" : ",", "DNS:", name);
  }
  for (const std::string& address : ip_addresses) {
    absl::StrAppend(&names, ",IP:", address);
  }
  if (!AddExtension(certificate.get(), issuer.get(), NID_subject_alt_name,
                    names) ||
      !AddExtension(certificate.get(), issuer.get(), NID_key_usage,
                    "critical,digitalSignature") ||
      !AddExtension(certificate.get(), issuer.get(), NID_ext_key_usage,
                    "serverAuth") ||
      !AddExtension(certificate.get(), issuer.get(),
                    NID_authority_key_identifier, "keyid") ||
      X509_sign(certificate.get(), issuer_key.get(), EVP_sha256()) == 0) {
    return absl::InternalError("OpenSSL could not sign the certificate");
  }
  return ToPem(key.get(), certificate.get());
}

}  // namespace keyturn::sandbox
