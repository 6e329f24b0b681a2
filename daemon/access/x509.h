// Reading X.509 with OpenSSL. Of this room alone.
#ifndef KEYTURN_DAEMON_ACCESS_X509_H_
#define KEYTURN_DAEMON_ACCESS_X509_H_

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace keyturn::access {

template <auto kFree>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
template <typename T, auto kFree>
using Owned = std::unique_ptr<T, Freer<kFree>>;

using Certificate = Owned<X509, X509_free>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using Request = Owned<X509_REQ, X509_REQ_free>;
using Bio = Owned<BIO, BIO_free_all>;
using Number = Owned<BIGNUM, BN_free>;
using Extension = Owned<X509_EXTENSION, X509_EXTENSION_free>;
using GeneralNames = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;

// OpenSSL's queue is emptied; its texts say nothing that a person could act on.
absl::Status CryptoFailure(std::string_view what);

Bio ReaderOf(std::string_view bytes);

// The first certificate of a PEM text. InvalidArgument without one.
absl::StatusOr<Certificate> ReadCertificate(std::string_view pem);
// All of them; InvalidArgument as of CheckCertificates.
absl::StatusOr<std::vector<Certificate>> ReadCertificates(std::string_view pem);

// The URIs among the subject's alternative names, in their order.
std::vector<std::string> UrisOf(X509* certificate);
// Hexadecimal digits; empty when there is none.
std::string SerialOf(X509* certificate);
// InvalidArgument when it is no instant.
absl::StatusOr<absl::Time> ExpiryOf(X509* certificate);

}  // namespace keyturn::access

#endif  // KEYTURN_DAEMON_ACCESS_X509_H_
