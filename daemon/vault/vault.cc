#include "daemon/vault/vault.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "daemon/vault/sealing.h"

namespace keyturn::vault {
namespace {

std::string IdentityOf(std::string_view name, store::CredentialKind kind,
                       int number) {
  return RowIdentity(
      {"credential", name, store::Name(kind), std::to_string(number)});
}

absl::Status Altered(const store::SealedVersion& row,
                     const absl::Status& cause) {
  return base::WithReason(
      base::Annotate(cause, absl::StrCat("credential ", row.name, ", version ",
                                         row.number)),
      "CREDENTIAL_ALTERED");
}

// The newest version with a label, or that of a number.
std::optional<store::SealedVersion> Select(const store::CredentialRows& rows,
                                           store::VersionSelector version) {
  const int* const number = std::get_if<int>(&version);
  std::optional<store::SealedVersion> selected;
  for (size_t i = 0; i < rows.info.versions.size(); ++i) {
    const store::CredentialInfo::Version& each = rows.info.versions[i];
    const bool wanted =
        number != nullptr
            ? each.number == *number
            : each.label == std::get<store::VersionLabel>(version);
    if (!wanted) continue;
    selected = {rows.info.name, rows.info.kind, each.number, each.label,
                rows.sealed[i]};
  }
  return selected;
}

}  // namespace

absl::Status SealedError() {
  return base::WithReason(
      absl::FailedPreconditionError(
          "the daemon is sealed: it has dropped the keys of the stored "
          "credentials. An administrator opens it with `keyturn admin unseal`"),
      "SEALED");
}

absl::StatusOr<std::unique_ptr<Vault>> Vault::Open(store::Store& store,
                                                   const RootKeys& root_keys,
                                                   absl::Time now) {
  ASSIGN_OR_RETURN(Keyring keyring, OpenKeyring(store, root_keys, now));
  auto vault = std::make_unique<Vault>(store);
  vault->TakeKeys(std::move(keyring));
  return vault;
}

absl::StatusOr<std::unique_ptr<Vault>> Vault::Open(store::Store& store,
                                                   RootKey root_key,
                                                   absl::Time now) {
  RootKeys root_keys;
  root_keys.current = std::move(root_key);
  return Open(store, root_keys, now);
}

bool Vault::sealed() const {
  base::MutexLock lock(mutex_);
  return keyring_ == nullptr;
}

void Vault::TakeKeys(Keyring keyring) {
  base::MutexLock lock(mutex_);
  keyring_ = std::make_unique<const Keyring>(std::move(keyring));
}

void Vault::DropKeys() {
  base::MutexLock lock(mutex_);
  keyring_ = nullptr;
}

absl::StatusOr<secret::Secret> Vault::DeriveKey(std::string_view purpose) {
  base::MutexLock lock(mutex_);
  if (keyring_ == nullptr) return SealedError();
  return keyring_->DeriveKey(purpose);
}

absl::StatusOr<store::CredentialWrite> Vault::SealNew(
    std::string_view name, const Payload& payload, store::VersionLabel label,
    std::string_view migration_id, std::string_view creator, absl::Time now) {
  store::NewCredential write;
  write.name = name;
  write.kind = KindOf(payload);
  write.migration_id = migration_id;
  write.version = {1, label, now, std::string(creator)};
  ASSIGN_OR_RETURN(Envelope envelope,
                   SealPayload(name, write.version.number, payload));
  write.sealed = std::move(envelope.sealed);
  write.data_key = std::move(envelope.data_key);
  return store::CredentialWrite(std::move(write));
}

absl::StatusOr<store::CredentialWrite> Vault::SealVersion(
    std::string_view name, const Payload& payload, store::VersionLabel label,
    std::string_view creator, absl::Time now) {
  ASSIGN_OR_RETURN(const store::CredentialInfo info,
                   store_.GetCredential(name));
  if (info.kind != KindOf(payload)) {
    absl::Status wrong = WrongKind(name, info.kind, KindOf(payload));
    return base::WithReason(absl::InvalidArgumentError(wrong.message()),
                            base::ReasonOf(wrong));
  }
  const int last = info.versions.empty() ? 0 : info.versions.back().number;
  store::NewVersion write;
  write.name = name;
  write.version = {last + 1, label, now, std::string(creator)};
  ASSIGN_OR_RETURN(Envelope envelope,
                   SealPayload(name, write.version.number, payload));
  write.sealed = std::move(envelope.sealed);
  write.data_key = std::move(envelope.data_key);
  return store::CredentialWrite(std::move(write));
}

absl::StatusOr<store::CredentialWrite> Vault::Reseal(
    const store::SealedVersion& row) {
  ASSIGN_OR_RETURN(const store::CredentialRows rows, store_.ReadRows(row.name));
  RETURN_IF_ERROR(CheckRows(rows));
  ASSIGN_OR_RETURN(const secret::Secret plain, OpenRow(row));
  ASSIGN_OR_RETURN(
      Envelope envelope,
      SealPlain(IdentityOf(row.name, row.kind, row.number), plain));
  store::ResealVersion write;
  write.name = row.name;
  write.number = row.number;
  // OpenRow has found a key by it.
  write.former_data_key = *EnvelopeKeyId(row.sealed);
  write.sealed = std::move(envelope.sealed);
  write.data_key = std::move(envelope.data_key);
  return store::CredentialWrite(std::move(write));
}

absl::StatusOr<OpenedCredential> Vault::Open(std::string_view name,
                                             store::VersionSelector version,
                                             Openings& openings) {
  absl::StatusOr<OpenedCredential> opened = OpenStored(name, version);
  if (opened.ok()) openings.Note(name, opened->number);
  return opened;
}

absl::Status Vault::Check(std::string_view name,
                          store::VersionSelector version) {
  return OpenStored(name, version).status();
}

absl::StatusOr<OpenedCredential> Vault::OpenStored(
    std::string_view name, store::VersionSelector version) {
  ASSIGN_OR_RETURN(const store::CredentialRows rows, store_.ReadRows(name));
  const std::optional<store::SealedVersion> selected = Select(rows, version);
  if (!selected) {
    RETURN_IF_ERROR(CheckRows(rows));
    const absl::Status missing = store_.ReadSealed(name, version).status();
    return missing.ok() ? absl::AbortedError("it changed meanwhile; try again")
                        : missing;
  }
  const store::SealedVersion& row = *selected;
  // Its own bytes first, so that the error names the version where it can.
  ASSIGN_OR_RETURN(const secret::Secret plain, OpenRow(row));
  RETURN_IF_ERROR(CheckRows(rows));
  absl::StatusOr<Payload> payload = DecodePayload(plain.Expose());
  if (!payload.ok()) return Altered(row, payload.status());
  return OpenedCredential{*std::move(payload), row.number, row.label};
}

absl::Status Vault::CheckRows(const store::CredentialRows& rows) {
  base::MutexLock lock(mutex_);
  if (keyring_ == nullptr) return SealedError();
  return keyring_->row_key()->Check(rows);
}

absl::StatusOr<secret::Secret> Vault::OpenRow(const store::SealedVersion& row) {
  base::MutexLock lock(mutex_);
  if (keyring_ == nullptr) return SealedError();
  const absl::StatusOr<std::string_view> key_id = EnvelopeKeyId(row.sealed);
  if (!key_id.ok()) return Altered(row, key_id.status());
  const DataKey* const key = keyring_->Find(*key_id);
  if (key == nullptr) {
    return Altered(row, absl::DataLossError(
                            "it names a data key that this store has not: "
                            "restore a back-up, or replace the credential"));
  }
  absl::StatusOr<secret::Secret> plain = OpenEnvelope(
      key->key, row.sealed, IdentityOf(row.name, row.kind, row.number));
  if (!plain.ok()) return Altered(row, plain.status());
  return plain;
}

absl::Status Vault::WrongKind(std::string_view name,
                              store::CredentialKind found,
                              store::CredentialKind wanted) {
  return base::WithReason(
      absl::FailedPreconditionError(
          absl::StrCat("credential ", base::ToAbsl(name), " is of kind ",
                       base::ToAbsl(store::Name(found)), ", but ",
                       base::ToAbsl(store::Name(wanted)), " is needed here")),
      "CREDENTIAL_KIND");
}

absl::StatusOr<Vault::Envelope> Vault::SealPayload(std::string_view name,
                                                   int number,
                                                   const Payload& payload) {
  ASSIGN_OR_RETURN(const secret::Secret plain, EncodePayload(payload));
  return SealPlain(IdentityOf(name, KindOf(payload), number), plain);
}

absl::StatusOr<Vault::Envelope> Vault::SealPlain(std::string_view identity,
                                                 const secret::Secret& plain) {
  base::MutexLock lock(mutex_);
  if (keyring_ == nullptr) return SealedError();
  const DataKey& key = keyring_->sealing_key();
  Envelope envelope;
  ASSIGN_OR_RETURN(envelope.sealed, vault::Seal(key.key, key.id, plain.Expose(),
                                                identity, FreshRandomness()));
  envelope.data_key = key.id;
  return envelope;
}

}  // namespace keyturn::vault
