#include "daemon/app/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/app/log_limiter.h"

namespace keyturn::app {
namespace {

using ::testing::EndsWith;

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
  // Beyond so many keys nothing is kept of each: this one was left out too, and
  // was not counted for itself.
  EXPECT_EQ(limiter.Admit("key99999", now + absl::Hours(1)), 0);
}

TEST(LogLevelTest, HasFourNames) {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo,
                               LogLevel::kWarning, LogLevel::kError}) {
    EXPECT_EQ(LogLevelFromName(Name(level)), level);
  }
  EXPECT_EQ(Name(LogLevel::kWarning), "warning");
  EXPECT_EQ(LogLevelFromName("loud"), std::nullopt);
}

TEST(LogTest, KeepsTheLastLinesAsTheyWereWritten) {
  Log log(LogLevel::kWarning);
  log.Write(LogLevel::kInfo, "not written", {});
  for (size_t i = 0; i <= kRecentLinesMax; ++i) {
    log.Write(LogLevel::kWarning, "full", {{"n", std::to_string(i)}});
  }
  const std::vector<std::string> lines = log.Recent();
  ASSERT_EQ(lines.size(), kRecentLinesMax);
  EXPECT_THAT(lines.front(), EndsWith("Z level=warning msg=full n=1"));
  EXPECT_THAT(lines.back(), EndsWith("msg=full n=500"));
}

}  // namespace
}  // namespace keyturn::app
