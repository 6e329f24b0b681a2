#include "daemon/secret/secret.h"

#include <openssl/crypto.h>

#include <cstring>
#include <utility>

#include "daemon/secret/memory.h"

namespace keyturn::secret {

Secret::Secret(std::string_view bytes) : Secret(OfSize(bytes.size())) {
  if (!bytes.empty()) std::memcpy(data_, bytes.data(), bytes.size());
}

Secret Secret::Take(std::string& source) {
  Secret secret{std::string_view(source)};
  WipeString(source);
  return secret;
}

Secret Secret::OfSize(size_t size) {
  Secret secret;
  if (size > 0) secret.data_ = AllocateSecretBytes(size);
  secret.size_ = size;
  return secret;
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    Wipe();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Secret::~Secret() { Wipe(); }

void Secret::Wipe() {
  if (data_ != nullptr) WipeAndFreeSecretBytes(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

bool Equal(const Secret& a, const Secret& b) {
  return a.size() == b.size() &&
         (a.empty() ||
          CRYPTO_memcmp(a.Expose().data(), b.Expose().data(), a.size()) == 0);
}

void WipeString(std::string& text) {
  text.resize(text.capacity());
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

}  // namespace keyturn::secret
