// The token by which somebody gets a first certificate.
#ifndef KEYTURN_DAEMON_ACCESS_INVITATION_H_
#define KEYTURN_DAEMON_ACCESS_INVITATION_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/secret/secret.h"

namespace keyturn::access {

inline constexpr absl::Duration kInvitationTtlDefault = absl::Hours(1);
inline constexpr absl::Duration kInvitationTtlMax = absl::Hours(7 * 24);
inline constexpr int kInvitationUsesMax = 100;
inline constexpr size_t kInvitationSecretSize = 32;

// What a token says: which authority the daemon must prove to have, and the
// secret that proves the invitation. As text, for people and files:
//
//   kti1.{fingerprint}.{secret}      both 32 bytes in base64url, unpadded
//
// The prefix lets scanners for leaked secrets find it. Its reader on the other
// side is cli/identity/invitation_token.h.
struct InvitationToken {
  // As CertificateFingerprint gives it.
  std::string ca_fingerprint;
  secret::Secret secret;
};

// A random secret of kInvitationSecretSize bytes. Internal without randomness.
absl::StatusOr<secret::Secret> NewInvitationSecret();

secret::Secret EncodeToken(const InvitationToken& token);

// InvalidArgument for anything but EncodeToken's output; says nothing of it.
absl::StatusOr<InvitationToken> ParseToken(std::string_view text);

// What the store keeps. The secret is random, so its plain SHA-256 (in hex)
// lets nobody guess.
std::string HashOfSecret(const secret::Secret& secret);

}  // namespace keyturn::access

#endif  // KEYTURN_DAEMON_ACCESS_INVITATION_H_
