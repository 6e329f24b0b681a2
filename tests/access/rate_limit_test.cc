#include "daemon/access/rate_limit.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace keyturn::access {
namespace {

constexpr absl::Duration kNone = absl::ZeroDuration();
const absl::Time kNow = absl::UnixEpoch() + absl::Hours(1);

class RateLimitTest : public ::testing::Test {
 protected:
  RateLimit limit_{{.burst = 3, .interval = absl::Seconds(10), .keys_max = 2}};
};

TEST_F(RateLimitTest, AllowsTheBurstAndThenOneAfterEachInterval) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit_.Take("ann", kNow), kNone);

  EXPECT_EQ(limit_.Take("ann", kNow), absl::Seconds(10));
  EXPECT_EQ(limit_.Take("ann", kNow + absl::Seconds(4)), absl::Seconds(6));
  EXPECT_EQ(limit_.Take("ann", kNow + absl::Seconds(10)), kNone);
  EXPECT_EQ(limit_.Take("ann", kNow + absl::Seconds(10)), absl::Seconds(10));
}

TEST_F(RateLimitTest, IsFreshAgainAfterAWhile) {
  for (int i = 0; i < 9; ++i) limit_.Take("ann", kNow);

  const absl::Time later = kNow + absl::Minutes(5);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit_.Take("ann", later), kNone);
  EXPECT_NE(limit_.Take("ann", later), kNone);
}

TEST_F(RateLimitTest, OneKeyDoesNotPayForAnother) {
  for (int i = 0; i < 9; ++i) limit_.Charge("eve", kNow);

  EXPECT_EQ(limit_.Wait("ann", kNow), kNone);
  EXPECT_EQ(limit_.Wait("eve", kNow), absl::Seconds(70));
}

TEST_F(RateLimitTest, KeysWithoutRoomShareOneAllowance) {
  limit_.Charge("a", kNow);
  limit_.Charge("b", kNow);

  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(limit_.Take(absl::StrCat("flood", i), kNow), kNone);
  }
  EXPECT_NE(limit_.Take("flood3", kNow), kNone);
  EXPECT_EQ(limit_.Wait("a", kNow), kNone) << "who is known keeps its own";

  EXPECT_EQ(limit_.Take("flood4", kNow + absl::Hours(1)), kNone)
      << "what is worked off makes room";
}

}  // namespace
}  // namespace keyturn::access
