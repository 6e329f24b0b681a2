// The key that everything else in the vault hangs on. It lives in a file beside
// the configuration, never in the store.
#ifndef KEYTURN_DAEMON_VAULT_ROOT_KEY_H_
#define KEYTURN_DAEMON_VAULT_ROOT_KEY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/secret/secret.h"

namespace keyturn::vault {

inline constexpr size_t kRootKeyBytes = 32;

struct RootKey {
  secret::Secret key;
  // Where it came from, for errors.
  std::string source;
};

// Makes a new root key of 32 random bytes and writes them, as they are, to the
// new file `path` with mode 0600; durable on return. AlreadyExists when there
// is a file: a root key is never overwritten, since the credentials sealed
// under it would be lost.
absl::Status GenerateRootKeyFile(const std::string& path);

// Reads a file that holds exactly 32 bytes (no encoding, no line end).
//
// NotFound (ROOT_KEY_MISSING); FailedPrecondition (ROOT_KEY_PERMISSIONS) unless
// it is a regular file that belongs to our user and has mode 0600, with the
// command that mends it; (ROOT_KEY_SIZE) for another size.
absl::StatusOr<RootKey> ReadRootKeyFile(const std::string& path);

}  // namespace keyturn::vault

#endif  // KEYTURN_DAEMON_VAULT_ROOT_KEY_H_
