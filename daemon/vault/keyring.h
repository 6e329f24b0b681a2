// The data keys: what credentials are sealed under. They rest in the store,
// each wrapped by the root key, so that changing the root key later means
// wrapping a few keys again rather than every credential.
#ifndef KEYTURN_DAEMON_VAULT_KEYRING_H_
#define KEYTURN_DAEMON_VAULT_KEYRING_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/secret/secret.h"
#include "daemon/store/records.h"
#include "daemon/store/store.h"
#include "daemon/vault/root_key.h"
#include "daemon/vault/row_key.h"

namespace keyturn::vault {

// Data keys of one store.
inline constexpr size_t kDataKeysMax = 1000;

// What is known of the credentials' rows of the store that a data key was
// wrapped for.
enum class RowCare {
  // From before rows were bound together.
  kLoose,
  // Each credential's rows are bound, see RowKey.
  kBound,
  // All are counted as well, see store::Store::TakeCensus.
  kCounted,
};

struct DataKey {
  // 16 characters, see base::NewId; part of each envelope sealed under it.
  std::string id;
  secret::Secret key;
  RowCare rows = RowCare::kCounted;
};

// Immutable, therefore thread-safe.
class Keyring {
 public:
  // At least one key; the last one seals, all of them open.
  explicit Keyring(std::vector<DataKey> keys);

  const std::shared_ptr<const RowKey>& row_key() const { return row_key_; }

  const DataKey& sealing_key() const { return keys_.back(); }
  // The first key that the store got; what is derived from it never changes.
  const DataKey& oldest() const { return keys_.front(); }
  // Null when there is no such key. Valid as long as the keyring.
  const DataKey* Find(std::string_view id) const;
  // See Vault::DeriveKey.
  secret::Secret DeriveKey(std::string_view purpose) const;

 private:
  std::vector<DataKey> keys_;
  std::shared_ptr<const RowKey> row_key_;
};

// A fresh data key, and the same key wrapped for the store.
struct NewDataKey {
  DataKey key;
  store::WrappedDataKey wrapped;
};
absl::StatusOr<NewDataKey> MakeDataKey(const RootKey& root_key, absl::Time now);

// All data keys of `stored` that the current root key has not wrapped, wrapped
// by it; none when it has wrapped them all. Errors as of OpenKeyring.
absl::StatusOr<std::vector<store::WrappedDataKey>> RewrapDataKeys(
    const RootKeys& root_keys,
    const std::vector<store::WrappedDataKey>& stored);

// FailedPrecondition (WRONG_ROOT_KEY), naming where the key came from, when
// `wrapped` was wrapped by another root key; DataLoss (DATA_KEY_ALTERED),
// naming the data key, when its bytes were changed.
absl::StatusOr<DataKey> UnwrapDataKey(const RootKey& root_key,
                                      const store::WrappedDataKey& wrapped);

// Reads and unwraps all data keys of `store`, each by the root key that it was
// wrapped by, and lets the store bind its rows by the row key. A store without
// any gets its first one, wrapped by the current root key and committed before
// this returns, provided that it has no credential either; else DataLoss
// (DATA_KEYS_MISSING).
//
// A store from before there were bindings, or before credentials were counted,
// gets them here, once. That this was done is part of how its data keys are
// wrapped (see RowCare), so whoever takes bindings or counts away cannot pass
// for an old store.
//
// DataLoss (CREDENTIALS_ROLLED_BACK), naming credentials where the trail does,
// when all credentials together are not those that were stored last: rows were
// put back from an old copy, or taken out. Further errors as of UnwrapDataKey
// and of the store.
absl::StatusOr<Keyring> OpenKeyring(store::Store& store,
                                    const RootKeys& root_keys, absl::Time now);

// The data keys alone: looks at no credential, and changes nothing. DataLoss
// (DATA_KEYS_MISSING) when there are none; further errors as of UnwrapDataKey.
absl::StatusOr<Keyring> UnwrapKeyring(store::Store& store,
                                      const RootKeys& root_keys);

// For a store that was put back on purpose: from now on its credentials count
// as they are, so that OpenKeyring does not refuse them. `row` tells the trail
// so, in the same transaction. Errors as of UnwrapKeyring and of the store.
absl::Status AcceptRestored(store::Store& store, const RootKeys& root_keys,
                            store::AuditRow row);

}  // namespace keyturn::vault

#endif  // KEYTURN_DAEMON_VAULT_KEYRING_H_
