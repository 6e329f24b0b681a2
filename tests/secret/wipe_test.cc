// Looks at the memory of a Secret at the moment when it is given back. A
// program of its own, since it replaces the global operator delete.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "daemon/secret/secret.h"

namespace {

constexpr size_t kWatchedBytes = 64;
constexpr char kText[] =
    "sixty-four bytes of a secret that must be gone when it is freed.";
static_assert(sizeof(kText) - 1 == kWatchedBytes);

const void* watched = nullptr;
bool freed = false;
bool wiped = false;

void LookAt(const void* memory) {
  if (memory == nullptr || memory != watched) return;
  const char zeros[kWatchedBytes] = {};
  freed = true;
  wiped = std::memcmp(memory, zeros, kWatchedBytes) == 0;
  watched = nullptr;
}

void Watch(const keyturn::secret::Secret& secret) {
  watched = secret.Expose().data();
  freed = false;
  wiped = false;
}

}  // namespace

void* operator new(size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept {
  LookAt(memory);
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  LookAt(memory);
  std::free(memory);
}
void* operator new[](size_t size) { return operator new(size); }
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete[](void* memory, size_t) noexcept {
  operator delete(memory);
}

namespace keyturn::secret {
namespace {

TEST(WipeTest, IsWipedWhenItIsDestroyed) {
  {
    const Secret secret(kText);
    Watch(secret);
  }
  EXPECT_TRUE(freed);
  EXPECT_TRUE(wiped);
}

TEST(WipeTest, IsWipedWhenAnotherIsMovedIntoIt) {
  Secret secret(kText);
  Watch(secret);
  secret = Secret("another");
  EXPECT_TRUE(freed);
  EXPECT_TRUE(wiped);
}

TEST(WipeTest, IsWipedAtItsNewPlaceAfterAMove) {
  {
    Secret from(kText);
    Watch(from);
    const Secret to(std::move(from));
    EXPECT_FALSE(freed);
    EXPECT_EQ(to.Expose(), kText);
  }
  EXPECT_TRUE(freed);
  EXPECT_TRUE(wiped);
}

TEST(WipeTest, NoticesMemoryThatIsNotWiped) {
  {
    const std::string text(kText);
    watched = text.data();
    freed = false;
  }
  EXPECT_TRUE(freed);
  EXPECT_FALSE(wiped);
}

}  // namespace
}  // namespace keyturn::secret
