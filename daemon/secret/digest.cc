#include "daemon/secret/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <array>

namespace keyturn::secret {
namespace {

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

const unsigned char* BytesOf(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string HexOf(const Digest& digest) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * digest.size());
  for (const unsigned char byte : digest) {
    hex.push_back(kHexDigits[byte >> 4]);
    hex.push_back(kHexDigits[byte & 15]);
  }
  return hex;
}

}  // namespace

std::string Sha256Hex(std::string_view bytes) {
  Digest digest;
  SHA256(BytesOf(bytes), bytes.size(), digest.data());
  return HexOf(digest);
}

std::string HmacSha256Hex(const Secret& key, std::string_view bytes) {
  Digest digest;
  HMAC(EVP_sha256(), key.Expose().data(), static_cast<int>(key.size()),
       BytesOf(bytes), bytes.size(), digest.data(), nullptr);
  return HexOf(digest);
}

}  // namespace keyturn::secret
