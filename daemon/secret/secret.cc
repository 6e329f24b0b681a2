#include "daemon/secret/secret.h"

#include <openssl/crypto.h>

#include <cstring>
#include <utility>

namespace keyturn::secret {

Secret::Secret(std::string_view bytes) : Secret(OfSize(bytes.size())) {
  if (!bytes.empty()) std::memcpy(data_.get(), bytes.data(), bytes.size());
}

Secret Secret::Take(std::string& source) {
  Secret secret{std::string_view(source)};
  WipeString(source);
  return secret;
}

Secret Secret::OfSize(size_t size) {
  Secret secret;
  if (size > 0) secret.data_ = std::make_unique<char[]>(size);
  secret.size_ = size;
  return secret;
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    Wipe();
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Secret::~Secret() { Wipe(); }

void Secret::Wipe() {
  if (data_ != nullptr) OPENSSL_cleanse(data_.get(), size_);
  data_.reset();
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
