// Binds a credential's rows together: names, labels and versions, which are not
// secret but decide which secret is used.
#ifndef KEYTURN_DAEMON_VAULT_ROW_KEY_H_
#define KEYTURN_DAEMON_VAULT_ROW_KEY_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "daemon/secret/secret.h"
#include "daemon/store/records.h"
#include "daemon/store/store.h"

namespace keyturn::vault {

// A binding is HMAC-SHA256, in lower-case hex, of a RowIdentity (see sealing.h)
// of these parts: "credential rows 1", name, kind, id of the migration, number
// of versions, and for each version, ascending, its number, label, instant
// (nanoseconds since 1970), creator, and the sealed bytes. Kind and label are
// their names, numbers are decimal.
//
// What a credential weighs in the census is HMAC-SHA256, as four numbers of 8
// bytes each, big endian, of "credential weight 1", name, mark. The proof of a
// census is HMAC-SHA256, in lower-case hex, of "credential census 1", sequence,
// count, the four numbers of the sum as 16 hex digits each, detail. The sum
// itself is stored nowhere: who could see it change would learn the weights.
//
// Immutable, therefore thread-safe. It opens no secret, and so may stay in
// memory while the vault is sealed: what a step has found out before it was cut
// can then still be stored.
class RowKey final : public store::RowBinder {
 public:
  // Derived from `oldest_data_key`, which a store keeps for its whole life.
  explicit RowKey(const secret::Secret& oldest_data_key);

  std::string Bind(const store::CredentialRows& rows) const override;
  std::array<uint64_t, 4> Weigh(std::string_view name,
                                std::string_view mark) const override;
  std::string Prove(int64_t sequence, const store::Census& census,
                    std::string_view detail) const override;

  // DataLoss (CREDENTIAL_ALTERED), naming the credential, when the rows are not
  // those that were stored together.
  absl::Status Check(const store::CredentialRows& rows) const;

 private:
  const secret::Secret key_;
};

}  // namespace keyturn::vault

#endif  // KEYTURN_DAEMON_VAULT_ROW_KEY_H_
