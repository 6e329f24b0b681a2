// Guarantee G8: quiesced and drained before the switch, restored after it.
#include "daemon/steps/drain.h"
#include "daemon/steps/flow_switch.h"
#include "tests/steps/world.h"

namespace keyturn::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class FlowsTest : public StepsTest {
 protected:
  static constexpr int kFlows = 5;

  std::vector<bool> States() {
    std::vector<bool> states;
    for (int i = 0; i < kFlows; ++i) states.push_back(Enabled(i));
    return states;
  }
  void EditFlow(int index, bool disabled) {
    Act("edit-flow",
        {{"flow", FlowId(index)}, {"set", {{"disabled", disabled}}}});
  }
  void EditTile(const char* path, const Json& value) {
    Act("edit-tile",
        {{"integration", info_["tile"]}, {"set", {{path, value}}}});
  }
  // The jobs that run from the beginning have ended.
  void ReachRest() {
    ASSERT_NO_FATAL_FAILURE(Reach(Step::kTestCandidate));
    clock_.Advance(absl::Minutes(1));
  }

  const std::vector<bool> former_ = {true, true, true, false, true};
  const std::vector<bool> off_ = {false, false, false, false, false};
};

TEST_F(FlowsTest, AreSwitchedOffAndDrained) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kTestCandidate));

  Outcome outcome = Run(Step::kQuiesce);
  ASSERT_EQ(outcome.kind, Kind::kWait);
  EXPECT_THAT(outcome.message, HasSubstr("unfinished jobs"));
  EXPECT_EQ(States(), off_);
  outcome = Settle(Step::kQuiesce);

  EXPECT_EQ(outcome.kind, Kind::kDone) << outcome.message;
  EXPECT_THAT(outcome.proofs, Contains(migration::Proof{"switched off", "4"}));
  EXPECT_EQ(LostRecords(), 0);
}

TEST_F(FlowsTest, TheirStatesAreDurableBeforeTheFirstIsTouched) {
  ReachRest();
  checkpoints_fail_from_ = static_cast<int>(checkpoints_.size());
  ForgetSent();

  EXPECT_EQ(Run(Step::kQuiesce).kind, Kind::kRetry);
  EXPECT_THAT(Writes(), IsEmpty());
  EXPECT_EQ(States(), former_);
}

TEST_F(FlowsTest, KeepTheirFormerStateThroughACrash) {
  ReachRest();

  ASSERT_EQ(Lose(Step::kQuiesce).kind, Kind::kDone);
  ForgetSent();
  ASSERT_EQ(Run(Step::kQuiesce).kind, Kind::kDone);
  EXPECT_THAT(Writes(), IsEmpty());
  ASSERT_EQ(LoseUndo(Step::kQuiesce).kind, Kind::kDone);
  ForgetSent();

  EXPECT_EQ(Undo(Step::kQuiesce).kind, Kind::kDone);
  EXPECT_THAT(Writes(), IsEmpty());
  EXPECT_EQ(States(), former_);
}

TEST_F(FlowsTest, AreSettledByReadingWhenAnAnswerIsLost) {
  ReachRest();
  Fault({{"kind", "reset_after"}, {"method", "PUT"}, {"path", "/v1/**"}});
  ForgetSent();

  ASSERT_EQ(Run(Step::kQuiesce).kind, Kind::kRetry);
  EXPECT_EQ(Run(Step::kQuiesce).kind, Kind::kDone);
  EXPECT_THAT(Writes(), SizeIs(4));
}

TEST_F(FlowsTest, WaitForQueuedData) {
  ReachRest();
  Act("set-queue", {{"connection", connection_}, {"records", 7}});

  const Outcome waits = Settle(Step::kQuiesce, 5);
  ASSERT_EQ(waits.kind, Kind::kWait);
  EXPECT_THAT(waits.message, HasSubstr("queued data"));
  EXPECT_LE(waits.wait, steps::kDrainPollMax);
  Act("set-queue", {{"connection", connection_}, {"records", 0}});
  EXPECT_EQ(Settle(Step::kQuiesce).kind, Kind::kDone);
}

TEST_F(FlowsTest, WaitForQueuedDataHoweverCeligoTellsOfIt) {
  ReachRest();
  Switch("queue_fields", "queues");
  Switch("connection_jobs_endpoint", "missing");
  Act("set-queue", {{"connection", connection_}, {"records", 7}});

  ASSERT_EQ(Run(Step::kQuiesce).kind, Kind::kWait);
  Act("set-queue", {{"connection", connection_}, {"records", 0}});
  EXPECT_EQ(Run(Step::kQuiesce).kind, Kind::kDone);
  Switch("connection_jobs_endpoint", "forbidden");
  EXPECT_EQ(Run(Step::kQuiesce).kind, Kind::kDone);
}

TEST_F(FlowsTest, AreNotWaitedForWithoutEndAndAnOperatorChooses) {
  ReachRest();
  Act("set-queue", {{"connection", connection_}, {"records", 7}});

  ASSERT_EQ(Run(Step::kQuiesce).kind, Kind::kWait);
  clock_.Advance(steps::kDrainMax);
  ASSERT_EQ(Run(Step::kQuiesce).kind, Kind::kWait);
  clock_.Advance(absl::Seconds(1));
  const Outcome outcome = Run(Step::kQuiesce);

  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_EQ(outcome.attention->reason, "DRAIN_TIMEOUT");
  EXPECT_EQ(outcome.attention->owner, "operator");
  EXPECT_THAT(outcome.message, HasSubstr("queued data (7)"));
  EXPECT_THAT(
      outcome.attention->ways_out,
      ElementsAre(HasSubstr("`keyturn retry`"), HasSubstr("by hand in Celigo"),
                  HasSubstr("`keyturn cancel`")));
  EXPECT_EQ(Undo(Step::kQuiesce).kind, Kind::kDone);
  EXPECT_EQ(States(), former_);
}

TEST_F(FlowsTest, AreWaitedForAsLongAsTheSpecSays) {
  migration_.spec.drain_within = absl::Minutes(10);
  ReachRest();
  Act("set-queue", {{"connection", connection_}, {"records", 7}});

  ASSERT_EQ(Run(Step::kQuiesce).kind, Kind::kWait);
  clock_.Advance(absl::Minutes(10) + absl::Seconds(1));
  const Outcome outcome = Run(Step::kQuiesce);

  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_THAT(outcome.attention->ways_out, Contains(HasSubstr("(10m)")));
}

TEST_F(FlowsTest, AJobOfAnHourIsWaitedForAndNamedOnce) {
  ReachRest();
  Control("POST", "/control/switches",
          {{"job_run_ms", absl::ToInt64Milliseconds(absl::Hours(1))}});
  Act("start-job", {{"flow", FlowId(0)}});
  const std::string since = absl::FormatTime("since %Y-%m-%d %H:%M UTC",
                                             clock_.Now(), absl::UTCTimeZone());

  const Outcome first = Run(Step::kQuiesce);
  ASSERT_EQ(first.kind, Kind::kWait);
  EXPECT_THAT(first.message, HasSubstr(Flow(0)["name"].get<std::string>()));
  EXPECT_THAT(first.message, HasSubstr(since));
  clock_.Advance(absl::Minutes(1));
  const std::string runs = Run(Step::kQuiesce).message;
  EXPECT_THAT(runs, HasSubstr(since));
  clock_.Advance(absl::Minutes(50));
  // The same words: no further line in the history.
  EXPECT_EQ(Run(Step::kQuiesce).message, runs);
  clock_.Advance(absl::Minutes(9));
  EXPECT_EQ(Settle(Step::kQuiesce).kind, Kind::kDone);
  EXPECT_EQ(LostRecords(), 0);
}

TEST_F(FlowsTest, NothingIsSwitchedUnderAJobThatNeverEnds) {
  ReachRest();
  Control("POST", "/control/switches",
          {{"job_run_ms", absl::ToInt64Milliseconds(absl::Hours(1000))}});
  const std::string job =
      Act("start-job", {{"flow", FlowId(0)}})["_jobId"].get<std::string>();

  ASSERT_EQ(Run(Step::kQuiesce).kind, Kind::kWait);
  clock_.Advance(steps::kDrainMax + absl::Minutes(1));
  ForgetSent();
  const Outcome outcome = Run(Step::kQuiesce);

  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_THAT(outcome.message, HasSubstr(job));
  EXPECT_EQ(Sent("PUT " + ConnectionPath()), 0);
  // Waited for anew, not passed over.
  migration_.record(Step::kQuiesce).started_at = clock_.Now();
  EXPECT_EQ(Run(Step::kQuiesce).kind, Kind::kWait);
}

// By hand, or by a flow that runs before it: that it is off does not keep a job
// of its from running.
TEST_F(FlowsTest, AJobOfAFlowThatIsOffIsWaitedFor) {
  ReachRest();
  ASSERT_EQ(Run(Step::kQuiesce).kind, Kind::kDone);
  Act("start-job", {{"flow", FlowId(3)}});

  const Outcome outcome = Run(Step::kCutOver);

  ASSERT_EQ(outcome.kind, Kind::kWait);
  EXPECT_THAT(outcome.message, HasSubstr("Jira issues to NetSuite cases"));
  EXPECT_EQ(Sent("PUT " + ConnectionPath()), 0);
  EXPECT_EQ(Settle(Step::kCutOver).kind, Kind::kDone);
  EXPECT_EQ(LostRecords(), 0);
}

TEST_F(FlowsTest, ThatStartEachOtherComeToRestTogether) {
  ReachRest();
  Act("edit-flow", {{"flow", FlowId(0)},
                    {"set", {{"_runNextFlowIds", Json::array({FlowId(1)})}}}});
  Act("edit-flow", {{"flow", FlowId(1)},
                    {"set", {{"_runNextFlowIds", Json::array({FlowId(0)})}}}});
  Act("start-job", {{"flow", FlowId(0)}});

  EXPECT_EQ(Settle(Step::kQuiesce).kind, Kind::kDone);
  EXPECT_EQ(Settle(Step::kCutOver).kind, Kind::kDone);
  EXPECT_EQ(LostRecords(), 0);
}

TEST_F(FlowsTest, QueuedWorkOfAnOfflineConnectionMayStay) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kTestCandidate));
  clock_.Advance(absl::Minutes(1));
  Act("edit-connection",
      {{"connection", connection_}, {"set", {{"offline", true}}}});
  Act("start-job", {{"flow", FlowId(2)}});
  Act("set-queue", {{"connection", connection_}, {"records", 7}});

  EXPECT_EQ(Run(Step::kQuiesce).kind, Kind::kDone);
}

TEST_F(FlowsTest, ArePatchedWhereTheAppsSettingsDoNotHelp) {
  for (const char* answer : {"unchanged", "refused", "forbidden"}) {
    SCOPED_TRACE(answer);
    Switch("persist_settings", answer);
    ReachRest();
    ASSERT_EQ(Run(Step::kQuiesce).kind, Kind::kDone);
    EXPECT_EQ(States(), off_);
    ASSERT_EQ(Undo(Step::kQuiesce).kind, Kind::kDone);
    EXPECT_EQ(States(), former_);
  }
}

TEST_F(FlowsTest, ArePeoplesWhereCeligoRefuses) {
  ReachRest();
  Switch("persist_settings", "refused");
  Switch("ia1_flow_patch", "refused");

  Outcome outcome = Run(Step::kQuiesce);
  ASSERT_EQ(outcome.kind, Kind::kTask);
  EXPECT_THAT(outcome.task->title, HasSubstr(" off"));
  EXPECT_THAT(outcome.task->fields, SizeIs(1));
  EXPECT_EQ(outcome.task->account, "acme");
  // Answered, but not done.
  ASSERT_EQ(Run(Step::kQuiesce).kind, Kind::kTask);
  for (int i = 0; i < kFlows; ++i) EditFlow(i, /*disabled=*/true);
  ASSERT_EQ(Run(Step::kQuiesce).kind, Kind::kDone);

  outcome = Undo(Step::kQuiesce);
  ASSERT_EQ(outcome.kind, Kind::kTask);
  EXPECT_THAT(outcome.task->title, HasSubstr(" on "));
  EXPECT_THAT(outcome.task->title,
              Not(HasSubstr("Jira issues to NetSuite cases")));
}

TEST_F(FlowsTest, ALicenceThatForbidsToEnableIsAPersonsTask) {
  ReachRest();
  ASSERT_EQ(Run(Step::kQuiesce).kind, Kind::kDone);
  Switch("enable_flow", "entitlement_reached");

  const Outcome outcome = Run(Step::kResumeFlows);

  ASSERT_EQ(outcome.kind, Kind::kTask);
  EXPECT_THAT(outcome.task->problem, HasSubstr("licence"));
}

TEST_F(FlowsTest, AreLeftAloneWhileTheAppUpdatesButNotForEver) {
  ReachRest();
  EditTile("updateInProgress", true);
  ForgetSent();

  ASSERT_EQ(Run(Step::kQuiesce).kind, Kind::kWait);
  EXPECT_THAT(Writes(), IsEmpty());
  clock_.Advance(steps::kUpdateMax + absl::Seconds(1));
  const Outcome outcome = Run(Step::kQuiesce);

  ASSERT_EQ(outcome.kind, Kind::kBlocked);
  EXPECT_EQ(outcome.attention->reason, "APP_UPDATING");
  EXPECT_EQ(States(), former_);
}

TEST_F(FlowsTest, OfAnAppWithStoresAreSwitchedWithTheirStoresId) {
  EditTile("settings.supportsMultiStore", true);
  EditTile("settings.sections",
           Json::array(
               {{{"id", "store7"},
                 {"title", "Berlin"},
                 {"sections",
                  Json::array(
                      {{{"flows", Json::array({{{"_id", FlowId(0)}}})}}})}}}));
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kPreflight));

  EXPECT_EQ(Notes().flows[0].store_id, "store7");
  EXPECT_EQ(Notes().flows[1].store_id, "");
  EXPECT_FALSE(Notes().flows[0].foreign);
}

TEST_F(FlowsTest, ThatAreGoneAreNobodysConcern) {
  ReachRest();
  steps::Notes notes = Notes();
  notes.flows.push_back({.id = "5f0000000000000000000000", .name = "Gone"});
  SetNotes(notes);

  ASSERT_EQ(Run(Step::kQuiesce).kind, Kind::kDone);
  const Outcome outcome = Run(Step::kResumeFlows);

  EXPECT_EQ(outcome.kind, Kind::kDone) << outcome.message;
  EXPECT_THAT(outcome.proofs, Contains(migration::Proof{"Gone", "gone"}));
}

TEST_F(FlowsTest, MadeSinceThePlanAreQuietToo) {
  ReachRest();
  steps::Notes notes = Notes();
  notes.flows.erase(notes.flows.begin());
  SetNotes(notes);

  const Outcome outcome = Run(Step::kQuiesce);

  ASSERT_EQ(outcome.kind, Kind::kDone) << outcome.message;
  EXPECT_EQ(States(), off_);
  EXPECT_THAT(outcome.proofs,
              Contains(migration::Proof{"flows made since the plan", "1"}));
  ASSERT_EQ(Run(Step::kResumeFlows).kind, Kind::kDone);
  EXPECT_EQ(States(), former_);
}

TEST_F(FlowsTest, EnabledByAPersonMeanwhileStaySo) {
  ReachRest();
  ASSERT_EQ(Run(Step::kQuiesce).kind, Kind::kDone);
  EditFlow(3, /*disabled=*/false);

  const Outcome outcome = Run(Step::kResumeFlows);

  EXPECT_EQ(outcome.kind, Kind::kDone);
  EXPECT_TRUE(Enabled(3));
  EXPECT_THAT(outcome.proofs,
              Contains(migration::Proof{"Jira issues to NetSuite cases",
                                        "enabled (by somebody, meanwhile)"}));
}

// A roll-back days later must not undo what people did with their flows.
TEST_F(FlowsTest, SwitchedByAPersonAfterTheyWereGivenBackStaySo) {
  ReachRest();
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kResumeFlows));
  EditFlow(0, /*disabled=*/true);
  EditFlow(3, /*disabled=*/false);
  const std::vector<bool> wish = {false, true, true, true, true};

  ASSERT_EQ(SettleUndo(Step::kResumeFlows).kind, Kind::kDone);
  EXPECT_EQ(States(), off_);
  // Once more, as after a crash: what it switched off is nobody's wish.
  ASSERT_EQ(SettleUndo(Step::kResumeFlows).kind, Kind::kDone);
  EXPECT_EQ(SettleUndo(Step::kQuiesce).kind, Kind::kDone);
  EXPECT_EQ(States(), wish);
}

TEST_F(FlowsTest, AreRestoredAlthoughGivingThemBackWasCutOff) {
  ReachRest();
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kVerifyFlows));
  Fault({{"kind", "status"},
         {"status", 500},
         {"method", "PUT"},
         {"skip", 1},
         {"path", "/v1/integrations/**"}});
  ASSERT_EQ(Run(Step::kResumeFlows).kind, Kind::kRetry);
  ASSERT_NE(States(), former_);
  // The undoing is cut off too, after it has switched flows off.
  LoseUndo(Step::kResumeFlows);

  EXPECT_EQ(SettleUndo(Step::kResumeFlows).kind, Kind::kDone);
  EXPECT_EQ(SettleUndo(Step::kQuiesce).kind, Kind::kDone);
  EXPECT_EQ(States(), former_);
}

TEST_F(FlowsTest, AWishIsKeptThoughTheUndoingIsCutOff) {
  ReachRest();
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kResumeFlows));
  LoseUndo(Step::kResumeFlows);
  ASSERT_EQ(States(), off_);

  EXPECT_EQ(SettleUndo(Step::kResumeFlows).kind, Kind::kDone);
  EXPECT_EQ(SettleUndo(Step::kQuiesce).kind, Kind::kDone);
  EXPECT_EQ(States(), former_);
}

TEST_F(FlowsTest, AreOffAgainBeforeTheOldLoginComesBack) {
  ReachRest();
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kResumeFlows));
  ASSERT_EQ(States(), former_);

  EXPECT_EQ(SettleUndo(Step::kResumeFlows).kind, Kind::kDone);
  EXPECT_EQ(States(), off_);
  EXPECT_EQ(SettleUndo(Step::kQuiesce).kind, Kind::kDone);
  EXPECT_EQ(States(), former_);
}

}  // namespace
}  // namespace keyturn::testing
