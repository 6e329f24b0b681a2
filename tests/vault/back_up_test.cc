#include "daemon/vault/back_up.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "daemon/vault/sealing.h"
#include "tests/support/status_matchers.h"
#include "tests/vault/golden.h"

namespace keyturn::vault {
namespace {

using testing::Golden;
using testing::HasReason;
using testing::IsOk;

RootKey KeyOf(char byte) {
  return {secret::Secret(std::string(kRootKeyBytes, byte)), "a test"};
}

RootKeys KeysOf(char byte) { return {KeyOf(byte), std::nullopt}; }

absl::Time MadeAt() { return absl::FromUnixSeconds(1'800'000'000); }

// The frames of a back-up of `pieces`, the head first, the end last.
std::vector<std::string> Frames(const std::vector<std::string>& pieces,
                                char root = 'r') {
  BackUpSealer sealer = BackUpSealer::Make(KeyOf(root), MadeAt()).value();
  std::vector<std::string> frames = {sealer.TakeHead()};
  for (const std::string& piece : pieces) {
    frames.push_back(sealer.Seal(piece).value());
  }
  frames.push_back(sealer.End().value());
  return frames;
}

std::string Joined(const std::vector<std::string>& frames) {
  std::string all;
  for (const std::string& frame : frames) all += frame;
  return all;
}

// What `bytes` open to, given `step` at a time.
absl::StatusOr<std::string> Open(std::string_view bytes, size_t step,
                                 RootKeys keys = KeysOf('r')) {
  BackUpOpener opener(
      [&keys](std::string_view envelope, std::string_view identity) {
        return OpenUnderRoot(keys, envelope, identity);
      });
  std::string opened;
  while (!bytes.empty()) {
    const absl::Status status =
        opener.Add(bytes.substr(0, step), [&opened](std::string_view piece) {
          opened += piece;
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    bytes.remove_prefix(std::min(step, bytes.size()));
  }
  if (const absl::Status status = opener.CheckComplete(); !status.ok()) {
    return status;
  }
  EXPECT_EQ(opener.made_at(), MadeAt());
  return opened;
}

TEST(BackUpTest, OpensWhatItSealedHoweverTheBytesCome) {
  const std::string long_piece(kBackUpPieceBytesMax, 'x');
  const std::string back_up = Joined(Frames({"first", long_piece, "last"}));
  for (const size_t step : {size_t{1}, size_t{7}, size_t{100'000'000}}) {
    const auto opened = Open(back_up, step);
    ASSERT_THAT(opened, IsOk());
    EXPECT_EQ(*opened, "first" + long_piece + "last");
  }
}

TEST(BackUpTest, OpensTheGoldenFile) {
  const auto opened = Open(Golden("back_up_1"), 64);
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(*opened, "a store's bytes");
}

TEST(BackUpTest, ShowsNothingOfWhatItHolds) {
  const std::string piece = "credentials/acme";
  EXPECT_EQ(Joined(Frames({piece})).find(piece), std::string::npos);
}

TEST(BackUpTest, RefusesEveryChangedByte) {
  const std::string good = Joined(Frames({"piece"}));
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(Open(bad, bad.size()).ok()) << "byte " << i;
  }
}

TEST(BackUpTest, RefusesFramesThatWereMovedLeftOutOrMixed) {
  const std::vector<std::string> good = Frames({"one", "two"});
  const std::vector<std::string> other = Frames({"one", "two"});
  const std::vector<std::vector<std::string>> bad = {
      {good[0], good[2], good[1], good[3]},
      {good[0], good[2], good[3]},
      {good[0], good[1], good[3]},
      {good[0], good[1], good[1], good[2], good[3]},
      {good[0], other[1], good[2], good[3]},
      {good[0], good[1], good[2], good[3], good[3]},
  };
  for (size_t i = 0; i < bad.size(); ++i) {
    EXPECT_THAT(Open(Joined(bad[i]), 1000).status(),
                HasReason("BACK_UP_ALTERED"))
        << i;
  }
}

TEST(BackUpTest, SeesWhereItWasCut) {
  const std::string good = Joined(Frames({"one", "two"}));
  const size_t line = good.find('\n') + 1;
  for (size_t size = line; size < good.size(); ++size) {
    EXPECT_THAT(Open(good.substr(0, size), 1000).status(),
                HasReason("BACK_UP_CUT"))
        << size;
  }
}

TEST(BackUpTest, TellsWhatIsNoBackUpAndWhatIsNewer) {
  for (const std::string& foreign :
       {std::string("SQLite format 3\n"), std::string(1000, 'x'),
        std::string("keyturn back-up 1\n"),
        std::string("keyturn back-up 1 abc never\n")}) {
    EXPECT_THAT(Open(foreign, 10).status(), HasReason("BACK_UP_FOREIGN"));
  }
  EXPECT_THAT(Open("keyturn back-up 2 what ever\n", 10).status(),
              HasReason("BACK_UP_NEWER"));
}

TEST(BackUpTest, TakesALineThatIsTooLongForNoneOfOursHoweverItComes) {
  const std::string long_line =
      "keyturn back-up 2 " + std::string(100, 'x') + "\n";
  for (const size_t step : {size_t{7}, long_line.size()}) {
    EXPECT_THAT(Open(long_line, step), HasReason("BACK_UP_FOREIGN")) << step;
  }
  const std::string no_format = "keyturn back-up x aaaabbbbccccdddd 1\n";
  EXPECT_THAT(Open(no_format, 7), HasReason("BACK_UP_FOREIGN"));
}

TEST(BackUpTest, OpensUnderTheFormerRootKeyAndNoOther) {
  const std::string back_up = Joined(Frames({"piece"}, 'f'));
  RootKeys both = KeysOf('r');
  both.previous = KeyOf('f');
  EXPECT_THAT(Open(back_up, 1000, std::move(both)), IsOk());
  EXPECT_THAT(Open(back_up, 1000).status(), HasReason("WRONG_ROOT_KEY"));
}

}  // namespace
}  // namespace keyturn::vault
