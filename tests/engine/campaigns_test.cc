// Campaigns: who begins when, and what a crash, a seal or a caller changes.
#include "daemon/engine/campaigns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "daemon/base/status.h"
#include "tests/engine/house.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {
namespace {

using migration::CampaignCommand;
using migration::CampaignPolicy;
using migration::CampaignState;
using migration::MemberStanding;
using migration::MemberState;
using migration::State;
using migration::Step;
using store::StoredCampaign;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CampaignsTest : public House {
 protected:
  using Change = decltype(engine::ChangeCampaignCommand::change);

  static CampaignPolicy Policy(int canary, int wave, int max_running) {
    CampaignPolicy policy;
    policy.canary = canary;
    policy.wave = wave;
    policy.max_running = max_running;
    return policy;
  }
  static std::vector<migration::Spec> Specs(int from, int to) {
    std::vector<migration::Spec> specs;
    for (int i = from; i <= to; ++i) specs.push_back(SpecFor(i));
    return specs;
  }
  Answer<StoredCampaign> AskToStart(CampaignPolicy policy, int members,
                                    engine::Caller caller = Operator()) {
    engine::CreateCampaignCommand command;
    command.title = "all of acme";
    command.policy = policy;
    command.specs = Specs(1, members);
    auto answer =
        std::make_shared<std::optional<absl::StatusOr<StoredCampaign>>>();
    engine_->CreateCampaign(
        std::move(caller), std::move(command),
        [answer](absl::StatusOr<StoredCampaign> result) { *answer = result; });
    return answer;
  }
  std::string Start(CampaignPolicy policy, int members) {
    return Wait(AskToStart(policy, members)).value().campaign.id;
  }
  absl::StatusOr<StoredCampaign> Ask(
      const std::string& id, Change change,
      std::optional<int64_t> revision = std::nullopt) {
    engine::ChangeCampaignCommand command{id, revision, std::move(change)};
    auto answer =
        std::make_shared<std::optional<absl::StatusOr<StoredCampaign>>>();
    engine_->ChangeCampaign(
        Operator(), std::move(command),
        [answer](absl::StatusOr<StoredCampaign> result) { *answer = result; });
    return Wait(answer);
  }
  StoredCampaign Campaign(const std::string& id) {
    return store_->GetCampaign(id).value();
  }
  CampaignState StateOf(const std::string& id) {
    return Campaign(id).campaign.state;
  }
  // Numbers of the members whose migrations are there.
  std::vector<int> Begun(const std::string& id) {
    std::vector<int> numbers;
    for (const MemberStanding& standing : Campaign(id).members) {
      if (standing.member.state != MemberState::kBegun) continue;
      numbers.push_back(standing.member.number);
    }
    return numbers;
  }
  void RunUntilItIs(CampaignState state, const std::string& id) {
    RunUntil([&] { return StateOf(id) == state; });
  }
  size_t Migrations() { return store_->ListMigrations({}, {})->items.size(); }
};

TEST_F(CampaignsTest, RunsItsWavesToTheEnd) {
  const std::string id = Start(Policy(1, 2, 2), 6);
  RunUntilItIs(CampaignState::kFinished, id);
  const StoredCampaign done = Campaign(id);
  ASSERT_THAT(done.members, SizeIs(6));
  EXPECT_THAT(done.members,
              Each(Field(&MemberStanding::migration,
                         std::optional<State>(State::kSucceeded))));
  EXPECT_EQ(Migrations(), 6u);
  EXPECT_TRUE(done.campaign.ended_at.has_value());
  EXPECT_LE(script_.under_way_max, 2);
}

TEST_F(CampaignsTest, NothingElseBeginsBeforeTheCanaryHasSucceeded) {
  Door door;
  script_.OnRun(Step::kCutOver, GivingBehind(door, steps::Done("switched")));
  const std::string id = Start(Policy(1, 3, 10), 5);
  RunUntil([&] { return door.waiting() == 1; });
  RunUntilQuiet();
  EXPECT_THAT(Begun(id), ElementsAre(1));
  door.Open();
  RunUntilItIs(CampaignState::kFinished, id);
}

TEST_F(CampaignsTest, StopsItselfAndLeavesWhatRuns) {
  Door door;
  script_.OnRun(Step::kQuiesce, GivingBehind(door, steps::Done("quiet")));
  script_.OnRun(Step::kQuiesce, steps::Failed("a flow does not stop"));
  const std::string id = Start(Policy(0, 2, 10), 6);
  RunUntilItIs(CampaignState::kStopped, id);
  EXPECT_THAT(Campaign(id).campaign.stop_reason,
              HasSubstr("1 of its members failed"));
  EXPECT_THAT(Begun(id), ElementsAre(1, 2));
  door.Open();
  RunUntil([&] {
    const auto members = Campaign(id).members;
    return std::count_if(members.begin(), members.end(), [](const auto& m) {
             return m.migration == State::kSucceeded;
           }) == 1;
  });
  RunUntilQuiet();
  EXPECT_EQ(Migrations(), 2u);

  ASSERT_THAT(Ask(id, CampaignCommand::kResume), IsOk());
  RunUntilItIs(CampaignState::kFinished, id);
  EXPECT_EQ(Migrations(), 6u);
}

TEST_F(CampaignsTest, ACrashAfterEachCommitMakesNoMemberTwice) {
  const std::string id = Start(Policy(1, 2, 2), 4);
  int crashes = 0;
  while (StateOf(id) != CampaignState::kFinished) {
    ASSERT_LT(++crashes, 2000);
    store_->commits_left = 1 + crashes % 3;
    RunUntil([&] {
      return store_->commits_left <= 0 ||
             StateOf(id) == CampaignState::kFinished;
    });
    Crash();
  }
  EXPECT_EQ(Migrations(), 4u);
  for (const MemberStanding& standing : Campaign(id).members) {
    EXPECT_EQ(standing.migration, State::kSucceeded);
  }
}

TEST_F(CampaignsTest, ACrashDuringPreflightLetsTheMemberBeginOnce) {
  Door door;
  script_.OnRun(Step::kPreflight, GivingBehind(door, PlanFor(SpecFor())));
  const std::string id = Start(Policy(1, 2, 2), 3);
  RunUntil([&] { return door.waiting() == 1; });
  Crash();
  EXPECT_THAT(Begun(id), IsEmpty());
  RunUntilItIs(CampaignState::kFinished, id);
  EXPECT_EQ(Migrations(), 3u);
}

TEST_F(CampaignsTest, NothingBeginsAfterAPauseWasAnswered) {
  Door door;
  script_.OnRun(Step::kPreflight, GivingBehind(door, PlanFor(SpecFor())));
  const std::string id = Start(Policy(1, 2, 2), 3);
  RunUntil([&] { return door.waiting() == 1; });
  ASSERT_THAT(Ask(id, CampaignCommand::kPause), IsOk());
  door.Open();
  RunUntilQuiet();
  EXPECT_EQ(Migrations(), 0u);
  ASSERT_THAT(Ask(id, CampaignCommand::kResume), IsOk());
  RunUntilItIs(CampaignState::kFinished, id);
}

TEST_F(CampaignsTest, AMemberThatWasTakenOutWhileItsPlanWasMadeNeverBegins) {
  Door door;
  script_.OnRun(Step::kPreflight, GivingBehind(door, PlanFor(SpecFor())));
  const std::string id = Start(Policy(1, 2, 2), 2);
  RunUntil([&] { return door.waiting() == 1; });
  ASSERT_THAT(Ask(id, engine::RemoveMember{1}), IsOk());
  door.Open();
  RunUntilItIs(CampaignState::kFinished, id);
  EXPECT_THAT(Begun(id), ElementsAre(2));
}

TEST_F(CampaignsTest, WhatPreflightRefusesIsKeptWithItsReason) {
  steps::Outcome refused;
  refused.kind = steps::Outcome::Kind::kRefused;
  refused.refusal =
      base::WithReason(absl::FailedPreconditionError("runs on a token already"),
                       "ALREADY_ON_TOKEN");
  script_.OnRun(Step::kPreflight, refused);
  const std::string id = Start(Policy(1, 2, 2), 3);
  RunUntilItIs(CampaignState::kStopped, id);
  const migration::CampaignMember first = Campaign(id).members[0].member;
  EXPECT_EQ(first.state, MemberState::kRefused);
  EXPECT_EQ(first.refusal_reason, "ALREADY_ON_TOKEN");
  EXPECT_THAT(first.refusal, HasSubstr("token already"));
  ASSERT_THAT(Ask(id, engine::RemoveMember{1}), IsOk());
  ASSERT_THAT(Ask(id, CampaignCommand::kResume), IsOk());
  RunUntilItIs(CampaignState::kFinished, id);
  EXPECT_EQ(Migrations(), 2u);
}

// Nothing is tried for ever: then a person is told.
TEST_F(CampaignsTest, WhatCannotBeginForHoursIsRefused) {
  int tries = 0;
  store_->refuse = [&tries](const store::Batch& batch) -> absl::Status {
    if (!batch.migration.has_value()) return absl::OkStatus();
    ++tries;
    return base::WithReason(absl::AbortedError("not now"), "REVISION_CONFLICT");
  };
  const std::string id = Start(Policy(1, 2, 2), 1);
  RunUntilItIs(CampaignState::kStopped, id);
  EXPECT_EQ(tries, engine::kBeginTriesMax);
  const migration::CampaignMember member = Campaign(id).members[0].member;
  EXPECT_EQ(member.state, MemberState::kRefused);
  EXPECT_EQ(member.refusal_reason, "REVISION_CONFLICT");
}

TEST_F(CampaignsTest, StandsStillWhileTheVaultIsSealed) {
  Door door;
  script_.OnRun(Step::kPreflight, GivingBehind(door, PlanFor(SpecFor())));
  const std::string id = Start(Policy(1, 2, 2), 3);
  RunUntil([&] { return door.waiting() == 1; });
  bool parked = false;
  engine_->Park([&parked] { parked = true; });
  RunUntil([&parked] { return parked; });
  RunUntilQuiet();
  EXPECT_EQ(Migrations(), 0u);
  EXPECT_EQ(Campaign(id).members[0].member.state, MemberState::kWaiting);
  vault::RootKeys root_keys;
  root_keys.current = RootKey();
  vault_->TakeKeys(
      vault::OpenKeyring(*store_, root_keys, clock_.Now()).value());
  engine_->Unpark();
  RunUntilItIs(CampaignState::kFinished, id);
}

TEST_F(CampaignsTest, MembersThatAreAddedComeLast) {
  Door door;
  script_.OnRun(Step::kCutOver, GivingBehind(door, steps::Done("switched")));
  const std::string id = Start(Policy(1, 1, 10), 2);
  ASSERT_THAT(Ask(id, engine::AddMembers{Specs(3, 4)}), IsOk());
  door.Open();
  RunUntilItIs(CampaignState::kFinished, id);
  EXPECT_THAT(Begun(id), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Ask(id, engine::AddMembers{Specs(5, 5)}),
              HasReason("ILLEGAL_TRANSITION"));
  EXPECT_THAT(Ask(id, engine::RemoveMember{9}),
              HasReason("ILLEGAL_TRANSITION"));
}

TEST_F(CampaignsTest, MembersWhosePlansAreBeingMadeCountAsRunning) {
  Door door;
  script_.OnRun(Step::kPreflight, GivingBehind(door, PlanFor(SpecFor(1))));
  script_.OnRun(Step::kPreflight, GivingBehind(door, PlanFor(SpecFor(2))));
  const std::string id = Start(Policy(0, 0, 2), 4);
  RunUntil([&] { return door.waiting() == 2; });
  // Makes it look again.
  ASSERT_THAT(Ask(id, engine::AddMembers{Specs(5, 5)}), IsOk());
  RunUntilQuiet();
  EXPECT_EQ(door.waiting(), 2);
  EXPECT_EQ(Migrations(), 0u);
  door.Open();
  RunUntilItIs(CampaignState::kFinished, id);
}

TEST_F(CampaignsTest, ARepeatedRequestMakesNoSecondCampaign) {
  const auto first =
      Wait(AskToStart(Policy(1, 2, 2), 2, Operator("request-1")));
  Crash();
  const auto again =
      Wait(AskToStart(Policy(1, 2, 2), 2, Operator("request-1")));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->campaign.id, first->campaign.id);
  EXPECT_THAT(store_->ListCampaigns({})->items, SizeIs(1));
}

TEST_F(CampaignsTest, AChangeOfAnOlderRevisionIsRefused) {
  const std::string id = Start(Policy(1, 2, 2), 2);
  ASSERT_THAT(Ask(id, CampaignCommand::kPause, 1), IsOk());
  EXPECT_THAT(Ask(id, CampaignCommand::kCancel, 1), HasReason("ETAG_MISMATCH"));
  EXPECT_THAT(Ask(id, CampaignCommand::kCancel, 2), IsOk());
  EXPECT_THAT(Ask(id, CampaignCommand::kResume),
              HasReason("ILLEGAL_TRANSITION"));
  EXPECT_THAT(Ask("nosuchcampaignid", CampaignCommand::kPause),
              HasReason("CAMPAIGN_NOT_FOUND"));
}

TEST_F(CampaignsTest, MembersBeginInTheNameOfWhoAddedThem) {
  const std::string id = Start(Policy(1, 2, 2), 1);
  RunUntilItIs(CampaignState::kFinished, id);
  EXPECT_EQ(Stored(Campaign(id).members[0].member.migration_id).creator,
            "anna");
  std::vector<std::string> actions;
  for (const store::AuditRow& row : Trail()) actions.push_back(row.action);
  EXPECT_THAT(actions, Contains("keyturn.v1.Campaigns/CreateCampaign"));
  EXPECT_THAT(actions, Contains("campaign/begin"));
  EXPECT_THAT(actions, Contains("campaign/finish"));
}

}  // namespace
}  // namespace keyturn::testing
