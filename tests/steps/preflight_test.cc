// Preflight reads, refuses what cannot be, and plans; it changes nothing.
#include "daemon/base/status.h"
#include "tests/steps/world.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class PreflightTest : public StepsTest {
 protected:
  void Edit(const char* path, const Json& value) {
    Act("edit-connection",
        {{"connection", connection_}, {"set", {{path, value}}}});
  }
  void EditTile(const char* path, const Json& value) {
    Act("edit-tile",
        {{"integration", info_["tile"]}, {"set", {{path, value}}}});
  }
  void SpecNamesTheTile() {
    migration_.spec.celigo.connection.clear();
    migration_.spec.celigo.tile = sandbox::Text(info_, "tile");
  }
  void ExpectRefused(std::string_view reason, std::string_view field) {
    const Outcome outcome = Run(Step::kPreflight);
    ASSERT_EQ(outcome.kind, Kind::kRefused) << outcome.message;
    EXPECT_EQ(base::ReasonOf(outcome.refusal), reason) << outcome.message;
    EXPECT_EQ(base::FieldOf(outcome.refusal), field);
    EXPECT_THAT(Writes(), IsEmpty());
  }
  std::string JiraConnection() {
    const Json truth = Truth();
    for (const Json& connection : truth["celigo"]["connections"]) {
      if (connection["type"] == "http") return connection["_id"];
    }
    return "";
  }
};

TEST_F(PreflightTest, OnlyReadsAndPlansTheExactChange) {
  const Outcome outcome = Run(Step::kPreflight);

  ASSERT_EQ(outcome.kind, Kind::kPlan) << outcome.message;
  EXPECT_THAT(Writes(), IsEmpty());
  std::vector<std::string> fields;
  for (const auto& change : outcome.plan->changes) {
    fields.push_back(change.field);
    EXPECT_THAT(change.after, Not(HasSubstr("placeholder")));
  }
  EXPECT_THAT(fields,
              ::testing::UnorderedElementsAre(
                  "netsuite.authType", "netsuite.email", "netsuite.password",
                  "netsuite.tokenId", "netsuite.tokenSecret",
                  "netsuite._iClientId", "netsuite.requestLevelCredentials"));
  EXPECT_FALSE(outcome.plan->reversible_after_cut_over);
  const std::string hash = outcome.plan->hash;
  EXPECT_EQ(Run(Step::kPreflight).plan->hash, hash);
}

TEST_F(PreflightTest, FindsTheConnectionOfATile) {
  SpecNamesTheTile();
  ASSERT_EQ(Run(Step::kPreflight).kind, Kind::kPlan);
  EXPECT_EQ(Notes().connection_id, connection_);
}

TEST_F(PreflightTest, RefusesAConnectionOnToken) {
  for (const char* type : {"token", "token-auto"}) {
    Edit("netsuite.authType", type);
    ExpectRefused("ALREADY_ON_TOKEN", "spec.celigo.connection");
  }
}

TEST_F(PreflightTest, RefusesAnotherKindOfConnection) {
  migration_.spec.celigo.connection = JiraConnection();
  ExpectRefused("NOT_NETSUITE", "spec.celigo.connection");
}

TEST_F(PreflightTest, RefusesWhatIsNotThere) {
  migration_.spec.celigo.connection = "5f0000000000000000000000";
  ExpectRefused("NOT_FOUND", "spec.celigo.connection");
  SpecNamesTheTile();
  migration_.spec.celigo.tile = "5f0000000000000000000000";
  ExpectRefused("NOT_FOUND", "spec.celigo.tile");
}

TEST_F(PreflightTest, RefusesAnotherTile) {
  migration_.spec.celigo.tile = "5f0000000000000000000000";
  ExpectRefused("WRONG_TILE", "spec.celigo.tile");
}

TEST_F(PreflightTest, RefusesWaysThatDisagree) {
  EditTile("settings.commonresources.netsuiteConnectionId",
           "5f0000000000000000000000");
  ExpectRefused("AMBIGUOUS_CONNECTION", "spec.celigo.connection");
  SpecNamesTheTile();
  ExpectRefused("AMBIGUOUS_CONNECTION", "spec.celigo.tile");
}

TEST_F(PreflightTest, ANamedConnectionSettlesATileThatHasTwo) {
  world_.Seed([this](sandbox::World& world) {
    auto& connections = world.celigo().state().connections;
    Json second = *connections.Find(connection_);
    second["_id"] = "5f1111111111111111111111";
    connections.Add(std::move(second));
    return 0;
  });
  EXPECT_EQ(Run(Step::kPreflight).kind, Kind::kPlan);
  SpecNamesTheTile();
  ExpectRefused("AMBIGUOUS_CONNECTION", "spec.celigo.tile");
}

TEST_F(PreflightTest, RefusesAnotherNetSuiteAccount) {
  Edit("netsuite.account", "1111111");
  ExpectRefused("ACCOUNT_MISMATCH", "spec.netsuite.account");
}

TEST_F(PreflightTest, RefusesADocumentThatHoldsAnotherSecret) {
  Edit("netsuite.other", "******");
  ExpectRefused("MASK_IN_DOCUMENT", "");
}

TEST_F(PreflightTest, RefusesFlowsThatCannotBeRun) {
  migration_.spec.flows.run_ids = {FlowId(3)};
  ExpectRefused("FLOW_DISABLED", "spec.flows.run_ids");
  migration_.spec.flows.run_ids = {"5f0000000000000000000000"};
  ExpectRefused("NOT_FOUND", "spec.flows.run_ids");
}

TEST_F(PreflightTest, RunsEveryEnabledFlowWhereAllAreChosen) {
  migration_.spec.flows.run_ids = {"all"};

  const Outcome outcome = Run(Step::kPreflight);
  ASSERT_EQ(outcome.kind, Kind::kPlan) << outcome.message;
  size_t runs = 0;
  for (const auto& flow : outcome.plan->flows) {
    EXPECT_EQ(flow.run, flow.enabled) << flow.name;
    if (flow.run) ++runs;
  }
  EXPECT_GT(runs, 1u);
  EXPECT_LT(runs, outcome.plan->flows.size());
}

TEST_F(PreflightTest, RefusesAnIClientThatIsNotOffered) {
  migration_.spec.iclient = "Another iClient";
  ExpectRefused("ICLIENT_NOT_FOUND", "spec.iclient");
}

TEST_F(PreflightTest, AClosedListOfIClientsNeedsAnId) {
  for (const char* answer : {"forbidden", "missing", "empty"}) {
    SCOPED_TRACE(answer);
    Switch("iclients_endpoint", answer);
    migration_.spec.iclient.clear();
    ExpectRefused("ICLIENT_NOT_FOUND", "spec.iclient");
    migration_.spec.iclient = sandbox::Text(info_, "iclient");
    const Outcome outcome = Run(Step::kPreflight);
    ASSERT_EQ(outcome.kind, Kind::kPlan);
    EXPECT_THAT(outcome.plan->warnings,
                Contains(HasSubstr("could not be checked")));
  }
}

TEST_F(PreflightTest, AConnectionIsItsTilesAlthoughItNamesNoConnector) {
  Act("edit-connection",
      {{"connection", connection_}, {"remove", {"_connectorId"}}});
  ForgetSent();
  ASSERT_EQ(Run(Step::kPreflight).kind, Kind::kPlan);
  EXPECT_EQ(Sent("GET " + ConnectionPath() + "/iclients"), 1);
  EXPECT_EQ(Sent("GET /v1/iclients"), 0);
}

TEST_F(PreflightTest, FindsTheConnectionOfATileThatListsNone) {
  Switch("tile_connections", "registered");
  ASSERT_EQ(Run(Step::kPreflight).kind, Kind::kPlan);
  SpecNamesTheTile();
  ASSERT_EQ(Run(Step::kPreflight).kind, Kind::kPlan);
  EXPECT_EQ(Notes().connection_id, connection_);
}

TEST_F(PreflightTest, NamesFlowsOutsideTheTile) {
  const std::string elsewhere = "5f2222222222222222222222";
  world_.Seed([&](sandbox::World& world) {
    auto& flows = world.celigo().state().flows;
    Json flow = *flows.Find(FlowId(0));
    flow["_id"] = elsewhere;
    flow["name"] = "Orders of another tile";
    flow["_integrationId"] = "5f3333333333333333333333";
    flows.Add(std::move(flow));
    return 0;
  });
  // What an app owns is used within its tile only.
  Act("edit-connection",
      {{"connection", connection_}, {"remove", {"_integrationId"}}});
  migration_.spec.celigo.tile = sandbox::Text(info_, "tile");

  const Outcome outcome = Run(Step::kPreflight);

  ASSERT_EQ(outcome.kind, Kind::kPlan) << outcome.message;
  EXPECT_THAT(outcome.plan->warnings,
              Contains(HasSubstr("Orders of another tile")));
  const steps::Notes notes = Notes();
  EXPECT_FALSE(notes.flows.front().foreign);
  EXPECT_EQ(notes.flows.back().id, elsewhere);
  EXPECT_TRUE(notes.flows.back().foreign);
}

TEST_F(PreflightTest, WarnsOfATileThatIsNotAtRest) {
  EditTile("mode", "uninstall");
  EditTile("updateInProgress", true);
  const Outcome outcome = Run(Step::kPreflight);
  ASSERT_EQ(outcome.kind, Kind::kPlan);
  EXPECT_THAT(outcome.plan->warnings, Contains(HasSubstr("being uninstalled")));
  EXPECT_THAT(outcome.plan->warnings, Contains(HasSubstr("being updated")));
}

TEST_F(PreflightTest, WarnsOfATokenThatMayNotDoEverything) {
  world_.Seed([](sandbox::World& world) {
    for (auto& [value, token] : world.celigo().state().tokens) {
      token.scope = "custom";
    }
    return 0;
  });
  EXPECT_THAT(Run(Step::kPreflight).plan->warnings,
              Contains(HasSubstr("limited to the scope custom")));
}

TEST_F(PreflightTest, APlainConnectionChoosesAmongTheAccountsIClients) {
  for (const char* field : {"_connectorId", "_integrationId"}) {
    Act("edit-connection", {{"connection", connection_}, {"remove", {field}}});
  }
  migration_.spec.iclient = "Our own NetSuite iClient";
  const Outcome outcome = Run(Step::kPreflight);
  ASSERT_EQ(outcome.kind, Kind::kPlan) << outcome.message;
  EXPECT_EQ(Notes().tile_id, "");
  EXPECT_EQ(Notes().flows.size(), 5);
  EXPECT_TRUE(Notes().flows[0].foreign);
}

TEST_F(PreflightTest, AnOldLoginThatWorksOpensTheWayBack) {
  AddOldLogin();
  const Outcome outcome = Run(Step::kPreflight);
  ASSERT_EQ(outcome.kind, Kind::kPlan);
  EXPECT_TRUE(outcome.plan->reversible_after_cut_over);
}

TEST_F(PreflightTest, AnOldLoginThatIsRefusedIsTriedOnce) {
  AddOldLogin("wrong-Pa55word");
  const Outcome outcome = Run(Step::kPreflight);
  ASSERT_EQ(outcome.kind, Kind::kPlan);
  EXPECT_FALSE(outcome.plan->reversible_after_cut_over);
  EXPECT_THAT(outcome.plan->warnings,
              Contains(HasSubstr("the way back is closed")));
  EXPECT_EQ(FailedLogins(), 1);
}

TEST_F(PreflightTest, AnUnansweredTestOfTheOldLoginIsNotRepeatedForEver) {
  AddOldLogin("wrong-Pa55word");
  Fault({{"kind", "reset_after"},
         {"method", "POST"},
         {"path", "/v1/connections/ping"},
         {"count", 9}});
  EXPECT_EQ(Run(Step::kPreflight).kind, Kind::kRetry);
  const Outcome outcome = Run(Step::kPreflight);
  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_EQ(outcome.attention->reason, "TEST_UNANSWERED");
  EXPECT_EQ(FailedLogins(), 2);
}

TEST_F(PreflightTest, WhatIsDownOrRefusesUsIsNoFaultOfTheSpec) {
  Fault({{"kind", "status"}, {"path", "/v1/tokenInfo"}});
  EXPECT_EQ(Run(Step::kPreflight).kind, Kind::kRetry);
  Act("revoke-api-token");
  const Outcome outcome = Run(Step::kPreflight);
  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_EQ(outcome.attention->reason, "OUTSIDE_LOGIN_REFUSED");
  EXPECT_EQ(outcome.attention->owner, "operator");
}

TEST_F(PreflightTest, WarnsOfAnOfflineConnection) {
  Edit("offline", true);
  EXPECT_THAT(Run(Step::kPreflight).plan->warnings,
              Contains(HasSubstr("offline")));
}

}  // namespace
}  // namespace keyturn::testing
