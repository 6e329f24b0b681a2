#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "daemon/upstream/celigo/errors.h"
#include "daemon/upstream/celigo/paging.h"
#include "daemon/upstream/celigo/values.h"
#include "daemon/upstream/http/retry_after.h"
#include "tests/support/fake_transport.h"
#include "tests/support/status_matchers.h"

namespace keyturn::celigo {
namespace {

using ::testing::AllOf;
using ::testing::Eq;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOkAndHolds;
using testing::MakeResponse;
using testing::MessageIs;
using ::testing::Not;
using ::testing::Optional;
using ::testing::SizeIs;

std::vector<ErrorEntry> Entries(std::string_view text) {
  return ErrorEntriesOf(*http::ParseJson(text));
}

absl::Status Refused(int status, std::string_view body) {
  return StatusOf(MakeResponse(status, body), "writing connection 5f");
}

TEST(ErrorEntriesTest, ReadTheEnvelope) {
  const std::vector<ErrorEntry> entries = Entries(
      R"({"errors":[{"code":"invalid_ref","message":"m","field":"a.b"},
                    {"code":401,"message":"m"}]})");

  ASSERT_THAT(entries, SizeIs(2));
  EXPECT_EQ(entries[0].code, "invalid_ref");
  EXPECT_EQ(entries[0].field, "a.b");
  EXPECT_EQ(entries[1].code, "401");
}

TEST(ErrorEntriesTest, ReadTheToleratedShapes) {
  EXPECT_EQ(Entries(R"({"code":"rate_limited","message":"m"})")[0].code,
            "rate_limited");
  EXPECT_THAT(Entries(R"({"error":"some text"})"), SizeIs(1));
  EXPECT_EQ(Entries(R"({"error":{"code":"x_y"}})")[0].code, "x_y");
  EXPECT_EQ(Entries(R"({"errors":["inactive_flow: text"]})")[0].code,
            "inactive_flow");
  EXPECT_EQ(Entries(R"({"errors":{"code":"x_y","message":"m"}})")[0].code,
            "x_y");
  EXPECT_THAT(Entries(R"({"errors":"some text"})"), SizeIs(1));
  EXPECT_EQ(
      Entries(R"({"errors":[{"message":"x INVALID_LOGIN_ATTEMPT y"}]})")[0]
          .code,
      "INVALID_LOGIN_ATTEMPT");
}

TEST(ErrorEntriesTest, SeeNoErrorWhereThereIsNone) {
  for (const char* text :
       {"{}", "[]", "null", R"({"code":200})", R"({"code":"200"})",
        R"({"errors":[]})", R"({"errors":{}})", R"({"errors":null})",
        R"({"error":null})", R"({"name":"x"})"}) {
    EXPECT_THAT(Entries(text), IsEmpty()) << text;
  }
  EXPECT_THAT(Entries(R"({"code":401})"), SizeIs(1));
}

TEST(ErrorEntriesTest, LetNothingOutButWords) {
  for (const char* code :
       {"two words", "<script>", "line\\nbreak", "\xC3\xBC",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
    EXPECT_EQ(Entries(std::string(R"({"errors":[{"code":")") + code +
                      R"(","field":"a b"}]})")[0]
                  .code,
              "")
        << code;
  }
}

TEST(StatusOfTest, MapsTheHttpStatus) {
  EXPECT_THAT(Refused(401, ""), AllOf(HasReason("OUTSIDE_LOGIN_REFUSED"),
                                      MessageIs(HasSubstr("region"))));
  EXPECT_THAT(Refused(403, ""),
              AllOf(HasCode(absl::StatusCode::kFailedPrecondition),
                    HasReason("OUTSIDE_FORBIDDEN")));
  EXPECT_THAT(Refused(404, ""), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(Refused(409, ""), HasCode(absl::StatusCode::kAborted));
  EXPECT_THAT(Refused(408, ""), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Refused(302, ""), HasReason("OUTSIDE_REDIRECTED"));
  EXPECT_THAT(Refused(500, ""), AllOf(HasCode(absl::StatusCode::kUnavailable),
                                      HasReason("OUTSIDE_UNAVAILABLE")));
  EXPECT_THAT(Refused(418, ""), HasReason("OUTSIDE_REFUSED"));
}

TEST(StatusOfTest, MapsCeligosCodes) {
  const std::pair<const char*, const char*> kCases[] = {
      {"netsuite_wsdl_tba_mandatory", "WSDL_TBA_MANDATORY"},
      {"inactive_flow", "FLOW_INACTIVE"},
      {"subscription_required", "SUBSCRIPTION_REQUIRED"},
      {"entitlement_reached", "ENTITLEMENT_REACHED"},
      {"invalid_ref", "INVALID_REFERENCE"},
      {"feature_not_enabled", "FEATURE_NOT_ENABLED"},
      {"access_restricted", "ACCESS_RESTRICTED"},
      {"missing_required_field", "INVALID_FIELD_OUTSIDE"},
      {"invalid_query_params", "INVALID_QUERY_OUTSIDE"},
      {"something_new", "OUTSIDE_REFUSED"}};
  for (const auto& [code, reason] : kCases) {
    const std::string body =
        std::string(R"({"errors":[{"code":")") + code + R"("}]})";
    EXPECT_THAT(Refused(422, body), HasReason(reason)) << code;
    EXPECT_THAT(Refused(400, body), HasReason(reason)) << code;
  }
}

TEST(StatusOfTest, NeverRepeatsWhatCeligoSaid) {
  const absl::Status status = Refused(
      422,
      R"({"errors":[{"code":"new_code","message":"password hunter2 is bad"}]})");

  EXPECT_THAT(status.ToString(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(status, MessageIs(HasSubstr("new_code")));
  EXPECT_THAT(status, MessageIs(HasSubstr("writing connection 5f")));
  EXPECT_THAT(Refused(422, "<html>hunter2").ToString(),
              Not(HasSubstr("hunter2")));
}

TEST(StatusOfTest, PassesTheWaitOn) {
  http::Response response = MakeResponse(429, "", {{"retry-after", "9"}});

  const absl::Status status = StatusOf(response, "listing");

  EXPECT_THAT(status, AllOf(HasCode(absl::StatusCode::kUnavailable),
                            HasReason("OUTSIDE_BUSY")));
  EXPECT_THAT(http::RetryAfterOf(status), Optional(absl::Seconds(9)));
}

TEST(StatusOfTest, SaysWhetherAWriteMayHaveWorked) {
  for (const int status : {400, 401, 403, 404, 409, 422, 429, 302}) {
    EXPECT_EQ(http::EffectOf(Refused(status, "")), http::Effect::kNone)
        << status;
  }
  for (const int status : {408, 500, 502, 503, 504}) {
    EXPECT_EQ(http::EffectOf(Refused(status, "")), http::Effect::kUnknown)
        << status;
  }
}

TEST(PagingTest, FindsTheNextLink) {
  const auto next = [](std::string value) {
    return NextLink(MakeResponse(200, "", {{"link", std::move(value)}}));
  };
  EXPECT_EQ(next(R"(<https://a/v1/x?after=1>; rel="next")"),
            "https://a/v1/x?after=1");
  EXPECT_EQ(next(R"(</v1/p>; rel="prev", </v1/n?a=1,2>; title="t"; rel=next)"),
            "/v1/n?a=1,2");
  EXPECT_EQ(next(R"(</v1/n>; REL="last Next")"), "/v1/n");
  EXPECT_EQ(next(R"(</v1/p>; rel="prev")"), "");
  EXPECT_EQ(next(R"(</v1/n>; rel="nextish")"), "");
  EXPECT_EQ(next("</v1/n"), "");
  EXPECT_EQ(next(""), "");
}

TEST(PagingTest, StaysOnOurOwnOrigin) {
  EXPECT_THAT(PathOnOwnOrigin("https://evil.example.com/v1/x?y=https://z/"),
              IsOkAndHolds("/v1/x?y=https://z/"));
  EXPECT_THAT(PathOnOwnOrigin("/v1/x?a=1"), IsOkAndHolds("/v1/x?a=1"));
  EXPECT_THAT(PathOnOwnOrigin("/api/v1/x"), IsOkAndHolds("/v1/x"));
  EXPECT_THAT(PathOnOwnOrigin("/api/jobs/current?p=2"),
              IsOkAndHolds("/v1/jobs/current?p=2"));
  EXPECT_THAT(PathOnOwnOrigin("/v1/x?u=http://y"),
              IsOkAndHolds("/v1/x?u=http://y"));
}

TEST(PagingTest, RefusesALinkWithoutAUsablePath) {
  for (const char* link : {"", "/", "https://host", "//evil.com/x", "x?y",
                           "/v1/../../x", "?after=1"}) {
    EXPECT_THAT(PathOnOwnOrigin(link), HasCode(absl::StatusCode::kDataLoss))
        << link;
  }
}

TEST(JobTest, IsReadWithItsChildren) {
  const absl::StatusOr<Job> job = JobOf(*http::ParseJson(R"({
    "_id":"j1","type":"flow","status":"completed","_flowId":"f1",
    "numError":2,"numOpenError":1,"numSuccess":7,"numIgnore":3,
    "numPagesGenerated":1,"createdAt":"c","endedAt":"e",
    "children":[{"_id":"j2","type":"export","status":"failed","_exportId":"e1"}]
  })"));

  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job->status, JobStatus::kCompleted);
  EXPECT_EQ(job->errors, 2);
  EXPECT_EQ(job->open_errors, 1);
  EXPECT_EQ(job->successes, 7);
  EXPECT_EQ(job->ignored, 3);
  EXPECT_EQ(job->pages_generated, 1);
  ASSERT_THAT(job->children, SizeIs(1));
  EXPECT_EQ(job->children[0].status, JobStatus::kFailed);
  EXPECT_EQ(job->children[0].export_id, "e1");
}

TEST(JobTest, OnlyThreeStatusesAreFinal) {
  const std::pair<const char*, bool> kCases[] = {
      {"queued", false},    {"running", false},  {"retrying", false},
      {"canceling", false}, {"completed", true}, {"failed", true},
      {"canceled", true},   {"something", false}};
  for (const auto& [word, final] : kCases) {
    http::Document document;
    document["_id"] = "j";
    document["status"] = word;
    EXPECT_EQ(IsFinal(JobOf(document)->status), final) << word;
  }
}

TEST(JobTest, WithoutAnIdItIsMalformed) {
  EXPECT_THAT(JobOf(*http::ParseJson("{}")),
              HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(JobOf(*http::ParseJson("[]")),
              HasCode(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace keyturn::celigo
