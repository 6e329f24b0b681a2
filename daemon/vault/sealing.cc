#include "daemon/vault/sealing.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <sys/random.h>

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::vault {
namespace {

constexpr std::string_view kEnvelopeInfo = "keyturn envelope 1";
constexpr std::string_view kKeyIdInfo = "keyturn key id 1";
constexpr size_t kSaltAt = 1 + kKeyIdBytes;
constexpr size_t kCommitmentAt = kSaltAt + kSaltBytes;
constexpr size_t kNonceAt = kCommitmentAt + kCommitmentBytes;
constexpr size_t kCiphertextAt = kNonceAt + kNonceBytes;

struct KdfContextFree {
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};
struct CipherContextFree {
  void operator()(EVP_CIPHER_CTX* context) const {
    EVP_CIPHER_CTX_free(context);
  }
};
using KdfContext = std::unique_ptr<EVP_KDF_CTX, KdfContextFree>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, CipherContextFree>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(char* text) {
  return reinterpret_cast<unsigned char*>(text);
}

void FillRandom(char* bytes, size_t size) {
  // At most 256 bytes come whole; fails only before the kernel's generator is
  // seeded, which blocks instead.
  if (getrandom(bytes, size, 0) != static_cast<ssize_t>(size)) std::abort();
}

absl::Status CryptoFailure(const char* what) {
  return absl::InternalError(
      absl::StrCat("OpenSSL failed in ", what, ": check its installation"));
}

OSSL_PARAM Octets(const char* name, std::string_view value) {
  return OSSL_PARAM_construct_octet_string(
      name, const_cast<char*>(value.data()), value.size());
}

absl::StatusOr<secret::Secret> Derive(const secret::Secret& key,
                                      std::string_view salt,
                                      std::string_view info, size_t size) {
  static EVP_KDF* const hkdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  const KdfContext context(hkdf == nullptr ? nullptr : EVP_KDF_CTX_new(hkdf));
  if (context == nullptr) return CryptoFailure("HKDF");
  char digest[] = "SHA256";
  const std::array<OSSL_PARAM, 5> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      Octets(OSSL_KDF_PARAM_KEY, key.Expose()),
      Octets(OSSL_KDF_PARAM_SALT, salt), Octets(OSSL_KDF_PARAM_INFO, info),
      OSSL_PARAM_construct_end()};
  secret::Secret derived = secret::Secret::OfSize(size);
  if (EVP_KDF_derive(context.get(), Bytes(derived.ExposeMutable()), size,
                     parameters.data()) != 1) {
    return CryptoFailure("HKDF");
  }
  return derived;
}

absl::StatusOr<secret::Secret> DeriveForEnvelope(const secret::Secret& key,
                                                 std::string_view salt) {
  return Derive(key, salt, kEnvelopeInfo, kKeyBytes + kCommitmentBytes);
}

bool AddAuthenticated(EVP_CIPHER_CTX* context, bool sealing,
                      std::string_view text) {
  int written = 0;
  const auto update = sealing ? EVP_EncryptUpdate : EVP_DecryptUpdate;
  return text.empty() || update(context, nullptr, &written, Bytes(text),
                                static_cast<int>(text.size())) == 1;
}

absl::Status Altered() {
  return absl::DataLossError(
      "the sealed bytes are not those that were sealed for it; they were "
      "altered or moved: restore a back-up, or replace the credential");
}

}  // namespace

SealingRandomness FreshRandomness() {
  SealingRandomness randomness;
  FillRandom(randomness.salt.data(), randomness.salt.size());
  FillRandom(randomness.nonce.data(), randomness.nonce.size());
  return randomness;
}

secret::Secret FreshKey() {
  secret::Secret key = secret::Secret::OfSize(kKeyBytes);
  FillRandom(key.ExposeMutable(), kKeyBytes);
  return key;
}

std::string RowIdentity(std::initializer_list<std::string_view> parts) {
  std::string identity;
  for (const std::string_view part : parts) {
    const auto size = static_cast<uint32_t>(part.size());
    for (int shift = 24; shift >= 0; shift -= 8) {
      identity.push_back(static_cast<char>(size >> shift));
    }
    identity.append(part);
  }
  return identity;
}

absl::StatusOr<std::string> KeyIdOf(const secret::Secret& key) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  ASSIGN_OR_RETURN(const secret::Secret derived,
                   Derive(key, "", kKeyIdInfo, kKeyIdBytes / 2));
  std::string id;
  for (const char byte : derived.Expose()) {
    id.push_back(kHexDigits[static_cast<unsigned char>(byte) >> 4]);
    id.push_back(kHexDigits[byte & 15]);
  }
  return id;
}

absl::StatusOr<std::string> Seal(const secret::Secret& key,
                                 std::string_view key_id,
                                 std::string_view plain,
                                 std::string_view identity,
                                 const SealingRandomness& randomness) {
  if (key.size() != kKeyBytes || key_id.size() != kKeyIdBytes ||
      plain.size() > kSealedBytesMax) {
    return absl::InvalidArgumentError("a key, key id or text of wrong length");
  }
  const std::string_view salt(randomness.salt.data(), kSaltBytes);
  const std::string_view nonce(randomness.nonce.data(), kNonceBytes);
  ASSIGN_OR_RETURN(const secret::Secret derived, DeriveForEnvelope(key, salt));
  std::string envelope(1, kEnvelopeFormat);
  envelope.append(key_id).append(salt);
  envelope.append(derived.Expose().substr(kKeyBytes));
  const std::string header = envelope;
  envelope.append(nonce);
  envelope.resize(kEnvelopeOverhead + plain.size());
  unsigned char* const ciphertext = Bytes(envelope.data() + kCiphertextAt);

  const CipherContext context(EVP_CIPHER_CTX_new());
  int written = 0;
  if (context == nullptr ||
      EVP_EncryptInit_ex2(context.get(), EVP_aes_256_gcm(),
                          Bytes(derived.Expose()), Bytes(nonce),
                          nullptr) != 1 ||
      !AddAuthenticated(context.get(), /*sealing=*/true, header) ||
      !AddAuthenticated(context.get(), /*sealing=*/true, identity) ||
      EVP_EncryptUpdate(context.get(), ciphertext, &written, Bytes(plain),
                        static_cast<int>(plain.size())) != 1 ||
      EVP_EncryptFinal_ex(context.get(), ciphertext + written, &written) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes,
                          ciphertext + plain.size()) != 1) {
    return CryptoFailure("AES-256-GCM");
  }
  return envelope;
}

absl::StatusOr<std::string_view> EnvelopeKeyId(std::string_view envelope) {
  if (envelope.empty()) return Altered();
  if (envelope.front() != kEnvelopeFormat) {
    return absl::DataLossError(absl::StrCat(
        "the sealed bytes have the unknown format ",
        static_cast<int>(static_cast<unsigned char>(envelope.front())),
        "; they were altered, or written by a newer keyturnd"));
  }
  if (envelope.size() < kEnvelopeOverhead ||
      envelope.size() > kEnvelopeOverhead + kSealedBytesMax) {
    return Altered();
  }
  return envelope.substr(1, kKeyIdBytes);
}

absl::StatusOr<secret::Secret> OpenEnvelope(const secret::Secret& key,
                                            std::string_view envelope,
                                            std::string_view identity) {
  RETURN_IF_ERROR(EnvelopeKeyId(envelope).status());
  ASSIGN_OR_RETURN(
      const secret::Secret derived,
      DeriveForEnvelope(key, envelope.substr(kSaltAt, kSaltBytes)));
  if (CRYPTO_memcmp(derived.Expose().data() + kKeyBytes,
                    envelope.data() + kCommitmentAt, kCommitmentBytes) != 0) {
    return Altered();
  }
  const std::string_view header = envelope.substr(0, kNonceAt);
  const std::string_view ciphertext =
      envelope.substr(kCiphertextAt, envelope.size() - kEnvelopeOverhead);
  std::string tag(envelope.substr(kCiphertextAt + ciphertext.size()));
  // One byte at least, so that there is an address to write to.
  secret::Secret plain = secret::Secret::OfSize(ciphertext.size() + 1);

  const CipherContext context(EVP_CIPHER_CTX_new());
  int written = 0;
  if (context == nullptr ||
      EVP_DecryptInit_ex2(context.get(), EVP_aes_256_gcm(),
                          Bytes(derived.Expose()),
                          Bytes(envelope.substr(kNonceAt)), nullptr) != 1 ||
      !AddAuthenticated(context.get(), /*sealing=*/false, header) ||
      !AddAuthenticated(context.get(), /*sealing=*/false, identity) ||
      EVP_DecryptUpdate(context.get(), Bytes(plain.ExposeMutable()), &written,
                        Bytes(ciphertext),
                        static_cast<int>(ciphertext.size())) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes,
                          tag.data()) != 1) {
    return CryptoFailure("AES-256-GCM");
  }
  if (EVP_DecryptFinal_ex(context.get(), Bytes(plain.ExposeMutable() + written),
                          &written) != 1) {
    return Altered();
  }
  return secret::Secret(plain.Expose().substr(0, ciphertext.size()));
}

}  // namespace keyturn::vault
