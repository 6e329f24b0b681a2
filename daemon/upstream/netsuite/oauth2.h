// OAuth 2.0 client credentials (NetSuite help section_162755359851,
// section_162686838198): a JWT signed with a certificate's key is exchanged for
// a bearer token that lasts an hour.
#ifndef KEYTURN_DAEMON_UPSTREAM_NETSUITE_OAUTH2_H_
#define KEYTURN_DAEMON_UPSTREAM_NETSUITE_OAUTH2_H_

#include <asio/awaitable.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/base/clock.h"
#include "daemon/secret/secret.h"
#include "daemon/upstream/http/transport.h"
#include "daemon/upstream/netsuite/credential.h"

namespace keyturn::netsuite {

// NetSuite takes an assertion of less than 60 minutes.
inline constexpr absl::Duration kAssertionLifetime = absl::Minutes(5);
// A cached token is not used in the last part of its life.
inline constexpr absl::Duration kBearerExpiryMargin = absl::Minutes(2);
// Whatever the answer says, a token is asked for again after this time.
inline constexpr absl::Duration kBearerLifetimeMax = absl::Hours(1);

// The signed JWT. PS256 for an RSA key; ES256, ES384 or ES512 for an EC key by
// its curve. InvalidArgument when the PEM is not such a key, or is an RSA key
// of less than 2048 bits.
absl::StatusOr<secret::Secret> ClientAssertion(const M2m& credential,
                                               std::string_view token_url,
                                               absl::Time now);

// For whom a bearer token stands, read from the token itself. A hint: the
// signature is not checked, and every field may be empty.
struct BearerHint {
  std::string account;
  std::string role_id;
  std::string entity_id;
};
BearerHint DescribeBearer(const secret::Secret& access_token);

// Keeps one access token, in memory only, until shortly before it expires.
class BearerCache {
 public:
  // `suitetalk` is the origin of Endpoints. `transport` and `clock` must
  // outlive this object.
  BearerCache(std::string suitetalk, http::Transport& transport,
              base::Clock& clock);

  // The cached token, or a new one when `credential` is another one than the
  // token was made with or the token's time is up. `credential` must outlive
  // the call.
  //
  // FailedPrecondition with reason OUTSIDE_LOGIN_REFUSED when NetSuite refuses
  // the assertion (400 or 401: it does not say why); InvalidArgument as for
  // ClientAssertion; Unavailable when NetSuite cannot be reached or is busy.
  asio::awaitable<absl::StatusOr<secret::Secret>> Get(const M2m& credential);

  // After NetSuite refused the token: the next Get asks for a new one.
  void Forget();

 private:
  bool Holds(const M2m& credential) const;
  absl::StatusOr<secret::Secret> Keep(const M2m& credential,
                                      const http::Response& response,
                                      absl::Time asked_at);

  const std::string token_url_;
  http::Transport& transport_;
  base::Clock& clock_;
  secret::Secret client_id_;
  std::string certificate_id_;
  secret::Secret access_token_;
  absl::Time usable_until_ = absl::InfinitePast();
};

}  // namespace keyturn::netsuite

#endif  // KEYTURN_DAEMON_UPSTREAM_NETSUITE_OAUTH2_H_
