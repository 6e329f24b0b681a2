#include "daemon/vault/row_key.h"

#include <openssl/crypto.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/secret/digest.h"
#include "daemon/store/codec.h"
#include "daemon/vault/sealing.h"

namespace keyturn::vault {
namespace {

constexpr char kPurpose[] = "keyturn row key 1";
constexpr char kFormat[] = "credential rows 1";

secret::Secret Derive(const secret::Secret& data_key) {
  std::string key = secret::HmacSha256Hex(data_key, kPurpose);
  return secret::Secret::Take(key);
}

}  // namespace

RowKey::RowKey(const secret::Secret& oldest_data_key)
    : key_(Derive(oldest_data_key)) {}

std::string RowKey::Bind(const store::CredentialRows& rows) const {
  const store::CredentialInfo& info = rows.info;
  std::string content =
      RowIdentity({kFormat, info.name, store::Name(info.kind),
                   info.migration_id, std::to_string(info.versions.size())});
  for (size_t i = 0; i < info.versions.size(); ++i) {
    const store::CredentialInfo::Version& version = info.versions[i];
    content +=
        RowIdentity({std::to_string(version.number), store::Name(version.label),
                     std::to_string(store::EncodeTime(version.created_at)),
                     version.creator, rows.sealed[i]});
  }
  return secret::HmacSha256Hex(key_, content);
}

absl::Status RowKey::Check(const store::CredentialRows& rows) const {
  const std::string binding = Bind(rows);
  if (binding.size() == rows.binding.size() &&
      CRYPTO_memcmp(binding.data(), rows.binding.data(), binding.size()) == 0) {
    return absl::OkStatus();
  }
  return base::WithReason(
      absl::DataLossError(absl::StrCat(
          "credential ", rows.info.name,
          ": its rows are not those that were stored together; a version, its "
          "label or another column was altered, removed or put back: restore a "
          "back-up, or replace the credential")),
      "CREDENTIAL_ALTERED");
}

}  // namespace keyturn::vault
