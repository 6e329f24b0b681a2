#include "daemon/rpc/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/base/resource.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/retry_after.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/rpc/served_daemon.h"

namespace keyturn::rpc {
namespace {

using testing::DetailsOf;
using testing::ErrorDetails;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr ErrorContext kContext = {"keyturn.v1.Tasks/GetTask",
                                   "tasks/abcdefghijklmno2"};

TEST(ToCallErrorTest, CarriesReasonDomainAndRpc) {
  const CallError error = ToCallError(
      base::WithReason(absl::AbortedError("read it again"), "ETAG_MISMATCH"),
      kContext);

  EXPECT_EQ(error.status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(error.status.error_message(), "read it again");
  EXPECT_EQ(error.reason, "ETAG_MISMATCH");
  const ErrorDetails details = DetailsOf(error.status);
  EXPECT_EQ(details.reason, "ETAG_MISMATCH");
  EXPECT_EQ(details.domain, "keyturn");
  EXPECT_EQ(details.metadata.at("rpc"), "keyturn.v1.Tasks/GetTask");
}

TEST(ToCallErrorTest, EveryCodeHasAReason) {
  for (int code = 1; code <= 16; ++code) {
    const CallError error = ToCallError(
        absl::Status(static_cast<absl::StatusCode>(code), "x"), kContext);
    EXPECT_NE(DetailsOf(error.status).reason, "") << code;
    EXPECT_EQ(error.status.error_code(), code == 2 ? 13 : code);
  }
}

TEST(ToCallErrorTest, NamesTheFieldOfABadRequest) {
  const CallError error =
      ToCallError(base::FieldError("spec.iclient", "is too long"), kContext);

  EXPECT_EQ(DetailsOf(error.status).field, "spec.iclient");
  EXPECT_EQ(error.status.error_message(), "spec.iclient: is too long");
}

TEST(ToCallErrorTest, SaysWhichPreconditionFailed) {
  const CallError error = ToCallError(
      base::WithReason(absl::FailedPreconditionError("closed"), "TASK_CLOSED"),
      kContext);

  EXPECT_EQ(DetailsOf(error.status).precondition, "TASK_CLOSED");
}

TEST(ToCallErrorTest, SaysWhatIsNotThere) {
  const CallError error = ToCallError(
      base::WithReason(absl::NotFoundError("none"), "TASK_NOT_FOUND"),
      kContext);

  const ErrorDetails details = DetailsOf(error.status);
  EXPECT_EQ(details.resource_type, "keyturn/Task");
  EXPECT_EQ(details.resource_name, "tasks/abcdefghijklmno2");
}

TEST(ToCallErrorTest, SaysWhatIsNotThereAlsoWhereTheRequestIsAboutAnother) {
  const CallError missing = ToCallError(
      base::WithResource(
          base::WithReason(absl::NotFoundError("none"), "CREDENTIAL_NOT_FOUND"),
          "acme-celigo"),
      {"keyturn.v1.Accounts/CreateAccount", "acme"});
  EXPECT_EQ(DetailsOf(missing.status).resource_name, "credentials/acme-celigo");

  const CallError live = ToCallError(
      base::WithResource(base::WithReason(absl::FailedPreconditionError("live"),
                                          "LIVE_MIGRATION"),
                         "abcdefghijklmno2"),
      {"keyturn.v1.Migrations/CreateMigration", ""});
  google::rpc::Status status;
  ASSERT_TRUE(status.ParseFromString(live.status.error_details()));
  google::rpc::PreconditionFailure failure;
  ASSERT_TRUE(status.details(1).UnpackTo(&failure));
  EXPECT_EQ(failure.violations(0).subject(), "migrations/abcdefghijklmno2");
}

TEST(ToCallErrorTest, CallsAResourceByItsWholeName) {
  const CallError error = ToCallError(
      base::WithReason(absl::AlreadyExistsError("there"), "ACCOUNT_EXISTS"),
      {"keyturn.v1.Accounts/CreateAccount", "acme"});
  EXPECT_EQ(DetailsOf(error.status).resource_name, "accounts/acme");
}

TEST(ToCallErrorTest, SaysWhenToTryAgain) {
  const CallError error =
      ToCallError(http::WithRetryAfter(absl::UnavailableError("busy"),
                                       absl::Milliseconds(2500)),
                  kContext);

  google::rpc::Status status;
  ASSERT_TRUE(status.ParseFromString(error.status.error_details()));
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(status.details(1).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 2);
  EXPECT_EQ(retry.retry_delay().nanos(), 500'000'000);
  EXPECT_TRUE(
      DetailsOf(ToCallError(absl::UnavailableError("x"), kContext).status)
          .retry_info);
}

TEST(ToCallErrorTest, KeepsInternalMattersInside) {
  for (const absl::Status& status :
       {base::WithReason(absl::InternalError("SELECT * FROM x"), "SQL"),
        absl::UnknownError("SELECT * FROM x")}) {
    const CallError error = ToCallError(status, kContext);

    EXPECT_EQ(error.status.error_code(), grpc::StatusCode::INTERNAL);
    EXPECT_THAT(error.status.error_message(), Not(HasSubstr("SELECT")));
    EXPECT_THAT(error.status.error_details(), Not(HasSubstr("SELECT")));
    ASSERT_NE(error.internal_id, "");
    EXPECT_THAT(error.status.error_message(), HasSubstr(error.internal_id));
    EXPECT_EQ(DetailsOf(error.status).reason, "INTERNAL");
  }
}

TEST(ToCallErrorTest, TellsAWatcherWhereToGoOn) {
  const CallError error = ToCallError(
      WithLastSequence(absl::ResourceExhaustedError("too slow"), 42), kContext);

  EXPECT_EQ(DetailsOf(error.status).metadata.at("last_sequence"), "42");
}

}  // namespace
}  // namespace keyturn::rpc
