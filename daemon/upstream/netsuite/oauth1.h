// OAuth 1.0a with HMAC-SHA256 as NetSuite speaks it (NetSuite help
// section_157651396916, section_1534941088), the SOAP token passport, and the
// NLAuth header. Pure: nonce and time come in as arguments.
#ifndef KEYTURN_DAEMON_UPSTREAM_NETSUITE_OAUTH1_H_
#define KEYTURN_DAEMON_UPSTREAM_NETSUITE_OAUTH1_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/secret/secret.h"
#include "daemon/upstream/netsuite/account_id.h"

namespace keyturn::netsuite {

// NetSuite asks for at least 6 characters and advises 20.
inline constexpr size_t kNonceSize = 20;
// NetSuite refuses a timestamp that is further away from its own clock.
inline constexpr absl::Duration kClockSkewMax = absl::Minutes(5);

struct Parameter {
  std::string name;
  std::string value;
};

// The four strings that sign a request; views of what a Secret holds. An empty
// `token` is left out of the header (request-token step), its secret is then
// empty too.
struct SigningKeys {
  std::string_view consumer_key;
  std::string_view consumer_secret;
  std::string_view token;
  std::string_view token_secret;
};

// What makes each attempt its own. A repeated request needs a new one.
struct Freshness {
  std::string nonce;
  absl::Time timestamp;
};

struct SignedRequest {
  // Upper case.
  std::string_view method;
  // Absolute. Its query is decoded and signed; '+' there means a space.
  std::string_view url;
  // Further fields of the header, signed like the others: oauth_callback,
  // oauth_verifier, role.
  std::vector<Parameter> extra;
};

// kNonceSize random letters and digits. Thread-safe.
std::string NewNonce();
using NonceSource = std::function<std::string()>;

// What is signed. Holds no secret but both key ids, hence the type.
// InvalidArgument when http::ParseUrl refuses the URL or its query holds a
// broken %XX.
absl::StatusOr<secret::Secret> SignatureBaseString(const SignedRequest& request,
                                                   const SigningKeys& keys,
                                                   const Freshness& freshness);

// The value of the Authorization header: `OAuth realm="…", …`. The realm is
// sent and never signed. Errors as above.
absl::StatusOr<secret::Secret> OAuthHeader(const AccountId& account,
                                           const SignedRequest& request,
                                           const SigningKeys& keys,
                                           const Freshness& freshness);

// Base64 of the HMAC over `base_string`, with the key made of both secrets.
std::string Sign(std::string_view base_string, const SigningKeys& keys);

// The signature of a SOAP tokenPassport, which signs five values only.
std::string TokenPassportSignature(const AccountId& account,
                                   const SigningKeys& keys,
                                   const Freshness& freshness);

// The value of an NLAuth Authorization header: a login by e-mail and password
// under one role. NetSuite takes it at /rest/issuetoken and /rest/revoketoken
// (NetSuite help section_4623992425).
secret::Secret NlAuthHeader(const AccountId& account, std::string_view email,
                            const secret::Secret& password,
                            std::string_view role_id);

}  // namespace keyturn::netsuite

#endif  // KEYTURN_DAEMON_UPSTREAM_NETSUITE_OAUTH1_H_
