#include "daemon/vault/keyring.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/id.h"
#include "daemon/base/status.h"
#include "daemon/secret/digest.h"
#include "daemon/vault/census.h"
#include "daemon/vault/sealing.h"

namespace keyturn::vault {
namespace {

std::string IdentityOf(std::string_view data_key_id, RowCare rows) {
  switch (rows) {
    case RowCare::kLoose:
      return RowIdentity({"data-key", data_key_id});
    case RowCare::kBound:
      return RowIdentity({"data-key", data_key_id, "bound"});
    case RowCare::kCounted:
      return RowIdentity({"data-key", data_key_id, "counted"});
  }
  return "";
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
  ASSIGN_OR_RETURN(
      wrapped.wrapped,
      Seal(root_key.key, root_id, key.key.Expose(),
           IdentityOf(key.id, RowCare::kCounted), FreshRandomness()));
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

absl::Status NoDataKeys() {
  return base::WithReason(
      absl::DataLossError(
          "the store has not the data keys that its credentials "
          "are sealed under: restore a back-up"),
      "DATA_KEYS_MISSING");
}

absl::StatusOr<Keyring> MakeFirst(store::Store& store, const RootKey& root_key,
                                  absl::Time now) {
  store::PageRequest one;
  one.limit = 1;
  ASSIGN_OR_RETURN(const store::Page<store::CredentialInfo> credentials,
                   store.ListCredentials(one));
  if (!credentials.items.empty()) return NoDataKeys();
  ASSIGN_OR_RETURN(NewDataKey made, MakeDataKey(root_key, now));
  std::vector<DataKey> keys;
  keys.push_back(std::move(made.key));
  Keyring keyring(std::move(keys));
  store.BindRowsWith(keyring.row_key());
  store::Batch batch;
  batch.data_keys.push_back(std::move(made.wrapped));
  batch.census_at = now;
  RETURN_IF_ERROR(store.CommitAndWait(std::move(batch)).status());
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

// Binds every credential of a store from before there were bindings. What a
// crash leaves half done is done again.
absl::Status BindAll(store::Store& store) {
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
  return absl::OkStatus();
}

// What the store has, opened.
struct Unwrapped {
  std::vector<store::WrappedDataKey> stored;
  std::vector<DataKey> keys;
};

// Empty when there are none.
absl::StatusOr<Unwrapped> UnwrapAll(store::Store& store,
                                    const RootKeys& root_keys) {
  Unwrapped unwrapped;
  ASSIGN_OR_RETURN(unwrapped.stored, store.ReadDataKeys());
  if (unwrapped.stored.size() > kDataKeysMax) {
    return absl::DataLossError(
        absl::StrCat("the store has ", unwrapped.stored.size(),
                     " data keys; at most ", kDataKeysMax, " are possible"));
  }
  for (const store::WrappedDataKey& wrapped : unwrapped.stored) {
    ASSIGN_OR_RETURN(DataKey key, Unwrap(root_keys, wrapped));
    unwrapped.keys.push_back(std::move(key));
    if (unwrapped.keys.back().rows != unwrapped.keys.front().rows) {
      return base::WithReason(
          absl::DataLossError("a data key was put back from an old copy of the "
                              "store: restore a whole back-up"),
          "DATA_KEY_ALTERED");
    }
  }
  return unwrapped;
}

// From now on the credentials count as they are, and the data keys' wrapping
// says that they are counted: `batch` does both.
absl::Status BeginToCount(store::Store& store, const RootKeys& root_keys,
                          const Unwrapped& unwrapped, store::Batch batch) {
  if (unwrapped.keys.front().rows == RowCare::kLoose) {
    RETURN_IF_ERROR(BindAll(store));
  }
  if (unwrapped.keys.front().rows != RowCare::kCounted) {
    for (size_t i = 0; i < unwrapped.stored.size(); ++i) {
      const store::WrappedDataKey& stored = unwrapped.stored[i];
      ASSIGN_OR_RETURN(const RootKey* const root_key,
                       WrapperOf(root_keys, stored));
      ASSIGN_OR_RETURN(store::WrappedDataKey wrapped,
                       Wrap(*root_key, unwrapped.keys[i], stored.created_at));
      batch.data_keys.push_back(std::move(wrapped));
    }
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

secret::Secret Keyring::DeriveKey(std::string_view purpose) const {
  std::string key = secret::HmacSha256Hex(oldest().key, purpose);
  return secret::Secret::Take(key);
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
  absl::Status status;
  for (const RowCare rows :
       {RowCare::kCounted, RowCare::kBound, RowCare::kLoose}) {
    absl::StatusOr<secret::Secret> key = OpenEnvelope(
        root_key.key, wrapped.wrapped, IdentityOf(wrapped.id, rows));
    if (key.ok()) return DataKey{wrapped.id, *std::move(key), rows};
    status = key.status();
  }
  return altered(status);
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
  ASSIGN_OR_RETURN(Unwrapped unwrapped, UnwrapAll(store, root_keys));
  if (unwrapped.keys.empty()) return MakeFirst(store, root_keys.current, now);
  const std::shared_ptr<const RowKey> row_key =
      std::make_shared<RowKey>(unwrapped.keys.front().key);
  store.BindRowsWith(row_key);
  if (unwrapped.keys.front().rows == RowCare::kCounted) {
    RETURN_IF_ERROR(CheckCensus(store));
  } else {
    store::Batch batch;
    batch.census_at = now;
    RETURN_IF_ERROR(
        BeginToCount(store, root_keys, unwrapped, std::move(batch)));
  }
  return Keyring(std::move(unwrapped.keys));
}

absl::StatusOr<Keyring> UnwrapKeyring(store::Store& store,
                                      const RootKeys& root_keys) {
  ASSIGN_OR_RETURN(Unwrapped unwrapped, UnwrapAll(store, root_keys));
  if (unwrapped.keys.empty()) return NoDataKeys();
  return Keyring(std::move(unwrapped.keys));
}

absl::Status AcceptRestored(store::Store& store, const RootKeys& root_keys,
                            store::AuditRow row) {
  ASSIGN_OR_RETURN(const Unwrapped unwrapped, UnwrapAll(store, root_keys));
  if (unwrapped.keys.empty()) return NoDataKeys();
  store.BindRowsWith(std::make_shared<RowKey>(unwrapped.keys.front().key));
  store::Batch batch;
  batch.census_at = row.time;
  batch.audit.push_back(std::move(row));
  return BeginToCount(store, root_keys, unwrapped, std::move(batch));
}

}  // namespace keyturn::vault
