#include "daemon/migration/campaign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "tests/support/status_matchers.h"

namespace keyturn::migration {
namespace {

using ::testing::ElementsAre;
using testing::HasReason;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;

// A campaign whose members' migrations go as a test says.
class CampaignTest : public ::testing::Test {
 protected:
  void Add(int count, const std::string& netsuite = "acme-ns") {
    for (int i = 0; i < count; ++i) {
      MemberStanding& added = members_.emplace_back();
      added.member.number = static_cast<int>(members_.size());
      added.member.spec.celigo.account = "acme";
      added.member.spec.netsuite.account = netsuite;
    }
  }
  void Set(int number, State state) {
    MemberStanding& standing = members_[number - 1];
    standing.member.state = MemberState::kBegun;
    standing.member.migration_id = absl::StrCat("m", number);
    standing.migration = state;
  }
  void Refuse(int number) {
    members_[number - 1].member.state = MemberState::kRefused;
  }
  CampaignDecision Next() const { return Decide(campaign_, members_); }
  std::vector<int> Begins() const { return Next().begin; }

  Campaign campaign_;
  std::vector<MemberStanding> members_;
};

TEST_F(CampaignTest, BeginsWithTheCanariesAndNothingElse) {
  campaign_.policy.canary = 2;
  campaign_.policy.wave = 3;
  Add(10);
  EXPECT_THAT(Begins(), ElementsAre(1, 2));
  Set(1, State::kRunning);
  EXPECT_THAT(Begins(), ElementsAre(2));
}

TEST_F(CampaignTest, TheFirstWaveBeginsWhenEveryCanaryHasSucceeded) {
  campaign_.policy.canary = 2;
  campaign_.policy.wave = 3;
  Add(10);
  Set(1, State::kSucceeded);
  for (const State state : kAllStates) {
    Set(2, state);
    EXPECT_EQ(Begins().empty(), state != State::kSucceeded) << Name(state);
  }
  Set(2, State::kSucceeded);
  EXPECT_THAT(Begins(), ElementsAre(3, 4, 5));
}

TEST_F(CampaignTest, ALaterWaveBeginsWhenNoneOfTheOneBeforeWaitsOrRuns) {
  campaign_.policy.canary = 0;
  campaign_.policy.wave = 2;
  campaign_.policy.stop_after_failures = 5;
  Add(4);
  EXPECT_THAT(Begins(), ElementsAre(1, 2));
  Set(1, State::kRolledBack);
  Set(2, State::kAwaitingTask);
  EXPECT_THAT(Begins(), IsEmpty());
  EXPECT_THAT(Next().reason, HasSubstr("wave 1 waits for 1"));
  Set(2, State::kNeedsAttention);
  EXPECT_THAT(Begins(), ElementsAre(3, 4));
}

TEST_F(CampaignTest, AWaveMayBeAShareOfAllMembers) {
  campaign_.policy.canary = 1;
  campaign_.policy.wave_percent = 25;
  Add(10);
  Set(1, State::kSucceeded);
  EXPECT_THAT(Begins(), ElementsAre(2, 3, 4));
  EXPECT_EQ(ProgressOf(campaign_.policy, members_).waves, 4);
}

TEST_F(CampaignTest, WithoutAWaveTheRestIsOne) {
  Add(5);
  Set(1, State::kSucceeded);
  EXPECT_THAT(Begins(), ElementsAre(2, 3, 4, 5));
}

TEST_F(CampaignTest, NeverMoreRunAtOnceThanThePolicySays) {
  campaign_.policy.canary = 0;
  campaign_.policy.max_running = 3;
  campaign_.policy.stop_after_failures = 5;
  Add(6);
  EXPECT_THAT(Begins(), ElementsAre(1, 2, 3));
  Set(1, State::kRunning);
  Set(2, State::kPaused);
  // Somebody has to look after it, but its flows may be off all the same.
  Set(3, State::kNeedsAttention);
  EXPECT_THAT(Begins(), IsEmpty());
  EXPECT_THAT(Next().reason, HasSubstr("3 run, and max_running is 3"));
  Set(2, State::kSucceeded);
  EXPECT_THAT(Begins(), ElementsAre(4));
}

TEST_F(CampaignTest, AFullAccountDoesNotHoldTheOthersUp) {
  campaign_.policy.canary = 0;
  campaign_.policy.max_running_per_erp_account = 1;
  Add(3, "acme-ns");
  Add(2, "other-ns");
  EXPECT_THAT(Begins(), ElementsAre(1, 4));
  Set(1, State::kRunning);
  Set(4, State::kRunning);
  EXPECT_THAT(Begins(), IsEmpty());
  EXPECT_THAT(Next().reason,
              HasSubstr("1 run on account acme-ns, and 1 are the most"));
}

TEST_F(CampaignTest, TheLimitOfACeligoAccountCountsAllItsNetSuiteAccounts) {
  campaign_.policy.canary = 0;
  campaign_.policy.max_running_per_integrator_account = 2;
  Add(2, "acme-ns");
  Add(2, "other-ns");
  EXPECT_THAT(Begins(), ElementsAre(1, 2));
}

TEST_F(CampaignTest, StopsWithTheFailureThatReachesTheLimit) {
  campaign_.policy.canary = 0;
  campaign_.policy.stop_after_failures = 3;
  Add(6);
  Set(1, State::kRolledBack);
  Set(2, State::kNeedsAttention);
  EXPECT_THAT(Begins(), SizeIs(4));
  Refuse(3);
  EXPECT_EQ(Next().state, CampaignState::kStopped);
  EXPECT_THAT(Next().begin, IsEmpty());
  EXPECT_THAT(Next().reason, HasSubstr("3 of its members failed"));
}

TEST_F(CampaignTest, AcceptedFailuresDoNotStopItAgainButNewOnesDo) {
  campaign_.policy.canary = 0;
  campaign_.policy.wave = 1;
  Add(3);
  Set(1, State::kRolledBack);
  for (const CampaignMember& member : AcceptFailures(members_)) {
    members_[member.number - 1].member = member;
  }
  EXPECT_THAT(AcceptFailures(members_), IsEmpty());
  EXPECT_THAT(Begins(), ElementsAre(2));
  Set(2, State::kCancelled);
  EXPECT_EQ(Next().state, CampaignState::kStopped);
}

TEST_F(CampaignTest, ACanaryThatFailedIsReplacedWhenItIsTakenOut) {
  campaign_.policy.wave = 3;
  campaign_.policy.stop_after_failures = 5;
  Add(5);
  Set(1, State::kRolledBack);
  EXPECT_THAT(Begins(), IsEmpty());
  EXPECT_THAT(Next().reason, HasSubstr("member 1 of the canary wave"));
  members_[0].member = *TakeOut(members_[0]);
  EXPECT_THAT(Begins(), ElementsAre(2));
}

TEST_F(CampaignTest, OnlyWhatIsNotAtWorkAndHasNotSucceededIsTakenOut) {
  Add(1);
  EXPECT_THAT(TakeOut(members_[0]), IsOk());
  for (const State state : kAllStates) {
    Set(1, state);
    const absl::Status status = TakeOut(members_[0]).status();
    if (state == State::kSucceeded) {
      EXPECT_THAT(status, HasReason("MEMBER_SUCCEEDED"));
    } else if (IsAtRest(state)) {
      EXPECT_THAT(status, IsOk());
    } else {
      EXPECT_THAT(status, HasReason("MEMBER_RUNNING")) << Name(state);
    }
  }
  Refuse(1);
  EXPECT_THAT(TakeOut(members_[0]), IsOk());
  members_[0].member.state = MemberState::kTakenOut;
  EXPECT_THAT(TakeOut(members_[0]), HasReason("MEMBER_TAKEN_OUT"));
}

TEST_F(CampaignTest, IsFinishedWhenAllAreAtRest) {
  campaign_.policy.stop_after_failures = 5;
  Add(3);
  Set(1, State::kSucceeded);
  Set(2, State::kRolledBack);
  Set(3, State::kNeedsAttention);
  EXPECT_EQ(Next().state, CampaignState::kRunning);
  EXPECT_THAT(Next().reason, HasSubstr("need attention"));
  Set(3, State::kSucceeded);
  EXPECT_EQ(Next().state, CampaignState::kFinished);
}

TEST_F(CampaignTest, NothingBeginsUnlessItRuns) {
  Add(3);
  for (const CampaignState state : kAllCampaignStates) {
    campaign_.state = state;
    EXPECT_EQ(Begins().empty(), state != CampaignState::kRunning)
        << Name(state);
    EXPECT_EQ(Next().state, state);
  }
}

TEST_F(CampaignTest, TakesNoCommandAtRestAndAWayOnElsewhere) {
  for (const CampaignState state : kAllCampaignStates) {
    campaign_.state = state;
    const auto takes = [this](CampaignCommand command) {
      return Apply(campaign_, command, absl::UnixEpoch()).ok();
    };
    EXPECT_EQ(takes(CampaignCommand::kCancel), !IsAtRest(state));
    EXPECT_EQ(takes(CampaignCommand::kPause), state == CampaignState::kRunning);
    EXPECT_EQ(
        takes(CampaignCommand::kResume),
        state == CampaignState::kPaused || state == CampaignState::kStopped);
  }
  EXPECT_THAT(Apply(campaign_, CampaignCommand::kPause, absl::UnixEpoch()),
              HasReason("ILLEGAL_TRANSITION"));
}

TEST_F(CampaignTest, ProgressCountsEachMemberOnce) {
  campaign_.policy.wave = 2;
  Add(8);
  Set(1, State::kSucceeded);
  Set(2, State::kAwaitingTask);
  Set(3, State::kNeedsAttention);
  Set(4, State::kRolledBack);
  Refuse(5);
  members_[5].member.state = MemberState::kTakenOut;
  const CampaignProgress progress = ProgressOf(campaign_.policy, members_);
  EXPECT_EQ(progress.succeeded, 1);
  EXPECT_EQ(progress.running, 1);
  EXPECT_EQ(progress.failed, 2);
  EXPECT_EQ(progress.refused, 1);
  EXPECT_EQ(progress.taken_out, 1);
  EXPECT_EQ(progress.waiting, 2);
  EXPECT_EQ(progress.wave, 2);
  EXPECT_EQ(progress.waves, 4);
}

TEST_F(CampaignTest, APolicyOutsideItsLimitsIsRefusedByField) {
  EXPECT_THAT(ValidatePolicy({}), IsOk());
  CampaignPolicy policy;
  policy.max_running = 0;
  EXPECT_EQ(base::FieldOf(ValidatePolicy(policy)),
            "campaign.policy.max_running");
  policy = {};
  policy.wave = 3;
  policy.wave_percent = 10;
  EXPECT_EQ(base::FieldOf(ValidatePolicy(policy)),
            "campaign.policy.wave_percent");
  policy = {};
  policy.stop_after_failures = 0;
  EXPECT_EQ(base::FieldOf(ValidatePolicy(policy)),
            "campaign.policy.stop_after_failures");
}

}  // namespace
}  // namespace keyturn::migration
