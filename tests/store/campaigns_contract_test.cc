// What every implementation of Store must do with campaigns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "daemon/store/store.h"
#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"

namespace keyturn::store {
namespace {

using migration::Campaign;
using migration::CampaignMember;
using migration::CampaignState;
using migration::MemberState;
using migration::State;
using testing::HasCode;
using testing::HasReason;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::IsOkAndHolds;
using ::testing::SizeIs;
using testing::SmallMigration;
using ::testing::UnorderedElementsAre;

class CampaignsContractTest
    : public ::testing::TestWithParam<std::unique_ptr<Store> (*)(
          const std::string& path)> {
 protected:
  CampaignsContractTest() { Reopen(); }

  void Reopen() {
    store_.reset();
    store_ = GetParam()(directory_.Path("data/keyturn.db"));
  }
  absl::Status Commit(Batch batch) {
    return store_->CommitAndWait(std::move(batch)).status();
  }
  static CampaignMember Member(int number) {
    CampaignMember member;
    member.number = number;
    member.spec.recipe = absl::StrCat("recipe-", number);
    return member;
  }
  // RUNNING, with members 1 to `members`.
  Campaign Create(const std::string& id, int members, int created = 0) {
    Batch batch;
    batch.campaign.emplace();
    Campaign& campaign = batch.campaign->campaign;
    campaign.id = id;
    campaign.revision = 1;
    campaign.created_at = testing::At(created);
    for (int number = 1; number <= members; ++number) {
      batch.members.push_back({id, Member(number), std::nullopt});
    }
    Campaign stored = campaign;
    EXPECT_THAT(Commit(std::move(batch)), IsOk());
    return stored;
  }
  absl::Status Change(Campaign& campaign, CampaignState state) {
    Batch batch;
    batch.campaign.emplace();
    batch.campaign->expected_revision = campaign.revision++;
    campaign.state = state;
    batch.campaign->campaign = campaign;
    return Commit(std::move(batch));
  }
  // Stores the migration `id` as that of a member.
  absl::Status Begin(const std::string& campaign, int number,
                     const std::string& id) {
    Batch batch = testing::NewBatch(SmallMigration(id));
    CampaignMember begun = Member(number);
    begun.state = MemberState::kBegun;
    begun.migration_id = id;
    batch.members.push_back({campaign, begun, MemberState::kWaiting});
    return Commit(std::move(batch));
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_P(CampaignsContractTest, GivesACampaignBackWithItsMembersInOrder) {
  Create("c1", 12);
  Reopen();
  const absl::StatusOr<StoredCampaign> stored = store_->GetCampaign("c1");
  ASSERT_THAT(stored, IsOk());
  EXPECT_EQ(stored->campaign.revision, 1);
  ASSERT_THAT(stored->members, SizeIs(12));
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(stored->members[i].member.number, i + 1);
    EXPECT_EQ(stored->members[i].member.spec.recipe,
              absl::StrCat("recipe-", i + 1));
    EXPECT_EQ(stored->members[i].migration, std::nullopt);
  }
  EXPECT_THAT(store_->GetCampaign("c2"), HasReason("CAMPAIGN_NOT_FOUND"));
}

TEST_P(CampaignsContractTest, ShowsMembersWithTheStateOfTheirMigrations) {
  Create("c1", 2);
  ASSERT_THAT(Begin("c1", 2, "m1"), IsOk());
  EXPECT_EQ(store_->GetCampaign("c1")->members[1].migration, State::kRunning);
  migration::Migration migration = SmallMigration("m1");
  migration.state = State::kSucceeded;
  ASSERT_THAT(Commit(testing::NextBatch(migration)), IsOk());
  EXPECT_EQ(store_->GetCampaign("c1")->members[1].migration, State::kSucceeded);
  EXPECT_THAT(store_->FindCampaignOf("m1"),
              IsOkAndHolds(std::optional<std::string>("c1")));
  EXPECT_THAT(store_->FindCampaignOf("m2"),
              IsOkAndHolds(std::optional<std::string>()));
}

// However often it is asked for, and whatever crashed in between.
TEST_P(CampaignsContractTest, AMemberBeginsOnce) {
  Create("c1", 1);
  ASSERT_THAT(Begin("c1", 1, "m1"), IsOk());
  EXPECT_THAT(Begin("c1", 1, "m2"), HasReason("MEMBER_CHANGED"));
  EXPECT_THAT(store_->GetMigration("m2"), HasReason("MIGRATION_NOT_FOUND"));
  EXPECT_EQ(store_->GetCampaign("c1")->members[0].member.migration_id, "m1");
}

TEST_P(CampaignsContractTest, NoMemberBeginsUnlessItsCampaignRuns) {
  Campaign campaign = Create("c1", 1);
  for (const CampaignState state :
       {CampaignState::kPaused, CampaignState::kStopped,
        CampaignState::kCancelled, CampaignState::kFinished}) {
    ASSERT_THAT(Change(campaign, state), IsOk());
    EXPECT_THAT(Begin("c1", 1, "m1"), HasReason("CAMPAIGN_NOT_RUNNING"));
  }
  EXPECT_THAT(store_->GetMigration("m1"), HasReason("MIGRATION_NOT_FOUND"));
  EXPECT_THAT(Begin("c2", 1, "m1"), HasReason("CAMPAIGN_NOT_FOUND"));
}

TEST_P(CampaignsContractTest, RefusesACampaignThatWasChangedMeanwhile) {
  Campaign campaign = Create("c1", 0);
  Campaign stale = campaign;
  ASSERT_THAT(Change(campaign, CampaignState::kPaused), IsOk());
  EXPECT_THAT(Change(stale, CampaignState::kCancelled),
              HasCode(absl::StatusCode::kAborted));
  EXPECT_EQ(store_->GetCampaign("c1")->campaign.state, CampaignState::kPaused);
}

TEST_P(CampaignsContractTest, StoresACampaignAndWhatBelongsToItOrNothing) {
  Create("c1", 1);
  Batch batch;
  batch.request = testing::RequestOf("request-1");
  batch.campaign.emplace();
  batch.campaign->campaign.id = "c2";
  batch.campaign->campaign.revision = 1;
  batch.members.push_back({"c2", Member(1), std::nullopt});
  batch.members.push_back({"c1", Member(1), std::nullopt});
  EXPECT_THAT(Commit(std::move(batch)), HasReason("MEMBER_CHANGED"));
  EXPECT_THAT(store_->GetCampaign("c2"), HasReason("CAMPAIGN_NOT_FOUND"));
  EXPECT_FALSE(store_->FindRequest("olga", "request-1")->has_value());
}

TEST_P(CampaignsContractTest, ListsThemNewestFirstInPages) {
  Create("c1", 1, 1);
  Campaign second = Create("c2", 2, 2);
  Create("c3", 0, 3);
  const absl::StatusOr<Page<StoredCampaign>> first =
      store_->ListCampaigns({2, ""});
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(first->items, SizeIs(2));
  EXPECT_EQ(first->items[0].campaign.id, "c3");
  EXPECT_THAT(first->items[0].members, IsEmpty());
  EXPECT_THAT(first->items[1].members, SizeIs(2));
  const absl::StatusOr<Page<StoredCampaign>> rest =
      store_->ListCampaigns({2, first->next});
  ASSERT_THAT(rest->items, SizeIs(1));
  EXPECT_EQ(rest->items[0].campaign.id, "c1");
  EXPECT_THAT(rest->next, IsEmpty());
  EXPECT_THAT(*store_->ListLiveCampaigns(),
              UnorderedElementsAre("c1", "c2", "c3"));
  ASSERT_THAT(Change(second, CampaignState::kCancelled), IsOk());
  EXPECT_THAT(*store_->ListLiveCampaigns(), UnorderedElementsAre("c1", "c3"));
  EXPECT_THAT(store_->ListCampaigns({2, "nonsense"}),
              HasCode(absl::StatusCode::kInvalidArgument));
}

INSTANTIATE_TEST_SUITE_P(Sqlite, CampaignsContractTest,
                         ::testing::Values(&testing::OpenStore));

}  // namespace
}  // namespace keyturn::store
