// What a fuzz target says of each input.
#ifndef KEYTURN_TESTS_FUZZ_REQUIRE_H_
#define KEYTURN_TESTS_FUZZ_REQUIRE_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// What every target defines. libFuzzer calls it under the preset fuzz,
// replay_main.cc elsewhere. An input may break no promise; what it is refused
// with is checked by the target.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace keyturn::fuzz {

inline std::string_view TextOf(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Ends the program, so that whoever fed it keeps the input.
inline void Require(bool holds, std::string_view promise,
                    std::string_view about = "") {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %.*s%s%.*s\n",
               static_cast<int>(promise.size()), promise.data(),
               about.empty() ? "" : ": ", static_cast<int>(about.size()),
               about.data());
  std::abort();
}

}  // namespace keyturn::fuzz

#endif  // KEYTURN_TESTS_FUZZ_REQUIRE_H_
