#include "tests/support/svid.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace keyturn::testing {
namespace {

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Memory = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

Memory NewMemory() { return Memory(BIO_new(BIO_s_mem()), BIO_free_all); }

Memory ReaderOf(const std::string& text) {
  return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
                BIO_free_all);
}

std::string Text(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return std::string(data, static_cast<size_t>(size));
}

void AddExtension(X509* issuer, X509* certificate, int nid,
                  const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension =
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

void SetSerial(X509* certificate, const std::string& hex) {
  BIGNUM* number = nullptr;
  BN_hex2bn(&number, hex.c_str());
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
}

void Fill(X509* certificate, X509* issuer, const Svid& svid) {
  X509_set_version(certificate, 2);
  SetSerial(certificate, svid.serial);
  X509_NAME_add_entry_by_txt(
      X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
      reinterpret_cast<const unsigned char*>(svid.common_name.c_str()), -1, -1,
      0);
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  X509_gmtime_adj(X509_getm_notBefore(certificate), svid.begins_seconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate), svid.ends_seconds);
  AddExtension(issuer, certificate, NID_basic_constraints, svid.constraints);
  AddExtension(issuer, certificate, NID_key_usage, svid.key_usage);
  if (svid.extended_key_usage != nullptr) {
    AddExtension(issuer, certificate, NID_ext_key_usage,
                 svid.extended_key_usage);
  }
  std::string names;
  for (const std::string& uri : svid.uris) {
    names += (names.empty() ? "URI:" : ",URI:") + uri;
  }
  if (names.empty()) return;
  AddExtension(issuer, certificate, NID_subject_alt_name, names);
}

}  // namespace

Svid AuthoritySvid(const std::string& common_name) {
  Svid svid;
  svid.common_name = common_name;
  svid.constraints = "critical,CA:TRUE";
  svid.key_usage = "critical,keyCertSign,cRLSign";
  svid.extended_key_usage = nullptr;
  return svid;
}

PemPair IssueSvid(const PemPair* ca, const Svid& svid) {
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Certificate certificate(X509_new(), X509_free);
  X509_set_pubkey(certificate.get(), key.get());
  if (ca == nullptr) {
    Fill(certificate.get(), certificate.get(), svid);
    X509_sign(certificate.get(), key.get(), EVP_sha256());
  } else {
    const Certificate issuer(
        PEM_read_bio_X509(ReaderOf(ca->certificate_pem).get(), nullptr, nullptr,
                          nullptr),
        X509_free);
    const Key issuer_key(PEM_read_bio_PrivateKey(ReaderOf(ca->key_pem).get(),
                                                 nullptr, nullptr, nullptr),
                         EVP_PKEY_free);
    Fill(certificate.get(), issuer.get(), svid);
    X509_sign(certificate.get(), issuer_key.get(), EVP_sha256());
  }
  PemPair pair;
  const Memory certificate_text = NewMemory();
  PEM_write_bio_X509(certificate_text.get(), certificate.get());
  pair.certificate_pem = Text(certificate_text.get());
  const Memory key_text = NewMemory();
  PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0,
                                nullptr, nullptr);
  pair.key_pem = Text(key_text.get());
  return pair;
}

}  // namespace keyturn::testing
