#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace keyturn::sandbox {

// Ids, tokens and secrets of the simulated systems. One seed gives one history,
// so a failing run can be repeated; nothing here protects anything real. Not
// thread-safe.
class Random {
 public:
  explicit Random(uint64_t seed) : generator_(seed) {}

  // `digits` lower-case hex digits.
  std::string Hex(int digits) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (int i = 0; i < digits; ++i) {
      text.push_back(kDigits[generator_() & 15]);
    }
    return text;
  }

  // In [0, 1).
  double Fraction() {
    return static_cast<double>(generator_() >> 11) / 9007199254740992.0;
  }

 private:
  std::mt19937_64 generator_;
};

}  // namespace keyturn::sandbox
