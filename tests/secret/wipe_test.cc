// Looks at the memory of a Secret when it is given back. A program of its own,
// since it replaces the global operator delete.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/secret/memory.h"
#include "daemon/secret/secret.h"

namespace {

const char* watched = nullptr;
size_t watched_size = 0;
// Whether the watched memory went back to the heap, and how it was then.
bool freed = false;
bool wiped = false;

// What was given back must not be read otherwise.
__attribute__((no_sanitize("address"))) bool IsZero(const char* memory,
                                                    size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (static_cast<const volatile char*>(memory)[i] != 0) return false;
  }
  return true;
}

void LookAt(const void* memory) {
  if (memory == nullptr || memory != watched || freed) return;
  freed = true;
  wiped = IsZero(watched, watched_size);
}

void Watch(std::string_view bytes) {
  watched = bytes.data();
  watched_size = bytes.size();
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

// What a Secret of that size holds: where it rests depends on the size.
std::string Text(size_t size) { return std::string(size, 's'); }

class WipeTest : public ::testing::TestWithParam<size_t> {
 protected:
  const std::string text_ = Text(GetParam());

  static bool OnTheHeap() { return GetParam() > kArenaBlockBytesMax; }
  // The arena's memory stays mapped, so that it can be looked at any time.
  static bool Wiped() {
    return OnTheHeap() ? freed && wiped : IsZero(watched, watched_size);
  }
};

TEST_P(WipeTest, IsWipedWhenItIsDestroyed) {
  {
    const Secret secret(text_);
    Watch(secret.Expose());
    EXPECT_FALSE(Wiped());
  }
  EXPECT_TRUE(Wiped());
}

TEST_P(WipeTest, IsWipedWhenAnotherIsMovedIntoIt) {
  Secret secret(text_);
  Watch(secret.Expose());
  secret = Secret("another");
  EXPECT_TRUE(Wiped());
}

TEST_P(WipeTest, IsWipedAtItsNewPlaceAfterAMove) {
  {
    Secret from(text_);
    Watch(from.Expose());
    const Secret to(std::move(from));
    EXPECT_FALSE(Wiped());
    EXPECT_EQ(to.Expose(), text_);
  }
  EXPECT_TRUE(Wiped());
}

INSTANTIATE_TEST_SUITE_P(Sizes, WipeTest,
                         ::testing::Values(size_t{64},
                                           kArenaBlockBytesMax + 1));

TEST(WipeSelfTest, NoticesMemoryThatIsNotWiped) {
  {
    const std::string text = Text(64);
    Watch(text);
  }
  EXPECT_TRUE(freed);
  EXPECT_FALSE(wiped);
}

}  // namespace
}  // namespace keyturn::secret
