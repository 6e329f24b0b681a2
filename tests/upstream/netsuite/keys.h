// Private keys that live as long as a test.
#ifndef KEYTURN_TESTS_UPSTREAM_NETSUITE_KEYS_H_
#define KEYTURN_TESTS_UPSTREAM_NETSUITE_KEYS_H_

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstddef>
#include <memory>
#include <string_view>

#include "daemon/secret/secret.h"

namespace keyturn::netsuite {

using Key = std::shared_ptr<EVP_PKEY>;

inline Key NewRsaKey(size_t bits) {
  return Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits), EVP_PKEY_free);
}

inline Key NewEcKey(const char* curve) {
  return Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve), EVP_PKEY_free);
}

inline secret::Secret ToPem(const Key& key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr,
                           nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  secret::Secret pem(std::string_view(data, static_cast<size_t>(size)));
  BIO_free(bio);
  return pem;
}

}  // namespace keyturn::netsuite

#endif  // KEYTURN_TESTS_UPSTREAM_NETSUITE_KEYS_H_
