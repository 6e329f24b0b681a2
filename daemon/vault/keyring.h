// The data keys: what credentials are sealed under. They rest in the store,
// each wrapped by the root key, so that changing the root key later means
// wrapping a few keys again rather than every credential.
#ifndef KEYTURN_DAEMON_VAULT_KEYRING_H_
#define KEYTURN_DAEMON_VAULT_KEYRING_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/secret/secret.h"
#include "daemon/store/records.h"
#include "daemon/store/store.h"
#include "daemon/vault/root_key.h"

namespace keyturn::vault {

// Data keys of one store.
inline constexpr size_t kDataKeysMax = 1000;

struct DataKey {
  // 16 characters, see base::NewId; part of each envelope sealed under it.
  std::string id;
  secret::Secret key;
};

// Immutable, therefore thread-safe.
class Keyring {
 public:
  // At least one key; the last one seals, all of them open.
  explicit Keyring(std::vector<DataKey> keys);

  const DataKey& sealing_key() const { return keys_.back(); }
  // Null when there is no such key. Valid as long as the keyring.
  const DataKey* Find(std::string_view id) const;

 private:
  std::vector<DataKey> keys_;
};

// A fresh data key, and the same key wrapped for the store.
struct NewDataKey {
  DataKey key;
  store::WrappedDataKey wrapped;
};
absl::StatusOr<NewDataKey> MakeDataKey(const RootKey& root_key, absl::Time now);

// FailedPrecondition (WRONG_ROOT_KEY), naming the key's file, when `wrapped`
// was wrapped by another root key; DataLoss (DATA_KEY_ALTERED), naming the data
// key, when its bytes were changed.
absl::StatusOr<DataKey> UnwrapDataKey(const RootKey& root_key,
                                      const store::WrappedDataKey& wrapped);

// Reads and unwraps all data keys of `store`. A store without any gets its
// first one, committed before this returns, provided that it has no credential
// either; else DataLoss (DATA_KEYS_MISSING). Further errors as of UnwrapDataKey
// and of the store.
absl::StatusOr<Keyring> OpenKeyring(store::Store& store,
                                    const RootKey& root_key, absl::Time now);

}  // namespace keyturn::vault

#endif  // KEYTURN_DAEMON_VAULT_KEYRING_H_
