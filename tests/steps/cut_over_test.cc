// Guarantee G7: the document differs in exactly the intended fields, and what
// somebody else has changed is not overwritten. And the way back.
#include "absl/strings/str_cat.h"
#include "tests/steps/world.h"

namespace keyturn::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class CutOverTest : public StepsTest {
 protected:
  int Puts() const { return Sent(absl::StrCat("PUT ", ConnectionPath())); }
  void Edit(const char* path, const Json& value) {
    Act("edit-connection",
        {{"connection", connection_}, {"set", {{path, value}}}});
  }
};

TEST_F(CutOverTest, ChangesExactlyTheIntendedFields) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  const Json before = Connection();
  ForgetSent();

  const Outcome outcome = Run(Step::kCutOver);

  ASSERT_EQ(outcome.kind, Kind::kDone) << outcome.message;
  Json expected = before;
  const Json after = Connection();
  expected["lastModified"] = after["lastModified"];
  Json& netsuite = expected["netsuite"];
  netsuite.erase("email");
  netsuite.erase("password");
  netsuite["authType"] = "token";
  netsuite["requestLevelCredentials"] = true;
  for (const char* field : {"tokenId", "tokenSecret", "_iClientId"}) {
    netsuite[field] = after["netsuite"][field];
  }
  EXPECT_EQ(nlohmann::json(expected), nlohmann::json(after));
  EXPECT_EQ(after["netsuite"]["_iClientId"], info_["iclient"]);
  EXPECT_THAT(Writes(), SizeIs(1));
}

TEST_F(CutOverTest, WritesNothingWhenItIsDoneAlready) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCutOver));
  ForgetSent();

  EXPECT_EQ(Run(Step::kCutOver).kind, Kind::kDone);
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(CutOverTest, WritesOnceAlthoughACrashLosesTheOutcome) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  ForgetSent();

  ASSERT_EQ(Lose(Step::kCutOver).kind, Kind::kDone);
  clock_.Advance(absl::Seconds(5));

  EXPECT_EQ(Run(Step::kCutOver).kind, Kind::kDone);
  EXPECT_EQ(Puts(), 1);
}

TEST_F(CutOverTest, WritesNothingBeforeItIsDurable) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  checkpoints_fail_from_ = static_cast<int>(checkpoints_.size());
  ForgetSent();

  EXPECT_EQ(Run(Step::kCutOver).kind, Kind::kRetry);
  EXPECT_EQ(Puts(), 0);
}

// A drain takes long.
TEST_F(CutOverTest, WritesNoTokenThatWasRevokedSinceTheGate) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  clock_.Advance(absl::Hours(1));
  Act("revoke-token", {{"name", steps::TokenName("m1", 1)}});
  ForgetSent();

  const Outcome outcome = Run(Step::kCutOver);

  EXPECT_EQ(outcome.kind, Kind::kFailed);
  EXPECT_THAT(outcome.message, HasSubstr("does not any more"));
  EXPECT_EQ(Puts(), 0);
}

TEST_F(CutOverTest, TestsTheTokenOnceMoreOnlyAfterALongDrain) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  migration_.record(Step::kTestCandidate).ended_at = clock_.Now();
  ForgetSent();
  ASSERT_EQ(Run(Step::kCutOver).kind, Kind::kDone);
  EXPECT_EQ(Sent("POST /v1/connections/ping"), 0);
}

TEST_F(CutOverTest, ALongDrainIsFollowedByOneTestAndTheWrite) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  clock_.Advance(absl::Hours(1));
  ForgetSent();
  ASSERT_EQ(Run(Step::kCutOver).kind, Kind::kDone);
  EXPECT_EQ(Sent("POST /v1/connections/ping"), 1);
  EXPECT_EQ(Puts(), 1);
}

struct Loss {
  const char* fault;
  int puts;
};

class LostAnswerTest : public CutOverTest,
                       public ::testing::WithParamInterface<Loss> {};

TEST_P(LostAnswerTest, IsSettledByReading) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  Fault({{"kind", GetParam().fault},
         {"method", "PUT"},
         {"path", "/v1/connections/*"}});
  ForgetSent();

  ASSERT_EQ(Run(Step::kCutOver).kind, Kind::kRetry);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Run(Step::kCutOver).kind, Kind::kDone);
  EXPECT_EQ(Puts(), GetParam().puts);
  EXPECT_EQ(LostRecords(), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Faults, LostAnswerTest,
    ::testing::Values(Loss{"reset_before", 2}, Loss{"status", 2},
                      Loss{"rubbish", 1}, Loss{"reset_after", 1},
                      Loss{"status_after", 1}, Loss{"cut_body", 1}),
    [](const auto& loss) { return std::string(loss.param.fault); });

TEST_F(CutOverTest, LeavesADocumentAloneThatSomebodyChangedSinceThePlan) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  Edit("netsuite.concurrencyLevel", 9);
  ForgetSent();

  const Outcome outcome = Run(Step::kCutOver);

  EXPECT_EQ(outcome.kind, Kind::kFailed);
  EXPECT_THAT(outcome.message, HasSubstr("netsuite.concurrencyLevel"));
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(CutOverTest, LeavesADocumentAloneThatSomebodyChangesMeanwhile) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  ForgetSent();
  transport_.Before("POST /v1/jobs/current", [this] { Edit("name", "Ours"); });

  EXPECT_EQ(Run(Step::kCutOver).kind, Kind::kWait);
  EXPECT_EQ(Puts(), 0);
  EXPECT_EQ(Run(Step::kCutOver).kind, Kind::kFailed);
  EXPECT_EQ(Puts(), 0);
  EXPECT_EQ(Connection()["name"], "Ours");
}

// No look can see it: only the audit trail tells of an edit that the write has
// overwritten.
TEST_F(CutOverTest, TellsOfAnEditThatTheWriteHasOverwritten) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  transport_.Before(absl::StrCat("PUT ", ConnectionPath()),
                    [this] { Edit("name", "Ours"); });

  const Outcome outcome = Run(Step::kCutOver);

  ASSERT_EQ(outcome.kind, Kind::kDone) << outcome.message;
  EXPECT_THAT(outcome.left_to_do,
              ElementsAre(HasSubstr("somebody changed name of")));
}

TEST_F(CutOverTest, AnAuditTrailThatIsClosedStopsNothing) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  Fault({{"kind", "status"}, {"status", 400}, {"path", "/v1/**/audit"}});

  const Outcome outcome = Run(Step::kCutOver);

  EXPECT_EQ(outcome.kind, Kind::kDone) << outcome.message;
  EXPECT_THAT(outcome.left_to_do, IsEmpty());
}

TEST_F(CutOverTest, TellsOfWhatSomebodyChangedRightAfterTheWrite) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  // The first GET of the document is the look, the second the last read.
  transport_.Before(absl::StrCat("PUT ", ConnectionPath()), [this] {
    transport_.Before(absl::StrCat("GET ", ConnectionPath()),
                      [this] { Edit("name", "Ours"); });
  });

  const Outcome outcome = Run(Step::kCutOver);

  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_EQ(outcome.attention->reason, "DOCUMENT_DIFFERS");
  EXPECT_THAT(outcome.message, HasSubstr("name"));
  EXPECT_THAT(outcome.attention->ways_out, Not(IsEmpty()));
}

TEST_F(CutOverTest, ReportsWhatCeligoNormalises) {
  Edit("netsuite.wsdlVersion", "current");
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  EXPECT_THAT(migration_.plan->warnings,
              Contains(HasSubstr("wsdlVersion is current")));

  const Outcome outcome = Run(Step::kCutOver);

  ASSERT_EQ(outcome.kind, Kind::kDone) << outcome.message;
  EXPECT_THAT(outcome.proofs,
              Contains(migration::Proof{"netsuite.wsdlVersion (set by Celigo)",
                                        "current -> latest"}));
}

// What Celigo may make of a write by itself, one way or the other.
TEST_F(CutOverTest, OpenQuestionsAboutAWriteDoNotMatter) {
  for (const auto& [name, answer] :
       std::vector<std::pair<std::string, std::string>>{
           {"put_answer", "empty_200"},
           {"put_answer", "empty_204"},
           {"omitted_login_in_put", "kept"},
           {"read_only_fields_in_put", "dropped"},
           {"put_defaults", "filled_in"}}) {
    Switch(name, answer);
  }
  Act("edit-connection",
      {{"connection", connection_},
       {"remove", {"netsuite.environment", "netsuite.concurrencyLevel"}}});
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  ForgetSent();

  const Outcome outcome = Run(Step::kCutOver);

  ASSERT_EQ(outcome.kind, Kind::kDone) << outcome.message;
  EXPECT_EQ(Puts(), 1);
  EXPECT_THAT(outcome.proofs,
              Contains(migration::Proof{"netsuite.password",
                                        "left out, but kept by Celigo"}));
  EXPECT_THAT(outcome.proofs,
              Contains(migration::Proof{"netsuite.environment (set by Celigo)",
                                        "absent -> production"}));
  EXPECT_EQ(Run(Step::kVerifyConnection).kind, Kind::kDone);
}

TEST_F(CutOverTest, TheWayBackIsOpenThoughCeligoKeepsTheLoginThatIsLeftOut) {
  AddOldLogin();
  Switch("omitted_login_in_put", "kept");
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCutOver));

  const Outcome outcome = Undo(Step::kCutOver);

  EXPECT_EQ(outcome.kind, Kind::kDone) << outcome.message;
  EXPECT_EQ(Connection()["netsuite"]["authType"], "basic");
}

TEST_F(CutOverTest, MigratesAnOldDocumentWithoutAuthType) {
  Act("edit-connection",
      {{"connection", connection_}, {"remove", {"netsuite.authType"}}});
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kFinish));
  EXPECT_EQ(Connection()["netsuite"]["authType"], "token");
}

TEST_F(CutOverTest, AFlowEnabledSinceIsQuietFirstAndGetsItsWishLater) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  ASSERT_FALSE(Enabled(3));
  Act("edit-flow", {{"flow", FlowId(3)}, {"set", {{"disabled", false}}}});
  Act("start-job", {{"flow", FlowId(3)}});

  const Outcome outcome = Settle(Step::kCutOver);

  ASSERT_EQ(outcome.kind, Kind::kDone) << outcome.message;
  EXPECT_FALSE(Enabled(3));
  EXPECT_EQ(LostRecords(), 0);
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kResumeFlows));
  EXPECT_TRUE(Enabled(3));
}

TEST_F(CutOverTest, ARefusedWriteLeadsBackAndChangesNothing) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  Switch("connector_put", "refused");

  EXPECT_EQ(Run(Step::kCutOver).kind, Kind::kFailed);
  EXPECT_EQ(Connection()["netsuite"]["authType"], "basic");
  EXPECT_EQ(Undo(Step::kCutOver).kind, Kind::kDone);
  EXPECT_EQ(Undo(Step::kQuiesce).kind, Kind::kDone);
  EXPECT_TRUE(Enabled(0));
}

TEST_F(CutOverTest, OurOwnRefusedLoginIsAnOperatorsAndLeadsNowhere) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  transport_.Before(absl::StrCat("PUT ", ConnectionPath()),
                    [this] { Act("revoke-api-token"); });

  const Outcome outcome = Run(Step::kCutOver);

  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_EQ(outcome.attention->reason, "OUTSIDE_LOGIN_REFUSED");
}

TEST_F(CutOverTest, WithoutTheOldLoginItTurnsForward) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCutOver));
  ForgetSent();

  const Outcome outcome = Undo(Step::kCutOver);

  EXPECT_EQ(outcome.kind, Kind::kTurnForward);
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(CutOverTest, UndoOfWhatNeverHappenedWritesNothing) {
  AddOldLogin();
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  Fault({{"kind", "reset_before"}, {"method", "PUT"}, {"path", "/v1/**"}});
  ASSERT_EQ(Run(Step::kCutOver).kind, Kind::kRetry);
  ForgetSent();

  EXPECT_EQ(SettleUndo(Step::kCutOver).kind, Kind::kDone);
  EXPECT_THAT(Writes(), IsEmpty());
}

// Guarantee G1: were the token revoked meanwhile, the connection would stand
// there with a token that does not work and without its password.
TEST_F(CutOverTest, UndoWaitsForAWriteThatMayStillArrive) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kQuiesce));
  Fault({{"kind", "reset_before"}, {"method", "PUT"}, {"path", "/v1/**"}});
  ASSERT_EQ(Run(Step::kCutOver).kind, Kind::kRetry);

  ASSERT_EQ(Undo(Step::kCutOver).kind, Kind::kWait);
  clock_.Advance(absl::Seconds(40));
  ASSERT_EQ(Undo(Step::kCutOver).kind, Kind::kWait);
  Edit("netsuite.authType", "token");

  EXPECT_EQ(Undo(Step::kCutOver).kind, Kind::kTurnForward);
}

TEST_F(CutOverTest, GoesBackWithTheOldLoginOnceAlthoughItCrashes) {
  AddOldLogin();
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCutOver));
  ASSERT_TRUE(migration_.plan->reversible_after_cut_over);
  ForgetSent();
  clock_.Advance(absl::Seconds(1));

  ASSERT_EQ(LoseUndo(Step::kCutOver).kind, Kind::kDone);
  const Outcome outcome = Undo(Step::kCutOver);

  EXPECT_EQ(outcome.kind, Kind::kDone) << outcome.message;
  EXPECT_EQ(Puts(), 1);
  const Json after = Connection();
  EXPECT_EQ(after["netsuite"]["authType"], "basic");
  EXPECT_EQ(after["netsuite"]["password"], old_password_);
  EXPECT_FALSE(after["netsuite"].contains("tokenId"));
  EXPECT_FALSE(after["offline"].get<bool>());
  EXPECT_EQ(Undo(Step::kCutOver).kind, Kind::kDone);
  EXPECT_EQ(Puts(), 1);
}

// Found by a simulated history: the way there told of such an edit, the way
// back did not.
TEST_F(CutOverTest, TheWayBackTellsOfAnEditThatItHasOverwritten) {
  AddOldLogin();
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCutOver));
  clock_.Advance(absl::Minutes(1));
  transport_.Before(absl::StrCat("PUT ", ConnectionPath()),
                    [this] { Edit("name", "Ours"); });

  ASSERT_EQ(LoseUndo(Step::kCutOver).kind, Kind::kDone);
  const Outcome outcome = Undo(Step::kCutOver);

  ASSERT_EQ(outcome.kind, Kind::kDone) << outcome.message;
  EXPECT_THAT(outcome.left_to_do,
              ElementsAre(HasSubstr("somebody changed name of")));
}

TEST_F(CutOverTest, GoesBackOverNobodysEdit) {
  AddOldLogin();
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCutOver));
  ForgetSent();
  transport_.Before("POST /v1/connections/ping",
                    [this] { Edit("name", "Ours"); });

  EXPECT_EQ(Undo(Step::kCutOver).kind, Kind::kWait);
  EXPECT_EQ(Undo(Step::kCutOver).kind, Kind::kBlocked);
  EXPECT_EQ(Puts(), 0);
  EXPECT_EQ(Connection()["name"], "Ours");
}

TEST_F(CutOverTest, KeepsAWorkingTokenWhenTheOldLoginIsRefused) {
  AddOldLogin();
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCutOver));
  Act("edit-user", {{"user", info_["user"]}, {"password", "another-Pa55word"}});
  const int failed = FailedLogins();

  const Outcome outcome = Undo(Step::kCutOver);

  EXPECT_EQ(outcome.kind, Kind::kTurnForward);
  EXPECT_EQ(Connection()["netsuite"]["authType"], "token");
  EXPECT_EQ(FailedLogins(), failed + 1);
}

TEST_F(CutOverTest, TurnsForwardWhenCeligoTakesNoPasswordLogins) {
  AddOldLogin();
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCutOver));
  Switch("put_basic", "refused");

  const Outcome outcome = Undo(Step::kCutOver);

  EXPECT_EQ(outcome.kind, Kind::kTurnForward);
  EXPECT_THAT(outcome.message, HasSubstr("refuses password logins"));
  EXPECT_EQ(Connection()["netsuite"]["authType"], "token");
}

TEST_F(CutOverTest, DoesNotUndoWhatSomebodyElseHasChangedSince) {
  AddOldLogin();
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCutOver));
  Edit("name", "Ours");
  ForgetSent();

  const Outcome outcome = Undo(Step::kCutOver);

  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_EQ(outcome.attention->reason, "DOCUMENT_CHANGED");
  EXPECT_EQ(Puts(), 0);
}

TEST_F(CutOverTest, ASecondTokenReplacesTheFirst) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCutOver));
  Act("revoke-token", {{"name", steps::TokenName("m1", 1)}});
  clock_.Advance(absl::Seconds(1));
  const Outcome asked = Run(Step::kVerifyConnection);
  ASSERT_EQ(asked.kind, Kind::kTask);
  EXPECT_EQ(asked.task->token_name, steps::TokenName("m1", 2));
  const auto [id, token] = MakeToken();
  HandIn(id, token);
  ForgetSent();

  EXPECT_EQ(Run(Step::kTestCandidate).kind, Kind::kDone);
  EXPECT_EQ(Run(Step::kCutOver).kind, Kind::kDone);
  EXPECT_EQ(Run(Step::kVerifyConnection).kind, Kind::kDone);
  EXPECT_EQ(Puts(), 1);
  EXPECT_EQ(Connection()["netsuite"]["tokenId"], id);
}

}  // namespace
}  // namespace keyturn::testing
