#include "daemon/secret/memory.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "daemon/secret/secret.h"
#include "tests/secret/lock_limit.h"
#include "tests/support/status_matchers.h"

namespace keyturn::secret {
namespace {

using ::keyturn::testing::IsOk;

// The arena is opened once in a process; a test that needs another limit runs
// in a process of its own.
class LimitedMemoryTest : public ::testing::Test {
 protected:
  LimitedMemoryTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

[[noreturn]] void AskForMemory(size_t limit_bytes) {
  const LockLimit limit(limit_bytes);
  const absl::Status status = RequireLockedMemory(kArenaBytesMin);
  std::cerr << base::ReasonOf(status) << ": " << status.message();
  std::_Exit(status.ok() ? 0 : 1);
}

[[noreturn]] void Overflow() {
  const LockLimit limit(kArenaBytesMin);
  constexpr size_t kSize = 40 * 1024;
  std::vector<Secret> secrets;
  for (int i = 0; i < 3; ++i) secrets.push_back(Secret::OfSize(kSize));
  const MemoryReport full = DescribeMemory();
  secrets.clear();
  const MemoryReport empty = DescribeMemory();
  std::_Exit(full.overflows == 2 && full.heap_bytes == 2 * kSize &&
                     empty.heap_bytes == 0 && empty.arena_bytes_used == 0
                 ? 0
                 : 1);
}

TEST_F(LimitedMemoryTest, ALimitTooSmallIsToldWithTheLineForTheUnitFile) {
  EXPECT_EXIT(AskForMemory(kArenaBytesMin / 2), ::testing::ExitedWithCode(1),
              "MEMORY_NOT_LOCKED: secrets need 64 KiB .* lock 0 KiB.*"
              "LimitMEMLOCK=64M");
}

TEST_F(LimitedMemoryTest, WhatEverybodyMayLockIsEnoughToBegin) {
  EXPECT_EXIT(AskForMemory(kArenaBytesMin), ::testing::ExitedWithCode(0), "");
}

TEST_F(LimitedMemoryTest, WhatFindsNoRoomIsCountedAndStillWorks) {
  EXPECT_EXIT(Overflow(), ::testing::ExitedWithCode(0), "");
}

TEST(MemoryTest, KeepsSecretsInTheArenaAndDocumentsOutside) {
  const MemoryReport before = DescribeMemory();
  const Secret secret = Secret::OfSize(kArenaBlockBytesMax);
  EXPECT_GE(DescribeMemory().arena_bytes_used,
            before.arena_bytes_used + kArenaBlockBytesMax);
  EXPECT_EQ(DescribeMemory().heap_bytes, before.heap_bytes);

  std::optional<Secret> document = Secret::OfSize(kArenaBlockBytesMax + 1);
  EXPECT_EQ(DescribeMemory().heap_bytes,
            before.heap_bytes + kArenaBlockBytesMax + 1);
  EXPECT_EQ(DescribeMemory().overflows, before.overflows);
  document.reset();
  EXPECT_EQ(DescribeMemory().heap_bytes, before.heap_bytes);
}

TEST(MemoryTest, AsksForAsMuchAsIsRequired) {
  const size_t arena_bytes = DescribeMemory().arena_bytes;
  if (DescribeMemory().protection == Protection::kSwappable) {
    GTEST_SKIP() << "this process may lock no memory";
  }
  EXPECT_THAT(RequireLockedMemory(arena_bytes), IsOk());
  EXPECT_THAT(RequireLockedMemory(arena_bytes + 1),
              ::keyturn::testing::HasReason("MEMORY_NOT_LOCKED"));
}

}  // namespace
}  // namespace keyturn::secret
