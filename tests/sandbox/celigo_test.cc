#include "tests/sandbox/fixture.h"

namespace keyturn::sandbox {
namespace {

using testing::HasSubstr;
using testing::Not;

class CeligoTest : public SandboxTest {
 protected:
  // A run that has begun and not ended.
  std::string StartRunningJob() {
    const Response run = Celigo("POST", FlowPath(4, "/run"), Json::object());
    EXPECT_EQ(run.status, 201);
    clock_.Advance(absl::Milliseconds(1000));
    const std::string job = Text(ParseJson(run.body), "_jobId");
    EXPECT_EQ(Text(Document("/v1/jobs/" + job), "status"), "running");
    return job;
  }
  void Drain() { clock_.Advance(absl::Seconds(60)); }
  void Cut() {
    const auto [id, secret] = MakeGoodToken();
    ASSERT_EQ(Celigo("PUT", ConnectionPath(), TokenDocument(id, secret)).status,
              200);
  }
};

TEST_F(CeligoTest, RefusesAWrongBearer) {
  Request request;
  request.method = "GET";
  request.host = "localhost:1";
  request.target = "/v1/tokenInfo";
  request.headers = {{"Authorization", "Bearer nobody"}};
  const Response response = world_.Handle(request);
  EXPECT_EQ(response.status, 401);
  EXPECT_THAT(response.body, HasSubstr("\"errors\":["));
  EXPECT_EQ(State()["requests"]["unauthorized"]["celigo"], 1);
}

TEST_F(CeligoTest, ReadsPathsWhateverTheirCase) {
  EXPECT_EQ(Celigo("GET", "/v1/TOKENINFO").status, 200);
}

TEST_F(CeligoTest, FindsTheConnectionTheThreeWays) {
  const Json tile = Document("/v1/integrations")[0];
  EXPECT_EQ(Text(tile, "_connectorId"), "56cc2a64a42f08124832753a");
  EXPECT_EQ(Text(tile["settings"]["commonresources"], "netsuiteConnectionId"),
            connection_);
  EXPECT_EQ(Text(tile["install"][0], "_connectionId"), connection_);
  EXPECT_EQ(Text(Document(ConnectionPath()), "_integrationId"),
            Text(tile, "_id"));
}

TEST_F(CeligoTest, MasksSecretsOnReading) {
  const Json document = Document(ConnectionPath());
  EXPECT_EQ(Text(document["netsuite"], "password"), "******");
  EXPECT_EQ(Text(document["netsuite"], "email"),
            "jira.integration@example.com");
  EXPECT_THAT(Text(State()["celigo"]["connections"][connection_]["netsuite"],
                   "password"),
              HasSubstr("old-Pa55word-"));
}

TEST_F(CeligoTest, PutErasesWhatIsOmittedAndKeepsWhatTheServerSets) {
  Drain();
  Json document = Document(ConnectionPath());
  const Json before = document;
  document.erase("settings");
  document["netsuite"].erase("concurrencyLevel");
  document.erase("_connectorId");
  document["_id"] = "000000000000000000000000";
  document["offline"] = true;
  document["netsuite"]["concurrencyLevelRESTlet"] = 40;
  clock_.Advance(absl::Seconds(1));
  ASSERT_EQ(Celigo("PUT", ConnectionPath(), document).status, 200);
  const Json after = Document(ConnectionPath());
  EXPECT_FALSE(after.contains("settings"));
  EXPECT_FALSE(after["netsuite"].contains("concurrencyLevel"));
  EXPECT_EQ(after["_connectorId"], before["_connectorId"]);
  EXPECT_EQ(after["_id"], before["_id"]);
  EXPECT_EQ(after["offline"], false);
  EXPECT_EQ(after["netsuite"]["concurrencyLevelRESTlet"], 1);
  EXPECT_EQ(after["newerThanTheFacts"], before["newerThanTheFacts"]);
  EXPECT_NE(after["lastModified"], before["lastModified"]);
}

TEST_F(CeligoTest, PutNormalises) {
  Json document = Document(ConnectionPath());
  document["netsuite"]["authType"] = "BASIC";
  document["netsuite"]["account"] = "7654321_sb1";
  document["netsuite"]["wsdlVersion"] = "current";
  document["netsuite"]["concurrencyLevel"] = 400;
  ASSERT_EQ(Celigo("PUT", ConnectionPath(), document).status, 200);
  const Json netsuite = Document(ConnectionPath())["netsuite"];
  EXPECT_EQ(Text(netsuite, "authType"), "basic");
  EXPECT_EQ(Text(netsuite, "account"), "7654321_SB1");
  EXPECT_EQ(Text(netsuite, "wsdlVersion"), "latest");
  EXPECT_EQ(Number(netsuite, "concurrencyLevel"), 25);
  EXPECT_FALSE(netsuite.contains("dataCenterURLs"));
}

TEST_F(CeligoTest, StoresAMaskLiterallyAndThePingThenFails) {
  ASSERT_EQ(Celigo("PUT", ConnectionPath(), Document(ConnectionPath())).status,
            200);
  const Response ping = Celigo("POST", ConnectionPath("/ping"), Json::object());
  EXPECT_THAT(ping.body, HasSubstr("errors"));
  EXPECT_EQ(Document(ConnectionPath())["offline"], true);
}

TEST_F(CeligoTest, KeepsOrRefusesAMaskWhenSwitched) {
  Switch("mask_in_put", "keep");
  Celigo("PUT", ConnectionPath(), Document(ConnectionPath()));
  EXPECT_EQ(Celigo("POST", ConnectionPath("/ping"), Json::object()).body,
            "{\"code\":200}");
  Switch("mask_in_put", "refuse");
  EXPECT_EQ(Celigo("PUT", ConnectionPath(), Document(ConnectionPath())).status,
            422);
}

TEST_F(CeligoTest, PingFailsInBothForms) {
  const Json bad = TokenDocument("no-such-token", "no-such-secret");
  Response ping = PingUnsaved(bad);
  EXPECT_EQ(ping.status, 200);
  EXPECT_THAT(ping.body, HasSubstr("INVALID_LOGIN_ATTEMPT"));
  EXPECT_EQ(LastAuditDetail(), "token_rejected");
  Switch("ping_failure", "envelope_4xx");
  ping = PingUnsaved(bad);
  EXPECT_EQ(ping.status, 422);
  EXPECT_THAT(ping.body, HasSubstr("errors"));
}

TEST_F(CeligoTest, TheGoodTokenWorksAndTheUnsavedTestSavesNothing) {
  const auto [id, secret] = MakeGoodToken();
  const Json before = State()["celigo"]["connections"];
  EXPECT_EQ(PingUnsaved(TokenDocument(id, secret)).body, "{\"code\":200}");
  EXPECT_EQ(State()["celigo"]["connections"], before);
  ASSERT_EQ(Celigo("PUT", ConnectionPath(), TokenDocument(id, secret)).status,
            200);
  EXPECT_EQ(Celigo("POST", ConnectionPath("/ping"), Json::object()).body,
            "{\"code\":200}");
}

// Every mistake of a person has its own word in NetSuite's audit trail and the
// same bad ping.
TEST_F(CeligoTest, EveryMistakeFailsThePingWithItsOwnAuditWord) {
  const auto [id, secret] = MakeGoodToken();
  Switch("lockout", "off");
  const Json good = TokenDocument(id, secret);
  const auto fails_with = [&](const std::string& word, const Json& document) {
    EXPECT_THAT(PingUnsaved(document).body, HasSubstr("errors")) << word;
    EXPECT_EQ(LastAuditDetail(), word);
  };
  const Json role = {{"user", "jira.integration@example.com"},
                     {"role", "CeligoJiraTBA"}};
  Json wrong = good;
  wrong["netsuite"]["tokenSecret"] = "mistyped";
  fails_with("InvalidSignature", wrong);
  wrong = good;
  wrong["netsuite"].erase("_iClientId");
  fails_with("token_rejected", wrong);
  Act("disable-feature", Json::object());
  fails_with("FeatureDisabled", good);
  Act("enable-feature", Json::object());
  Act("block-integration",
      {{"application", "High Tech Connectors Token-based Auth"}});
  fails_with("consumer_key_refused", good);
  Act("unblock-integration",
      {{"application", "High Tech Connectors Token-based Auth"}});
  Act("unassign-role", role);
  fails_with("permission_denied", good);
  Act("assign-role", role);
  Act("edit-role", {{"role", "CeligoJiraTBA"},
                    {"remove_permissions", {"ADMI_LOGIN_OAUTH"}}});
  fails_with("permission_denied", good);
  Act("edit-role", {{"role", "CeligoJiraTBA"},
                    {"add_permissions", {"ADMI_MANAGE_OWN_OAUTH_TOKENS"}}});
  EXPECT_EQ(PingUnsaved(good).body, "{\"code\":200}");
  Act("edit-user",
      {{"user", "jira.integration@example.com"}, {"inactive", true}});
  fails_with("permission_denied", good);
  Act("edit-user",
      {{"user", "jira.integration@example.com"}, {"inactive", false}});
  Act("edit-token", {{"name", "keyturn 1"}, {"inactive", true}});
  fails_with("token_rejected", good);
  Act("edit-token", {{"name", "keyturn 1"}, {"inactive", false}});
  EXPECT_EQ(PingUnsaved(good).body, "{\"code\":200}");
  Act("revoke-token", {{"name", "keyturn 1"}});
  fails_with("token_rejected", good);
}

TEST_F(CeligoTest, FiveBadPingsLockTheUserForHalfAnHour) {
  const auto [id, secret] = MakeGoodToken();
  const Json good = TokenDocument(id, secret);
  Json wrong = good;
  wrong["netsuite"]["tokenSecret"] = "mistyped";
  for (int i = 0; i < 5; ++i) PingUnsaved(wrong);
  EXPECT_THAT(PingUnsaved(good).body, HasSubstr("errors"));
  EXPECT_EQ(LastAuditDetail(), "temporary_locked");
  EXPECT_THAT(Celigo("POST", ConnectionPath("/ping"), Json::object()).body,
              HasSubstr("errors"));
  clock_.Advance(absl::Minutes(31));
  EXPECT_EQ(PingUnsaved(good).body, "{\"code\":200}");
}

TEST_F(CeligoTest, BasicConnectionsCanBeCutOff) {
  EXPECT_EQ(Celigo("POST", ConnectionPath("/ping"), Json::object()).body,
            "{\"code\":200}");
  Switch("basic_login", "refused");
  EXPECT_THAT(Celigo("POST", ConnectionPath("/ping"), Json::object()).body,
              HasSubstr("errors"));
}

TEST_F(CeligoTest, RefusesToCreateABasicConnection) {
  const Response response = Celigo("POST", "/v1/connections",
                                   {{"name", "n"},
                                    {"type", "netsuite"},
                                    {"netsuite", {{"authType", "basic"}}}});
  EXPECT_EQ(response.status, 422);
  EXPECT_THAT(response.body, HasSubstr("netsuite_wsdl_tba_mandatory"));
  Switch("put_basic", "refused");
  EXPECT_EQ(Celigo("PUT", ConnectionPath(), Document(ConnectionPath())).status,
            422);
}

TEST_F(CeligoTest, ChecksTheReferenceToTheIClient) {
  Json document = TokenDocument("a", "b");
  document["netsuite"]["_iClientId"] = "ffffffffffffffffffffffff";
  const Response response = Celigo("PUT", ConnectionPath(), document);
  EXPECT_EQ(response.status, 422);
  EXPECT_THAT(response.body, HasSubstr("invalid_ref"));
}

TEST_F(CeligoTest, ShowsTheConnectorsIClientOnlyThroughItsConnection) {
  EXPECT_THAT(Celigo("GET", "/v1/iclients").body,
              Not(HasSubstr("SmartConnector")));
  EXPECT_THAT(Celigo("GET", ConnectionPath("/iclients")).body,
              HasSubstr("SmartConnector (HT) NetSuite iClient"));
  Switch("iclients_endpoint", "forbidden");
  EXPECT_EQ(Celigo("GET", ConnectionPath("/iclients")).status, 403);
}

TEST_F(CeligoTest, PatchesOnlyWhatIsOnTheList) {
  const Json rename =
      Json::array({{{"op", "replace"}, {"path", "/name"}, {"value", "New"}}});
  EXPECT_EQ(Celigo("PATCH", ConnectionPath(), rename).status, 204);
  EXPECT_EQ(Text(Document(ConnectionPath()), "name"), "New");
  const Json credential = Json::array(
      {{{"op", "replace"}, {"path", "/netsuite/tokenId"}, {"value", "x"}}});
  EXPECT_EQ(Celigo("PATCH", ConnectionPath(), credential).status, 422);
}

TEST_F(CeligoTest, AnswersUnknownAndMalformedIdsDifferently) {
  EXPECT_EQ(Celigo("GET", "/v1/connections/ffffffffffffffffffffffff").status,
            404);
  const Response malformed = Celigo("GET", "/v1/connections/seven");
  EXPECT_EQ(malformed.status, 422);
  EXPECT_THAT(malformed.body, HasSubstr("invalid_ref"));
}

TEST_F(CeligoTest, RefusesABodyThatIsNotJson) {
  Request request;
  request.method = "PUT";
  request.host = "localhost:1";
  request.target = ConnectionPath();
  request.headers = {{"Authorization", "Bearer " + Text(info_, "celigo_token")},
                     {"Content-Type", "text/plain"}};
  request.body = "x";
  EXPECT_EQ(world_.Handle(request).status, 415);
}

TEST_F(CeligoTest, PagesByLinkHeaderAndEndsWith204WhenEmpty) {
  Switch("page_size", "2");
  std::string target = "/v1/flows";
  int flows = 0;
  int pages = 0;
  while (!target.empty()) {
    const Response page = Celigo("GET", target);
    ASSERT_EQ(page.status, 200);
    flows += static_cast<int>(ParseJson(page.body).size());
    ++pages;
    const std::string link = page.Header("Link");
    const std::string origin = "<https://localhost:1";
    target = link.empty()
                 ? ""
                 : link.substr(origin.size(), link.find('>') - origin.size());
  }
  EXPECT_EQ(flows, 5);
  EXPECT_EQ(pages, 3);
  Drain();
  EXPECT_EQ(Celigo("POST", "/v1/jobs/current", Json::object()).status, 204);
  EXPECT_EQ(Celigo("GET", ConnectionPath("/jobs")).status, 204);
}

TEST_F(CeligoTest, PagesJobsInTheBody) {
  Switch("page_size", "1");
  const Response first = Celigo("POST", "/v1/jobs/current", Json::object());
  const std::string next = Text(ParseJson(first.body), "nextPageURL");
  ASSERT_THAT(next, HasSubstr("/v1/jobs/current?after="));
  const Json second = ParseJson(Celigo("POST", next, Json::object()).body);
  EXPECT_EQ(second["jobs"].size(), 1u);
  EXPECT_FALSE(second.contains("nextPageURL"));
  EXPECT_EQ(
      Celigo("POST", "/v1/jobs/current", {{"_flowIds", "no list"}}).status,
      400);
}

TEST_F(CeligoTest, ProjectsListsAndRefusesIncludeWithExclude) {
  const Json list = Document("/v1/connections?include=offline");
  EXPECT_TRUE(list[0].contains("name"));
  EXPECT_FALSE(list[1].contains("netsuite"));
  EXPECT_EQ(Celigo("GET", "/v1/connections?include=name&exclude=type").status,
            400);
}

TEST_F(CeligoTest, LimitsTheRate) {
  Switch("rate_limit_bucket", "3");
  int refused = 0;
  for (int i = 0; i < 10; ++i) {
    const Response response = Celigo("GET", "/v1/tokenInfo");
    if (response.status != 429) continue;
    ++refused;
    EXPECT_EQ(response.Header("Retry-After"), "1");
    EXPECT_THAT(response.body, HasSubstr("rate_limited"));
  }
  EXPECT_GE(refused, 6);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Celigo("GET", "/v1/tokenInfo").status, 200);
}

TEST_F(CeligoTest, TheRunsUnderWayAtTheBeginningEndByThemselves) {
  const auto in_state = [&](const std::string& state) {
    const Response current =
        Celigo("POST", "/v1/jobs/current", {{"status", {state}}});
    return current.status == 204 ? size_t{0}
                                 : ParseJson(current.body)["jobs"].size();
  };
  EXPECT_EQ(in_state("queued"), 2u);
  clock_.Advance(absl::Milliseconds(500));
  EXPECT_EQ(in_state("running"), 1u);
  EXPECT_EQ(in_state("queued"), 1u);
  clock_.Advance(absl::Milliseconds(1500));
  EXPECT_EQ(in_state("running"), 1u);
  EXPECT_EQ(in_state("queued"), 0u);
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(in_state("running") + in_state("queued"), 0u);
  EXPECT_EQ(State()["lost_records"], 0);
}

TEST_F(CeligoTest, ACredentialThatChangesUnderARunLosesRecords) {
  Drain();
  const std::string job = StartRunningJob();
  Cut();
  EXPECT_GT(State()["lost_records"].get<int>(), 0);
  EXPECT_EQ(Text(Document("/v1/jobs/" + job), "status"), "failed");
  const Json errors = Document(FlowPath(4, "/errors"))["flowErrors"];
  ASSERT_EQ(errors.size(), 1u);
  const Json list =
      Document(FlowPath(4, "/" + Text(errors[0], "_expOrImpId") + "/errors"));
  EXPECT_EQ(Text(list["errors"][0], "source"), "connection");
}

TEST_F(CeligoTest, AQuietConnectionLosesNothing) {
  Drain();
  Cut();
  EXPECT_EQ(State()["lost_records"], 0);
}

TEST_F(CeligoTest, QueuedDataIsLostToo) {
  Drain();
  Act("set-queue", {{"connection", connection_}, {"records", 12}});
  const Json list = Document("/v1/integrations/" + Text(info_, "tile") +
                             "/connections?fetchQueueSize=true");
  EXPECT_EQ(Number(list[1], "queueSize"), 12);
  Cut();
  EXPECT_EQ(State()["lost_records"], 12);
}

TEST_F(CeligoTest, ARunStartsTheFlowThatIsChainedToIt) {
  Drain();
  Celigo("POST", FlowPath(0, "/run"), Json::object());
  clock_.Advance(absl::Seconds(3));
  EXPECT_EQ(Celigo("GET", FlowPath(0, "/jobs/latest")).status, 200);
  EXPECT_EQ(Celigo("GET", FlowPath(1, "/jobs/latest")).status, 200);
}

TEST_F(CeligoTest, SchedulesStartEnabledFlowsOnly) {
  Drain();
  Switch("schedule_period_ms", "1000");
  Celigo("GET", "/v1/tokenInfo");
  EXPECT_EQ(Celigo("GET", FlowPath(0, "/jobs/latest")).status, 200);
  EXPECT_EQ(Celigo("GET", FlowPath(3, "/jobs/latest")).status, 204);
}

TEST_F(CeligoTest, SwitchesAnIa1FlowThroughItsSettings) {
  const std::string settings =
      "/v1/integrations/" + Text(info_, "tile") + "/settings/persistSettings";
  const Json off = {{"pending", {{"flowId", FlowId(0)}, {"disabled", true}}}};
  Response response = Celigo("PUT", settings, off);
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr("\"success\":true"));
  EXPECT_EQ(Document(FlowPath(0))["disabled"], true);
  Switch("persist_settings", "unchanged");
  const Json on = {{"pending", {{"flowId", FlowId(0)}, {"disabled", false}}}};
  EXPECT_EQ(Celigo("PUT", settings, on).status, 200);
  EXPECT_EQ(Document(FlowPath(0))["disabled"], true);
  const Json patch = Json::array(
      {{{"op", "replace"}, {"path", "/disabled"}, {"value", false}}});
  EXPECT_EQ(Celigo("PATCH", FlowPath(0), patch).status, 204);
  EXPECT_EQ(Document(FlowPath(0))["disabled"], false);
  Act("edit-tile", {{"integration", Text(info_, "tile")},
                    {"set", {{"updateInProgress", true}}}});
  EXPECT_EQ(Celigo("PUT", settings, off).status, 422);
}

TEST_F(CeligoTest, RunsOnlyEnabledAndTestsOnlyDisabledFlows) {
  Drain();
  const Response run = Celigo("POST", FlowPath(3, "/run"), Json::object());
  EXPECT_EQ(run.status, 422);
  EXPECT_THAT(run.body, HasSubstr("inactive_flow"));
  const auto test = [&](int flow) {
    const Json document = Document(FlowPath(flow));
    return Celigo(
        "POST", FlowPath(flow, "/test/run"),
        {{"triggeredAt", FormatInstant(clock_.Now())},
         {"_exportId", Text(document["pageGenerators"][0], "_exportId")}});
  };
  EXPECT_EQ(test(4).status, 403);
  const Response good = test(3);
  ASSERT_EQ(good.status, 200);
  const Json answer = ParseJson(good.body);
  EXPECT_EQ(Text(answer["flowJob"], "status"), "completed");
  EXPECT_EQ(answer["childJobs"].size(), 2u);
  EXPECT_TRUE(ParseJson(Celigo("GET", FlowPath(3, "/lastExportDateTime")).body)
                  .empty());
  Switch("basic_login", "refused");
  EXPECT_EQ(Text(ParseJson(test(3).body)["flowJob"], "status"), "failed");
}

TEST_F(CeligoTest, RunsOverABadConnectionFailAndOverAnOfflineOneWait) {
  Drain();
  Switch("basic_login", "refused");
  Celigo("POST", FlowPath(4, "/run"), Json::object());
  clock_.Advance(absl::Seconds(1));
  const Json latest = Document(FlowPath(4, "/jobs/latest"))[0];
  EXPECT_EQ(Text(latest, "status"), "failed");
  EXPECT_EQ(Number(latest, "numPagesGenerated"), 0);
  EXPECT_EQ(Document(ConnectionPath())["offline"], true);
  Celigo("POST", FlowPath(4, "/run"), Json::object());
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(Celigo("GET", ConnectionPath("/jobs")).status, 200);
  Switch("basic_login", "accepted");
  Celigo("POST", ConnectionPath("/ping"), Json::object());
  clock_.Advance(absl::Seconds(10));
  Celigo("GET", "/v1/tokenInfo");
  EXPECT_EQ(Text(Document(FlowPath(4, "/jobs/latest"))[0], "status"),
            "completed");
}

TEST_F(CeligoTest, JobsMoveWithPollsWhenSwitched) {
  Drain();
  Switch("job_advance", "poll");
  const Response run = Celigo("POST", FlowPath(4, "/run"), Json::object());
  const std::string job = "/v1/jobs/" + Text(ParseJson(run.body), "_jobId");
  EXPECT_EQ(Text(Document(job), "status"), "queued");
  EXPECT_EQ(Text(Document(job), "status"), "running");
  EXPECT_EQ(Text(Document(job), "status"), "completed");
}

TEST_F(CeligoTest, CancelsRunsAndRefusesForEndedOnes) {
  Drain();
  const std::string job = StartRunningJob();
  EXPECT_EQ(Celigo("PUT", "/v1/jobs/" + job + "/cancel", Json::object()).status,
            200);
  EXPECT_EQ(Text(Document("/v1/jobs/" + job + "/family"), "status"),
            "canceled");
  EXPECT_EQ(Celigo("PUT", "/v1/jobs/" + job + "/cancel", Json::object()).status,
            422);
}

TEST_F(CeligoTest, QueriesJobsOnlyWithinAScope) {
  EXPECT_EQ(Celigo("GET", "/v1/jobs?type=flow").status, 400);
  EXPECT_EQ(Document("/v1/jobs?type=flow&_flowId=" + FlowId(2)).size(), 2u);
}

TEST_F(CeligoTest, AuditsChangesWithoutSecrets) {
  const auto [id, secret] = MakeGoodToken();
  Celigo("PUT", ConnectionPath(), TokenDocument(id, secret));
  const std::string audit = Celigo("GET", ConnectionPath("/audit")).body;
  EXPECT_THAT(audit, HasSubstr("netsuite.authType"));
  EXPECT_THAT(audit, HasSubstr("netsuite.tokenSecret"));
  EXPECT_THAT(audit, Not(HasSubstr(secret)));
  EXPECT_EQ(Celigo("GET", "/v1/audit?from=yesterday").status, 400);
}

TEST_F(CeligoTest, AnswersTheRestOfTheContract) {
  for (const std::string& target :
       {std::string("/v1/ashares"), std::string("/v1/environments"),
        std::string("/v1/exports"), std::string("/v1/imports"),
        ConnectionPath("/dependencies"), ConnectionPath("/debug"),
        "/v1/integrations/" + Text(info_, "tile") + "/errors",
        "/v1/netsuite/metadata/suitescript/connections/" + connection_ +
            "/recordTypes?refreshCache=true"}) {
    EXPECT_EQ(Celigo("GET", target).status, 200) << target;
  }
  EXPECT_EQ(Celigo("GET", "/v1/connection/" + connection_ + "/oauth2").status,
            422);
  EXPECT_EQ(Celigo("POST", "/v1/flows/runs/stats", {{"_flowIds", {FlowId(2)}}})
                .status,
            200);
  EXPECT_EQ(Celigo("GET", "/v1/nonsense").status, 404);
}

}  // namespace
}  // namespace keyturn::sandbox
