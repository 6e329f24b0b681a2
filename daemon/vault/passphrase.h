// A root key from a passphrase.
//
// What must be kept of it is a file, format 1, byte by byte; nothing in it is
// secret:
//
//     0       1   the format
//     1       1   N of scrypt (RFC 7914), as the power of two
//     2       4   r, big endian
//     6       4   p, big endian
//    10      32   salt, random
//    42      32   commitment
//
// scrypt of the passphrase gives 64 bytes: the first 32 are the root key, the
// others the commitment, by which a wrong passphrase is known before any row of
// the store is touched. Who has the file may try passphrases at the price that
// its parameters set: choose a long one.
#ifndef KEYTURN_DAEMON_VAULT_PASSPHRASE_H_
#define KEYTURN_DAEMON_VAULT_PASSPHRASE_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/secret/secret.h"
#include "daemon/vault/root_key.h"

namespace keyturn::vault {

inline constexpr size_t kPassphraseBytesMin = 12;
inline constexpr size_t kPassphraseBytesMax = 1024;
inline constexpr size_t kPassphraseFileBytes = 74;
// 128 MiB and some tenths of a second for each try.
inline constexpr int kScryptLogNDefault = 17;
inline constexpr int kScryptLogNMin = 10;
// An altered file must not make us take all memory: 1 GiB at most.
inline constexpr int kScryptLogNMax = 20;
inline constexpr uint32_t kScryptRDefault = 8;
inline constexpr uint32_t kScryptRMax = 8;
inline constexpr uint32_t kScryptPDefault = 1;
inline constexpr uint32_t kScryptPMax = 16;

struct PassphraseParameters {
  int log_n = kScryptLogNDefault;
  uint32_t r = kScryptRDefault;
  uint32_t p = kScryptPDefault;
  std::array<char, 32> salt{};
  std::array<char, 32> commitment{};
};

std::string EncodePassphraseParameters(const PassphraseParameters& parameters);
// FailedPrecondition (PASSPHRASE_FILE) unless `bytes` are exactly such a file
// within the limits above.
absl::StatusOr<PassphraseParameters> DecodePassphraseParameters(
    std::string_view bytes);

// Fresh parameters that lead from `passphrase` to a new root key. `log_n` is
// given by tests alone. InvalidArgument (PASSPHRASE_WEAK) for fewer than
// kPassphraseBytesMin bytes, or more than kPassphraseBytesMax.
absl::StatusOr<PassphraseParameters> NewPassphrase(
    const secret::Secret& passphrase, int log_n = kScryptLogNDefault);

// Costs the same time for a right and a wrong passphrase. InvalidArgument
// (WRONG_PASSPHRASE).
absl::StatusOr<RootKey> DeriveRootKey(const secret::Secret& passphrase,
                                      const PassphraseParameters& parameters);

// NotFound (ROOT_KEY_MISSING); FailedPrecondition (PASSPHRASE_FILE).
absl::StatusOr<PassphraseParameters> ReadPassphraseFile(
    const std::string& path);

}  // namespace keyturn::vault

#endif  // KEYTURN_DAEMON_VAULT_PASSPHRASE_H_
