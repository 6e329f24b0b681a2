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
  std::string authority_key_pem;
  Identity server;
  Identity client;
};

// The server's certificate is for `server_name`.
Certificates MakeCertificates(const std::string& server_name);

// Another client's certificate, which began `age_seconds` ago and ends in
// `left_seconds`.
Identity MakeClient(const Certificates& certificates, long age_seconds,
                    long left_seconds);

// A client's certificate for the key of a certificate request, as above.
std::string SignRequest(const Certificates& certificates,
                        const std::string& request_pem, long left_seconds);

}  // namespace keyturn::cli

#endif  // KEYTURN_TESTS_CLI_CERTIFICATES_H_
