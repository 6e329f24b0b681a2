#include "tests/crash/machine_random.h"

#include <sys/random.h>

#include <atomic>
#include <cstddef>

namespace keyturn::crash {
namespace {

std::atomic<uint64_t> state = 1;

// SplitMix64.
uint64_t Next() {
  uint64_t mixed = state.fetch_add(0x9e3779b97f4a7c15) + 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

}  // namespace

void SeedMachineRandom(uint64_t seed) { state = seed; }

}  // namespace keyturn::crash

// In place of the C library's.
extern "C" ssize_t getrandom(void* buffer, size_t length, unsigned int) {
  auto* bytes = static_cast<unsigned char*>(buffer);
  for (size_t i = 0; i < length; ++i) {
    bytes[i] = static_cast<unsigned char>(keyturn::crash::Next());
  }
  return static_cast<ssize_t>(length);
}
