#include "daemon/access/invitation.h"

#include <openssl/rand.h>

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/base/status.h"
#include "daemon/secret/digest.h"

namespace keyturn::access {
namespace {

constexpr std::string_view kPrefix = "kti1";
constexpr size_t kFingerprintSize = 32;
constexpr size_t kTokenSizeMax = 256;

absl::Status NoToken() {
  return absl::InvalidArgumentError(
      "is not an invitation's token: take it unchanged, as keyturn identity "
      "invite wrote it");
}

}  // namespace

absl::StatusOr<secret::Secret> NewInvitationSecret() {
  secret::Secret secret = secret::Secret::OfSize(kInvitationSecretSize);
  if (RAND_priv_bytes(reinterpret_cast<unsigned char*>(secret.ExposeMutable()),
                      static_cast<int>(secret.size())) != 1) {
    return absl::InternalError("OpenSSL gives no random bytes");
  }
  return secret;
}

secret::Secret EncodeToken(const InvitationToken& token) {
  std::string encoded =
      absl::WebSafeBase64Escape(base::ToAbsl(token.secret.Expose()));
  std::string text = absl::StrCat(
      base::ToAbsl(kPrefix), ".",
      absl::WebSafeBase64Escape(absl::HexStringToBytes(token.ca_fingerprint)),
      ".", encoded);
  secret::WipeString(encoded);
  return secret::Secret::Take(text);
}

absl::StatusOr<InvitationToken> ParseToken(std::string_view text) {
  if (text.size() > kTokenSizeMax) return NoToken();
  const std::vector<absl::string_view> parts =
      absl::StrSplit(base::ToAbsl(text), '.');
  if (parts.size() != 3 || parts[0] != base::ToAbsl(kPrefix)) return NoToken();
  std::string fingerprint;
  std::string secret;
  const bool read = absl::WebSafeBase64Unescape(parts[1], &fingerprint) &&
                    absl::WebSafeBase64Unescape(parts[2], &secret) &&
                    fingerprint.size() == kFingerprintSize &&
                    secret.size() == kInvitationSecretSize;
  InvitationToken token;
  token.secret = secret::Secret::Take(secret);
  if (!read) return NoToken();
  token.ca_fingerprint = absl::BytesToHexString(fingerprint);
  // Base64's reader passes over spaces and line ends.
  if (EncodeToken(token).Expose() != text) return NoToken();
  return token;
}

std::string HashOfSecret(const secret::Secret& secret) {
  return secret::Sha256Hex(secret.Expose());
}

}  // namespace keyturn::access
