#include "daemon/vault/sealing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "absl/strings/escaping.h"
#include "tests/support/status_matchers.h"
#include "tests/vault/golden.h"

namespace keyturn::vault {
namespace {

using testing::Golden;
using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::IsOkAndHolds;
using testing::MessageIs;
using ::testing::Not;

constexpr char kKeyId[] = "abcdefghijklmnop";

std::string Ascending(size_t size, unsigned char first) {
  std::string bytes(size, '\0');
  std::iota(bytes.begin(), bytes.end(), static_cast<char>(first));
  return bytes;
}

secret::Secret TestKey() { return secret::Secret(Ascending(kKeyBytes, 0)); }

SealingRandomness FixedRandomness() {
  SealingRandomness randomness;
  Ascending(kSaltBytes, 0x80).copy(randomness.salt.data(), kSaltBytes);
  Ascending(kNonceBytes, 0xc0).copy(randomness.nonce.data(), kNonceBytes);
  return randomness;
}

std::string SealText(std::string_view plain, std::string_view identity) {
  return Seal(TestKey(), kKeyId, plain, identity, FixedRandomness()).value();
}

TEST(SealingTest, SealsAsTheGoldenFileSays) {
  EXPECT_EQ(SealText("", ""), Golden("envelope_empty"));
  const std::string identity =
      RowIdentity({"credential", "acme", "CELIGO_TOKEN", "1"});
  EXPECT_EQ(SealText(Golden("payload_celigo_token"), identity),
            Golden("envelope_celigo_token"));
  EXPECT_THAT(KeyIdOf(TestKey()),
              IsOkAndHolds(absl::BytesToHexString(Golden("key_id"))));
}

TEST(SealingTest, OpensWhatItSealed) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1000}}) {
    const std::string plain = Ascending(size, 7);
    const auto envelope =
        Seal(TestKey(), kKeyId, plain, "row", FreshRandomness());
    ASSERT_THAT(envelope, IsOk());
    EXPECT_EQ(envelope->size(), kEnvelopeOverhead + size);
    EXPECT_THAT(EnvelopeKeyId(*envelope),
                IsOkAndHolds(std::string_view(kKeyId)));
    const auto opened = OpenEnvelope(TestKey(), *envelope, "row");
    ASSERT_THAT(opened, IsOk());
    EXPECT_EQ(opened->Expose(), plain);
  }
}

TEST(SealingTest, DetectsEveryFlippedBit) {
  const std::string envelope = SealText("a token", "row");
  for (size_t i = 0; i < envelope.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string altered = envelope;
      altered[i] = static_cast<char>(altered[i] ^ (1 << bit));
      EXPECT_THAT(OpenEnvelope(TestKey(), altered, "row"),
                  HasCode(absl::StatusCode::kDataLoss))
          << "byte " << i << ", bit " << bit;
    }
  }
}

TEST(SealingTest, DetectsEveryTruncationAndExtension) {
  const std::string envelope = SealText("a token", "row");
  for (size_t size = 0; size < envelope.size(); ++size) {
    EXPECT_THAT(OpenEnvelope(TestKey(), envelope.substr(0, size), "row"),
                HasCode(absl::StatusCode::kDataLoss))
        << size;
  }
  EXPECT_THAT(OpenEnvelope(TestKey(), envelope + '\0', "row"),
              HasCode(absl::StatusCode::kDataLoss));
}

TEST(SealingTest, OpensOnlyForItsOwnRowAndKey) {
  const std::string envelope = SealText("a token", "row");
  EXPECT_THAT(OpenEnvelope(TestKey(), envelope, "another row"),
              HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(OpenEnvelope(FreshKey(), envelope, "row"),
              HasCode(absl::StatusCode::kDataLoss));
}

TEST(SealingTest, SaysThatAFormatIsUnknown) {
  std::string envelope = SealText("a token", "row");
  envelope[0] = 9;
  EXPECT_THAT(EnvelopeKeyId(envelope),
              MessageIs(HasSubstr("unknown format 9")));
}

TEST(SealingTest, RefusesWrongLengths) {
  const SealingRandomness randomness = FixedRandomness();
  const secret::Secret key = TestKey();
  EXPECT_THAT(Seal(secret::Secret("short"), kKeyId, "", "", randomness),
              HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Seal(key, "short", "", "", randomness),
              HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      Seal(key, kKeyId, std::string(kSealedBytesMax + 1, 'x'), "", randomness),
      HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      Seal(key, kKeyId, std::string(kSealedBytesMax, 'x'), "", randomness),
      IsOk());
}

TEST(SealingTest, TakesFreshRandomnessEachTime) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const SealingRandomness randomness = FreshRandomness();
    seen.emplace(randomness.salt.data(), kSaltBytes);
    seen.emplace(randomness.nonce.data(), kNonceBytes);
    seen.emplace(FreshKey().Expose());
  }
  EXPECT_EQ(seen.size(), 300u);
}

TEST(SealingTest, KeepsThePartsOfAnIdentityApart) {
  EXPECT_NE(RowIdentity({"ab", "c"}), RowIdentity({"a", "bc"}));
  EXPECT_NE(RowIdentity({"a", ""}), RowIdentity({"a"}));
  EXPECT_EQ(RowIdentity({"ab"}), std::string("\0\0\0\2ab", 6));
}

}  // namespace
}  // namespace keyturn::vault
