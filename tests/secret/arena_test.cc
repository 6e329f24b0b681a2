#include "daemon/secret/arena.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/secret/lock_limit.h"

namespace keyturn::secret {
namespace {

using ::testing::Contains;
using ::testing::Not;

constexpr size_t kBytes = 64 * 1024;
constexpr std::string_view kText = "a secret";

std::string NameOf(Protection protection) {
  switch (protection) {
    case Protection::kHidden:
      return "Hidden";
    case Protection::kLocked:
      return "Locked";
    case Protection::kSwappable:
      return "Swappable";
  }
  return "";
}

// A line of /proc/self/smaps with what the kernel says of it.
struct Region {
  uintptr_t begin = 0;
  uintptr_t end = 0;
  std::string access;
  std::vector<std::string> flags;
};

std::vector<Region> Regions() {
  std::vector<Region> regions;
  std::ifstream smaps("/proc/self/smaps");
  for (std::string line; std::getline(smaps, line);) {
    std::istringstream words(line);
    Region region;
    char dash = 0;
    if (words >> std::hex >> region.begin >> dash >> region.end &&
        dash == '-' && words >> region.access) {
      regions.push_back(region);
    } else if (line.rfind("VmFlags:", 0) == 0) {
      std::istringstream flags(line.substr(line.find(':') + 1));
      for (std::string flag; flags >> flag;) {
        regions.back().flags.push_back(flag);
      }
    }
  }
  return regions;
}

// The region of `address`; empty when nothing is mapped there.
Region RegionOf(uintptr_t address) {
  for (const Region& region : Regions()) {
    if (region.begin <= address && address < region.end) return region;
  }
  return {};
}

uintptr_t AddressOf(const char* block) {
  return reinterpret_cast<uintptr_t>(block);
}

// What was given back must not be read otherwise.
__attribute__((no_sanitize("address"))) bool IsZero(const char* block,
                                                    size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (static_cast<const volatile char*>(block)[i] != 0) return false;
  }
  return true;
}

class ArenaTest : public ::testing::TestWithParam<Protection> {
 protected:
  void SetUp() override {
    if (arena_->protection() != GetParam()) {
      GTEST_SKIP() << "this system does not have " << NameOf(GetParam());
    }
  }

  const std::unique_ptr<Arena> arena_ = Arena::Open(kBytes, kBytes, GetParam());
};

TEST_P(ArenaTest, GivesZerosAndWipesWhatComesBack) {
  char* const block = arena_->Allocate(kText.size());
  ASSERT_NE(block, nullptr);
  EXPECT_TRUE(IsZero(block, kText.size()));
  EXPECT_TRUE(arena_->Owns(block));
  std::memcpy(block, kText.data(), kText.size());
  EXPECT_FALSE(IsZero(block, kText.size()));

  arena_->WipeAndFree(block, kText.size());

  EXPECT_TRUE(IsZero(block, kText.size()));
  EXPECT_EQ(arena_->Allocate(kText.size()), block);
}

TEST_P(ArenaTest, IsKeptAsItSays) {
  const Region region = RegionOf(AddressOf(arena_->Allocate(1)));
  ASSERT_EQ(region.end - region.begin, kBytes);
  EXPECT_THAT(region.flags, Contains("dd")) << "is dumped";
  if (GetParam() == Protection::kSwappable) {
    EXPECT_THAT(region.flags, Not(Contains("lo")));
  } else {
    EXPECT_THAT(region.flags, Contains("lo")) << "is swapped";
  }
  EXPECT_THAT(region.flags,
              Contains(GetParam() == Protection::kHidden ? "dc" : "wf"))
      << "is inherited";
}

TEST_P(ArenaTest, StandsBetweenPagesThatNobodyMayTouch) {
  const Region region = RegionOf(AddressOf(arena_->Allocate(1)));
  EXPECT_EQ(RegionOf(region.begin - 1).access, "---p");
  EXPECT_EQ(RegionOf(region.end).access, "---p");
}

TEST_P(ArenaTest, AChildGetsNothingOfIt) {
  constexpr int kSeen = 42;
  char* const block = arena_->Allocate(kText.size());
  std::memcpy(block, kText.data(), kText.size());

  const pid_t child = fork();
  // Where nothing is mapped at all, the child ends here.
  if (child == 0) _exit(*static_cast<volatile char*>(block) ? kSeen : 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);

  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == kSeen);
  EXPECT_EQ(std::string_view(block, kText.size()), kText);
}

TEST_P(ArenaTest, HasRoomAgainWhenEverythingCameBackInWhateverOrder) {
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::pair<char*, size_t>> blocks;
    while (true) {
      const size_t size = 1 + random() % 2000;
      char* const block = arena_->Allocate(size);
      if (block == nullptr) break;
      EXPECT_TRUE(IsZero(block, size));
      std::memset(block, 0xff, size);
      blocks.emplace_back(block, size);
    }
    EXPECT_GT(arena_->used(), kBytes / 2);
    std::shuffle(blocks.begin(), blocks.end(), random);
    for (const auto& [block, size] : blocks) arena_->WipeAndFree(block, size);
    EXPECT_EQ(arena_->used(), 0u);
  }
  EXPECT_NE(arena_->Allocate(kBytes - 1), nullptr);
}

TEST_P(ArenaTest, RefusesWhatDoesNotFit) {
  EXPECT_EQ(arena_->Allocate(kBytes), nullptr);
  EXPECT_EQ(arena_->Allocate(SIZE_MAX), nullptr);
  ASSERT_NE(arena_->Allocate(kBytes / 2), nullptr);
  EXPECT_EQ(arena_->Allocate(kBytes / 2), nullptr);
  EXPECT_NE(arena_->Allocate(kBytes / 4), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Every, ArenaTest,
                         ::testing::Values(Protection::kHidden,
                                           Protection::kLocked,
                                           Protection::kSwappable),
                         [](const auto& info) { return NameOf(info.param); });

TEST(ArenaLimitTest, TakesWhatTheSystemLetsItLock) {
  const LockLimit limit(4 * kBytes);
  for (const Protection best : {Protection::kHidden, Protection::kLocked}) {
    const auto arena = Arena::Open(64 * kBytes, kBytes, best);
    EXPECT_EQ(arena->size(), 4 * kBytes);
    EXPECT_NE(arena->protection(), Protection::kSwappable);
  }
}

TEST(ArenaLimitTest, SaysSoWhenItMayLockTooLittle) {
  const LockLimit limit(kBytes / 2);
  const auto arena = Arena::Open(64 * kBytes, kBytes);
  EXPECT_EQ(arena->protection(), Protection::kSwappable);
  EXPECT_EQ(arena->size(), 64 * kBytes);
}

}  // namespace
}  // namespace keyturn::secret
