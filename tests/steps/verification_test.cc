// What proves the switch: the saved connection, test runs, a real run, the end.
#include "daemon/steps/discover.h"
#include "tests/steps/world.h"
#include "tests/support/run_awaitable.h"

namespace keyturn::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class VerificationTest : public StepsTest {
 protected:
  int Runs() const { return Sent("POST /v1/flows/" + FlowId(2) + "/run"); }
};

TEST_F(VerificationTest, TheWholeWayLosesNothing) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kFinish));

  EXPECT_EQ(LostRecords(), 0);
  EXPECT_EQ(FailedLogins(), 0);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Enabled(i), i != 3);
  EXPECT_THAT(TokenInfo()->versions, ElementsAre(::testing::Field(
                                         &store::CredentialInfo::Version::label,
                                         store::VersionLabel::kCurrent)));
}

TEST_F(VerificationTest, ReadsThroughTheConnectionAndToleratesNoRightToDoSo) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCutOver));
  Fault({{"kind", "status"}, {"status", 403}, {"path", "/v1/netsuite/**"}});
  EXPECT_EQ(Run(Step::kVerifyConnection).kind, Kind::kDone);
}

TEST_F(VerificationTest, ARefusalOfTheMetadataAsksToMendTheRole) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCutOver));
  Fault({{"kind", "status"}, {"status", 422}, {"path", "/v1/netsuite/**"}});

  const Outcome outcome = Run(Step::kVerifyConnection);

  ASSERT_EQ(outcome.kind, Kind::kTask);
  EXPECT_THAT(outcome.task->problem, HasSubstr("RECORD_TYPES_NOT_READABLE"));
}

TEST_F(VerificationTest, OurOwnRefusedTokenIsNotTheConnections) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCutOver));
  transport_.Before("GET /v1/netsuite/", [this] { Act("revoke-api-token"); });

  const Outcome outcome = Run(Step::kVerifyConnection);

  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_EQ(outcome.attention->reason, "OUTSIDE_LOGIN_REFUSED");
}

TEST_F(VerificationTest, WaitsForOnlineButNotForEver) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCutOver));
  migration_.record(Step::kVerifyConnection).waits = 29;
  const auto take_offline = [this] {
    Act("edit-connection",
        {{"connection", connection_}, {"set", {{"offline", true}}}});
  };
  transport_.Before("GET " + ConnectionPath(), take_offline);
  ASSERT_EQ(Run(Step::kVerifyConnection).kind, Kind::kWait);
  transport_.Before("GET " + ConnectionPath(), take_offline);

  const Outcome outcome = Run(Step::kVerifyConnection);

  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_EQ(outcome.attention->reason, "CONNECTION_OFFLINE");
}

TEST_F(VerificationTest, FollowsTestRunsToTheirEnd) {
  Switch("test_run_job", "running");
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kVerifyConnection));
  ForgetSent();

  const Outcome outcome = Run(Step::kVerifyFlows);

  EXPECT_EQ(outcome.kind, Kind::kDone);
  EXPECT_THAT(outcome.message, HasSubstr("5 of 5"));
  EXPECT_THAT(outcome.left_to_do, IsEmpty());
}

TEST_F(VerificationTest, FlowsWithoutATestModeAreLeftToAPerson) {
  Switch("test_run", "refused");
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kVerifyConnection));

  const Outcome outcome = Run(Step::kVerifyFlows);

  EXPECT_EQ(outcome.kind, Kind::kDone);
  EXPECT_THAT(outcome.left_to_do, SizeIs(5));
}

TEST_F(VerificationTest, TestRunsWithoutEndDoNotKeepTheBusinessWaiting) {
  Switch("test_run_job", "running");
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kVerifyConnection));
  Switch("job_run_ms", "9999999999");
  const absl::Time begin = clock_.Now();

  const Outcome outcome = Run(Step::kVerifyFlows);

  EXPECT_EQ(outcome.kind, Kind::kDone) << outcome.message;
  EXPECT_THAT(outcome.left_to_do, SizeIs(5));
  EXPECT_THAT(outcome.left_to_do.front(), HasSubstr("its end was not seen"));
  EXPECT_THAT(outcome.left_to_do.back(), HasSubstr("was not test-run"));
  EXPECT_LE(clock_.Now() - begin,
            migration::PolicyOf(Step::kVerifyFlows).attempt_timeout);
}

TEST_F(VerificationTest, ATestRunThatTellsNothingIsLeftToAPerson) {
  Switch("test_run_answer", "metadata");
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kVerifyConnection));

  const Outcome outcome = Run(Step::kVerifyFlows);

  EXPECT_EQ(outcome.kind, Kind::kDone);
  EXPECT_THAT(outcome.left_to_do, SizeIs(5));
}

TEST_F(VerificationTest, ATestRunThatIsNotAmongTheJobsIsLeftToAPerson) {
  Switch("test_run_job", "running");
  Switch("test_run_listed", "no");
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kVerifyConnection));

  const Outcome outcome = Run(Step::kVerifyFlows);

  EXPECT_EQ(outcome.kind, Kind::kDone);
  EXPECT_THAT(outcome.left_to_do, SizeIs(5));
}

TEST_F(VerificationTest, ATestRunThatCannotLogInStopsTheMigration) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kVerifyConnection));
  Act("revoke-token", {{"name", "keyturn-m1-1"}});

  const Outcome outcome = Run(Step::kVerifyFlows);

  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_EQ(outcome.attention->reason, "FLOW_TEST_FAILED");
}

TEST_F(VerificationTest, RunsOnceAlthoughACrashLosesTheOutcome) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kResumeFlows));
  ForgetSent();

  Lose(Step::kProveTraffic);
  const Outcome outcome = Settle(Step::kProveTraffic);

  EXPECT_EQ(outcome.kind, Kind::kDone) << outcome.message;
  EXPECT_EQ(Runs(), 1);
}

TEST_F(VerificationTest, RunsOnceAlthoughTheAnswerIsLost) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kResumeFlows));
  Fault({{"kind", "reset_after"},
         {"method", "POST"},
         {"path", "/v1/flows/*/run"}});
  ForgetSent();

  ASSERT_EQ(Run(Step::kProveTraffic).kind, Kind::kRetry);
  EXPECT_EQ(Settle(Step::kProveTraffic).kind, Kind::kDone);
  EXPECT_EQ(Runs(), 1);
}

TEST_F(VerificationTest, ARunFromBeforeTheSwitchIsNoProof) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kResumeFlows));
  Fault({{"kind", "reset_before"},
         {"method", "POST"},
         {"path", "/v1/flows/*/run"}});
  ForgetSent();

  ASSERT_EQ(Run(Step::kProveTraffic).kind, Kind::kRetry);
  EXPECT_EQ(Settle(Step::kProveTraffic).kind, Kind::kDone);
  EXPECT_EQ(Runs(), 2);
}

TEST_F(VerificationTest, AFailedRunIsAnOperatorsAndARetryIsANewRun) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kResumeFlows));
  Act("revoke-token", {{"name", "keyturn-m1-1"}});
  ForgetSent();

  const Outcome outcome = Settle(Step::kProveTraffic);
  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_EQ(outcome.attention->reason, "RUN_FAILED");
  Settle(Step::kProveTraffic);
  EXPECT_EQ(Runs(), 2);
}

TEST_F(VerificationTest, AFlowThatIsGoneIsNotRun) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kResumeFlows));
  Fault({{"kind", "status"}, {"status", 404}, {"path", "/v1/flows/*/run"}});

  const Outcome outcome = Settle(Step::kProveTraffic);

  EXPECT_EQ(outcome.kind, Kind::kDone);
  EXPECT_THAT(outcome.left_to_do, ElementsAre(HasSubstr("is gone")));
}

TEST_F(VerificationTest, TheEndRefusesAConnectionThatWasTakenBack) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kProveTraffic));
  Act("edit-connection",
      {{"connection", connection_}, {"set", {{"netsuite.authType", "basic"}}}});

  const Outcome outcome = Run(Step::kFinish);

  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_EQ(outcome.attention->reason, "CONNECTION_CHANGED");
}

TEST_F(VerificationTest, TheEndRefusesAConnectionThatIsOffline) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kProveTraffic));
  Act("edit-connection",
      {{"connection", connection_}, {"set", {{"offline", true}}}});

  const Outcome outcome = Run(Step::kFinish);

  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_EQ(outcome.attention->reason, "CONNECTION_OFFLINE");
}

TEST_F(VerificationTest, OnTrialTheEndAsksSomebodyToConfirm) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kProveTraffic));
  migration_.spec.confirm_within = absl::Hours(2);
  migration_.plan->reversible_after_cut_over = true;

  const Outcome outcome = Run(Step::kFinish);

  ASSERT_EQ(outcome.kind, Kind::kTask);
  EXPECT_EQ(outcome.task->expires_at, clock_.Now() + absl::Hours(2));
  EXPECT_EQ(outcome.task->answer, migration::Task::Answer::kDoneByHand);
  EXPECT_EQ(outcome.task->account, "acme");
  EXPECT_THAT(outcome.task->instructions,
              AllOf(Contains(HasSubstr("keyturn confirm")),
                    Contains(HasSubstr("2h after this was asked"))));

  migration_.confirmed = migration::Approval{"nora", clock_.Now()};
  EXPECT_EQ(Run(Step::kFinish).kind, Kind::kDone);
}

TEST_F(VerificationTest, OnTrialWithoutAWayBackItNeverExpires) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kProveTraffic));
  migration_.spec.confirm_within = absl::Hours(2);
  migration_.plan->reversible_after_cut_over = false;

  const Outcome outcome = Run(Step::kFinish);

  ASSERT_EQ(outcome.kind, Kind::kTask);
  EXPECT_FALSE(outcome.task->expires_at.has_value());
  EXPECT_THAT(outcome.task->instructions,
              Contains(HasSubstr("no way back to the old login")));
}

TEST_F(VerificationTest, DiscoveryJudgesEachConnection) {
  asio::io_context io(1);
  auto found = RunAwaitable(io, steps::Discover(*outside_.celigo), &clock_);
  ASSERT_TRUE(found.ok());
  ASSERT_THAT(*found, SizeIs(1));
  EXPECT_TRUE(found->front().migratable);
  EXPECT_EQ(found->front().recipe, "jira");
  EXPECT_THAT(found->front().flows, SizeIs(5));
  EXPECT_FALSE(found->front().flows[3].enabled);
  Act("edit-connection", {{"connection", connection_},
                          {"set", {{"netsuite.authType", "token-auto"}}}});
  asio::io_context again(1);
  found = RunAwaitable(again, steps::Discover(*outside_.celigo), &clock_);
  ASSERT_TRUE(found.ok());
  EXPECT_FALSE(found->front().migratable);
  EXPECT_THAT(found->front().blockers, SizeIs(1));
}

}  // namespace
}  // namespace keyturn::testing
