#ifndef KEYTURN_TESTS_CLI_CERTIFICATES_H_
#define KEYTURN_TESTS_CLI_CERTIFICATES_H_

#include <string>

namespace keyturn::cli {

struct Identity {
  std::string certificate_pem;
  std::string key_pem;
};

// An authority with a server's and a client's certificate, made afresh, valid
// for an hour.
struct Certificates {
  std::string authority_pem;
  Identity server;
  Identity client;
};

// The server's certificate is for `server_name`.
Certificates MakeCertificates(const std::string& server_name);

}  // namespace keyturn::cli

#endif  // KEYTURN_TESTS_CLI_CERTIFICATES_H_
