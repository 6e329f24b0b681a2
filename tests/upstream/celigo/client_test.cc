#include "daemon/upstream/celigo/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/io_context.hpp>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/upstream/http/retry_after.h"
#include "tests/support/fake_transport.h"
#include "tests/support/run_awaitable.h"
#include "tests/support/status_matchers.h"

namespace keyturn::celigo {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Eq;
using testing::FakeTransport;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::IsOkAndHolds;
using testing::MakeResponse;
using testing::MessageIs;
using ::testing::Not;
using ::testing::Optional;
using ::testing::SizeIs;

constexpr char kBase[] = "https://api.integrator.io";
const absl::Time kNow = absl::FromUnixMillis(1767225600123);

class ClientTest : public ::testing::Test {
 protected:
  template <typename T>
  T Run(asio::awaitable<T> work) {
    return testing::RunAwaitable(io_, std::move(work));
  }

  std::string OnlyLine() {
    EXPECT_THAT(fake_.sent(), SizeIs(1));
    EXPECT_TRUE(fake_.used_up());
    return fake_.sent().empty() ? "" : fake_.sent()[0].Line();
  }

  asio::io_context io_;
  FakeTransport fake_;
  absl::Status token_error_;
  Client client_{fake_, kBase, [this]() -> absl::StatusOr<secret::Secret> {
                   if (!token_error_.ok()) return token_error_;
                   return secret::Secret("c0ffee");
                 }};
};

TEST_F(ClientTest, SendsTokenAndContentTypesAsDocumented) {
  fake_.Answer(200, R"({"_userId":"u1","scope":"*"})");

  absl::StatusOr<TokenInfo> info = Run(client_.GetTokenInfo());

  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->user_id, "u1");
  EXPECT_EQ(info->scope, "*");
  EXPECT_EQ(OnlyLine(), "GET https://api.integrator.io/v1/tokenInfo");
  EXPECT_EQ(fake_.sent()[0].authorization, "Bearer c0ffee");
  EXPECT_EQ(fake_.sent()[0].Find("Accept"), "application/json");
  EXPECT_EQ(fake_.sent()[0].Find("Content-Type"), "");
}

TEST_F(ClientTest, WithoutATokenNothingIsSent) {
  token_error_ = absl::UnavailableError("the vault is sealed");

  absl::StatusOr<TokenInfo> info = Run(client_.GetTokenInfo());

  EXPECT_THAT(info, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(info, MessageIs(HasSubstr("sealed")));
  EXPECT_EQ(http::EffectOf(info.status()), http::Effect::kNone);
  EXPECT_THAT(fake_.sent(), IsEmpty());
}

TEST_F(ClientTest, ReadsOneDocumentAsItIs) {
  const std::string text =
      R"({"z":1,"_id":"5f","errors":["a field of its own"]})";
  fake_.Answer(200, text);

  absl::StatusOr<Document> document = Run(client_.GetConnection("5f"));

  ASSERT_THAT(document, IsOk());
  EXPECT_EQ(document->dump(), text);
  EXPECT_EQ(OnlyLine(), "GET https://api.integrator.io/v1/connections/5f");
}

TEST_F(ClientTest, AnAnswerOfAnotherShapeIsDataLoss) {
  for (const char* body : {"", "<html>", "[1]", "\"text\"", "{\"cut\":"}) {
    fake_.Answer(200, body);
    EXPECT_THAT(Run(client_.GetFlow("f1")),
                AllOf(HasCode(absl::StatusCode::kDataLoss),
                      HasReason("OUTSIDE_ANSWER_MALFORMED")))
        << body;
  }
}

TEST_F(ClientTest, ErrorsInAGoodAnswerAreErrors) {
  fake_.Answer(200, R"({"errors":[{"code":"invalid_ref","message":"x"}]})");
  EXPECT_THAT(Run(client_.GetIntegration("t1")),
              HasReason("INVALID_REFERENCE"));
}

TEST_F(ClientTest, AnEmptyListComesAs204) {
  fake_.Answer(204).Answer(204).Answer(204).Answer(204).Answer(204);

  EXPECT_THAT(Run(client_.ListIntegrations()), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(Run(client_.ListConnections()), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(Run(client_.IntegrationFlows("t1")), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(Run(client_.ConnectionJobs("c1")), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(Run(client_.ListIClients()), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(
      fake_.lines(),
      ElementsAre("GET https://api.integrator.io/v1/integrations",
                  "GET https://api.integrator.io/v1/connections",
                  "GET https://api.integrator.io/v1/integrations/t1/flows",
                  "GET https://api.integrator.io/v1/connections/c1/jobs",
                  "GET https://api.integrator.io/v1/iclients"));
}

TEST_F(ClientTest, FollowsLinksOnItsOwnOrigin) {
  fake_
      .Answer(200, R"([{"_id":"a"}])",
              {{"link",
                "<https://evil.example.com/v1/connections?after=x>; "
                "rel=\"next\""}})
      .Answer(200, R"([{"_id":"b"}])",
              {{"link", "</v1/connections?before=a>; rel=\"prev\""}});

  absl::StatusOr<std::vector<Document>> all = Run(client_.ListConnections());

  ASSERT_THAT(all, IsOk());
  EXPECT_THAT(*all, SizeIs(2));
  EXPECT_THAT(
      fake_.lines(),
      ElementsAre("GET https://api.integrator.io/v1/connections",
                  "GET https://api.integrator.io/v1/connections?after=x"));
}

TEST_F(ClientTest, DoesNotWalkInCircles) {
  fake_
      .Answer(200, R"([{"_id":"a"}])",
              {{"link", "</v1/connections?p=2>; rel=\"next\""}})
      .Answer(200, R"([{"_id":"b"}])",
              {{"link", "</v1/connections>; rel=\"next\""}});

  EXPECT_THAT(Run(client_.ListConnections()),
              AllOf(HasCode(absl::StatusCode::kDataLoss),
                    MessageIs(HasSubstr("circle"))));
}

TEST_F(ClientTest, StopsAfterTheLastAllowedPage) {
  int page = 0;
  fake_.OnSend([&page](const FakeTransport::Sent&) {
    return MakeResponse(200, R"([{"_id":"a"}])",
                        {{"link", absl::StrCat("</v1/connections?p=", ++page,
                                               ">; rel=\"next\"")}});
  });

  EXPECT_THAT(Run(client_.ListConnections()),
              HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(fake_.sent(), SizeIs(kPagesMax));
}

TEST_F(ClientTest, AnErrorOnALaterPageIsTheResult) {
  fake_
      .Answer(200, R"([{"_id":"a"}])",
              {{"link", "</v1/connections?p=2>; rel=\"next\""}})
      .Answer(403, "");

  EXPECT_THAT(Run(client_.ListConnections()), HasReason("OUTSIDE_FORBIDDEN"));
}

TEST_F(ClientTest, AListOfAnotherShapeIsDataLoss) {
  for (const char* body : {"{}", "[1,2]", "<html>", "\"x\""}) {
    fake_.Answer(200, body);
    EXPECT_THAT(Run(client_.ListConnections()),
                HasCode(absl::StatusCode::kDataLoss))
        << body;
  }
}

TEST_F(ClientTest, AsksForQueueSizesWhenWanted) {
  fake_.Answer(200, R"([{"_id":"c1","queueSize":2}])");

  absl::StatusOr<std::vector<Document>> connections =
      Run(client_.IntegrationConnections("t1", /*fetch_queue_size=*/true));

  ASSERT_THAT(connections, IsOk());
  EXPECT_EQ((*connections)[0]["queueSize"], 2);
  EXPECT_EQ(OnlyLine(),
            "GET https://api.integrator.io/v1/integrations/t1/connections"
            "?fetchQueueSize=true");
}

TEST_F(ClientTest, PutsTheDocumentOnce) {
  fake_.Answer(200, R"({"_id":"c1","name":"x"})");

  EXPECT_THAT(
      Run(client_.PutConnection("c1", secret::Secret(R"({"name":"x"})"))),
      IsOk());
  EXPECT_EQ(OnlyLine(), "PUT https://api.integrator.io/v1/connections/c1");
  EXPECT_EQ(fake_.sent()[0].body, R"({"name":"x"})");
  EXPECT_EQ(fake_.sent()[0].Find("Content-Type"), "application/json");
  EXPECT_FALSE(fake_.sent()[0].repeatable);
}

TEST_F(ClientTest, APutMayBeAnsweredWithoutADocument) {
  fake_.Answer(204).Answer(200);

  EXPECT_THAT(Run(client_.PutConnection("c1", secret::Secret("{}"))), IsOk());
  EXPECT_THAT(Run(client_.PutConnection("c1", secret::Secret("{}"))), IsOk());
}

TEST_F(ClientTest, ErrorsInTheAnswerToAPutAreARefusal) {
  fake_.Answer(200, R"({"errors":[{"code":"invalid_ref"}]})");

  EXPECT_THAT(Run(client_.PutConnection("c1", secret::Secret("{}"))),
              HasReason("INVALID_REFERENCE"));
}

TEST_F(ClientTest, APutWhoseOutcomeIsUnknownSaysSo) {
  fake_.Fail(http::WithEffect(absl::UnavailableError("the connection broke"),
                              http::Effect::kUnknown));
  fake_.Answer(502, "");
  fake_.Answer(200, "<html>");
  fake_.Answer(422, R"({"errors":[{"code":"invalid_ref"}]})");
  const auto put = [this] {
    return Run(client_.PutConnection("c1", secret::Secret("{}")));
  };

  EXPECT_EQ(http::EffectOf(put()), http::Effect::kUnknown);
  EXPECT_EQ(http::EffectOf(put()), http::Effect::kUnknown);
  EXPECT_EQ(http::EffectOf(put()), http::Effect::kUnknown);
  EXPECT_EQ(http::EffectOf(put()), http::Effect::kNone);
}

TEST_F(ClientTest, APutThatWantsBasicBackMayBeRefused) {
  fake_.Answer(422, R"({"errors":[{"code":"netsuite_wsdl_tba_mandatory"}]})");

  EXPECT_THAT(Run(client_.PutConnection("c1", secret::Secret("{}"))),
              HasReason("WSDL_TBA_MANDATORY"));
}

TEST_F(ClientTest, AGoodPing) {
  for (const auto& [status, body] :
       std::vector<std::pair<int, std::string>>{{200, R"({"code":200})"},
                                                {200, ""},
                                                {204, ""},
                                                {201, "{}"},
                                                {200, R"({"errors":[]})"}}) {
    fake_.Answer(status, body);
    absl::StatusOr<PingResult> result = Run(client_.PingConnection("c1"));
    ASSERT_THAT(result, IsOk());
    EXPECT_TRUE(result->ok) << body;
  }
  EXPECT_EQ(fake_.sent()[0].Line(),
            "POST https://api.integrator.io/v1/connections/c1/ping");
  EXPECT_EQ(fake_.sent()[0].body, "{}");
  EXPECT_FALSE(fake_.sent()[0].repeatable);
}

TEST_F(ClientTest, AFailedPingInBothForms) {
  for (const auto& [status, body] : std::vector<std::pair<int, std::string>>{
           {200, R"({"errors":[{"code":401,"message":"hunter2"}]})"},
           {200, R"({"code":401,"message":"hunter2"})"},
           {200, R"({"errors":["Invalid login attempt."]})"},
           {400, R"({"errors":[{"code":"INVALID_LOGIN"}]})"},
           {403, R"({"errors":[{"message":"INVALID_LOGIN_ATTEMPT"}]})"},
           {409, R"({"errors":[{"code":"connection_failed"}]})"},
           {422, R"({"errors":[{"code":"connection_failed"}]})"},
           {422, "<html>"}}) {
    fake_.Answer(status, body);
    absl::StatusOr<PingResult> result = Run(client_.PingConnection("c1"));
    ASSERT_THAT(result, IsOk());
    EXPECT_FALSE(result->ok) << body;
    EXPECT_EQ(result->status, status);
    EXPECT_THAT(absl::StrJoin(result->codes, " "), Not(HasSubstr("hunter2")));
  }
}

TEST_F(ClientTest, AFailedPingNamesNetSuitesWord) {
  fake_.Answer(200, R"({"errors":[{"code":"x",
      "message":"NetSuite said INVALID_LOGIN_ATTEMPT today"}]})");

  absl::StatusOr<PingResult> result = Run(client_.PingConnection("c1"));

  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result->codes, ElementsAre("INVALID_LOGIN_ATTEMPT"));
}

TEST_F(ClientTest, APingThatDidNotHappenIsNotAFailedPing) {
  fake_.Answer(503).Answer(429).Answer(404).Answer(403).Answer(302);

  EXPECT_THAT(Run(client_.PingConnection("c1")),
              HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Run(client_.PingConnection("c1")),
              HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Run(client_.PingConnection("c1")),
              HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(Run(client_.PingConnection("c1")),
              HasReason("OUTSIDE_FORBIDDEN"));
  EXPECT_THAT(Run(client_.PingConnection("c1")),
              HasReason("OUTSIDE_REDIRECTED"));
}

TEST_F(ClientTest, A401OfAPingIsOurOwnLoginOnlyIfOurTokenFails) {
  fake_.Answer(401, R"({"errors":[{"code":"login_failed"}]})")
      .Answer(200, R"({"_userId":"u1","scope":"*"})");
  absl::StatusOr<PingResult> connections_login =
      Run(client_.PingConnection("c1"));
  ASSERT_THAT(connections_login, IsOk());
  EXPECT_FALSE(connections_login->ok);
  EXPECT_THAT(connections_login->codes, ElementsAre("login_failed"));

  fake_.Answer(401).Answer(401);
  EXPECT_THAT(Run(client_.PingConnection("c1")),
              HasReason("OUTSIDE_LOGIN_REFUSED"));
}

TEST_F(ClientTest, TestsAWholeDocumentWithoutSavingIt) {
  fake_.Answer(200, R"({"code":200})");

  absl::StatusOr<PingResult> result =
      Run(client_.PingCandidate(secret::Secret(R"({"type":"netsuite"})")));

  ASSERT_THAT(result, IsOk());
  EXPECT_TRUE(result->ok);
  EXPECT_EQ(OnlyLine(), "POST https://api.integrator.io/v1/connections/ping");
  EXPECT_EQ(fake_.sent()[0].body, R"({"type":"netsuite"})");
}

TEST_F(ClientTest, ListsTheIClientsOfAConnection) {
  fake_.Answer(200, R"({"iclients":[
      {"_id":"i1","name":"SmartConnector (HT) NetSuite iClient"},
      {"_id":"i2","name":"other","provider":"netsuite"}]})");

  absl::StatusOr<std::vector<IClient>> iclients =
      Run(client_.ListConnectionIClients("c1"));

  ASSERT_THAT(iclients, IsOk());
  ASSERT_THAT(*iclients, SizeIs(2));
  EXPECT_EQ((*iclients)[0].id, "i1");
  EXPECT_EQ((*iclients)[0].name, "SmartConnector (HT) NetSuite iClient");
  EXPECT_EQ((*iclients)[1].provider, "netsuite");
  EXPECT_EQ(OnlyLine(),
            "GET https://api.integrator.io/v1/connections/c1/iclients");
}

TEST_F(ClientTest, ClosedIClientsCanBeToldFromOtherErrors) {
  fake_.Answer(403, R"({"errors":[{"code":"forbidden"}]})");

  EXPECT_THAT(Run(client_.ListConnectionIClients("c1")),
              HasReason("OUTSIDE_FORBIDDEN"));
}

TEST_F(ClientTest, ReadsWhatUsesAConnection) {
  fake_.Answer(200, R"({"flows":[{"id":"f1","name":"Orders","paths":["x"]}],
                        "exports":[{"_id":"e1","name":"E"}],"imports":[]})");
  fake_.Answer(204);

  absl::StatusOr<std::vector<Dependency>> dependencies =
      Run(client_.ConnectionDependencies("c1"));

  ASSERT_THAT(dependencies, IsOk());
  ASSERT_THAT(*dependencies, SizeIs(2));
  EXPECT_EQ((*dependencies)[0].type, "flows");
  EXPECT_EQ((*dependencies)[0].id, "f1");
  EXPECT_EQ((*dependencies)[0].name, "Orders");
  EXPECT_EQ((*dependencies)[1].id, "e1");
  EXPECT_THAT(Run(client_.ConnectionDependencies("c1")),
              IsOkAndHolds(IsEmpty()));
}

TEST_F(ClientTest, ReadsTheAuditTrailFromAnInstantOn) {
  fake_.Answer(200, R"([{"_id":"a1","event":"update"}])");

  EXPECT_THAT(Run(client_.ConnectionAudit("c1", kNow)),
              IsOkAndHolds(SizeIs(1)));
  EXPECT_EQ(OnlyLine(),
            "GET https://api.integrator.io/v1/connections/c1/audit"
            "?from=2026-01-01T00%3A00%3A00.123Z");
}

TEST_F(ClientTest, ReadsRecordTypesPastTheCache) {
  fake_.Answer(200, R"([{"id":"customer","name":"Customer"}])");

  EXPECT_THAT(Run(client_.CountRecordTypes("c1")), IsOkAndHolds(1));
  EXPECT_EQ(OnlyLine(),
            "GET https://api.integrator.io/v1/netsuite/metadata/suitescript/"
            "connections/c1/recordTypes?refreshCache=true");
}

// Proof is that NetSuite answered, not how its answer is wrapped.
TEST_F(ClientTest, RecordTypesMayComeInAnyShape) {
  fake_.Answer(204)
      .Answer(200, R"(["customer","job"])")
      .Answer(200, R"({"recordTypes":[{"id":"customer"}]})")
      .Answer(200, "<html>");

  EXPECT_THAT(Run(client_.CountRecordTypes("c1")), IsOkAndHolds(0));
  EXPECT_THAT(Run(client_.CountRecordTypes("c1")), IsOkAndHolds(2));
  EXPECT_THAT(Run(client_.CountRecordTypes("c1")), IsOkAndHolds(1));
  EXPECT_THAT(Run(client_.CountRecordTypes("c1")),
              HasReason("OUTSIDE_ANSWER_MALFORMED"));
}

TEST_F(ClientTest, ReadingRecordTypesShowsABadConnection) {
  fake_.Answer(200, R"({"errors":[{"code":"INVALID_LOGIN_ATTEMPT"}]})");

  EXPECT_THAT(Run(client_.CountRecordTypes("c1")),
              HasReason("CONNECTION_LOGIN_REFUSED"));
}

TEST_F(ClientTest, PatchesOnlyTheSwitchOfAFlow) {
  fake_.Answer(204);

  EXPECT_THAT(Run(client_.PatchFlowDisabled("f1", true)), IsOk());
  EXPECT_EQ(OnlyLine(), "PATCH https://api.integrator.io/v1/flows/f1");
  EXPECT_EQ(fake_.sent()[0].body,
            R"([{"op":"replace","path":"/disabled","value":true}])");
}

TEST_F(ClientTest, EnablingBeyondTheLicenceIsSaid) {
  fake_.Answer(422, R"({"errors":[{"code":"entitlement_reached"}]})");

  EXPECT_THAT(Run(client_.PatchFlowDisabled("f1", false)),
              HasReason("ENTITLEMENT_REACHED"));
}

TEST_F(ClientTest, PersistsSettingsWithAndWithoutAStore) {
  fake_.Answer(200, R"({"success":true})").Answer(200, R"({"success":true})");

  EXPECT_THAT(Run(client_.PersistSettings("t1", std::nullopt, "f1", true)),
              IsOk());
  EXPECT_THAT(Run(client_.PersistSettings("t1", "s1", "f1", false)), IsOk());

  EXPECT_EQ(fake_.sent()[0].Line(),
            "PUT https://api.integrator.io/v1/integrations/t1/settings/"
            "persistSettings");
  EXPECT_EQ(fake_.sent()[0].body,
            R"({"pending":{"flowId":"f1","disabled":true}})");
  EXPECT_EQ(fake_.sent()[1].body,
            R"({"pending":{"s1":{"flowId":"f1","disabled":false}}})");
}

TEST_F(ClientTest, SettingsThatWereNotAcceptedAreAnError) {
  fake_.Answer(200, R"({"success":false})");

  EXPECT_THAT(Run(client_.PersistSettings("t1", std::nullopt, "f1", true)),
              HasReason("SETTINGS_REFUSED"));
}

TEST_F(ClientTest, RunsAFlowOnce) {
  fake_.Answer(201, R"({"_jobId":"j1"})");

  EXPECT_THAT(Run(client_.RunFlow("f1")), IsOkAndHolds("j1"));
  EXPECT_EQ(OnlyLine(), "POST https://api.integrator.io/v1/flows/f1/run");
  EXPECT_EQ(fake_.sent()[0].body, "{}");
  EXPECT_FALSE(fake_.sent()[0].repeatable);
}

TEST_F(ClientTest, ADisabledFlowDoesNotRun) {
  fake_.Answer(422, R"({"errors":[{"code":"inactive_flow"}]})");
  EXPECT_THAT(Run(client_.RunFlow("f1")), HasReason("FLOW_INACTIVE"));
}

TEST_F(ClientTest, ARunWithoutAJobIsDataLoss) {
  fake_.Answer(201, "{}");
  EXPECT_THAT(Run(client_.RunFlow("f1")), HasCode(absl::StatusCode::kDataLoss));
}

TEST_F(ClientTest, TestRunsOneExport) {
  fake_.Answer(201, R"({"metadata":{},
      "flowJob":{"_id":"j1","type":"flow","status":"completed"},
      "childJobs":[{"_id":"j2","type":"export","status":"completed"}]})");

  absl::StatusOr<TestRun> run = Run(client_.TestRunFlow("f1", "e1", kNow));

  ASSERT_THAT(run, IsOk());
  EXPECT_EQ(run->flow_job.status, JobStatus::kCompleted);
  EXPECT_THAT(run->step_jobs, SizeIs(1));
  EXPECT_EQ(OnlyLine(), "POST https://api.integrator.io/v1/flows/f1/test/run");
  EXPECT_EQ(fake_.sent()[0].body,
            R"({"triggeredAt":"2026-01-01T00:00:00.123Z","_exportId":"e1"})");
}

TEST_F(ClientTest, ATestRunMayNameNoJob) {
  fake_.Answer(200, R"({"metadata":{},"childJobs":[{}]})");

  absl::StatusOr<TestRun> run = Run(client_.TestRunFlow("f1", "e1", kNow));

  ASSERT_THAT(run, IsOk());
  EXPECT_EQ(run->flow_job.id, "");
  EXPECT_THAT(run->step_jobs, IsEmpty());
}

TEST_F(ClientTest, AnEnabledFlowIsNotTestRun) {
  fake_.Answer(403);
  EXPECT_THAT(Run(client_.TestRunFlow("f1", "e1", kNow)),
              HasReason("OUTSIDE_FORBIDDEN"));
}

TEST_F(ClientTest, ReadsTheCheckpointOfADelta) {
  fake_.Answer(200, R"({"lastExportDateTime":"2026-01-01T00:00:00.000Z"})")
      .Answer(204)
      .Answer(200, "{}");

  EXPECT_THAT(Run(client_.LastExportDateTime("f1")),
              IsOkAndHolds(Optional(Eq("2026-01-01T00:00:00.000Z"))));
  EXPECT_THAT(Run(client_.LastExportDateTime("f1")),
              IsOkAndHolds(Eq(std::nullopt)));
  EXPECT_THAT(Run(client_.LastExportDateTime("f1")),
              IsOkAndHolds(Eq(std::nullopt)));
}

TEST_F(ClientTest, ReadsAJobAndItsFamily) {
  fake_.Answer(200, R"({"_id":"j1","status":"running"})")
      .Answer(200, R"({"_id":"j1","status":"failed",
                       "children":[{"_id":"j2","status":"failed"}]})");

  absl::StatusOr<Job> job = Run(client_.GetJob("j1"));
  ASSERT_THAT(job, IsOk());
  EXPECT_EQ(job->status, JobStatus::kRunning);
  absl::StatusOr<Job> family = Run(client_.GetJobFamily("j1"));
  ASSERT_THAT(family, IsOk());
  EXPECT_THAT(family->children, SizeIs(1));
  EXPECT_THAT(fake_.lines(),
              ElementsAre("GET https://api.integrator.io/v1/jobs/j1",
                          "GET https://api.integrator.io/v1/jobs/j1/family"));
}

TEST_F(ClientTest, FollowsTheBodysNextPageOfCurrentJobs) {
  fake_
      .Answer(200, R"({"jobs":[{"_id":"j1","status":"queued"}],
                       "nextPageURL":"/api/jobs/current?page=2"})")
      .Answer(200, R"({"jobs":[{"_id":"j2","status":"running"}]})");
  JobFilter filter;
  filter.flow_ids = {"f1", "f2"};
  filter.statuses = {"running", "queued"};

  absl::StatusOr<std::vector<Job>> jobs = Run(client_.CurrentJobs(filter));

  ASSERT_THAT(jobs, IsOk());
  EXPECT_THAT(*jobs, SizeIs(2));
  EXPECT_THAT(
      fake_.lines(),
      ElementsAre("POST https://api.integrator.io/v1/jobs/current",
                  "POST https://api.integrator.io/v1/jobs/current?page=2"));
  for (const FakeTransport::Sent& request : fake_.sent()) {
    EXPECT_EQ(request.body,
              R"({"_flowIds":["f1","f2"],"status":["running","queued"]})");
    EXPECT_TRUE(request.repeatable);
  }
}

TEST_F(ClientTest, NoCurrentJobsAre204OrAnEmptyObject) {
  fake_.Answer(204).Answer(200, R"({"jobs":[]})").Answer(200, "{}");
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(Run(client_.CurrentJobs(JobFilter())), IsOkAndHolds(IsEmpty()));
  }
}

std::string Page(int first, int count) {
  std::vector<std::string> rows;
  for (int i = first; i < first + count; ++i) {
    rows.push_back(absl::StrCat(R"({"_id":"j)", i, R"(","status":"completed",)",
                                R"("createdAt":"t)", i, R"("})"));
  }
  return absl::StrCat("[", absl::StrJoin(rows, ","), "]");
}

TEST_F(ClientTest, PagesThroughAFlowsJobsByTheirTime) {
  fake_.Answer(200, Page(0, 100)).Answer(200, Page(99, 1));

  absl::StatusOr<std::vector<Job>> jobs = Run(client_.ListFlowJobs("f1", kNow));

  ASSERT_THAT(jobs, IsOk());
  EXPECT_THAT(*jobs, SizeIs(100));
  const std::string first =
      "GET https://api.integrator.io/v1/jobs?type=flow&_flowId=f1"
      "&createdAt_gte=2026-01-01T00%3A00%3A00.123Z";
  EXPECT_THAT(fake_.lines(), ElementsAre(first, first + "&createdAt_lte=t99"));
}

TEST_F(ClientTest, APageOfOnlyKnownJobsIsTheLast) {
  fake_.Answer(200, Page(0, 100)).Answer(200, Page(0, 100));

  EXPECT_THAT(Run(client_.ListFlowJobs("f1", kNow)), IsOkAndHolds(SizeIs(100)));
}

TEST_F(ClientTest, APageOfJobsMayBeOfAnySize) {
  fake_.Answer(200, Page(0, 3)).Answer(200, Page(2, 3)).Answer(200, Page(4, 1));

  EXPECT_THAT(Run(client_.ListFlowJobs("f1", kNow)), IsOkAndHolds(SizeIs(5)));
}

TEST_F(ClientTest, ReadsErrorsOfAFlowAndItsSteps) {
  fake_
      .Answer(200, R"({"flowErrors":[{"_expOrImpId":"e1","numError":3,
                       "lastErrorAt":"t"}]})")
      .Answer(200, R"({"errors":[{"errorId":"x","code":"c",
                       "source":"connection","occurredAt":"t",
                       "message":"customer data"}]})")
      .Answer(204);

  absl::StatusOr<std::vector<FlowErrorCount>> counts =
      Run(client_.FlowErrors("f1"));
  ASSERT_THAT(counts, IsOk());
  ASSERT_THAT(*counts, SizeIs(1));
  EXPECT_EQ((*counts)[0].step_id, "e1");
  EXPECT_EQ((*counts)[0].count, 3);
  absl::StatusOr<std::vector<FlowError>> errors =
      Run(client_.StepErrors("f1", "e1", "j1"));
  ASSERT_THAT(errors, IsOk());
  ASSERT_THAT(*errors, SizeIs(1));
  EXPECT_EQ((*errors)[0].source, "connection");
  EXPECT_THAT(Run(client_.StepErrors("f1", "e1", std::nullopt)),
              IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(
      fake_.lines(),
      ElementsAre("GET https://api.integrator.io/v1/flows/f1/errors",
                  "GET https://api.integrator.io/v1/flows/f1/e1/errors"
                  "?_flowJobId=j1",
                  "GET https://api.integrator.io/v1/flows/f1/e1/errors"));
}

TEST_F(ClientTest, AnIdThatWouldLeaveItsPlaceIsRefused) {
  for (const char* id : {"", "../x", "a/b", "a?b", "a b", "a%2e", "é"}) {
    EXPECT_THAT(Run(client_.GetConnection(id)), HasReason("INVALID_ID")) << id;
    EXPECT_THAT(Run(client_.RunFlow(id)), HasReason("INVALID_ID")) << id;
    EXPECT_THAT(Run(client_.TestRunFlow("f1", id, kNow)),
                HasReason("INVALID_ID"))
        << id;
  }
  EXPECT_THAT(fake_.sent(), IsEmpty());
}

// Every method says the same of the same refusal.
TEST_F(ClientTest, EveryMethodMapsEveryRefusal) {
  const std::vector<std::function<absl::Status()>> methods = {
      [this] { return Run(client_.GetTokenInfo()).status(); },
      [this] { return Run(client_.ListIntegrations()).status(); },
      [this] { return Run(client_.GetIntegration("t")).status(); },
      [this] {
        return Run(client_.IntegrationConnections("t", true)).status();
      },
      [this] { return Run(client_.IntegrationFlows("t")).status(); },
      [this] { return Run(client_.ListConnections()).status(); },
      [this] { return Run(client_.GetConnection("c")).status(); },
      [this] { return Run(client_.PutConnection("c", secret::Secret("{}"))); },
      [this] { return Run(client_.PingConnection("c")).status(); },
      [this] {
        return Run(client_.PingCandidate(secret::Secret("{}"))).status();
      },
      [this] { return Run(client_.ListConnectionIClients("c")).status(); },
      [this] { return Run(client_.ListIClients()).status(); },
      [this] { return Run(client_.ConnectionDependencies("c")).status(); },
      [this] { return Run(client_.ConnectionJobs("c")).status(); },
      [this] { return Run(client_.ConnectionAudit("c", kNow)).status(); },
      [this] { return Run(client_.CountRecordTypes("c")).status(); },
      [this] { return Run(client_.GetFlow("f")).status(); },
      [this] { return Run(client_.PatchFlowDisabled("f", true)); },
      [this] {
        return Run(client_.PersistSettings("t", std::nullopt, "f", true));
      },
      [this] { return Run(client_.RunFlow("f")).status(); },
      [this] { return Run(client_.TestRunFlow("f", "e", kNow)).status(); },
      [this] { return Run(client_.LastExportDateTime("f")).status(); },
      [this] { return Run(client_.GetJob("j")).status(); },
      [this] { return Run(client_.GetJobFamily("j")).status(); },
      [this] { return Run(client_.CurrentJobs(JobFilter())).status(); },
      [this] { return Run(client_.ListFlowJobs("f", kNow)).status(); },
      [this] { return Run(client_.FlowErrors("f")).status(); },
      [this] {
        return Run(client_.StepErrors("f", "s", std::nullopt)).status();
      },
  };
  int status = 0;
  fake_.OnSend([&status](const FakeTransport::Sent&) {
    return MakeResponse(status, "", {{"retry-after", "3"}});
  });
  for (size_t i = 0; i < methods.size(); ++i) {
    SCOPED_TRACE(i);
    status = 401;
    EXPECT_THAT(methods[i](), HasReason("OUTSIDE_LOGIN_REFUSED"));
    status = 403;
    EXPECT_THAT(methods[i](), HasReason("OUTSIDE_FORBIDDEN"));
    status = 404;
    EXPECT_THAT(methods[i](), HasCode(absl::StatusCode::kNotFound));
    status = 500;
    EXPECT_THAT(methods[i](), HasCode(absl::StatusCode::kUnavailable));
    status = 429;
    const absl::Status busy = methods[i]();
    EXPECT_THAT(busy, HasCode(absl::StatusCode::kUnavailable));
    EXPECT_THAT(http::RetryAfterOf(busy), Optional(absl::Seconds(3)));
  }
}

}  // namespace
}  // namespace keyturn::celigo
