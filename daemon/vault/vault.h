// Seals credentials for the store and opens them again. Nothing else in the
// daemon sees a stored secret in clear, and the vault stores nothing by itself:
// what it seals goes into the caller's Batch, so that a secret becomes durable
// in one transaction with the state and the events that speak of it (guarantees
// G2 and G5).
//
// A vault is sealed while it has no keys: it then refuses everything that needs
// a secret with FailedPrecondition (SEALED), and whoever reads the process's
// memory finds nothing that opens the store.
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
#include "daemon/base/mutex.h"
#include "daemon/base/status.h"
#include "daemon/secret/secret.h"
#include "daemon/store/records.h"
#include "daemon/store/store.h"
#include "daemon/vault/keyring.h"
#include "daemon/vault/openings.h"
#include "daemon/vault/payload.h"
#include "daemon/vault/root_key.h"

namespace keyturn::vault {

struct OpenedCredential {
  Payload payload;
  // The version that was opened.
  int number = 0;
  store::VersionLabel label = store::VersionLabel::kCurrent;
};

// FailedPrecondition (SEALED), with the command that unseals.
absl::Status SealedError();

// Thread-safe. Must not outlive the store. While it is sealed every method that
// needs a key returns SealedError; that is not repeated below.
class Vault {
 public:
  // A sealed one.
  explicit Vault(store::Store& store) : store_(store) {}

  // One with the store's keys, see OpenKeyring. Waits for the disk. The second
  // form is for a root key that nothing preceded.
  static absl::StatusOr<std::unique_ptr<Vault>> Open(store::Store& store,
                                                     const RootKeys& root_keys,
                                                     absl::Time now);
  static absl::StatusOr<std::unique_ptr<Vault>> Open(store::Store& store,
                                                     RootKey root_key,
                                                     absl::Time now);

  bool sealed() const;

  // Unseals the vault. `keyring` is its store's.
  void TakeKeys(Keyring keyring);

  // Seals the vault. When this returns the keys have been overwritten; what was
  // opened before is with those who asked for it.
  void DropKeys();

  // A key for another purpose, the same after every start, from which the data
  // keys cannot be found. Different texts give independent keys.
  absl::StatusOr<secret::Secret> DeriveKey(std::string_view purpose);

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

  // Seals what `row` holds again, under the newest data key. NotFound and
  // DataLoss as of Open.
  absl::StatusOr<store::CredentialWrite> Reseal(
      const store::SealedVersion& row);

  // Opens a version and notes it in `openings`, unless it fails. NotFound
  // (CREDENTIAL_NOT_FOUND, VERSION_NOT_FOUND). DataLoss (CREDENTIAL_ALTERED),
  // naming credential and version, when the stored bytes are not those that
  // were sealed for exactly that row.
  absl::StatusOr<OpenedCredential> Open(std::string_view name,
                                        store::VersionSelector version,
                                        Openings& openings);

  // Whether a version is as it was sealed; errors as of Open. Nobody gets to
  // see it, so this is no use of it.
  absl::Status Check(std::string_view name, store::VersionSelector version);

  // Opens a credential that must be of one kind, e.g.
  // `vault.OpenAs<CeligoToken>("acme", store::VersionLabel::kCurrent, opened)`.
  // Errors as of Open; FailedPrecondition (CREDENTIAL_KIND) for another kind.
  template <typename T>
  absl::StatusOr<T> OpenAs(std::string_view name,
                           store::VersionSelector version, Openings& openings) {
    ASSIGN_OR_RETURN(OpenedCredential opened, Open(name, version, openings));
    if (T* payload = std::get_if<T>(&opened.payload)) {
      return std::move(*payload);
    }
    return WrongKind(name, KindOf(opened.payload), KindOf(Payload(T())));
  }

 private:
  static absl::Status WrongKind(std::string_view name,
                                store::CredentialKind found,
                                store::CredentialKind wanted);
  // An envelope and the id of the data key that it names.
  struct Envelope {
    std::string sealed;
    std::string data_key;
  };
  absl::StatusOr<Envelope> SealPlain(std::string_view identity,
                                     const secret::Secret& plain);
  absl::StatusOr<Envelope> SealPayload(std::string_view name, int number,
                                       const Payload& payload);
  absl::StatusOr<OpenedCredential> OpenStored(std::string_view name,
                                              store::VersionSelector version);
  absl::StatusOr<secret::Secret> OpenRow(const store::SealedVersion& row);
  absl::Status CheckRows(const store::CredentialRows& rows);

  store::Store& store_;
  mutable base::Mutex mutex_;
  // Null: the vault is sealed. Used only with the lock held, so that nobody is
  // in the middle of using a key when it is overwritten.
  std::unique_ptr<const Keyring> keyring_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace keyturn::vault

#endif  // KEYTURN_DAEMON_VAULT_VAULT_H_
