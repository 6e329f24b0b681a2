#include "daemon/base/id.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

namespace keyturn::base {
namespace {

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
constexpr size_t kIdLength = 16;
constexpr size_t kResourceNameLengthMax = 63;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string NewId() {
  std::array<uint8_t, kIdLength> random;
  // Fails only before the kernel's generator is seeded, which blocks instead.
  if (getrandom(random.data(), random.size(), 0) !=
      static_cast<ssize_t>(random.size())) {
    std::abort();
  }
  std::string id;
  id.reserve(kIdLength);
  for (const uint8_t byte : random)
    id.push_back(kAlphabet[byte % kAlphabet.size()]);
  return id;
}

bool IsId(std::string_view text) {
  return text.size() == kIdLength &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return kAlphabet.find(c) != std::string_view::npos;
         });
}

bool IsResourceName(std::string_view text) {
  return !text.empty() && text.size() <= kResourceNameLengthMax &&
         IsLower(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return IsLower(c) || IsDigit(c) || c == '-';
         });
}

}  // namespace keyturn::base
