// Adoption: somebody else has done the work by hand. It is proved, not
// repeated, and nothing outside is changed.
#include "daemon/base/status.h"
#include "tests/steps/world.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class AdoptTest : public StepsTest {
 protected:
  // Somebody runs the seed by hand.
  void DoItByHand() {
    Act("enable-feature");
    Act("clone-role", {{"from", "Celigo Jira Connector"},
                       {"name", "CeligoJiraTBA"},
                       {"add_permissions", {"ADMI_LOGIN_OAUTH"}}});
    Act("assign-role",
        {{"user", sandbox::Text(info_, "user")}, {"role", "CeligoJiraTBA"}});
    const auto [id, secret] = MakeToken({{"name", "made by hand"}});
    SwitchByHand(id, secret);
  }
  void SwitchByHand(const std::string& id, const std::string& secret) {
    Act("edit-connection",
        {{"connection", connection_},
         {"set",
          {{"netsuite.authType", "token"},
           {"netsuite.tokenId", id},
           {"netsuite.tokenSecret", secret},
           {"netsuite._iClientId", sandbox::Text(info_, "iclient")},
           {"netsuite.requestLevelCredentials", true}}},
         {"remove", {"netsuite.email", "netsuite.password"}}});
  }
  void Adopt() {
    migration_.spec.adopt = true;
    document_ = Connection();
    ForgetSent();
  }
  // Neither the connection nor a flow was written, and no secret is held.
  void ExpectUntouched() {
    EXPECT_EQ(Connection(), document_);
    EXPECT_EQ(Sent("PUT "), 0);
    EXPECT_EQ(Sent("PATCH "), 0);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(Enabled(i), i != 3);
    EXPECT_FALSE(TokenInfo().ok());
    EXPECT_EQ(LostRecords(), 0);
  }

  Json document_;
};

TEST_F(AdoptTest, ProvesWhatIsThereAndWritesNothing) {
  DoItByHand();
  Adopt();

  ASSERT_NO_FATAL_FAILURE(Reach(Step::kFinish));

  ExpectUntouched();
  EXPECT_EQ(FailedLogins(), 0);
  EXPECT_EQ(Sent("POST /v1/connections/ping"), 0);
  EXPECT_THAT(migration_.record(Step::kIssueToken).proofs,
              Contains(migration::Proof{"token", "made by hand"}));
  EXPECT_THAT(migration_.record(Step::kFinish).proofs,
              Contains(migration::Proof{
                  "credential", "none: Keyturn does not hold this token"}));
}

TEST_F(AdoptTest, SaysInThePlanWhatIsProvedAndThatNothingChanges) {
  DoItByHand();
  Adopt();

  const Outcome outcome = Run(Step::kPreflight);

  ASSERT_EQ(outcome.kind, Kind::kPlan) << outcome.message;
  EXPECT_THAT(outcome.plan->changes, IsEmpty());
  for (const migration::PlannedStep& step : outcome.plan->steps) {
    if (step.step == Step::kCreateRole || step.step == Step::kIssueToken ||
        step.step == Step::kCutOver) {
      EXPECT_THAT(step.what, HasSubstr("proved, not repeated"));
      EXPECT_TRUE(step.reversible);
    }
  }
}

TEST_F(AdoptTest, WithoutAccessToNetSuiteTheConnectionItselfIsTheProof) {
  DoItByHand();
  outside_.has_access = false;
  Adopt();

  const Outcome planned = Run(Step::kPreflight);
  ASSERT_EQ(planned.kind, Kind::kPlan) << planned.message;
  EXPECT_THAT(planned.plan->steps[2].what, HasSubstr("cannot be proved"));
  // Nobody is asked for anything.
  for (const Step step : {Step::kEnableTba, Step::kCreateRole,
                          Step::kAssignRole, Step::kIssueToken}) {
    const Outcome outcome = Run(step);
    EXPECT_EQ(outcome.kind, Kind::kDone) << Name(step) << outcome.message;
    EXPECT_THAT(outcome.message, HasSubstr("may not look"));
  }
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kFinish));
  ExpectUntouched();
}

TEST_F(AdoptTest, AMissingRoleIsAPersonsTaskAndIsNotGiven) {
  DoItByHand();
  Act("unassign-role",
      {{"user", sandbox::Text(info_, "user")}, {"role", "CeligoJiraTBA"}});
  Adopt();
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCreateRole));
  ForgetSent();

  const Outcome outcome = Run(Step::kAssignRole);

  ASSERT_EQ(outcome.kind, Kind::kTask) << outcome.message;
  EXPECT_THAT(Writes(), Each(Not(HasSubstr("/record/"))));
}

TEST_F(AdoptTest, ATokenOfAnotherRoleIsAnOperatorsToDecide) {
  DoItByHand();
  Act("revoke-token", {{"name", "made by hand"}});
  Adopt();
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kAssignRole));

  const Outcome outcome = Run(Step::kIssueToken);

  ASSERT_EQ(outcome.kind, Kind::kBlocked) << outcome.message;
  EXPECT_EQ(outcome.attention->reason, "TOKEN_NOT_LISTED");
  ExpectUntouched();
}

TEST_F(AdoptTest, AConnectionThatDoesNotWorkIsNotAdoptedAndTakesNoToken) {
  DoItByHand();
  Adopt();
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCutOver));
  Act("revoke-token", {{"name", "made by hand"}});

  const Outcome outcome = Run(Step::kVerifyConnection);

  ASSERT_EQ(outcome.kind, Kind::kBlocked) << outcome.message;
  EXPECT_EQ(outcome.attention->reason, "ADOPTED_LOGIN_FAILS");
  EXPECT_THAT(outcome.attention->ways_out,
              Contains(HasSubstr("`keyturn cancel`")));
}

TEST_F(AdoptTest, GoingBackUndoesNothing) {
  DoItByHand();
  Adopt();
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kProveTraffic));
  ForgetSent();

  for (const Step step : migration::kAllSteps) {
    if (!migration::HasUndo(step)) continue;
    EXPECT_EQ(Undo(step).kind, Kind::kDone) << Name(step);
  }
  EXPECT_THAT(transport_.lines, IsEmpty());
  ExpectUntouched();
}

TEST_F(AdoptTest, TakenOffTheTokenMeanwhileItEndsAndLeavesItSo) {
  DoItByHand();
  Adopt();
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  Act("edit-connection",
      {{"connection", connection_}, {"set", {{"netsuite.authType", "basic"}}}});
  document_ = Connection();

  EXPECT_EQ(Run(Step::kCutOver).kind, Kind::kFailed);
  ExpectUntouched();
}

TEST_F(AdoptTest, AnotherIClientIsSaidAndLeft) {
  DoItByHand();
  Act("edit-connection",
      {{"connection", connection_},
       {"set", {{"netsuite._iClientId", "5f2222222222222222222222"}}}});
  Adopt();

  const Outcome outcome = Run(Step::kPreflight);

  ASSERT_EQ(outcome.kind, Kind::kPlan) << outcome.message;
  EXPECT_THAT(outcome.plan->warnings,
              Contains(AllOf(HasSubstr("5f2222222222222222222222"),
                             HasSubstr("left so"))));
  EXPECT_EQ(Notes().iclient_id, "5f2222222222222222222222");
}

TEST_F(AdoptTest, IsOfferedWhereTheConnectionIsOnATokenAndNowhereElse) {
  Adopt();
  Outcome outcome = Run(Step::kPreflight);
  ASSERT_EQ(outcome.kind, Kind::kRefused);
  EXPECT_EQ(base::ReasonOf(outcome.refusal), "NOT_ON_TOKEN");
  EXPECT_EQ(base::FieldOf(outcome.refusal), "spec.adopt");

  DoItByHand();
  migration_.spec.adopt = false;
  outcome = Run(Step::kPreflight);
  ASSERT_EQ(outcome.kind, Kind::kRefused);
  EXPECT_EQ(base::ReasonOf(outcome.refusal), "ALREADY_ON_TOKEN");
  EXPECT_THAT(outcome.message, HasSubstr("`adopt: true`"));
}

// Somebody runs the seed by hand while the migration is on its way.
TEST_F(AdoptTest, IsOfferedToAMigrationThatSomebodyOvertook) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kIssueToken));
  const auto [id, secret] = MakeToken({{"name", "made by hand"}});
  SwitchByHand(id, secret);
  document_ = Connection();
  ForgetSent();

  for (const Step step : {Step::kTestCandidate, Step::kCutOver}) {
    const Outcome outcome = Run(step);
    EXPECT_EQ(outcome.kind, Kind::kFailed) << Name(step);
    EXPECT_THAT(outcome.message, HasSubstr("`adopt: true`")) << Name(step);
    EXPECT_THAT(outcome.message, HasSubstr("plan again")) << Name(step);
  }
  EXPECT_EQ(Connection(), document_);
}

}  // namespace
}  // namespace keyturn::testing
