// A token whose secret never reached us, a secret that was cut off, a token
// that was made in vain: never two in force, never none.
#include "tests/steps/world.h"

namespace keyturn::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class LostTokenTest : public StepsTest {
 protected:
  static constexpr char kApplication[] =
      "High Tech Connectors Token-based Auth";

  // Names of the migration's tokens that are in force.
  std::vector<std::string> Live() {
    std::vector<std::string> live;
    const Json truth = Truth();
    for (const Json& token : truth["netsuite"]["7654321"]["tokens"]) {
      const std::string name = sandbox::Text(token, "name");
      if (!sandbox::Flag(token, "revoked") && name.starts_with("keyturn-m1-")) {
        live.push_back(name);
      }
    }
    return live;
  }
  // Keyturn holds the application's consumer pair and the user's login, and the
  // application offers the endpoint that makes a token.
  void HoldConsumer() {
    const Json keys = Act("edit-integration", {{"application", kApplication},
                                               {"issue_token_endpoint", true}});
    const Json truth = Truth();
    vault::NetSuiteTba pair;
    for (const Json& one : truth["netsuite"]["7654321"]["integrations"]) {
      if (sandbox::Text(one, "name") != kApplication) continue;
      pair.consumer_key = secret::Secret(sandbox::Text(one, "consumer_key"));
      pair.consumer_secret =
          secret::Secret(sandbox::Text(one, "consumer_secret"));
    }
    pair.token_id = secret::Secret("unused-id");
    pair.token_secret = secret::Secret("unused-secret");
    const vault::Payload payload(std::move(pair));
    store::Batch batch;
    batch.credentials.push_back(*vault_->SealNew("consumer", payload,
                                                 store::VersionLabel::kCurrent,
                                                 "", "anna", clock_.Now()));
    ASSERT_TRUE(store_->CommitAndWait(std::move(batch)).ok());
    migration_.spec.token.consumer = "consumer";
    AddOldLogin();
  }
  void ReachIssue() {
    ASSERT_NO_FATAL_FAILURE(HoldConsumer());
    ASSERT_NO_FATAL_FAILURE(Reach(Step::kAssignRole));
    Act("edit-role", {{"role", "CeligoJiraTBA"},
                      {"add_permissions", {"ADMI_MANAGE_OWN_OAUTH_TOKENS"}}});
  }
  void FaultOnIssue(const char* kind) {
    Fault({{"kind", kind}, {"method", "GET"}, {"path", "/rest/issuetoken"}});
  }
  void HandInAToken() {
    ASSERT_NO_FATAL_FAILURE(Reach(Step::kAssignRole));
    ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kTask);
    const auto [id, token] = MakeToken();
    HandIn(id, token);
  }
};

class IssueKeysTest : public LostTokenTest,
                      public ::testing::WithParamInterface<const char*> {};

TEST_P(IssueKeysTest, TheDaemonMakesTheTokenWhereItHoldsThePair) {
  Switch("issuetoken_keys", GetParam());
  ASSERT_NO_FATAL_FAILURE(ReachIssue());

  ASSERT_EQ(Settle(Step::kIssueToken).kind, Kind::kDone);

  EXPECT_THAT(Live(), ElementsAre("keyturn-m1-1"));
  EXPECT_EQ(Notes().token_number, 1);
  EXPECT_EQ(Run(Step::kTestCandidate).kind, Kind::kDone);
}

INSTANTIATE_TEST_SUITE_P(Keys, IssueKeysTest,
                         ::testing::Values("camel", "lower", "snake"));

TEST_F(LostTokenTest, AnAnswerThatIsLostIsRevokedBeforeAnotherIsMade) {
  ASSERT_NO_FATAL_FAILURE(ReachIssue());
  FaultOnIssue("reset_after");

  const Outcome asked = Run(Step::kIssueToken);

  ASSERT_EQ(asked.kind, Kind::kTask);
  EXPECT_TRUE(asked.task->blocking);
  EXPECT_EQ(asked.task->token_name, "keyturn-m1-1");
  EXPECT_THAT(asked.task->problem, HasSubstr("secret never arrived"));
  EXPECT_EQ(Run(Step::kIssueToken).kind, Kind::kTask) << "it is in force still";
  EXPECT_EQ(Sent("GET /rest/issuetoken"), 1);
  Act("revoke-token", {{"name", "keyturn-m1-1"}});
  ASSERT_EQ(Settle(Step::kIssueToken).kind, Kind::kDone);
  EXPECT_THAT(Live(), ElementsAre("keyturn-m1-2"));
}

// The call's answer is no proof: what NetSuite lists is.
TEST_F(LostTokenTest, ATokenThatWasMadeTwiceIsSeenInTheList) {
  ASSERT_NO_FATAL_FAILURE(ReachIssue());
  ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kWait);
  Act("create-token", {{"application", kApplication},
                       {"user", sandbox::Text(info_, "user")},
                       {"role", "CeligoJiraTBA"},
                       {"name", "keyturn-m1-1"}});

  const Outcome proved = Run(Step::kIssueToken);

  ASSERT_EQ(proved.kind, Kind::kDone) << proved.message;
  EXPECT_TRUE(Notes().token_listed);
  EXPECT_EQ(Notes().token_twins, 1);
}

TEST_F(LostTokenTest, ACallThatNeverArrivedIsMadeOnceMore) {
  ASSERT_NO_FATAL_FAILURE(ReachIssue());
  FaultOnIssue("reset_before");
  EXPECT_EQ(Settle(Step::kIssueToken).kind, Kind::kDone);
  EXPECT_THAT(Live(), ElementsAre("keyturn-m1-2"));
}

TEST_F(LostTokenTest, AfterTwoCallsAPersonMakesTheToken) {
  ASSERT_NO_FATAL_FAILURE(ReachIssue());
  FaultOnIssue("reset_before");
  FaultOnIssue("reset_before");
  const Outcome outcome = Settle(Step::kIssueToken);
  ASSERT_EQ(outcome.kind, Kind::kTask);
  EXPECT_EQ(outcome.task->answer, migration::Task::Answer::kToken);
  EXPECT_EQ(Sent("GET /rest/issuetoken"), 2);
}

TEST_F(LostTokenTest, ACrashAfterTheCallIsSettledByReading) {
  ASSERT_NO_FATAL_FAILURE(ReachIssue());
  ASSERT_EQ(Lose(Step::kIssueToken).kind, Kind::kWait);

  const Outcome asked = Run(Step::kIssueToken);

  ASSERT_EQ(asked.kind, Kind::kTask);
  EXPECT_EQ(asked.task->token_name, "keyturn-m1-1");
  EXPECT_EQ(Sent("GET /rest/issuetoken"), 1);
}

TEST_F(LostTokenTest, WithoutTheListAPersonIsToldToLook) {
  Switch("oauth_token_table", "hidden");
  ASSERT_NO_FATAL_FAILURE(ReachIssue());
  FaultOnIssue("reset_after");
  const Outcome asked = Run(Step::kIssueToken);
  ASSERT_EQ(asked.kind, Kind::kTask);
  EXPECT_THAT(asked.task->problem,
              HasSubstr("keyturn-m1-1 may have been made"));
  EXPECT_EQ(asked.task->token_name, "keyturn-m1-2");
}

TEST_F(LostTokenTest, ATokenOfOurOwnPairRevokesItself) {
  for (const char* status : {"200", "204"}) {
    SCOPED_TRACE(status);
    Switch("revoke_status", status);
    if (Live().empty() && Notes().token_version == 0) {
      ASSERT_NO_FATAL_FAILURE(ReachIssue());
      ASSERT_EQ(Settle(Step::kIssueToken).kind, Kind::kDone);
    }
    const Outcome undone = Undo(Step::kIssueToken);
    EXPECT_EQ(undone.kind, Kind::kDone);
    EXPECT_THAT(undone.follow_up_tasks, IsEmpty());
    EXPECT_THAT(Live(), IsEmpty());
    EXPECT_EQ(Sent("GET /rest/revoketoken"), 1);
  }
}

TEST_F(LostTokenTest, ARefusedRevocationIsAPersonsTask) {
  ASSERT_NO_FATAL_FAILURE(ReachIssue());
  ASSERT_EQ(Settle(Step::kIssueToken).kind, Kind::kDone);
  Fault({{"kind", "status"},
         {"status", 401},
         {"method", "GET"},
         {"path", "/rest/revoketoken"}});
  EXPECT_THAT(Undo(Step::kIssueToken).follow_up_tasks, SizeIs(1));
  EXPECT_THAT(Undo(Step::kIssueToken).follow_up_tasks, SizeIs(1));
  EXPECT_EQ(Sent("GET /rest/revoketoken"), 1) << "a refused login each time";
}

TEST_F(LostTokenTest, AValueThatWasCutOffIsFoundWithoutALogin) {
  outside_.has_access = false;
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kPreflight));
  for (const Step step :
       {Step::kEnableTba, Step::kCreateRole, Step::kAssignRole}) {
    Run(step);
    Run(step);
  }
  ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kTask);
  const std::string whole(64, 'a');
  HandIn(whole, std::string(63, 'b'));
  const Outcome cut = Run(Step::kIssueToken);
  ASSERT_EQ(cut.kind, Kind::kTask);
  EXPECT_THAT(cut.task->problem, HasSubstr("secret that was handed in has 63"));
  HandIn(std::string(64, 'x'), whole);
  EXPECT_THAT(Run(Step::kIssueToken).task->problem,
              HasSubstr("not all of them 0-9"));
  EXPECT_EQ(Run(Step::kIssueToken).kind, Kind::kDone) << "a person insists";
  HandIn("another-form", "that-nobody-promised-not-to-use");
  EXPECT_EQ(Run(Step::kIssueToken).kind, Kind::kDone);
  EXPECT_EQ(FailedLogins(), 0);
}

// Otherwise the one in use would be taken for one that was made in vain.
TEST_F(LostTokenTest, ATokenThatIsHandedInAgainKeepsItsName) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kAssignRole));
  ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kTask);
  const auto [id, token] = MakeToken();
  HandIn(id, token.substr(1));
  ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kTask);
  HandIn(id, token);
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kProveTraffic));
  EXPECT_EQ(Notes().token_number, 1);

  const Outcome outcome = Run(Step::kFinish);

  EXPECT_THAT(outcome.follow_up_tasks, IsEmpty());
  EXPECT_THAT(outcome.left_to_do, Not(Contains(HasSubstr("revoke"))));
}

TEST_F(LostTokenTest, TwoTokensOfOneNameAreSaidAtTheEnd) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kAssignRole));
  ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kTask);
  MakeToken();
  const auto [id, token] = MakeToken();
  HandIn(id, token);
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kProveTraffic));

  const Outcome outcome = Run(Step::kFinish);

  EXPECT_THAT(outcome.left_to_do,
              Contains(HasSubstr("2 access tokens named keyturn-m1-1")));
  EXPECT_THAT(outcome.follow_up_tasks, IsEmpty());
}

TEST_F(LostTokenTest, ATokenThatWasMadeInVainBecomesATaskAtTheEnd) {
  ASSERT_NO_FATAL_FAILURE(HandInAToken());
  ASSERT_EQ(Settle(Step::kIssueToken).kind, Kind::kDone);
  Act("edit-token", {{"name", "keyturn-m1-1"}, {"inactive", true}});
  ASSERT_EQ(Run(Step::kTestCandidate).kind, Kind::kTask);
  const auto [id, token] = MakeToken();
  HandIn(id, token);
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kProveTraffic));
  ASSERT_THAT(Live(), ElementsAre("keyturn-m1-1", "keyturn-m1-2"));

  const Outcome outcome = Run(Step::kFinish);

  ASSERT_THAT(outcome.follow_up_tasks, SizeIs(1));
  EXPECT_EQ(outcome.follow_up_tasks[0].token_name, "keyturn-m1-1");
  EXPECT_FALSE(outcome.follow_up_tasks[0].blocking);
}

TEST_F(LostTokenTest, TheTokenInUseIsNeverToBeRevoked) {
  ASSERT_NO_FATAL_FAILURE(HandInAToken());
  steps::Notes notes = Notes();
  notes.tokens_asked = 2;
  SetNotes(notes);
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kProveTraffic));
  Switch("oauth_token_table", "hidden");

  const Outcome outcome = Run(Step::kFinish);

  EXPECT_THAT(outcome.follow_up_tasks, IsEmpty());
  EXPECT_THAT(
      outcome.left_to_do,
      Contains(HasSubstr("(keyturn-m1-2); the connection uses keyturn-m1-1")));
}

}  // namespace
}  // namespace keyturn::testing
