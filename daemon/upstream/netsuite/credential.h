// What the daemon itself logs in to NetSuite with, and what it may use once to
// make a token. All of it comes from the vault and lives as long as one call.
#ifndef KEYTURN_DAEMON_UPSTREAM_NETSUITE_CREDENTIAL_H_
#define KEYTURN_DAEMON_UPSTREAM_NETSUITE_CREDENTIAL_H_

#include <functional>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "daemon/secret/secret.h"

namespace keyturn::netsuite {

// Token-based authentication: the consumer pair of an integration record and an
// access token of that same record. A pair and a token of two records never
// work together.
struct Tba {
  secret::Secret consumer_key;
  secret::Secret consumer_secret;
  secret::Secret token_id;
  secret::Secret token_secret;
};

// OAuth 2.0 client credentials (machine to machine): the integration record's
// client id, the id that NetSuite gave the certificate, and the private key
// that belongs to it (PEM, not encrypted; RSA or EC P-256, P-384, P-521).
struct M2m {
  secret::Secret client_id;
  std::string certificate_id;
  secret::Secret private_key_pem;
};

using AccessCredential = std::variant<Tba, M2m>;

// Opens the access credential in the vault, once for every call. Its errors
// (the vault is sealed, no such credential) come back from the call as they
// are.
using CredentialSource = std::function<absl::StatusOr<AccessCredential>()>;

// A person's login, for IssueToken alone.
struct Login {
  std::string email;
  secret::Secret password;
};

// What NetSuite shows only once.
struct IssuedToken {
  secret::Secret id;
  secret::Secret secret;
};

}  // namespace keyturn::netsuite

#endif  // KEYTURN_DAEMON_UPSTREAM_NETSUITE_CREDENTIAL_H_
