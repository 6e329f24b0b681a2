#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "daemon/access/certificates.h"
#include "daemon/base/id.h"
#include "daemon/base/status.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/names.h"

namespace keyturn::rpc {
namespace {

using base::FieldError;
using secret::Secret;
using store::CeligoRegion;
using store::CredentialKind;
using store::VersionLabel;

constexpr size_t kTextSizeMax = 255;
// Keys, tokens, ids and passwords; a private key may have
// vault::kFieldBytesMax.
constexpr size_t kSecretSizeMax = 1024;

v1::Credential::Kind ToProto(CredentialKind kind) {
  switch (kind) {
    case CredentialKind::kCeligoToken:
      return v1::Credential::CELIGO_TOKEN;
    case CredentialKind::kNetSuiteTba:
      return v1::Credential::NETSUITE_TBA;
    case CredentialKind::kNetSuiteM2m:
      return v1::Credential::NETSUITE_M2M;
    case CredentialKind::kNetSuiteLogin:
      return v1::Credential::NETSUITE_LOGIN;
    case CredentialKind::kConnectionToken:
      return v1::Credential::CONNECTION_TOKEN;
  }
  return v1::Credential::KIND_UNSPECIFIED;
}

v1::Credential::Version::Label ToProto(VersionLabel label) {
  switch (label) {
    case VersionLabel::kPending:
      return v1::Credential::Version::PENDING;
    case VersionLabel::kCurrent:
      return v1::Credential::Version::CURRENT;
    case VersionLabel::kPrevious:
      return v1::Credential::Version::PREVIOUS;
    case VersionLabel::kRevoked:
      return v1::Credential::Version::REVOKED;
  }
  return v1::Credential::Version::LABEL_UNSPECIFIED;
}

v1::CeligoAccount::Region ToProto(CeligoRegion region) {
  switch (region) {
    case CeligoRegion::kNone:
      return v1::CeligoAccount::REGION_UNSPECIFIED;
    case CeligoRegion::kUs:
      return v1::CeligoAccount::US;
    case CeligoRegion::kEu:
      return v1::CeligoAccount::EU;
    case CeligoRegion::kAu:
      return v1::CeligoAccount::AU;
    case CeligoRegion::kCa:
      return v1::CeligoAccount::CA;
  }
  return v1::CeligoAccount::REGION_UNSPECIFIED;
}

absl::StatusOr<CeligoRegion> RegionOf(const v1::CeligoAccount& celigo) {
  constexpr std::string_view kField = "account.celigo.region";
  if (!celigo.base_url().empty()) {
    if (celigo.region() == v1::CeligoAccount::REGION_UNSPECIFIED) {
      return CeligoRegion::kNone;
    }
    return FieldError(kField, "and base_url exclude each other; give one");
  }
  if (celigo.region() == v1::CeligoAccount::REGION_UNSPECIFIED) {
    return CeligoRegion::kUs;
  }
  for (const CeligoRegion region : {CeligoRegion::kUs, CeligoRegion::kEu,
                                    CeligoRegion::kAu, CeligoRegion::kCa}) {
    if (ToProto(region) == celigo.region()) return region;
  }
  return FieldError(kField, "must be US, EU, AU or CA");
}

absl::Status CheckOutputOnly(const v1::Account& account) {
  if (!account.name().empty()) {
    return FieldError("account.name", "is made from account_id; leave it out");
  }
  if (account.has_create_time()) {
    return FieldError("account.create_time",
                      "is set by the daemon; leave it out");
  }
  return absl::OkStatus();
}

absl::Status CheckCaPem(const std::string& pem) {
  if (pem.empty()) return absl::OkStatus();
  const absl::Status status = access::CheckCertificates(pem);
  if (status.ok()) return status;
  return FieldError("account.ca_pem", base::MessageOf(status));
}

absl::Status CheckText(std::string_view field, std::string_view text) {
  if (text.size() <= kTextSizeMax) return absl::OkStatus();
  return FieldError(field,
                    absl::StrCat("must be at most ", kTextSizeMax, " bytes"));
}

enum class Form {
  // Printable ASCII without blanks: keys, tokens, ids.
  kToken,
  // Anything but control characters.
  kPassword,
  // PEM.
  kPem,
};

bool Fits(std::string_view value, Form form) {
  return std::all_of(value.begin(), value.end(), [form](char c) {
    const auto byte = static_cast<unsigned char>(c);
    switch (form) {
      case Form::kToken:
        return absl::ascii_isgraph(byte);
      case Form::kPassword:
        return !absl::ascii_iscntrl(byte);
      case Form::kPem:
        return absl::ascii_isprint(byte) || byte == '\n' || byte == '\r';
    }
    return false;
  });
}

// The messages say what is wrong and never what was given.
absl::StatusOr<Secret> TakeField(std::string_view field,
                                 const std::string& value, Form form) {
  const size_t size_max =
      form == Form::kPem ? vault::kFieldBytesMax : kSecretSizeMax;
  if (value.empty()) return FieldError(field, "is missing");
  if (value.size() > size_max) {
    return FieldError(field,
                      absl::StrCat("is longer than ", size_max, " bytes"));
  }
  if (!Fits(value, form)) {
    return FieldError(field,
                      "holds blanks, line ends or other characters that cannot "
                      "be part of it; copy it again without what is around it");
  }
  return Secret(value);
}

absl::StatusOr<vault::Payload> TakePayload(
    const v1::CredentialSecret::CeligoToken& from) {
  vault::CeligoToken to;
  ASSIGN_OR_RETURN(to.token, TakeField("secret.celigo_token.token",
                                       from.token(), Form::kToken));
  return vault::Payload(std::move(to));
}

absl::StatusOr<vault::Payload> TakePayload(
    const v1::CredentialSecret::NetSuiteTba& from) {
  vault::NetSuiteTba to;
  ASSIGN_OR_RETURN(to.consumer_key,
                   TakeField("secret.netsuite_tba.consumer_key",
                             from.consumer_key(), Form::kToken));
  ASSIGN_OR_RETURN(to.consumer_secret,
                   TakeField("secret.netsuite_tba.consumer_secret",
                             from.consumer_secret(), Form::kToken));
  ASSIGN_OR_RETURN(to.token_id, TakeField("secret.netsuite_tba.token_id",
                                          from.token_id(), Form::kToken));
  ASSIGN_OR_RETURN(to.token_secret,
                   TakeField("secret.netsuite_tba.token_secret",
                             from.token_secret(), Form::kToken));
  return vault::Payload(std::move(to));
}

absl::StatusOr<vault::Payload> TakePayload(
    const v1::CredentialSecret::NetSuiteM2m& from) {
  constexpr std::string_view kKeyField = "secret.netsuite_m2m.private_key_pem";
  vault::NetSuiteM2m to;
  ASSIGN_OR_RETURN(to.client_id, TakeField("secret.netsuite_m2m.client_id",
                                           from.client_id(), Form::kToken));
  ASSIGN_OR_RETURN(to.certificate_id,
                   TakeField("secret.netsuite_m2m.certificate_id",
                             from.certificate_id(), Form::kToken));
  ASSIGN_OR_RETURN(to.private_key_pem,
                   TakeField(kKeyField, from.private_key_pem(), Form::kPem));
  const absl::Status status = access::CheckSigningKey(to.private_key_pem);
  if (!status.ok()) return FieldError(kKeyField, base::MessageOf(status));
  return vault::Payload(std::move(to));
}

absl::StatusOr<vault::Payload> TakePayload(
    const v1::CredentialSecret::NetSuiteLogin& from) {
  vault::NetSuiteLogin to;
  ASSIGN_OR_RETURN(to.email, TakeField("secret.netsuite_login.email",
                                       from.email(), Form::kToken));
  if (to.email.Expose().find('@') == std::string_view::npos) {
    return FieldError("secret.netsuite_login.email",
                      "is not an e-mail address");
  }
  ASSIGN_OR_RETURN(to.password, TakeField("secret.netsuite_login.password",
                                          from.password(), Form::kPassword));
  return vault::Payload(std::move(to));
}

}  // namespace

v1::Account ToProto(const store::Account& account) {
  v1::Account result;
  result.set_name(FullName(kAccountPrefix, account.name));
  switch (account.kind) {
    case store::AccountKind::kCeligo:
      result.mutable_celigo()->set_region(ToProto(account.region));
      result.mutable_celigo()->set_base_url(account.base_url);
      break;
    case store::AccountKind::kNetSuite:
      result.mutable_netsuite()->set_account_id(account.account_id);
      result.mutable_netsuite()->set_base_url(account.base_url);
      break;
  }
  result.set_credential(FullName(kCredentialPrefix, account.credential));
  result.set_ca_pem(account.ca_pem);
  *result.mutable_create_time() = ToProto(account.created_at);
  return result;
}

v1::Credential ToProto(const store::CredentialInfo& credential) {
  v1::Credential result;
  result.set_name(FullName(kCredentialPrefix, credential.name));
  result.set_kind(ToProto(credential.kind));
  for (const store::CredentialInfo::Version& version : credential.versions) {
    v1::Credential::Version* added = result.add_versions();
    added->set_number(version.number);
    added->set_label(ToProto(version.label));
    *added->mutable_create_time() = ToProto(version.created_at);
    added->set_creator(version.creator);
  }
  result.set_migration(FullName(kMigrationPrefix, credential.migration_id));
  result.set_secret_set(!credential.versions.empty());
  return result;
}

absl::StatusOr<store::Account> FromProto(const std::string& account_id,
                                         const v1::Account& account) {
  if (!base::IsResourceName(account_id)) {
    return FieldError("account_id",
                      "must be 1 to 63 characters a-z, 0-9, -, beginning with "
                      "a letter");
  }
  RETURN_IF_ERROR(CheckOutputOnly(account));
  store::Account result;
  result.name = account_id;
  switch (account.kind_case()) {
    case v1::Account::kCeligo: {
      result.kind = store::AccountKind::kCeligo;
      ASSIGN_OR_RETURN(result.region, RegionOf(account.celigo()));
      result.base_url = account.celigo().base_url();
      RETURN_IF_ERROR(CheckText("account.celigo.base_url", result.base_url));
      break;
    }
    case v1::Account::kNetsuite:
      result.kind = store::AccountKind::kNetSuite;
      result.account_id = account.netsuite().account_id();
      result.base_url = account.netsuite().base_url();
      RETURN_IF_ERROR(
          CheckText("account.netsuite.account_id", result.account_id));
      RETURN_IF_ERROR(CheckText("account.netsuite.base_url", result.base_url));
      break;
    case v1::Account::KIND_NOT_SET:
      return FieldError("account", "must have celigo or netsuite");
  }
  if (!account.credential().empty()) {
    ASSIGN_OR_RETURN(
        result.credential,
        ParseCredentialName("account.credential", account.credential()));
  } else if (result.kind == store::AccountKind::kCeligo) {
    return FieldError("account.credential",
                      "is missing; a Celigo account needs a celigo-token "
                      "credential");
  }
  RETURN_IF_ERROR(CheckCaPem(account.ca_pem()));
  result.ca_pem = account.ca_pem();
  return result;
}

v1::VaultStatus ToProto(const engine::VaultStatus& status) {
  v1::VaultStatus out;
  out.set_sealed(status.sealed);
  out.set_root_key(status.root_key);
  out.set_previous_root_key(status.previous_root_key);
  out.set_needs_passphrase(status.needs_passphrase);
  out.set_needs_previous_passphrase(status.needs_previous_passphrase);
  out.set_failed_unseals(static_cast<int32_t>(status.failed_unseals));
  for (const engine::VaultStatus::DataKey& key : status.data_keys) {
    v1::VaultStatus::DataKey& data_key = *out.add_data_keys();
    data_key.set_id(key.id);
    *data_key.mutable_create_time() = ToProto(key.created_at);
    data_key.set_seals(key.seals);
    data_key.set_versions(key.versions);
    data_key.set_root_key_id(key.root_key_id);
  }
  out.set_versions(status.versions);
  out.set_versions_to_reseal(status.versions_to_reseal);
  out.set_root_key_id(status.root_key_id);
  return out;
}

absl::StatusOr<vault::Payload> FromProto(const v1::CredentialSecret& secret) {
  switch (secret.secret_case()) {
    case v1::CredentialSecret::kCeligoToken:
      return TakePayload(secret.celigo_token());
    case v1::CredentialSecret::kNetsuiteTba:
      return TakePayload(secret.netsuite_tba());
    case v1::CredentialSecret::kNetsuiteM2M:
      return TakePayload(secret.netsuite_m2m());
    case v1::CredentialSecret::kNetsuiteLogin:
      return TakePayload(secret.netsuite_login());
    case v1::CredentialSecret::SECRET_NOT_SET:
      return FieldError("secret",
                        "must have one of celigo_token, netsuite_tba, "
                        "netsuite_m2m, netsuite_login");
  }
  return FieldError("secret", "is of a kind that this daemon does not know");
}

}  // namespace keyturn::rpc
