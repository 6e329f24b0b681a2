#ifndef KEYTURN_CLI_IDENTITY_CERTIFICATES_H_
#define KEYTURN_CLI_IDENTITY_CERTIFICATES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/wipe.h"

namespace keyturn::cli {

// Keys are made here and leave this machine in no form: what goes to the daemon
// is a certificate request. Errors of OpenSSL that nobody expects are Internal.

struct KeyAndRequest {
  // PKCS#8 PEM of a new EC P-256 key.
  SecretText key_pem;
  // PKCS#10 PEM, signed with it.
  std::string request_pem;
};

absl::StatusOr<KeyAndRequest> MakeKeyAndRequest();

// When the first certificate of a PEM text begins and ends. InvalidArgument for
// a text without one.
struct Validity {
  absl::Time begin;
  absl::Time end;
};
absl::StatusOr<Validity> ValidityOf(const std::string& certificate_pem);

// InvalidArgument unless the key belongs to the certificate.
absl::Status CheckPair(const std::string& certificate_pem,
                       const SecretText& key_pem);

// Connects to `server` ("HOST:PORT"), looks at the certificates that it shows,
// and gives back, in PEM, the one whose SHA-256 is `fingerprint` (lower-case
// hexadecimal). Nothing is believed or sent but that: whoever listens there can
// at most show us the right certificate, and must then prove to a second
// connection that the authority it belongs to signed its own.
//
// InvalidArgument for a `server` of another form; Unavailable when nobody
// answers within `timeout` or does not speak TLS; PermissionDenied when no
// certificate has that fingerprint: it is another daemon, or somebody between.
absl::StatusOr<std::string> FetchAuthority(const std::string& server,
                                           const std::string& fingerprint,
                                           absl::Duration timeout);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_IDENTITY_CERTIFICATES_H_
