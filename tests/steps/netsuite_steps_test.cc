// The steps A to D of the seed, and the gate after them.
#include "daemon/steps/notes.h"
#include "tests/steps/world.h"

namespace keyturn::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class NetSuiteStepsTest : public StepsTest {
 protected:
  Json User() { return info_["user"]; }
  Json RolesOfUser() {
    const Json truth = Truth();
    for (const Json& employee : truth["netsuite"]["7654321"]["employees"]) {
      if (employee["email"] == User()) return employee["roles"];
    }
    return Json();
  }
  int Patches() const {
    return Sent("PATCH /services/rest/record/v1/employee");
  }
  void MakeRole(Json added = {"ADMI_LOGIN_OAUTH"}) {
    Act("clone-role", {{"from", "Celigo Jira Connector"},
                       {"name", "CeligoJiraTBA"},
                       {"add_permissions", std::move(added)}});
  }
  void ReachRole() {
    ASSERT_NO_FATAL_FAILURE(Reach(Step::kCreateRole));
    ForgetSent();
  }
  // The task of issue_token is open, and a person makes this token.
  void ReachToken(Json changes) {
    ASSERT_NO_FATAL_FAILURE(Reach(Step::kAssignRole));
    ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kTask);
    changes["force"] = true;
    const auto [id, token] = MakeToken(std::move(changes));
    HandIn(id, token);
  }
};

TEST_F(NetSuiteStepsTest, TheFeatureIsProvedByATokenLogin) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kPreflight));
  EXPECT_EQ(Run(Step::kEnableTba).kind, Kind::kDone);
}

TEST_F(NetSuiteStepsTest, AFeatureThatIsOffIsAPersonsTaskUntilItIsOn) {
  Act("disable-feature");
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kPreflight));

  ASSERT_EQ(Run(Step::kEnableTba).kind, Kind::kTask);
  const Outcome again = Run(Step::kEnableTba);
  ASSERT_EQ(again.kind, Kind::kTask);
  EXPECT_THAT(again.task->problem, HasSubstr("FeatureDisabled"));
  EXPECT_THAT(outside_.forgotten, Contains("acme-ns"));
  Act("enable-feature");
  EXPECT_EQ(Run(Step::kEnableTba).kind, Kind::kDone);
}

TEST_F(NetSuiteStepsTest, WithoutAccessAPersonsWordHasToDo) {
  outside_.has_access = false;
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kPreflight));
  ForgetSent();
  for (const Step step :
       {Step::kEnableTba, Step::kCreateRole, Step::kAssignRole}) {
    ASSERT_EQ(Run(step).kind, Kind::kTask) << Name(step);
    const Outcome outcome = Run(step);
    EXPECT_EQ(outcome.kind, Kind::kDone) << Name(step);
    EXPECT_THAT(outcome.message, HasSubstr("test_candidate proves it"));
  }
  EXPECT_THAT(transport_.lines, IsEmpty());
}

TEST_F(NetSuiteStepsTest, ARoleThatLacksAPermissionIsToBeMended) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kEnableTba));
  ASSERT_EQ(Run(Step::kCreateRole).kind, Kind::kTask);
  MakeRole(Json::array());
  Act("edit-role", {{"role", "CeligoJiraTBA"}, {"inactive", true}});

  const Outcome outcome = Run(Step::kCreateRole);

  ASSERT_EQ(outcome.kind, Kind::kTask);
  EXPECT_THAT(outcome.task->title, HasSubstr("Mend"));
  EXPECT_THAT(outcome.task->problem, HasSubstr("is inactive"));
  EXPECT_THAT(outcome.task->problem,
              HasSubstr("Log in using Access Tokens (ADMI_LOGIN_OAUTH)"));
  Act("edit-role", {{"role", "CeligoJiraTBA"},
                    {"inactive", false},
                    {"add_permissions", {"ADMI_LOGIN_OAUTH"}}});
  EXPECT_EQ(Run(Step::kCreateRole).kind, Kind::kDone);
}

TEST_F(NetSuiteStepsTest, ARoleWhoseSourceIsNotSeenSaysThatItWasNotCompared) {
  migration_.spec.role.from = "No Such Role";
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kEnableTba));
  MakeRole();

  const Outcome outcome = Run(Step::kCreateRole);

  ASSERT_EQ(outcome.kind, Kind::kDone);
  EXPECT_THAT(
      outcome.proofs,
      Contains(migration::Proof{
          "compared with", "nothing: NetSuite shows no role No Such Role"}));
}

TEST_F(NetSuiteStepsTest, TheRoleIsAddedAndNothingTakenAway) {
  for (const char* sublist : {"keyed", "append"}) {
    SCOPED_TRACE(sublist);
    Switch("roles_sublist", sublist);
    ReachRole();
    const size_t before = RolesOfUser().size();

    ASSERT_EQ(Lose(Step::kAssignRole).kind, Kind::kDone);
    ASSERT_EQ(Run(Step::kAssignRole).kind, Kind::kDone);

    EXPECT_EQ(Patches(), 1);
    EXPECT_EQ(RolesOfUser().size(), before + 1);
    Act("unassign-role", {{"user", User()}, {"role", "CeligoJiraTBA"}});
    migration_.record(Step::kAssignRole) = {};
    steps::Notes notes = Notes();
    notes.roles_before.reset();
    SetNotes(notes);
  }
}

TEST_F(NetSuiteStepsTest, ALostAnswerAddsNoSecondLine) {
  Switch("roles_sublist", "append");
  ReachRole();
  const size_t before = RolesOfUser().size();
  Fault(
      {{"kind", "reset_after"}, {"method", "PATCH"}, {"path", "/services/**"}});

  ASSERT_EQ(Run(Step::kAssignRole).kind, Kind::kRetry);
  EXPECT_EQ(Run(Step::kAssignRole).kind, Kind::kDone);
  EXPECT_EQ(Patches(), 1);
  EXPECT_EQ(RolesOfUser().size(), before + 1);
}

TEST_F(NetSuiteStepsTest, LostRolesAreNamedAndStopTheMigration) {
  Switch("roles_sublist", "replace");
  ReachRole();

  const Outcome outcome = Run(Step::kAssignRole);

  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_EQ(outcome.attention->reason, "ROLES_LOST");
  EXPECT_EQ(outcome.attention->owner, "administrator");
}

TEST_F(NetSuiteStepsTest, ARoleThatIsThereIsNotSentAgain) {
  ReachRole();
  Act("assign-role", {{"user", User()}, {"role", "CeligoJiraTBA"}});

  EXPECT_EQ(Run(Step::kAssignRole).kind, Kind::kDone);
  EXPECT_EQ(Patches(), 0);
  EXPECT_EQ(Undo(Step::kAssignRole).follow_up_tasks.size(), 0);
}

TEST_F(NetSuiteStepsTest, TheUndoneRoleIsAPersonsTaskWhileItIsThere) {
  ReachRole();
  ASSERT_EQ(Run(Step::kAssignRole).kind, Kind::kDone);

  const Outcome undone = Undo(Step::kAssignRole);
  ASSERT_EQ(undone.kind, Kind::kDone);
  ASSERT_THAT(undone.follow_up_tasks, SizeIs(1));
  EXPECT_FALSE(undone.follow_up_tasks[0].blocking);
  EXPECT_EQ(undone.left_to_do.size(), 1);
  EXPECT_THAT(Undo(Step::kAssignRole).follow_up_tasks, IsEmpty());
}

TEST_F(NetSuiteStepsTest, ARoleThatNeverArrivedNeedsNoUndo) {
  ReachRole();
  Fault({{"kind", "reset_before"},
         {"method", "PATCH"},
         {"path", "/services/**"}});
  ASSERT_EQ(Run(Step::kAssignRole).kind, Kind::kRetry);

  EXPECT_THAT(Undo(Step::kAssignRole).follow_up_tasks, IsEmpty());
}

TEST_F(NetSuiteStepsTest, AnUnfitUserIsSaidInWords) {
  ReachRole();
  Act("edit-user", {{"user", User()}, {"give_access", false}});
  Outcome outcome = Run(Step::kAssignRole);
  ASSERT_EQ(outcome.kind, Kind::kTask);
  EXPECT_THAT(outcome.task->problem, HasSubstr("tick Give Access"));
  Act("edit-user",
      {{"user", User()}, {"give_access", true}, {"inactive", true}});
  outcome = Run(Step::kAssignRole);
  ASSERT_EQ(outcome.kind, Kind::kTask);
  EXPECT_THAT(outcome.task->problem, HasSubstr("is inactive"));
  EXPECT_EQ(Patches(), 0);
}

TEST_F(NetSuiteStepsTest, TheTokenIsAskedForUnderANameThatIsFoundAgain) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kAssignRole));

  const Outcome outcome = Run(Step::kIssueToken);
  ASSERT_EQ(outcome.kind, Kind::kTask);
  EXPECT_EQ(outcome.task->answer, migration::Task::Answer::kToken);
  EXPECT_EQ(outcome.task->token_name, steps::TokenName("m1", 1));
  const auto [id, token] = MakeToken();
  HandIn(id, token);

  const Outcome done = Run(Step::kIssueToken);
  EXPECT_EQ(done.kind, Kind::kDone);
  EXPECT_THAT(done.proofs, Contains(migration::Proof{"revoked", "no"}));
}

struct Mistake {
  const char* name;
  const char* act;
  Json arguments;
  const char* says;
};

class TokenMistakeTest : public NetSuiteStepsTest,
                         public ::testing::WithParamInterface<Mistake> {};

TEST_P(TokenMistakeTest, IsFoundInTheListBeforeCeligoIsAsked) {
  const Mistake& mistake = GetParam();
  const bool made_wrong = std::string_view(mistake.act).empty();
  ASSERT_NO_FATAL_FAILURE(
      ReachToken(made_wrong ? mistake.arguments : Json::object()));
  if (!made_wrong) Act(mistake.act, mistake.arguments);

  const Outcome outcome = Run(Step::kIssueToken);

  ASSERT_EQ(outcome.kind, Kind::kTask);
  EXPECT_THAT(outcome.task->problem, HasSubstr(mistake.says));
  EXPECT_EQ(outcome.task->answer, migration::Task::Answer::kDoneOrToken);
  EXPECT_EQ(outcome.task->token_name, steps::TokenName("m1", 2));
  EXPECT_EQ(FailedLogins(), 0);
  const auto [id, token] = MakeToken();
  HandIn(id, token);
  EXPECT_EQ(Run(Step::kIssueToken).kind, Kind::kDone);
}

INSTANTIATE_TEST_SUITE_P(
    Mistakes, TokenMistakeTest,
    ::testing::Values(
        Mistake{"application",
                "",
                {{"application", "eTail Connectors (Token-Based Auth)"}},
                "another application"},
        Mistake{
            "role", "", {{"role", "Celigo Jira Connector"}}, "another role"},
        Mistake{
            "user", "", {{"user", "eve.employee@example.com"}}, "another user"},
        Mistake{"name", "", {{"name", "mine"}}, "lists no access token"},
        Mistake{"revoked",
                "revoke-token",
                {{"name", "keyturn-m1-1"}},
                "is revoked"},
        Mistake{"inactive",
                "edit-token",
                {{"name", "keyturn-m1-1"}, {"inactive", true}},
                "inactive"}),
    [](const auto& mistake) { return std::string(mistake.param.name); });

TEST_F(NetSuiteStepsTest, AnOlderGoodTokenDoesNotHideANewWrongOne) {
  ASSERT_NO_FATAL_FAILURE(ReachToken(Json::object()));
  steps::Notes notes = Notes();
  notes.tokens_asked = 2;
  SetNotes(notes);
  const auto [id, token] =
      MakeToken({{"application", "eTail Connectors (Token-Based Auth)"}});
  HandIn(id, token);

  const Outcome outcome = Run(Step::kIssueToken);

  ASSERT_EQ(outcome.kind, Kind::kTask);
  EXPECT_THAT(outcome.task->problem, HasSubstr("another application"));
}

TEST_F(NetSuiteStepsTest, AListThatIsHiddenLeavesTheProofToTheGate) {
  Switch("oauth_token_table", "hidden");
  ASSERT_NO_FATAL_FAILURE(ReachToken({{"role", "Celigo Jira Connector"}}));

  const Outcome outcome = Run(Step::kIssueToken);

  EXPECT_EQ(outcome.kind, Kind::kDone);
  EXPECT_THAT(outcome.message, HasSubstr("test_candidate proves it"));
}

TEST_F(NetSuiteStepsTest, UndoRevokesTheTokensThatAreInForce) {
  ASSERT_NO_FATAL_FAILURE(ReachToken(Json::object()));
  ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kDone);
  Act("edit-user", {{"user", User()}, {"inactive", true}});
  // Asks for a second token, which nobody makes.
  ASSERT_EQ(Run(Step::kTestCandidate).kind, Kind::kTask);

  const Outcome outcome = Undo(Step::kIssueToken);

  ASSERT_THAT(outcome.follow_up_tasks, SizeIs(1));
  EXPECT_EQ(outcome.follow_up_tasks[0].token_name, "keyturn-m1-1");
  EXPECT_THAT(TokenInfo()->versions, ElementsAre(::testing::Field(
                                         &store::CredentialInfo::Version::label,
                                         store::VersionLabel::kRevoked)));
  Act("revoke-token", {{"name", "keyturn-m1-1"}});
  EXPECT_THAT(Undo(Step::kIssueToken).follow_up_tasks, IsEmpty());
}

TEST_F(NetSuiteStepsTest,
       UndoLeavesTokenAndRoleToAConnectionThatWasMovedByHand) {
  ASSERT_NO_FATAL_FAILURE(ReachToken(Json::object()));
  ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kDone);
  Act("edit-connection",
      {{"connection", connection_}, {"set", {{"netsuite.authType", "token"}}}});

  const Outcome token = Undo(Step::kIssueToken);
  ASSERT_EQ(token.kind, Kind::kDone);
  EXPECT_THAT(token.follow_up_tasks, IsEmpty());
  EXPECT_THAT(token.left_to_do,
              ElementsAre(HasSubstr("keyturn-m1-1 if NetSuite lists it and the "
                                    "connection does not use it")));
  EXPECT_THAT(TokenInfo()->versions, ElementsAre(::testing::Field(
                                         &store::CredentialInfo::Version::label,
                                         store::VersionLabel::kPending)));
  const Outcome role = Undo(Step::kAssignRole);
  ASSERT_EQ(role.kind, Kind::kDone);
  EXPECT_THAT(role.follow_up_tasks, IsEmpty());
  EXPECT_THAT(role.left_to_do, ElementsAre(HasSubstr("unless it is "
                                                     "CeligoJiraTBA")));
}

TEST_F(NetSuiteStepsTest, UndoWaitsUntilItCanSeeWhatTheConnectionUses) {
  ASSERT_NO_FATAL_FAILURE(ReachToken(Json::object()));
  ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kDone);
  const Json fault = {{"kind", "status"},
                      {"status", 503},
                      {"method", "GET"},
                      {"path", ConnectionPath()},
                      {"times", 10}};
  Fault(fault);
  EXPECT_EQ(Undo(Step::kIssueToken).kind, Kind::kRetry);
  Control("DELETE", "/control/faults");
  EXPECT_THAT(Undo(Step::kIssueToken).follow_up_tasks, SizeIs(1));
}

TEST_F(NetSuiteStepsTest, UndoWithoutATokenAsksNobody) {
  outside_.has_access = false;
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kPreflight));
  for (const Step step :
       {Step::kEnableTba, Step::kCreateRole, Step::kAssignRole}) {
    Run(step);
    Run(step);
  }
  ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kTask);

  const Outcome outcome = Undo(Step::kIssueToken);

  EXPECT_EQ(outcome.kind, Kind::kDone);
  EXPECT_THAT(outcome.follow_up_tasks, IsEmpty());
  EXPECT_THAT(outcome.left_to_do,
              ElementsAre(HasSubstr("keyturn-m1-1 if NetSuite lists it")));
}

TEST_F(NetSuiteStepsTest, TheGateRefusesAMistypedSecretInEveryForm) {
  Switch("lockout", "off");
  for (const char* status : {"200", "400", "401", "403", "404", "409", "422"}) {
    SCOPED_TRACE(status);
    Switch("ping_failure",
           status == std::string("200") ? "errors_200" : "envelope_4xx");
    Switch("ping_failure_status", status);
    if (Notes().token_version == 0) {
      ASSERT_NO_FATAL_FAILURE(Reach(Step::kAssignRole));
      ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kTask);
      auto [id, token] = MakeToken();
      token.back() = token.back() == '0' ? '1' : '0';
      HandIn(id, token);
      ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kDone);
    }
    const int failed = FailedLogins();
    ForgetSent();

    const Outcome outcome = Run(Step::kTestCandidate);

    ASSERT_EQ(outcome.kind, Kind::kTask);
    EXPECT_EQ(outcome.task->answer, migration::Task::Answer::kDoneOrToken);
    EXPECT_THAT(outcome.task->problem, HasSubstr("mistyped"));
    EXPECT_THAT(Writes(), IsEmpty());
    EXPECT_EQ(FailedLogins(), failed + 1);
  }
}

TEST_F(NetSuiteStepsTest, AGateWithoutAnswerIsTriedTwiceAtMost) {
  ASSERT_NO_FATAL_FAILURE(ReachToken(Json::object()));
  ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kDone);
  Act("edit-user", {{"user", User()}, {"inactive", true}});
  Fault({{"kind", "reset_after"},
         {"method", "POST"},
         {"path", "/v1/connections/ping"},
         {"count", 9}});

  EXPECT_EQ(Run(Step::kTestCandidate).kind, Kind::kRetry);
  const Outcome outcome = Run(Step::kTestCandidate);

  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_EQ(outcome.attention->reason, "TEST_UNANSWERED");
  EXPECT_EQ(FailedLogins(), 2);
}

TEST_F(NetSuiteStepsTest, TheGateFindsOutWhy) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kIssueToken));
  Act("unassign-role", {{"user", User()}, {"role", "CeligoJiraTBA"}});

  const Outcome outcome = Run(Step::kTestCandidate);

  ASSERT_EQ(outcome.kind, Kind::kTask);
  EXPECT_THAT(outcome.task->problem, HasSubstr("is not assigned to"));
  Act("assign-role", {{"user", User()}, {"role", "CeligoJiraTBA"}});
  EXPECT_EQ(Run(Step::kTestCandidate).kind, Kind::kDone);
}

// It would pass Celigo's test, and the flows would run as somebody else.
TEST_F(NetSuiteStepsTest, ATokenThatIsHandedInAtTheGateIsLookedUpToo) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kIssueToken));
  Act("edit-token", {{"name", "keyturn-m1-1"}, {"inactive", true}});
  ASSERT_EQ(Run(Step::kTestCandidate).kind, Kind::kTask);
  Act("assign-role",
      {{"user", "eve.employee@example.com"}, {"role", "CeligoJiraTBA"}});
  const auto [id, token] = MakeToken({{"user", "eve.employee@example.com"}});
  HandIn(id, token);
  ForgetSent();

  const Outcome outcome = Run(Step::kTestCandidate);

  ASSERT_EQ(outcome.kind, Kind::kTask);
  EXPECT_THAT(outcome.task->problem, HasSubstr("another user"));
  EXPECT_EQ(Sent("POST /v1/connections/ping"), 0);
}

TEST_F(NetSuiteStepsTest, TheGateStopsAtAnEditSinceThePlan) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kIssueToken));
  Act("edit-connection",
      {{"connection", connection_}, {"set", {{"name", "Ours"}}}});
  ForgetSent();

  EXPECT_EQ(Run(Step::kTestCandidate).kind, Kind::kFailed);
  EXPECT_EQ(Sent("POST /v1/connections/ping"), 0);
}

}  // namespace
}  // namespace keyturn::testing
