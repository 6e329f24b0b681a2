#include "daemon/audit/chain.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include <array>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/store/codec.h"

namespace keyturn::audit {
namespace {

constexpr std::string_view kKeyInfo = "keyturn audit chain 1";
constexpr std::string_view kKeyIdText = "keyturn audit chain key id 1";
constexpr std::string_view kRowText = "keyturn audit row 1";
constexpr std::string_view kSealText = "keyturn audit seal 1";
constexpr size_t kChainKeyBytes = 32;
constexpr size_t kSequenceAt = 1 + kKeyIdBytes;
constexpr size_t kHeadAt = kSequenceAt + 8;
constexpr size_t kMacAt = kHeadAt + kHeadBytes;

struct KdfContextFree {
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};
using KdfContext = std::unique_ptr<EVP_KDF_CTX, KdfContextFree>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(char* text) {
  return reinterpret_cast<unsigned char*>(text);
}

OSSL_PARAM Octets(const char* name, std::string_view value) {
  return OSSL_PARAM_construct_octet_string(
      name, const_cast<char*>(value.data()), value.size());
}

void AppendNumber(uint64_t number, int bytes, std::string& text) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    text.push_back(static_cast<char>(number >> shift));
  }
}

int64_t NumberAt(std::string_view bytes, size_t at) {
  uint64_t number = 0;
  for (size_t i = 0; i < 8; ++i) {
    number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return static_cast<int64_t>(number);
}

std::string MacOf(std::string_view seal_start, std::string_view head_after,
                  const ChainKey& key) {
  return key.Mac(absl::StrCat(base::ToAbsl(kSealText), base::ToAbsl(seal_start),
                              base::ToAbsl(head_after)));
}

}  // namespace

absl::StatusOr<ChainKey> ChainKey::DeriveFrom(const secret::Secret& secret) {
  static EVP_KDF* const hkdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  const KdfContext context(hkdf == nullptr ? nullptr : EVP_KDF_CTX_new(hkdf));
  char digest[] = "SHA256";
  const std::array<OSSL_PARAM, 4> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      Octets(OSSL_KDF_PARAM_KEY, secret.Expose()),
      Octets(OSSL_KDF_PARAM_INFO, kKeyInfo), OSSL_PARAM_construct_end()};
  secret::Secret key = secret::Secret::OfSize(kChainKeyBytes);
  if (context == nullptr ||
      EVP_KDF_derive(context.get(), Bytes(key.ExposeMutable()), kChainKeyBytes,
                     parameters.data()) != 1) {
    return absl::InternalError(
        "OpenSSL failed in HKDF: check its installation");
  }
  ChainKey chain_key(std::move(key), "");
  chain_key.id_ = chain_key.Mac(kKeyIdText).substr(0, kKeyIdBytes);
  return chain_key;
}

ChainKey::ChainKey(secret::Secret key, std::string id)
    : key_(std::move(key)), id_(std::move(id)) {}

std::string ChainKey::Mac(std::string_view text) const {
  std::string mac(kMacBytes, '\0');
  HMAC(EVP_sha256(), key_.Expose().data(), static_cast<int>(key_.size()),
       Bytes(text), text.size(), Bytes(mac.data()), nullptr);
  return mac;
}

std::string FirstHead() { return std::string(kHeadBytes, '\0'); }

std::string HeadAfter(const store::AuditRow& row, int64_t sequence,
                      std::string_view head) {
  std::string content = head.empty() ? FirstHead() : std::string(head);
  content.append(kRowText);
  AppendNumber(static_cast<uint64_t>(sequence), 8, content);
  AppendNumber(static_cast<uint64_t>(store::EncodeTime(row.time)), 8, content);
  for (const std::string* const text :
       {&row.actor, &row.transport, &row.subject, &row.serial, &row.peer,
        &row.action, &row.target, &row.request_id, &row.digest, &row.result,
        &row.detail}) {
    AppendNumber(text->size(), 4, content);
    content.append(*text);
  }
  std::string after(kHeadBytes, '\0');
  SHA256(Bytes(content), content.size(), Bytes(after.data()));
  return after;
}

std::string MakeSeal(const store::AuditRow& row, std::string_view head,
                     const ChainKey* key) {
  std::string seal(1, kSealFormat);
  seal.append(key == nullptr ? std::string(kKeyIdBytes, '\0') : key->id());
  AppendNumber(static_cast<uint64_t>(row.sequence), 8, seal);
  seal.append(head.empty() ? FirstHead() : std::string(head));
  if (key == nullptr) {
    seal.append(kMacBytes, '\0');
  } else {
    seal.append(MacOf(seal, HeadAfter(row, row.sequence, head), *key));
  }
  return seal;
}

absl::StatusOr<Seal> ParseSeal(std::string_view seal) {
  if (seal.size() != kSealBytes || seal[0] != kSealFormat) {
    return absl::DataLossError("its seal has no known form");
  }
  Seal parsed;
  parsed.key_id = seal.substr(1, kKeyIdBytes);
  if (parsed.key_id == std::string(kKeyIdBytes, '\0')) parsed.key_id.clear();
  parsed.sequence = NumberAt(seal, kSequenceAt);
  parsed.head_before = seal.substr(kHeadAt, kHeadBytes);
  return parsed;
}

bool IsSealedUnder(const store::AuditRow& row, const ChainKey& key) {
  const absl::StatusOr<Seal> seal = ParseSeal(row.seal);
  if (!seal.ok() || seal->key_id != key.id()) return false;
  const std::string mac =
      MacOf(std::string_view(row.seal).substr(0, kMacAt),
            HeadAfter(row, seal->sequence, seal->head_before), key);
  return CRYPTO_memcmp(mac.data(), row.seal.data() + kMacAt, kMacBytes) == 0;
}

}  // namespace keyturn::audit
