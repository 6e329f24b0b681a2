// Certificates for servers that a test runs on this machine.
#ifndef KEYTURN_TESTS_UPSTREAM_HTTP_TEST_CERTIFICATE_H_
#define KEYTURN_TESTS_UPSTREAM_HTTP_TEST_CERTIFICATE_H_

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace keyturn::testing {

// A self-signed certificate with its key, good for a day.
class TestCertificate {
 public:
  // `subject_alternative_name` as OpenSSL writes it: "IP:127.0.0.1".
  explicit TestCertificate(const std::string& subject_alternative_name);

  X509* certificate() const { return certificate_.get(); }
  EVP_PKEY* key() const { return key_.get(); }
  // What a client must trust.
  std::string pem() const;

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> certificate_;
};

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_UPSTREAM_HTTP_TEST_CERTIFICATE_H_
