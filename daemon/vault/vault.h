// Seals credentials for the store and opens them again. Nothing else in the
// daemon sees a stored secret in clear, and the vault stores nothing by itself:
// what it seals goes into the caller's Batch, so that a secret becomes durable
// in one transaction with the state and the events that speak of it (guarantees
// G2 and G5).
#ifndef KEYTURN_DAEMON_VAULT_VAULT_H_
#define KEYTURN_DAEMON_VAULT_VAULT_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/base/status.h"
#include "daemon/store/records.h"
#include "daemon/store/store.h"
#include "daemon/vault/keyring.h"
#include "daemon/vault/payload.h"
#include "daemon/vault/root_key.h"

namespace keyturn::vault {

struct OpenedCredential {
  Payload payload;
  // The version that was opened.
  int number = 0;
  store::VersionLabel label = store::VersionLabel::kCurrent;
};

// Thread-safe. Must not outlive the store.
class Vault {
 public:
  // Loads the data keys; a store that has none yet, and no credential, gets its
  // first one. Waits for the disk. Errors as of OpenKeyring.
  static absl::StatusOr<std::unique_ptr<Vault>> Open(store::Store& store,
                                                     const RootKey& root_key,
                                                     absl::Time now);

  Vault(store::Store& store, Keyring keyring)
      : store_(store), keyring_(std::move(keyring)) {}

  // Seals version 1 of a new credential, whose kind is the payload's. Does not
  // look whether the name is free: the commit does (CREDENTIAL_EXISTS).
  // `migration_id` is empty for what a person brought. InvalidArgument for a
  // field that is too long.
  absl::StatusOr<store::CredentialWrite> SealNew(
      std::string_view name, const Payload& payload, store::VersionLabel label,
      std::string_view migration_id, std::string_view creator, absl::Time now);

  // Seals the next version of a stored credential. If another version is
  // committed first, the commit is Aborted: seal again. NotFound
  // (CREDENTIAL_NOT_FOUND); InvalidArgument (CREDENTIAL_KIND) for a payload of
  // another kind.
  absl::StatusOr<store::CredentialWrite> SealVersion(std::string_view name,
                                                     const Payload& payload,
                                                     store::VersionLabel label,
                                                     std::string_view creator,
                                                     absl::Time now);

  // NotFound (CREDENTIAL_NOT_FOUND, VERSION_NOT_FOUND). DataLoss
  // (CREDENTIAL_ALTERED), naming credential and version, when the stored bytes
  // are not those that were sealed for exactly that row.
  absl::StatusOr<OpenedCredential> Open(std::string_view name,
                                        store::VersionSelector version);

  // Opens a credential that must be of one kind, e.g.
  // `vault.OpenAs<CeligoToken>("acme", store::VersionLabel::kCurrent)`. Errors
  // as of Open; FailedPrecondition (CREDENTIAL_KIND) for another kind.
  template <typename T>
  absl::StatusOr<T> OpenAs(std::string_view name,
                           store::VersionSelector version) {
    ASSIGN_OR_RETURN(OpenedCredential opened, Open(name, version));
    if (T* payload = std::get_if<T>(&opened.payload)) {
      return std::move(*payload);
    }
    return WrongKind(name, KindOf(opened.payload), KindOf(Payload(T())));
  }

 private:
  static absl::Status WrongKind(std::string_view name,
                                store::CredentialKind found,
                                store::CredentialKind wanted);
  absl::StatusOr<std::string> Seal(std::string_view name, int number,
                                   const Payload& payload);

  store::Store& store_;
  const Keyring keyring_;
};

}  // namespace keyturn::vault

#endif  // KEYTURN_DAEMON_VAULT_VAULT_H_
