#include "daemon/vault/keyring.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/id.h"
#include "daemon/base/status.h"
#include "daemon/vault/sealing.h"

namespace keyturn::vault {
namespace {

// Where rows are not bound yet, the identity lacks the last part.
std::string IdentityOf(std::string_view data_key_id, bool bound) {
  return bound ? RowIdentity({"data-key", data_key_id, "bound"})
               : RowIdentity({"data-key", data_key_id});
}

absl::Status WrongRootKey(const RootKey& root_key, const std::string& id) {
  return base::WithReason(
      absl::FailedPreconditionError(
          absl::StrCat("the root key of ", root_key.source,
                       " is not the one that this store's data key ", id,
                       " was sealed with: give the store its own root key")),
      "WRONG_ROOT_KEY");
}

absl::StatusOr<store::WrappedDataKey> Wrap(const RootKey& root_key,
                                           const DataKey& key,
                                           absl::Time created_at) {
  ASSIGN_OR_RETURN(const std::string root_id, KeyIdOf(root_key.key));
  store::WrappedDataKey wrapped;
  wrapped.id = key.id;
  wrapped.created_at = created_at;
  ASSIGN_OR_RETURN(wrapped.wrapped,
                   Seal(root_key.key, root_id, key.key.Expose(),
                        IdentityOf(key.id, /*bound=*/true), FreshRandomness()));
  return wrapped;
}

absl::StatusOr<DataKey> Unwrap(const RootKeys& root_keys,
                               const store::WrappedDataKey& wrapped) {
  absl::StatusOr<DataKey> key = UnwrapDataKey(root_keys.current, wrapped);
  if (!root_keys.previous || base::ReasonOf(key.status()) != "WRONG_ROOT_KEY") {
    return key;
  }
  absl::StatusOr<DataKey> former = UnwrapDataKey(*root_keys.previous, wrapped);
  // Neither: the error names the key that is to hold.
  return base::ReasonOf(former.status()) == "WRONG_ROOT_KEY"
             ? std::move(key)
             : std::move(former);
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
  Keyring keyring(std::move(keys));
  store.BindRowsWith(keyring.row_key());
  return keyring;
}

// The one of the two that `wrapped` was wrapped by, which has opened it.
absl::StatusOr<const RootKey*> WrapperOf(const RootKeys& root_keys,
                                         const store::WrappedDataKey& wrapped) {
  ASSIGN_OR_RETURN(const std::string current, KeyIdOf(root_keys.current.key));
  ASSIGN_OR_RETURN(const std::string_view named,
                   EnvelopeKeyId(wrapped.wrapped));
  return named == current ? &root_keys.current : &*root_keys.previous;
}

// Binds every credential of a store from before there were bindings, then says
// so in the data keys' wrapping. What a crash leaves half done is done again.
absl::Status BindAll(store::Store& store, const RootKeys& root_keys,
                     const std::vector<store::WrappedDataKey>& stored,
                     const std::vector<DataKey>& keys) {
  store::PageRequest page;
  do {
    ASSIGN_OR_RETURN(const store::Page<store::CredentialInfo> credentials,
                     store.ListCredentials(page));
    store::Batch batch;
    for (const store::CredentialInfo& info : credentials.items) {
      batch.credentials.push_back(store::BindCredential{info.name});
    }
    RETURN_IF_ERROR(store.CommitAndWait(std::move(batch)).status());
    page.after = credentials.next;
  } while (!page.after.empty());
  store::Batch batch;
  for (size_t i = 0; i < stored.size(); ++i) {
    ASSIGN_OR_RETURN(const RootKey* const root_key,
                     WrapperOf(root_keys, stored[i]));
    ASSIGN_OR_RETURN(store::WrappedDataKey wrapped,
                     Wrap(*root_key, keys[i], stored[i].created_at));
    batch.data_keys.push_back(std::move(wrapped));
  }
  return store.CommitAndWait(std::move(batch)).status();
}

}  // namespace

Keyring::Keyring(std::vector<DataKey> keys)
    : keys_(std::move(keys)),
      row_key_(std::make_shared<RowKey>(keys_.front().key)) {}

const DataKey* Keyring::Find(std::string_view id) const {
  for (const DataKey& key : keys_) {
    if (key.id == id) return &key;
  }
  return nullptr;
}

absl::StatusOr<NewDataKey> MakeDataKey(const RootKey& root_key,
                                       absl::Time now) {
  NewDataKey made;
  made.key.id = base::NewId();
  made.key.key = FreshKey();
  ASSIGN_OR_RETURN(made.wrapped, Wrap(root_key, made.key, now));
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
  for (const bool bound : {true, false}) {
    absl::StatusOr<secret::Secret> key = OpenEnvelope(
        root_key.key, wrapped.wrapped, IdentityOf(wrapped.id, bound));
    if (key.ok()) return DataKey{wrapped.id, *std::move(key), bound};
    if (!bound) return altered(key.status());
  }
  return absl::InternalError("not reached");
}

absl::StatusOr<std::vector<store::WrappedDataKey>> RewrapDataKeys(
    const RootKeys& root_keys,
    const std::vector<store::WrappedDataKey>& stored) {
  ASSIGN_OR_RETURN(const std::string root_id, KeyIdOf(root_keys.current.key));
  std::vector<store::WrappedDataKey> rewrapped;
  for (const store::WrappedDataKey& wrapped : stored) {
    ASSIGN_OR_RETURN(const DataKey key, Unwrap(root_keys, wrapped));
    if (*EnvelopeKeyId(wrapped.wrapped) == root_id) continue;
    ASSIGN_OR_RETURN(store::WrappedDataKey again,
                     Wrap(root_keys.current, key, wrapped.created_at));
    rewrapped.push_back(std::move(again));
  }
  return rewrapped;
}

absl::StatusOr<Keyring> OpenKeyring(store::Store& store,
                                    const RootKeys& root_keys, absl::Time now) {
  ASSIGN_OR_RETURN(const std::vector<store::WrappedDataKey> stored,
                   store.ReadDataKeys());
  if (stored.empty()) return MakeFirst(store, root_keys.current, now);
  if (stored.size() > kDataKeysMax) {
    return absl::DataLossError(absl::StrCat("the store has ", stored.size(),
                                            " data keys; at most ",
                                            kDataKeysMax, " are possible"));
  }
  std::vector<DataKey> keys;
  size_t bound = 0;
  for (const store::WrappedDataKey& wrapped : stored) {
    ASSIGN_OR_RETURN(DataKey key, Unwrap(root_keys, wrapped));
    if (key.bound) ++bound;
    keys.push_back(std::move(key));
  }
  if (bound != 0 && bound != keys.size()) {
    return base::WithReason(
        absl::DataLossError(
            "a data key was put back from an old copy of the store: restore a "
            "whole back-up"),
        "DATA_KEY_ALTERED");
  }
  const std::shared_ptr<const RowKey> row_key =
      std::make_shared<RowKey>(keys.front().key);
  store.BindRowsWith(row_key);
  if (bound == 0) RETURN_IF_ERROR(BindAll(store, root_keys, stored, keys));
  return Keyring(std::move(keys));
}

}  // namespace keyturn::vault
