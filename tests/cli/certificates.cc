#include "tests/cli/certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace keyturn::cli {
namespace {

constexpr long kValidSeconds = 3600;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Memory = std::unique_ptr<BIO, decltype(&BIO_free)>;

Key MakeKey() { return Key(EVP_EC_gen("P-256"), EVP_PKEY_free); }

void Extend(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Signed by `issuer` with `issuer_key`, or by itself when `issuer` is null.
Certificate Sign(const std::string& name, long serial, EVP_PKEY* key,
                 X509* issuer, EVP_PKEY* issuer_key, long age = 60,
                 long left = kValidSeconds) {
  Certificate certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -age);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), left);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(
      subject, "CN", MBSTRING_ASC,
      reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), issuer == nullptr
                                              ? subject
                                              : X509_get_subject_name(issuer));
  if (issuer == nullptr) {
    Extend(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  } else {
    Extend(certificate.get(), NID_subject_alt_name, "DNS:" + name);
  }
  X509_sign(certificate.get(), issuer_key, EVP_sha256());
  return certificate;
}

std::string Text(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string ToPem(X509* certificate) {
  const Memory memory(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(memory.get(), certificate);
  return Text(memory.get());
}

std::string ToPem(EVP_PKEY* key) {
  const Memory memory(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr,
                           nullptr);
  return Text(memory.get());
}

Memory Open(const std::string& pem) {
  return Memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                BIO_free);
}

std::string SignClient(const Certificates& certificates, EVP_PKEY* key,
                       long age, long left) {
  const Certificate authority(
      PEM_read_bio_X509(Open(certificates.authority_pem).get(), nullptr,
                        nullptr, nullptr),
      X509_free);
  const Key authority_key(
      PEM_read_bio_PrivateKey(Open(certificates.authority_key_pem).get(),
                              nullptr, nullptr, nullptr),
      EVP_PKEY_free);
  return ToPem(
      Sign("anna", 4, key, authority.get(), authority_key.get(), age, left)
          .get());
}

}  // namespace

Certificates MakeCertificates(const std::string& server_name) {
  const Key authority_key = MakeKey();
  const Certificate authority = Sign("Test authority", 1, authority_key.get(),
                                     nullptr, authority_key.get());
  const Key server_key = MakeKey();
  const Certificate server = Sign(server_name, 2, server_key.get(),
                                  authority.get(), authority_key.get());
  const Key client_key = MakeKey();
  const Certificate client =
      Sign("anna", 3, client_key.get(), authority.get(), authority_key.get());
  return {.authority_pem = ToPem(authority.get()),
          .authority_key_pem = ToPem(authority_key.get()),
          .server = {.certificate_pem = ToPem(server.get()),
                     .key_pem = ToPem(server_key.get())},
          .client = {.certificate_pem = ToPem(client.get()),
                     .key_pem = ToPem(client_key.get())}};
}

Identity MakeClient(const Certificates& certificates, long age_seconds,
                    long left_seconds) {
  const Key key = MakeKey();
  return {.certificate_pem =
              SignClient(certificates, key.get(), age_seconds, left_seconds),
          .key_pem = ToPem(key.get())};
}

std::string SignRequest(const Certificates& certificates,
                        const std::string& request_pem, long left_seconds) {
  const std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)> request(
      PEM_read_bio_X509_REQ(Open(request_pem).get(), nullptr, nullptr, nullptr),
      X509_REQ_free);
  return SignClient(certificates, X509_REQ_get0_pubkey(request.get()),
                    /*age=*/60, left_seconds);
}

}  // namespace keyturn::cli
