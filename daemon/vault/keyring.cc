#include "daemon/vault/keyring.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/id.h"
#include "daemon/base/status.h"
#include "daemon/vault/sealing.h"

namespace keyturn::vault {
namespace {

std::string IdentityOf(std::string_view data_key_id) {
  return RowIdentity({"data-key", data_key_id});
}

absl::Status WrongRootKey(const RootKey& root_key, const std::string& id) {
  return base::WithReason(
      absl::FailedPreconditionError(
          absl::StrCat("the root key in ", root_key.source,
                       " is not the one that this store's data key ", id,
                       " was sealed with: give the store its own root key")),
      "WRONG_ROOT_KEY");
}

absl::StatusOr<Keyring> MakeFirst(store::Store& store, const RootKey& root_key,
                                  absl::Time now) {
  store::PageRequest one;
  one.limit = 1;
  ASSIGN_OR_RETURN(const store::Page<store::CredentialInfo> credentials,
                   store.ListCredentials(one));
  if (!credentials.items.empty()) {
    return base::WithReason(
        absl::DataLossError(
            "the store has credentials, but not the data keys that they are "
            "sealed under: restore a back-up"),
        "DATA_KEYS_MISSING");
  }
  ASSIGN_OR_RETURN(NewDataKey made, MakeDataKey(root_key, now));
  store::Batch batch;
  batch.data_keys.push_back(std::move(made.wrapped));
  RETURN_IF_ERROR(store.CommitAndWait(std::move(batch)).status());
  std::vector<DataKey> keys;
  keys.push_back(std::move(made.key));
  return Keyring(std::move(keys));
}

}  // namespace

Keyring::Keyring(std::vector<DataKey> keys) : keys_(std::move(keys)) {}

const DataKey* Keyring::Find(std::string_view id) const {
  for (const DataKey& key : keys_) {
    if (key.id == id) return &key;
  }
  return nullptr;
}

absl::StatusOr<NewDataKey> MakeDataKey(const RootKey& root_key,
                                       absl::Time now) {
  ASSIGN_OR_RETURN(const std::string root_id, KeyIdOf(root_key.key));
  NewDataKey made;
  made.key.id = base::NewId();
  made.key.key = FreshKey();
  made.wrapped.id = made.key.id;
  made.wrapped.created_at = now;
  ASSIGN_OR_RETURN(made.wrapped.wrapped,
                   Seal(root_key.key, root_id, made.key.key.Expose(),
                        IdentityOf(made.key.id), FreshRandomness()));
  return made;
}

absl::StatusOr<DataKey> UnwrapDataKey(const RootKey& root_key,
                                      const store::WrappedDataKey& wrapped) {
  const auto altered = [&wrapped](const absl::Status& status) {
    return base::WithReason(
        base::Annotate(status, absl::StrCat("data key ", wrapped.id)),
        "DATA_KEY_ALTERED");
  };
  ASSIGN_OR_RETURN(const std::string root_id, KeyIdOf(root_key.key));
  const absl::StatusOr<std::string_view> named = EnvelopeKeyId(wrapped.wrapped);
  if (!named.ok()) return altered(named.status());
  if (*named != root_id) return WrongRootKey(root_key, wrapped.id);
  absl::StatusOr<secret::Secret> key =
      OpenEnvelope(root_key.key, wrapped.wrapped, IdentityOf(wrapped.id));
  if (!key.ok()) return altered(key.status());
  return DataKey{wrapped.id, *std::move(key)};
}

absl::StatusOr<Keyring> OpenKeyring(store::Store& store,
                                    const RootKey& root_key, absl::Time now) {
  ASSIGN_OR_RETURN(const std::vector<store::WrappedDataKey> stored,
                   store.ReadDataKeys());
  if (stored.empty()) return MakeFirst(store, root_key, now);
  if (stored.size() > kDataKeysMax) {
    return absl::DataLossError(absl::StrCat("the store has ", stored.size(),
                                            " data keys; at most ",
                                            kDataKeysMax, " are possible"));
  }
  std::vector<DataKey> keys;
  for (const store::WrappedDataKey& wrapped : stored) {
    ASSIGN_OR_RETURN(DataKey key, UnwrapDataKey(root_key, wrapped));
    keys.push_back(std::move(key));
  }
  return Keyring(std::move(keys));
}

}  // namespace keyturn::vault
