#include "daemon/base/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/support/status_matchers.h"

namespace keyturn::base {
namespace {

using testing::HasCode;
using testing::IsOk;
using testing::IsOkAndHolds;

TEST(StatusTest, CarriesReasonAndField) {
  const absl::Status status = WithField(
      WithReason(absl::AbortedError("read again"), "ETAG_MISMATCH"), "etag");
  EXPECT_THAT(status, HasCode(absl::StatusCode::kAborted));
  EXPECT_EQ(MessageOf(status), "read again");
  EXPECT_EQ(ReasonOf(status), "ETAG_MISMATCH");
  EXPECT_EQ(FieldOf(status), "etag");
}

TEST(StatusTest, HasNoReasonByItself) {
  EXPECT_EQ(ReasonOf(absl::AbortedError("read again")), "");
  EXPECT_EQ(FieldOf(absl::AbortedError("read again")), "");
  EXPECT_EQ(ReasonOf(absl::OkStatus()), "");
}

TEST(StatusTest, LetsTheLastReasonCount) {
  EXPECT_EQ(
      ReasonOf(WithReason(WithReason(absl::AbortedError(""), "ONE"), "TWO")),
      "TWO");
}

TEST(StatusTest, LeavesOkAsItIs) {
  EXPECT_THAT(WithReason(absl::OkStatus(), "ONE"), IsOk());
  EXPECT_THAT(WithField(absl::OkStatus(), "one"), IsOk());
  EXPECT_THAT(Annotate(absl::OkStatus(), "context"), IsOk());
}

TEST(StatusTest, AnnotatesWithoutLosingCodeAndPayloads) {
  const absl::Status status = Annotate(
      WithField(WithReason(absl::NotFoundError("gone"), "GONE"), "name"),
      "account acme");
  EXPECT_THAT(status, HasCode(absl::StatusCode::kNotFound));
  EXPECT_EQ(MessageOf(status), "account acme: gone");
  EXPECT_EQ(ReasonOf(status), "GONE");
  EXPECT_EQ(FieldOf(status), "name");
}

TEST(StatusTest, MakesFieldErrors) {
  const absl::Status status = FieldError("spec.approvals", "0 to 10");
  EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(ReasonOf(status), "INVALID_FIELD");
  EXPECT_EQ(FieldOf(status), "spec.approvals");
  EXPECT_EQ(MessageOf(status), "0 to 10");
}

TEST(StatusTest, ConvertsViewsBothWays) {
  const std::string_view text("a\0b", 3);
  EXPECT_EQ(ToStd(ToAbsl(text)), text);
  EXPECT_EQ(ToStd(ToAbsl("")), "");
}

absl::StatusOr<int> Half(int number) {
  if (number % 2 != 0) return absl::InvalidArgumentError("odd");
  return number / 2;
}

absl::StatusOr<int> Quarter(int number) {
  ASSIGN_OR_RETURN(const int half, Half(number));
  ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

absl::StatusOr<std::unique_ptr<int>> Boxed(int number) {
  RETURN_IF_ERROR(Half(number).status());
  return std::make_unique<int>(number);
}

absl::StatusOr<int> Unboxed(int number) {
  ASSIGN_OR_RETURN(std::unique_ptr<int> box, Boxed(number));
  return *box;
}

TEST(StatusTest, MacrosReturnTheErrorOrGoOnWithTheValue) {
  EXPECT_THAT(Quarter(8), IsOkAndHolds(2));
  EXPECT_THAT(Quarter(7), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Quarter(6), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Unboxed(4), IsOkAndHolds(4));
  EXPECT_THAT(Unboxed(3), HasCode(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace keyturn::base
