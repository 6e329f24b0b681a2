#include "daemon/app/log.h"

#include <gtest/gtest.h>

#include <string>

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

TEST(LogLevelTest, HasFourNames) {
  EXPECT_EQ(LogLevelFromName("debug"), LogLevel::kDebug);
  EXPECT_EQ(LogLevelFromName("info"), LogLevel::kInfo);
  EXPECT_EQ(LogLevelFromName("warning"), LogLevel::kWarning);
  EXPECT_EQ(LogLevelFromName("error"), LogLevel::kError);
  EXPECT_EQ(LogLevelFromName("loud"), std::nullopt);
}

}  // namespace
}  // namespace keyturn::app
