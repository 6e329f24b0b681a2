// How bytes are sealed. Pure: the caller brings the randomness.
//
// An envelope, format 1, byte by byte:
//
//     0       1   the format
//     1      16   id of the key it was sealed under
//    17      32   salt, random
//    49      32   commitment
//    81      12   nonce, random
//    93       n   ciphertext, as long as what was sealed
//    93+n    16   tag
//
// HKDF-SHA256 (RFC 5869) of the key, with the salt and the info text
// "keyturn envelope 1", gives 64 bytes: the first 32 are the key of this
// envelope alone, the others the commitment. AES-256-GCM under that key and the
// nonce encrypts; what is authenticated beside the ciphertext is bytes 0 to 80
// followed by the identity of the row that holds the envelope. So an envelope
// opens only under one key (GCM alone would not promise that) and only where it
// was put.
#ifndef KEYTURN_DAEMON_VAULT_SEALING_H_
#define KEYTURN_DAEMON_VAULT_SEALING_H_

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "daemon/secret/secret.h"

namespace keyturn::vault {

inline constexpr char kEnvelopeFormat = 1;
inline constexpr size_t kKeyBytes = 32;
inline constexpr size_t kKeyIdBytes = 16;
inline constexpr size_t kSaltBytes = 32;
inline constexpr size_t kCommitmentBytes = 32;
inline constexpr size_t kNonceBytes = 12;
inline constexpr size_t kTagBytes = 16;
inline constexpr size_t kEnvelopeOverhead =
    1 + kKeyIdBytes + kSaltBytes + kCommitmentBytes + kNonceBytes + kTagBytes;
// What one envelope may hold.
inline constexpr size_t kSealedBytesMax = 128 * 1024;

// Never the same for two envelopes; a repeated salt with the same key and nonce
// would give both plaintexts away.
struct SealingRandomness {
  std::array<char, kSaltBytes> salt;
  std::array<char, kNonceBytes> nonce;
};

// From the kernel's generator. Thread-safe.
SealingRandomness FreshRandomness();
secret::Secret FreshKey();

// The parts, each preceded by its length as 4 bytes, big endian: two different
// lists never give the same text.
std::string RowIdentity(std::initializer_list<std::string_view> parts);

// The id of a key that carries none: 16 hex digits, derived from the key, of
// which they reveal nothing.
absl::StatusOr<std::string> KeyIdOf(const secret::Secret& key);

// Seals `plain`. InvalidArgument unless key and key id have the lengths above
// and `plain` is at most kSealedBytesMax long.
absl::StatusOr<std::string> Seal(const secret::Secret& key,
                                 std::string_view key_id,
                                 std::string_view plain,
                                 std::string_view identity,
                                 const SealingRandomness& randomness);

// The key id that `envelope` names, not yet proved. DataLoss when it is too
// short or of an unknown format. The view lives as long as the bytes.
absl::StatusOr<std::string_view> EnvelopeKeyId(std::string_view envelope);

// DataLoss unless `envelope` is, to the bit, what Seal gave for this key and
// identity.
absl::StatusOr<secret::Secret> OpenEnvelope(const secret::Secret& key,
                                            std::string_view envelope,
                                            std::string_view identity);

}  // namespace keyturn::vault

#endif  // KEYTURN_DAEMON_VAULT_SEALING_H_
