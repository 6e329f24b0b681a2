#include "daemon/steps/outcome.h"

#include <gmock/gmock.h>

#include "daemon/base/status.h"
#include "daemon/upstream/http/retry_after.h"

namespace keyturn::steps {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = Outcome::Kind;

absl::Status Error(absl::StatusCode code, std::string_view reason) {
  return base::WithReason(absl::Status(code, "the cause"), reason);
}

TEST(FromErrorTest, WhatMayPassIsTriedAgain) {
  for (const auto code :
       {absl::StatusCode::kUnavailable, absl::StatusCode::kDeadlineExceeded,
        absl::StatusCode::kResourceExhausted, absl::StatusCode::kAborted}) {
    const Outcome outcome = FromError(Error(code, ""), "reading");
    EXPECT_EQ(outcome.kind, Kind::kRetry);
    EXPECT_EQ(outcome.message, "while reading: the cause");
    EXPECT_EQ(outcome.attention->reason, "ATTEMPTS_EXHAUSTED");
  }
}

TEST(FromErrorTest, HonoursTheWaitThatWasAskedFor) {
  const absl::Status busy = http::WithRetryAfter(
      Error(absl::StatusCode::kUnavailable, "OUTSIDE_BUSY"), absl::Seconds(7));
  const Outcome outcome = FromError(busy, "reading");
  EXPECT_EQ(outcome.retry_after, absl::Seconds(7));
  EXPECT_EQ(outcome.attention->reason, "OUTSIDE_BUSY");
}

TEST(FromErrorTest, OnlyAnAnswerThatMakesNoSenseIsAskedForAgain) {
  constexpr auto kLoss = absl::StatusCode::kDataLoss;
  EXPECT_EQ(FromError(Error(kLoss, "OUTSIDE_ANSWER_MALFORMED"), "x").kind,
            Kind::kRetry);
  EXPECT_EQ(FromError(Error(kLoss, "CREDENTIAL_ALTERED"), "x").kind,
            Kind::kBlocked);
  EXPECT_EQ(FromError(Error(kLoss, ""), "x").kind, Kind::kBlocked);
}

struct Sorted {
  const char* reason;
  const char* owner;
  const char* way_out;
};

TEST(FromErrorTest, WhatAPersonMendsSaysWhoAndHow) {
  for (const Sorted& sorted :
       {Sorted{"OUTSIDE_LOGIN_REFUSED", "operator", "credential rotate"},
        Sorted{"LOGIN_BLOCKED", "operator", "account test"},
        Sorted{"OUTSIDE_FORBIDDEN", "administrator", "the right"},
        Sorted{"OUTSIDE_NOT_FOUND", "operator", "deleted outside"},
        Sorted{"HOST_NOT_ALLOWED", "operator", "configuration"},
        Sorted{"TLS_REFUSED", "operator", "--ca-file"}}) {
    const Outcome outcome = FromError(
        Error(absl::StatusCode::kFailedPrecondition, sorted.reason), "x");
    ASSERT_EQ(outcome.kind, Kind::kBlocked);
    EXPECT_EQ(outcome.attention->reason, sorted.reason);
    EXPECT_EQ(outcome.attention->owner, sorted.owner);
    ASSERT_EQ(outcome.attention->ways_out.size(), 1);
    EXPECT_THAT(outcome.attention->ways_out[0], HasSubstr(sorted.way_out));
  }
}

TEST(FromErrorTest, AnythingElseIsBlockedUnderItsOwnReason) {
  Outcome outcome =
      FromError(Error(absl::StatusCode::kInternal, "STRANGE"), "x");
  EXPECT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_EQ(outcome.attention->reason, "STRANGE");
  EXPECT_THAT(outcome.attention->ways_out, IsEmpty());
  outcome = FromError(absl::InternalError("the cause"), "x");
  EXPECT_EQ(outcome.attention->reason, "BLOCKED");
}

TEST(OutcomeTest, OurAccessIsToldFromWhatWasAsked) {
  constexpr auto kCode = absl::StatusCode::kFailedPrecondition;
  EXPECT_TRUE(ConcernsOurAccess(Error(kCode, "OUTSIDE_LOGIN_REFUSED")));
  EXPECT_TRUE(ConcernsOurAccess(Error(kCode, "LOGIN_BLOCKED")));
  EXPECT_FALSE(ConcernsOurAccess(Error(kCode, "OUTSIDE_FORBIDDEN")));
  EXPECT_FALSE(ConcernsOurAccess(absl::OkStatus()));
}

TEST(OutcomeTest, AskTellsTheProblem) {
  migration::Task task;
  task.title = "Do it";
  EXPECT_EQ(Ask(task).message, "Do it");
  task.problem = "it was done wrongly";
  EXPECT_EQ(Ask(task).message, "Do it: it was done wrongly");
}

}  // namespace
}  // namespace keyturn::steps
