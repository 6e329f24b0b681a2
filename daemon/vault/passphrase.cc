#include "daemon/vault/passphrase.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/vault/sealing.h"

namespace keyturn::vault {
namespace {

constexpr char kFormat = 1;
constexpr size_t kSaltAt = 10;
constexpr size_t kCommitmentAt = 42;
constexpr size_t kDerivedBytes = 64;

absl::Status BadFile(const std::string& text) {
  return base::WithReason(absl::FailedPreconditionError(text),
                          "PASSPHRASE_FILE");
}

void PutNumber(uint32_t number, std::string& out) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(number >> shift));
  }
}

uint32_t NumberAt(std::string_view bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) {
    number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return number;
}

// The root key, then the commitment.
absl::StatusOr<secret::Secret> Scrypt(const secret::Secret& passphrase,
                                      const PassphraseParameters& parameters) {
  const uint64_t n = uint64_t{1} << parameters.log_n;
  // What OpenSSL takes: 128 r (N + p + 2) bytes, and some for itself.
  const uint64_t bytes_max =
      uint64_t{128} * parameters.r * (n + parameters.p + 4);
  secret::Secret derived = secret::Secret::OfSize(kDerivedBytes);
  const std::string_view text = passphrase.Expose();
  if (EVP_PBE_scrypt(
          text.data(), text.size(),
          reinterpret_cast<const unsigned char*>(parameters.salt.data()),
          parameters.salt.size(), n, parameters.r, parameters.p, bytes_max,
          reinterpret_cast<unsigned char*>(derived.ExposeMutable()),
          kDerivedBytes) != 1) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the passphrase needs ", bytes_max / (1024 * 1024),
        " MiB of memory for a moment, and there is not that much: make room"));
  }
  return derived;
}

}  // namespace

std::string EncodePassphraseParameters(const PassphraseParameters& parameters) {
  std::string bytes(1, kFormat);
  bytes.push_back(static_cast<char>(parameters.log_n));
  PutNumber(parameters.r, bytes);
  PutNumber(parameters.p, bytes);
  bytes.append(parameters.salt.data(), parameters.salt.size());
  bytes.append(parameters.commitment.data(), parameters.commitment.size());
  return bytes;
}

absl::StatusOr<PassphraseParameters> DecodePassphraseParameters(
    std::string_view bytes) {
  if (bytes.size() != kPassphraseFileBytes || bytes.front() != kFormat) {
    return BadFile("is not the file of a passphrase");
  }
  PassphraseParameters parameters;
  parameters.log_n = static_cast<unsigned char>(bytes[1]);
  parameters.r = NumberAt(bytes, 2);
  parameters.p = NumberAt(bytes, 6);
  if (parameters.log_n < kScryptLogNMin || parameters.log_n > kScryptLogNMax ||
      parameters.r < 1 || parameters.r > kScryptRMax || parameters.p < 1 ||
      parameters.p > kScryptPMax) {
    return BadFile("has parameters beyond what this keyturnd accepts");
  }
  bytes.copy(parameters.salt.data(), parameters.salt.size(), kSaltAt);
  bytes.copy(parameters.commitment.data(), parameters.commitment.size(),
             kCommitmentAt);
  return parameters;
}

absl::StatusOr<PassphraseParameters> NewPassphrase(
    const secret::Secret& passphrase, int log_n) {
  if (passphrase.size() < kPassphraseBytesMin ||
      passphrase.size() > kPassphraseBytesMax) {
    return base::WithReason(
        absl::InvalidArgumentError(absl::StrCat(
            "a passphrase must have ", kPassphraseBytesMin, " to ",
            kPassphraseBytesMax, " bytes; six random words are a good one")),
        "PASSPHRASE_WEAK");
  }
  PassphraseParameters parameters;
  parameters.log_n = log_n;
  parameters.salt = FreshRandomness().salt;
  ASSIGN_OR_RETURN(const secret::Secret derived,
                   Scrypt(passphrase, parameters));
  derived.Expose().copy(parameters.commitment.data(),
                        parameters.commitment.size(), kRootKeyBytes);
  return parameters;
}

absl::StatusOr<RootKey> DeriveRootKey(const secret::Secret& passphrase,
                                      const PassphraseParameters& parameters) {
  ASSIGN_OR_RETURN(const secret::Secret derived,
                   Scrypt(passphrase, parameters));
  if (CRYPTO_memcmp(derived.Expose().data() + kRootKeyBytes,
                    parameters.commitment.data(),
                    parameters.commitment.size()) != 0) {
    return base::WithReason(
        absl::InvalidArgumentError(
            "this is not the passphrase: type it again; if it is lost, the "
            "stored credentials are lost with it and must be handed in anew"),
        "WRONG_PASSPHRASE");
  }
  return RootKey{secret::Secret(derived.Expose().substr(0, kRootKeyBytes)),
                 "the passphrase"};
}

absl::StatusOr<PassphraseParameters> ReadPassphraseFile(
    const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) {
    return base::WithReason(
        absl::NotFoundError(absl::StrCat(
            "there is no file ", path,
            " that says how the root key comes from the passphrase: put it "
            "there from a back-up; for a new store, keyturnd init makes one")),
        "ROOT_KEY_MISSING");
  }
  std::string bytes(kPassphraseFileBytes + 1, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(file.gcount()));
  absl::StatusOr<PassphraseParameters> parameters =
      DecodePassphraseParameters(bytes);
  if (parameters.ok()) return parameters;
  return base::WithReason(absl::FailedPreconditionError(absl::StrCat(
                              path, " ", parameters.status().message(),
                              ": put the right one there (from a back-up)")),
                          "PASSPHRASE_FILE");
}

}  // namespace keyturn::vault
