#include "daemon/upstream/netsuite/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/time/civil_time.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/retry_after.h"
#include "tests/support/status_matchers.h"
#include "tests/upstream/netsuite/scripted_transport.h"

namespace keyturn::netsuite {
namespace {

using ::testing::AllOf;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::MessageIs;
using ::testing::Not;

constexpr auto kFailedPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr auto kUnavailable = absl::StatusCode::kUnavailable;

const absl::Time kNow = absl::FromCivil(absl::CivilSecond(2026, 3, 1, 12, 0, 0),
                                        absl::UTCTimeZone());

// An error body of SuiteTalk REST (NetSuite help section_156570709583).
std::string RestBody(
    const std::string& code, const std::string& detail,
    const std::string& type = "https://www.rfc-editor.org/rfc/rfc9110.html") {
  return R"({"type":")" + type + R"(","title":"Title","status":400,)" +
         R"("o:errorDetails":[{"detail":")" + detail +
         R"(","o:errorQueryParam":"q","o:errorCode":")" + code + R"("}]})";
}

std::string RestletBody(const std::string& code) {
  return R"({"error":{"code":")" + code + R"(","message":"Something raw."}})";
}

absl::Status Rest(int status, const std::string& body,
                  bool fixed_query = false) {
  const Purpose purpose{.channel = Channel::kRest,
                        .doing = "to list the access tokens",
                        .permissions = {{"LIST_EMPLOYEE", "Edit"},
                                        {"LIST_EMPLOYEE_ACCESS", "Edit"}},
                        .fixed_query = fixed_query};
  return ErrorOf(Reply(status, body), purpose, kNow);
}

absl::Status Restlet(const http::Response& response) {
  const Purpose purpose{.channel = Channel::kRestlet,
                        .doing = "to say whom the token stands for"};
  return ErrorOf(response, purpose, kNow);
}

absl::Status OAuth2(int status, const std::string& body) {
  const Purpose purpose{.channel = Channel::kOAuth2, .doing = "to log in"};
  return ErrorOf(Reply(status, body), purpose, kNow);
}

TEST(ErrorOfTest, TakesEverySuccessForSuccess) {
  for (const int status : {200, 202, 204, 206}) {
    EXPECT_THAT(Rest(status, ""), IsOk()) << status;
  }
}

TEST(ErrorOfTest, SendsTheReaderOfARefusedLoginToTheAuditTrail) {
  const std::string detail =
      "Invalid login attempt. For more details, see the Login Audit Trail.";
  // The value of `type` has changed over the years and must not matter.
  for (const char* type : {"https://www.rfc-editor.org/rfc/rfc9110.html",
                           "https://www.w3.org/Protocols/rfc2616", ""}) {
    EXPECT_THAT(Rest(401, RestBody("INVALID_LOGIN", detail, type)),
                AllOf(HasCode(kFailedPrecondition), HasReason(kLoginRefused),
                      MessageIs(AllOf(HasSubstr("INVALID_LOGIN"),
                                      HasSubstr("View Login Audit Trail"),
                                      HasSubstr("30 minutes"),
                                      Not(HasSubstr("For more details"))))));
  }
}

TEST(ErrorOfTest, KnowsARefusedLoginOnEveryChannelAndInEveryForm) {
  EXPECT_THAT(Rest(401, ""), HasReason(kLoginRefused));
  EXPECT_THAT(Rest(401, "<html>"), HasReason(kLoginRefused));
  EXPECT_THAT(Restlet(Reply(401, RestletBody("INVALID_LOGIN_ATTEMPT"))),
              HasReason(kLoginRefused));
  EXPECT_THAT(Restlet(Reply(400, RestletBody("INVALID_LOGIN_CREDENTIALS"))),
              HasReason(kLoginRefused));
  EXPECT_THAT(
      OAuth2(400, R"({"error":"invalid_grant"})"),
      AllOf(HasReason(kLoginRefused), MessageIs(HasSubstr("invalid_grant"))));
  EXPECT_THAT(OAuth2(401, R"({"error":"invalid_client"})"),
              HasReason(kLoginRefused));
  const http::Response bad_bearer = Reply(
      400, "",
      {{"www-authenticate", "Bearer realm=\"1\", error=\"invalid_token\""}});
  EXPECT_THAT(ErrorOf(bad_bearer, Purpose{.doing = "to ask"}, kNow),
              HasReason(kLoginRefused));
}

TEST(ErrorOfTest, SaysThatTheRoleDemandsTwoFactors) {
  EXPECT_THAT(Restlet(Reply(401, RestletBody("TWO_FA_REQD"))),
              AllOf(HasReason(kLoginRefused),
                    MessageIs(HasSubstr("two-factor authentication"))));
}

TEST(ErrorOfTest, NamesThePermissionThatIsProbablyMissing) {
  EXPECT_THAT(
      Rest(403, RestBody("INSUFFICIENT_PERMISSION", "raw text")),
      AllOf(HasCode(kFailedPrecondition), HasReason(kForbidden),
            MessageIs(
                AllOf(HasSubstr("INSUFFICIENT_PERMISSION"),
                      HasSubstr("Employees (LIST_EMPLOYEE, level Edit)"),
                      HasSubstr("Employee Access Tab (LIST_EMPLOYEE_ACCESS"),
                      HasSubstr("Manage Roles"), Not(HasSubstr("raw text"))))));
}

TEST(ErrorOfTest, TellsAMissingRecordFromAMissingAddress) {
  EXPECT_THAT(
      Rest(404, RestBody("NONEXISTENT_ID", "")),
      AllOf(HasCode(absl::StatusCode::kNotFound), HasReason(kNotFound)));
  EXPECT_THAT(Restlet(Reply(404)), HasReason(kNotOffered));
  EXPECT_THAT(Restlet(Reply(405)),
              AllOf(HasCode(kFailedPrecondition), HasReason(kNotOffered)));
}

TEST(ErrorOfTest, TakesRefusedContentForInvalid) {
  for (const char* code :
       {"INVALID_CONTENT", "INVALID_PARAMETER", "INVALID_REQUEST"}) {
    EXPECT_THAT(Rest(400, RestBody(code, "Unknown identifier.")),
                AllOf(HasCode(absl::StatusCode::kInvalidArgument),
                      HasReason(kRequestRefused), MessageIs(HasSubstr(code))));
  }
  EXPECT_THAT(Restlet(Reply(400, RestletBody("INVALID_REQUEST"))),
              HasReason(kRequestRefused));
}

TEST(ErrorOfTest, CannotTellAMissingTableFromAMissingRight) {
  for (const char* detail :
       {"Invalid search type: oAuthToken.",
        "Record 'oAuthToken' was not found.", "INVALID SEARCH TYPE"}) {
    EXPECT_THAT(Rest(400, RestBody("INVALID_PARAMETER", detail)),
                AllOf(HasCode(kFailedPrecondition), HasReason(kTableNotVisible),
                      MessageIs(HasSubstr("does not tell these apart"))))
        << detail;
  }
  EXPECT_THAT(Rest(400, RestBody("INVALID_PARAMETER", "Unknown identifier."),
                   /*fixed_query=*/true),
              HasReason(kTableNotVisible));
}

TEST(ErrorOfTest, TakesOverloadForSomethingThatPasses) {
  EXPECT_THAT(Rest(429, RestBody("CONCURRENCY_LIMIT_EXCEEDED", "")),
              AllOf(HasCode(kUnavailable), HasReason(kBusy)));
  EXPECT_THAT(Restlet(Reply(400, RestletBody("SSS_REQUEST_LIMIT_EXCEEDED"))),
              AllOf(HasCode(kUnavailable), HasReason(kBusy)));
  for (const int status : {500, 502, 503, 504}) {
    EXPECT_THAT(Rest(status, RestBody("UNEXPECTED_ERROR", "")),
                HasReason(kBusy))
        << status;
  }
}

TEST(ErrorOfTest, HandsOnHowLongToWait) {
  http::Response response = Reply(429);
  response.retry_after = absl::Seconds(40);
  const absl::Status status =
      ErrorOf(response, Purpose{.doing = "to ask"}, kNow);
  EXPECT_EQ(http::RetryAfterOf(status), absl::Seconds(40));
}

TEST(ErrorOfTest, TakesARedirectAndABareRefusalOfTheHostForAWrongAddress) {
  EXPECT_THAT(Restlet(Reply(302)),
              AllOf(HasCode(kFailedPrecondition), HasReason(kWrongHost),
                    MessageIs(HasSubstr("Company URLs"))));
  EXPECT_THAT(Restlet(Reply(403)), HasReason(kWrongHost));
}

TEST(ErrorOfTest, NamesAClockThatIsOff) {
  const http::Response behind =
      Reply(401, "", {{"date", "Sun, 01 Mar 2026 12:06:40 GMT"}});
  EXPECT_THAT(ErrorOf(behind, Purpose{.doing = "to ask"}, kNow),
              MessageIs(HasSubstr("clock is 6m40s behind NetSuite's")));
  const http::Response ahead =
      Reply(401, "", {{"date", "Sun, 01 Mar 2026 11:54:59 GMT"}});
  EXPECT_THAT(ErrorOf(ahead, Purpose{.doing = "to ask"}, kNow),
              MessageIs(HasSubstr("clock is 5m1s ahead of NetSuite's")));
  for (const char* date : {"Sun, 01 Mar 2026 12:05:00 GMT", "yesterday", ""}) {
    EXPECT_THAT(ErrorOf(Reply(401, "", {{"date", date}}),
                        Purpose{.doing = "to ask"}, kNow),
                MessageIs(Not(HasSubstr("clock"))))
        << date;
  }
}

TEST(CodeWordTest, LetsNothingPassThatIsNotACodeWord) {
  const std::string token(64, 'a');
  for (const std::string& code :
       {token, std::string("two words"), std::string("x<script>"),
        std::string("1ABC"), std::string()}) {
    EXPECT_EQ(CodeWord(Reply(400, RestBody(code, "")), Channel::kRest), "");
    EXPECT_EQ(CodeWord(Reply(400, RestletBody(code)), Channel::kRestlet), "");
    EXPECT_THAT(Rest(400, RestBody(code, "")),
                MessageIs(Not(HasSubstr(token))));
  }
}

TEST(CodeWordTest, ReadsTheTextFormOfARestletError) {
  EXPECT_EQ(CodeWord(Reply(400,
                           "error code: SSS_INVALID_SCRIPTLET_ID\n"
                           "error message: That Suitelet is invalid."),
                     Channel::kRestlet),
            "SSS_INVALID_SCRIPTLET_ID");
}

TEST(CodeWordTest, GivesNothingForBodiesOfAnotherForm) {
  for (const char* body :
       {"", "[]", "null", "{\"error\":7}", "{\"o:errorDetails\":[]}",
        "{\"o:errorDetails\":{}}", "{\"o:errorDetails\":[7]}",
        "{\"error\":", "<html>"}) {
    for (const Channel channel :
         {Channel::kRest, Channel::kRestlet, Channel::kOAuth2}) {
      EXPECT_EQ(CodeWord(Reply(400, body), channel), "") << body;
    }
  }
}

TEST(MeansNoRightTest, HoldsForForbiddenAndUnseen) {
  EXPECT_TRUE(MeansNoRight(Rest(403, "")));
  EXPECT_TRUE(MeansNoRight(Rest(400, RestBody("INVALID_PARAMETER", ""), true)));
  EXPECT_FALSE(MeansNoRight(Rest(401, "")));
  EXPECT_FALSE(MeansNoRight(absl::OkStatus()));
}

}  // namespace
}  // namespace keyturn::netsuite
