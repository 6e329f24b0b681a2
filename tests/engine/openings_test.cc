// What the audit trail tells of the secrets that were really opened.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/engine/trail_rows.h"
#include "daemon/vault/payload.h"
#include "tests/engine/house.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {
namespace {

using migration::EventKind;
using migration::State;
using migration::Step;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kLogin[] = "acme-old";
constexpr char kOpened[] = "opened credentials/acme-old version 1";
constexpr char kCreate[] = "keyturn.v1.Migrations/CreateMigration";

void OpenLogin(steps::Context& context) {
  EXPECT_THAT(
      context.vault.Open(context.spec().old_login,
                         store::VersionLabel::kCurrent, context.openings),
      IsOk());
}

asio::awaitable<steps::Outcome> OpenAndGive(steps::Context& context,
                                            steps::Outcome outcome) {
  OpenLogin(context);
  // Again is no difference.
  OpenLogin(context);
  co_return outcome;
}

asio::awaitable<steps::Outcome> OpenAndWait(steps::Context& context, Door& door,
                                            steps::Outcome outcome) {
  OpenLogin(context);
  co_await door.Wait();
  co_return outcome;
}

Script::Attempt Opening(steps::Outcome outcome) {
  return [outcome](steps::Context& context) {
    return OpenAndGive(context, outcome);
  };
}

Script::Attempt OpeningBehind(Door& door, steps::Outcome outcome) {
  return [&door, outcome](steps::Context& context) {
    return OpenAndWait(context, door, outcome);
  };
}

class OpeningsTest : public House {
 protected:
  void SetUp() override {
    House::SetUp();
    const vault::Payload login =
        vault::NetSuiteLogin{secret::Secret("jira.integration@example.com"),
                             secret::Secret("old-password")};
    store::Batch batch;
    batch.credentials.push_back(vault_
                                    ->SealNew(kLogin, login,
                                              store::VersionLabel::kCurrent, "",
                                              "olga", clock_.Now())
                                    .value());
    ASSERT_THAT(store_->CommitAndWait(std::move(batch)), IsOk());
  }

  static migration::Spec SpecWithLogin(int connection = 1) {
    migration::Spec spec = SpecFor(connection);
    spec.old_login = kLogin;
    return spec;
  }
  std::string StartedWithLogin(int connection = 1) {
    return Create(/*start=*/true, SpecWithLogin(connection)).value().id;
  }

  // "STEP_DONE: opened ...", oldest first, of what came of `action`.
  std::vector<std::string> Outcomes(const std::string& action,
                                    const std::string& id = "") {
    std::vector<std::string> outcomes;
    for (const store::AuditRow& row : Trail()) {
      if (row.action != action || row.result == engine::kIntended) continue;
      if (!id.empty() && row.target != absl::StrCat("migrations/", id)) {
        continue;
      }
      outcomes.push_back(absl::StrCat(row.result, ": ", row.detail));
    }
    return outcomes;
  }
  std::vector<std::string> Intents(const std::string& action) {
    std::vector<std::string> intents;
    for (const store::AuditRow& row : Trail()) {
      if (row.action != action || row.result != engine::kIntended) continue;
      intents.push_back(row.detail);
    }
    return intents;
  }
};

TEST_F(OpeningsTest, EveryOutcomeNamesWhatItsAttemptOpenedAndNothingElse) {
  script_.OnRun(Step::kTestCandidate, Opening(Retry("busy")));
  script_.OnRun(Step::kTestCandidate,
                Opening(steps::WaitFor(absl::Minutes(1), "jobs run")));
  script_.OnRun(Step::kTestCandidate, Opening(steps::Done("works")));
  script_.OnRun(Step::kQuiesce, steps::Done("all is quiet"));
  script_.OnRun(Step::kCutOver, Opening(steps::Done("switched")));
  const std::string id = StartedWithLogin();
  RunToState(id, State::kSucceeded);

  EXPECT_THAT(Outcomes("step/test_candidate"),
              ElementsAre(absl::StrCat("STEP_RETRY: ", kOpened),
                          absl::StrCat("STEP_WAIT: ", kOpened),
                          absl::StrCat("STEP_DONE: ", kOpened)));
  EXPECT_THAT(Outcomes("step/quiesce"), ElementsAre("STEP_DONE: "));
  EXPECT_THAT(Outcomes("step/cut_over"),
              ElementsAre(absl::StrCat("STEP_DONE: ", kOpened)));
  // It may have opened more.
  EXPECT_THAT(Intents("step/quiesce"), Each(HasSubstr(kLogin)));
}

TEST_F(OpeningsTest, AnAttemptThatFailedAndItsUndoNameWhatTheyOpened) {
  script_.OnRun(Step::kQuiesce, Opening(steps::Failed("never quiet")));
  script_.OnUndo(Step::kQuiesce, Opening(steps::Done("flows are back")));
  const std::string id = StartedWithLogin();
  RunToState(id, State::kRolledBack);

  EXPECT_THAT(Outcomes("step/quiesce"),
              ElementsAre(absl::StrCat("STEP_FAILED: ", kOpened)));
  EXPECT_THAT(Outcomes("undo/quiesce"),
              ElementsAre(absl::StrCat("STEP_DONE: ", kOpened)));
}

TEST_F(OpeningsTest, AnOutcomeThatTheStoreRefusesIsToldWithWhatWasOpened) {
  steps::Outcome wrong = steps::Done("issued");
  wrong.credentials.push_back(store::RelabelVersion{
      "nobody-has-this", 1, store::VersionLabel::kCurrent});
  script_.OnRun(Step::kIssueToken, Opening(wrong));
  const std::string id = StartedWithLogin();
  RunToState(id, State::kSucceeded);

  EXPECT_THAT(
      Outcomes("step/issue_token"),
      ElementsAre(absl::StrCat("STEP_RETRY: ", kOpened), "STEP_DONE: "));
}

TEST_F(OpeningsTest, AnAttemptThatWasCutByItsTimeOrCancelledNamesThemToo) {
  Door never;
  script_.OnRun(Step::kQuiesce, OpeningBehind(never, Retry("cut short")));
  const std::string late = StartedWithLogin();
  RunToState(late, State::kSucceeded);
  EXPECT_THAT(
      Outcomes("step/quiesce", late),
      ElementsAre(absl::StrCat("STEP_RETRY: ", kOpened), "STEP_DONE: "));

  Door door;
  script_.OnRun(Step::kTestCandidate,
                OpeningBehind(door, steps::Done("works")));
  const std::string id = StartedWithLogin(2);
  RunUntil([&door] { return door.waiting() == 1; });
  const auto cancelled = AskTo(EventKind::kCancel, id);
  RunUntilQuiet();
  door.Open();
  ASSERT_THAT(Wait(cancelled), IsOk());
  RunToState(id, State::kRolledBack);
  EXPECT_THAT(Outcomes("step/test_candidate", id),
              ElementsAre(HasSubstr(kOpened)));
}

// Attempts go on side by side, under the same account's credential.
TEST_F(OpeningsTest, WhatAnotherAttemptOpenedMeanwhileIsNotNamed) {
  Door first;
  Door second;
  script_.OnRun(Step::kQuiesce, GivingBehind(first, steps::Done("quiet")));
  const std::string idle = StartedWithLogin(1);
  RunUntil([&first] { return first.waiting() == 1; });
  script_.OnRun(Step::kQuiesce, OpeningBehind(second, steps::Done("quiet")));
  const std::string busy = StartedWithLogin(2);
  RunUntil([&second] { return second.waiting() == 1; });
  first.Open();
  RunToState(idle, State::kSucceeded);
  second.Open();
  RunToState(busy, State::kSucceeded);

  EXPECT_THAT(Outcomes("step/quiesce", idle), ElementsAre("STEP_DONE: "));
  EXPECT_THAT(Outcomes("step/quiesce", busy),
              ElementsAre(absl::StrCat("STEP_DONE: ", kOpened)));
}

TEST_F(OpeningsTest, AnAttemptThatSealingCutShortIsToldWithWhatItOpened) {
  Door door;
  script_.OnRun(Step::kQuiesce, OpeningBehind(door, Retry("cut short")));
  const std::string id = StartedWithLogin();
  RunUntil([&door] { return door.waiting() == 1; });
  engine_->Park([] {});
  RunUntilQuiet();

  EXPECT_THAT(Outcomes("step/quiesce"),
              ElementsAre(absl::StrCat("SEALED: ", kOpened)));
}

TEST_F(OpeningsTest, AnAttemptThatAStopCutShortIsToldWithWhatItOpened) {
  Door door;
  script_.OnRun(Step::kQuiesce, OpeningBehind(door, Retry("cut short")));
  const std::string id = StartedWithLogin();
  RunUntil([&door] { return door.waiting() == 1; });
  bool done = false;
  engine_->Stop(clock_.Now(), [&done] { done = true; });
  RunUntil([&done] { return done; });

  EXPECT_THAT(Outcomes("step/quiesce"),
              ElementsAre(absl::StrCat("STOPPING: ", kOpened)));
  EXPECT_THAT(broken_, IsEmpty());
}

// Then only the intent tells, of what may have been opened.
TEST_F(OpeningsTest, AnAttemptThatACrashCutShortHasNoOutcomeButItsIntent) {
  Door door;
  script_.OnRun(Step::kQuiesce, OpeningBehind(door, Retry("cut short")));
  const std::string id = StartedWithLogin();
  RunUntil([&door] { return door.waiting() == 1; });
  Crash();
  EXPECT_THAT(Outcomes("step/quiesce"), IsEmpty());
  RunToState(id, State::kSucceeded);

  EXPECT_THAT(Intents("step/quiesce"), SizeIs(2));
  EXPECT_THAT(Intents("step/quiesce"), Each(HasSubstr(kLogin)));
  EXPECT_THAT(Outcomes("step/quiesce"), ElementsAre("STEP_DONE: "));
}

TEST_F(OpeningsTest, NoDaemonGoesOnWhoseTrailDoesNotTakeWhatWasOpened) {
  Door door;
  script_.OnRun(Step::kQuiesce, OpeningBehind(door, Retry("cut short")));
  StartedWithLogin();
  RunUntil([&door] { return door.waiting() == 1; });
  store_->refuse = [](const store::Batch&) {
    return absl::FailedPreconditionError("the trail takes no row");
  };
  engine_->Park([] {});
  RunUntilQuiet();
  EXPECT_THAT(broken_,
              ElementsAre(HasCode(absl::StatusCode::kFailedPrecondition)));
  store_->refuse = nullptr;
}

TEST_F(OpeningsTest, ACreationNamesWhatItsPreflightOpenedHoweverItEnds) {
  const auto plan = [](steps::Outcome outcome) {
    Script::Attempt attempt = Opening(std::move(outcome));
    return attempt;
  };
  steps::Outcome refused;
  refused.kind = steps::Outcome::Kind::kRefused;
  refused.refusal = absl::FailedPreconditionError("it is on a token already");
  script_.OnRun(Step::kPreflight, plan(refused));
  EXPECT_THAT(Create(/*start=*/true, SpecWithLogin()),
              HasCode(absl::StatusCode::kFailedPrecondition));
  script_.OnRun(Step::kPreflight, plan(PlanFor(SpecWithLogin())));
  engine::CreateCommand dry_run;
  dry_run.spec = SpecWithLogin();
  dry_run.validate_only = true;
  EXPECT_THAT(Wait(AskToCreate(Operator(), std::move(dry_run))), IsOk());
  EXPECT_THAT(Create(/*start=*/false, SpecWithLogin(2)), IsOk());
  script_.OnRun(Step::kPreflight, plan(PlanFor(SpecWithLogin())));
  EXPECT_THAT(Create(/*start=*/false, SpecWithLogin(3)), IsOk());

  EXPECT_THAT(Outcomes(kCreate),
              ElementsAre(absl::StrCat("FAILED_PRECONDITION: ", kOpened,
                                       "; it is on a token already"),
                          absl::StrCat("OK: ", kOpened),
                          "OK: ", absl::StrCat("OK: ", kOpened)));
}

TEST_F(OpeningsTest, ACreationThatIsCutShortNamesThemToo) {
  for (const bool stop : {false, true}) {
    Door door;
    script_.OnRun(Step::kPreflight, OpeningBehind(door, Retry("cut short")));
    engine::CreateCommand command;
    command.spec = SpecWithLogin();
    const auto answer = AskToCreate(Operator(), std::move(command));
    RunUntil([&door] { return door.waiting() == 1; });
    if (stop) {
      engine_->Stop(clock_.Now(), [] {});
    } else {
      engine_->Park([] {});
    }
    EXPECT_THAT(Wait(answer), Not(IsOk()));
    RunUntilQuiet();
    EXPECT_THAT(Outcomes(kCreate),
                Contains(HasSubstr(kOpened)).Times(stop + 1));
    Crash();
  }
}

}  // namespace
}  // namespace keyturn::testing
