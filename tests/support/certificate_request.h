// What somebody who enrols brings along.
#ifndef KEYTURN_TESTS_SUPPORT_CERTIFICATE_REQUEST_H_
#define KEYTURN_TESTS_SUPPORT_CERTIFICATE_REQUEST_H_

#include <string>

namespace keyturn::testing {

struct KeyAndRequest {
  std::string key_pem;
  std::string request_pem;
};

// A new EC key on `curve` and a request for it, which asks for the common name
// "administrator": nothing of what it asks for is to be granted.
KeyAndRequest MakeCertificateRequest(const char* curve = "P-256");

// A request for one key that another one signed.
std::string MakeForgedRequest();

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_SUPPORT_CERTIFICATE_REQUEST_H_
