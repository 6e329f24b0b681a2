// Digests of bytes that may be secret.
#ifndef KEYTURN_DAEMON_SECRET_DIGEST_H_
#define KEYTURN_DAEMON_SECRET_DIGEST_H_

#include <string>
#include <string_view>

#include "daemon/secret/secret.h"

namespace keyturn::secret {

// SHA-256 of `bytes`: 64 lower-case hex digits. A digest of something that can
// be guessed (a password) is as secret as the thing itself.
std::string Sha256Hex(std::string_view bytes);

// HMAC-SHA256 of `bytes` under `key`: 64 lower-case hex digits. Without the key
// it tells nothing of what can be guessed.
std::string HmacSha256Hex(const Secret& key, std::string_view bytes);

}  // namespace keyturn::secret

#endif  // KEYTURN_DAEMON_SECRET_DIGEST_H_
