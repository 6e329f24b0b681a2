#include "daemon/app/log.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "daemon/app/log_limiter.h"

namespace keyturn::app {
namespace {

TEST(FormatLogLineTest, WritesPlainWordsPlainly) {
  EXPECT_EQ(FormatLogLine("ready", {{"tcp", "127.0.0.1:7443"}, {"pid", "7"}}),
            "msg=ready tcp=127.0.0.1:7443 pid=7");
}

TEST(FormatLogLineTest, QuotesTheRest) {
  EXPECT_EQ(FormatLogLine("cannot start", {{"cause", "say \"please\" a=b"}}),
            R"(msg="cannot start" cause="say \"please\" a=b")");
}

TEST(FormatLogLineTest, NoValueForgesALineOrAField) {
  EXPECT_EQ(FormatLogLine("x", {{"identity", "ann\nlevel=error\x1b[31m\\"}}),
            "msg=x identity=\"ann\\nlevel=error\\x1b[31m\\\\\"");
}

TEST(FormatLogLineTest, LeavesEmptyFieldsOutAndCutsLongOnes) {
  EXPECT_EQ(FormatLogLine("x", {{"reason", ""}}), "msg=x");
  EXPECT_EQ(FormatLogLine("x", {{"v", std::string(5000, 'v')}}).size(),
            kLogValueSizeMax + std::string("msg=x v=").size());
}

TEST(LogLimiterTest, AFloodIsToldOnceWithItsSize) {
  LogLimiter limiter;
  absl::Time now = absl::UnixEpoch() + absl::Hours(1);
  for (int i = 0; i < kLogBurstMax; ++i) {
    EXPECT_EQ(limiter.Admit("flood", now), 0);
  }
  for (int i = 0; i < 1'000'000; ++i) {
    ASSERT_EQ(limiter.Admit("flood", now), std::nullopt);
  }
  EXPECT_EQ(limiter.Admit("other", now), 0);

  now += kLogInterval;
  EXPECT_EQ(limiter.Admit("flood", now), 1'000'000);
  EXPECT_EQ(limiter.Admit("flood", now), std::nullopt);
  EXPECT_EQ(limiter.Admit("flood", now + kLogInterval), 1);
}

TEST(LogLimiterTest, AFloodOfKeysIsAFloodToo) {
  LogLimiter limiter;
  const absl::Time now = absl::UnixEpoch() + absl::Hours(1);
  int written = 0;
  for (int i = 0; i < 100'000; ++i) {
    if (limiter.Admit(absl::StrCat("key", i), now).has_value()) ++written;
  }
  EXPECT_LE(written, static_cast<int>(kLogKeysMax) + kLogBurstMax);
}

TEST(LogLevelTest, HasFourNames) {
  EXPECT_EQ(LogLevelFromName("debug"), LogLevel::kDebug);
  EXPECT_EQ(LogLevelFromName("info"), LogLevel::kInfo);
  EXPECT_EQ(LogLevelFromName("warning"), LogLevel::kWarning);
  EXPECT_EQ(LogLevelFromName("error"), LogLevel::kError);
  EXPECT_EQ(LogLevelFromName("loud"), std::nullopt);
}

}  // namespace
}  // namespace keyturn::app
