#include "tests/support/certificate_request.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace keyturn::testing {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Memory = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

Memory NewMemory() { return Memory(BIO_new(BIO_s_mem()), BIO_free_all); }

std::string Text(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string RequestFor(EVP_PKEY* key, EVP_PKEY* signer) {
  const std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)> request(
      X509_REQ_new(), X509_REQ_free);
  X509_NAME_add_entry_by_txt(
      X509_REQ_get_subject_name(request.get()), "CN", MBSTRING_ASC,
      reinterpret_cast<const unsigned char*>("administrator"), -1, -1, 0);
  X509_REQ_set_pubkey(request.get(), key);
  X509_REQ_sign(request.get(), signer, EVP_sha256());
  const Memory memory = NewMemory();
  PEM_write_bio_X509_REQ(memory.get(), request.get());
  return Text(memory.get());
}

}  // namespace

KeyAndRequest MakeCertificateRequest(const char* curve) {
  const Key key(EVP_EC_gen(curve), EVP_PKEY_free);
  const Memory memory = NewMemory();
  PEM_write_bio_PKCS8PrivateKey(memory.get(), key.get(), nullptr, nullptr, 0,
                                nullptr, nullptr);
  return {Text(memory.get()), RequestFor(key.get(), key.get())};
}

std::string MakeForgedRequest() {
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Key other(EVP_EC_gen("P-256"), EVP_PKEY_free);
  return RequestFor(key.get(), other.get());
}

}  // namespace keyturn::testing
