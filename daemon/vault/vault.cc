#include "daemon/vault/vault.h"

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

}  // namespace

absl::StatusOr<std::unique_ptr<Vault>> Vault::Open(store::Store& store,
                                                   const RootKey& root_key,
                                                   absl::Time now) {
  ASSIGN_OR_RETURN(Keyring keyring, OpenKeyring(store, root_key, now));
  return std::make_unique<Vault>(store, std::move(keyring));
}

absl::StatusOr<store::CredentialWrite> Vault::SealNew(
    std::string_view name, const Payload& payload, store::VersionLabel label,
    std::string_view migration_id, std::string_view creator, absl::Time now) {
  store::NewCredential write;
  write.name = name;
  write.kind = KindOf(payload);
  write.migration_id = migration_id;
  write.version = {1, label, now, std::string(creator)};
  ASSIGN_OR_RETURN(write.sealed, Seal(name, write.version.number, payload));
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
  ASSIGN_OR_RETURN(write.sealed, Seal(name, write.version.number, payload));
  return store::CredentialWrite(std::move(write));
}

absl::StatusOr<OpenedCredential> Vault::Open(std::string_view name,
                                             store::VersionSelector version) {
  ASSIGN_OR_RETURN(const store::SealedVersion row,
                   store_.ReadSealed(name, version));
  const absl::StatusOr<std::string_view> key_id = EnvelopeKeyId(row.sealed);
  if (!key_id.ok()) return Altered(row, key_id.status());
  const DataKey* const key = keyring_.Find(*key_id);
  if (key == nullptr) {
    return Altered(row, absl::DataLossError(
                            "it names a data key that this store has not: "
                            "restore a back-up, or replace the credential"));
  }
  const absl::StatusOr<secret::Secret> plain = OpenEnvelope(
      key->key, row.sealed, IdentityOf(row.name, row.kind, row.number));
  if (!plain.ok()) return Altered(row, plain.status());
  absl::StatusOr<Payload> payload = DecodePayload(plain->Expose());
  if (!payload.ok()) return Altered(row, payload.status());
  return OpenedCredential{*std::move(payload), row.number, row.label};
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

absl::StatusOr<std::string> Vault::Seal(std::string_view name, int number,
                                        const Payload& payload) {
  ASSIGN_OR_RETURN(const secret::Secret plain, EncodePayload(payload));
  const DataKey& key = keyring_.sealing_key();
  return vault::Seal(key.key, key.id, plain.Expose(),
                     IdentityOf(name, KindOf(payload), number),
                     FreshRandomness());
}

}  // namespace keyturn::vault
