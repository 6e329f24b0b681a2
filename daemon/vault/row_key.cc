#include "daemon/vault/row_key.h"

#include <openssl/crypto.h>

#include <cassert>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/secret/digest.h"
#include "daemon/store/codec.h"
#include "daemon/vault/sealing.h"

namespace keyturn::vault {
namespace {

constexpr char kPurpose[] = "keyturn row key 1";
constexpr char kFormat[] = "credential rows 1";
constexpr char kWeightFormat[] = "credential weight 1";
constexpr char kCensusFormat[] = "credential census 1";

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

std::array<uint64_t, 4> RowKey::Weigh(std::string_view name,
                                      std::string_view mark) const {
  const std::string digits =
      secret::HmacSha256Hex(key_, RowIdentity({kWeightFormat, name, mark}));
  std::array<uint64_t, 4> weight{};
  for (size_t i = 0; i < weight.size(); ++i) {
    const bool parsed = absl::SimpleHexAtoi(
        absl::string_view(digits).substr(16 * i, 16), &weight[i]);
    assert(parsed);
    static_cast<void>(parsed);
  }
  return weight;
}

std::string RowKey::Prove(int64_t sequence, const store::Census& census,
                          std::string_view detail) const {
  std::string sum;
  for (const uint64_t number : census.sum) {
    absl::StrAppend(&sum, absl::Hex(number, absl::kZeroPad16));
  }
  return secret::HmacSha256Hex(
      key_, RowIdentity({kCensusFormat, std::to_string(sequence),
                         std::to_string(census.count), sum, detail}));
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
