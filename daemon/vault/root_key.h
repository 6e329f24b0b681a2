// The key that everything else in the vault hangs on. It comes from outside and
// never rests in the store.
#ifndef KEYTURN_DAEMON_VAULT_ROOT_KEY_H_
#define KEYTURN_DAEMON_VAULT_ROOT_KEY_H_

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

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

// --- Where it comes from ---

struct RootKeyFile {
  // Absolute.
  std::string path;
};

// A file that systemd decrypted for this service alone, below
// $CREDENTIALS_DIRECTORY.
struct SystemdCredential {
  std::string name;
};

// A passphrase that an administrator gives at each unsealing. The file holds
// how the key is derived from it, see passphrase.h: no secret, but needed.
struct PassphraseFile {
  // Absolute.
  std::string path;
};

using RootKeySource =
    std::variant<RootKeyFile, SystemdCredential, PassphraseFile>;

// While the root key is changed the former one is accepted as well.
struct RootKeySources {
  RootKeySource current;
  std::optional<RootKeySource> previous;

  // The current one first.
  std::vector<RootKeySource> All() const;
  // Whether somebody must give a passphrase before the keys are known.
  bool needs_passphrase() const;
};

// What was typed in; empty where there is nothing to type.
struct Passphrases {
  secret::Secret current;
  secret::Secret previous;
};

// What the sources gave.
struct RootKeys {
  RootKey current;
  std::optional<RootKey> previous;
};

// 1 to 255 characters [A-Za-z0-9_.-], not beginning with a dot.
bool IsCredentialName(std::string_view name);

// "key file /etc/root.key", "systemd credential keyturn-root", "passphrase":
// for people.
std::string Describe(const RootKeySource& source);

// Errors as of ReadRootKeyFile and DeriveRootKey. For a systemd credential
// NotFound (ROOT_KEY_MISSING) with the line that the unit file lacks; who may
// read it is systemd's business. For a passphrase that was not given
// FailedPrecondition (PASSPHRASE_REQUIRED).
absl::StatusOr<RootKey> ReadRootKey(const RootKeySource& source,
                                    const secret::Secret& passphrase);
absl::StatusOr<RootKeys> ReadRootKeys(const RootKeySources& sources,
                                      const Passphrases& passphrases);

}  // namespace keyturn::vault

#endif  // KEYTURN_DAEMON_VAULT_ROOT_KEY_H_
