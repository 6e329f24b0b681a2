// How the rows of the audit trail are chained. Pure.
//
// After each row the chain has a head:
//
//   head(n) = SHA-256( head(n-1) | row n ),   head(0) = 32 zero bytes
//
// where a row is, format 1, the text "keyturn audit row 1", then its sequence
// and its time (nanoseconds since 1970) as 8 bytes each, big endian, then each
// text, preceded by its length as 4 bytes, big endian: actor, transport,
// subject, serial, peer, action, target, request id, digest, result, detail.
//
// A row is stored with its seal, format 1, byte by byte:
//
//     0       1   the format
//     1       8   id of the chain key; zeros: there was none
//     9       8   sequence that the row was given, big endian
//    17      32   head before the row
//    49      32   HMAC-SHA256 under the chain key of "keyturn audit seal 1",
//                 bytes 0 to 48, and the head after the row; zeros without a
//                 key
//
// So each row can be tried alone (its seal holds all that it hangs on), a row
// that stands elsewhere says where it was, and what is missing between two rows
// shows. A row without a key, or from before the chain began (no seal at all),
// is in the head of the rows after it: the next keyed one vouches for it. For
// the same reason another key does not break the chain.
#ifndef KEYTURN_DAEMON_AUDIT_CHAIN_H_
#define KEYTURN_DAEMON_AUDIT_CHAIN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "daemon/secret/secret.h"
#include "daemon/store/records.h"

namespace keyturn::audit {

inline constexpr char kSealFormat = 1;
// What the secret of ChainKey::DeriveFrom is derived for. Changing it makes the
// trail that there is unprovable.
inline constexpr char kKeyPurpose[] = "keyturn audit trail 1";
inline constexpr size_t kHeadBytes = 32;
inline constexpr size_t kMacBytes = 32;
inline constexpr size_t kKeyIdBytes = 8;
inline constexpr size_t kSealBytes =
    1 + kKeyIdBytes + 8 + kHeadBytes + kMacBytes;

// What proves that a row, or a checkpoint, is ours.
class ChainKey {
 public:
  // HKDF-SHA256 of `secret`, which is not kept: something that stays the same
  // after every start, whatever becomes of the data keys.
  static absl::StatusOr<ChainKey> DeriveFrom(const secret::Secret& secret);

  // 8 bytes, of which nothing of the key can be learned.
  const std::string& id() const { return id_; }
  // HMAC-SHA256: 32 bytes.
  std::string Mac(std::string_view text) const;

 private:
  ChainKey(secret::Secret key, std::string id);

  secret::Secret key_;
  std::string id_;
};

// The head before the first row.
std::string FirstHead();

// The head after `row`, as if it had `sequence`, where the chain had come to
// `head` (empty: FirstHead).
std::string HeadAfter(const store::AuditRow& row, int64_t sequence,
                      std::string_view head);

// The seal of `row`, whose sequence is given. `key` null: without one.
std::string MakeSeal(const store::AuditRow& row, std::string_view head,
                     const ChainKey* key);

struct Seal {
  // Empty: sealed without a key.
  std::string key_id;
  int64_t sequence = 0;
  std::string head_before;
};

// What `seal` says, not yet proved. DataLoss when it is no such seal.
absl::StatusOr<Seal> ParseSeal(std::string_view seal);

// Whether `row` is, with the sequence that its seal names, what was sealed
// under `key`. False for one that was sealed under another key or without.
bool IsSealedUnder(const store::AuditRow& row, const ChainKey& key);

}  // namespace keyturn::audit

#endif  // KEYTURN_DAEMON_AUDIT_CHAIN_H_
