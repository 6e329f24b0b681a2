// Binds a credential's rows together: names, labels and versions, which are not
// secret but decide which secret is used.
#ifndef KEYTURN_DAEMON_VAULT_ROW_KEY_H_
#define KEYTURN_DAEMON_VAULT_ROW_KEY_H_

#include <string>

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
// Immutable, therefore thread-safe. It opens no secret, and so may stay in
// memory while the vault is sealed: what a step has found out before it was cut
// can then still be stored.
class RowKey final : public store::RowBinder {
 public:
  // Derived from `oldest_data_key`, which a store keeps for its whole life.
  explicit RowKey(const secret::Secret& oldest_data_key);

  std::string Bind(const store::CredentialRows& rows) const override;

  // DataLoss (CREDENTIAL_ALTERED), naming the credential, when the rows are not
  // those that were stored together.
  absl::Status Check(const store::CredentialRows& rows) const;

 private:
  const secret::Secret key_;
};

}  // namespace keyturn::vault

#endif  // KEYTURN_DAEMON_VAULT_ROW_KEY_H_
