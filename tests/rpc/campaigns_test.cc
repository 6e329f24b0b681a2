// keyturn.v1.Campaigns from the wire to the engine, and from the store back.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "keyturn/v1/campaigns.grpc.pb.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/served_daemon.h"
#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"

namespace keyturn::rpc {
namespace {

using Campaigns = v1::Campaigns::Stub;
using testing::Call;
using testing::DetailsOf;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;

constexpr char kId[] = "cccccccccccccccc";

class CampaignsTest : public ::testing::Test {
 protected:
  CampaignsTest() { served_.engine.campaign = Stored(); }

  // PAUSED, with one member that has succeeded and one that was refused.
  static store::StoredCampaign Stored() {
    store::StoredCampaign stored;
    stored.campaign = testing::FullCampaign();
    stored.campaign.state = migration::CampaignState::kPaused;
    stored.members.resize(2);
    stored.members[0].member = testing::FullMember();
    stored.members[0].member.number = 1;
    stored.members[0].member.state = migration::MemberState::kBegun;
    stored.members[0].migration = migration::State::kSucceeded;
    stored.members[1].member = testing::FullMember();
    stored.members[1].member.number = 2;
    stored.members[1].member.state = migration::MemberState::kRefused;
    return stored;
  }
  static v1::Spec Spec() {
    v1::Spec spec;
    spec.mutable_celigo()->set_account("accounts/acme");
    spec.mutable_celigo()->set_connection("db6c1b4420c06c8a8157ce63");
    spec.mutable_netsuite()->set_account("acme-ns");
    spec.mutable_netsuite()->set_user("jira.integration@example.com");
    spec.mutable_role()->set_name("CeligoJiraTBA");
    return spec;
  }
  void Put() {
    store::Batch batch;
    store::StoredCampaign stored = Stored();
    batch.campaign = store::CampaignWrite{stored.campaign, 0};
    for (const auto& standing : stored.members) {
      store::MemberWrite write{kId, standing.member, std::nullopt};
      write.member.state = migration::MemberState::kWaiting;
      write.member.migration_id.clear();
      batch.members.push_back(std::move(write));
    }
    ASSERT_THAT(served_.store->CommitAndWait(std::move(batch)), IsOk());
  }
  template <typename Request, typename Method>
  grpc::Status Send(Method method, const Request& request) {
    return Call(method, stub_.get(), request, &campaign_);
  }

  testing::ServedDaemon served_;
  std::unique_ptr<Campaigns> stub_ =
      v1::Campaigns::NewStub(served_.Tls({access::Role::kOperator}));
  v1::Campaign campaign_;
};

TEST_F(CampaignsTest, CreatesWithTheDefaultsForWhatIsAbsent) {
  v1::CreateCampaignRequest request;
  request.mutable_campaign()->set_title("all of acme");
  request.mutable_campaign()->mutable_policy()->set_wave(3);
  *request.add_specs() = Spec();
  ASSERT_TRUE(Send(&Campaigns::CreateCampaign, request).ok());
  const engine::CreateCampaignCommand& command =
      *served_.engine.campaign_created;
  EXPECT_EQ(command.title, "all of acme");
  EXPECT_EQ(command.policy.wave, 3);
  EXPECT_EQ(command.policy.canary, 1);
  EXPECT_EQ(command.policy.max_running, 10);
  EXPECT_EQ(command.policy.stop_after_failures, 1);
  ASSERT_THAT(command.specs, SizeIs(1));
  EXPECT_EQ(command.specs[0].celigo.account, "acme");
  EXPECT_EQ(served_.engine.caller.identity, "ann");
}

TEST_F(CampaignsTest, ACanaryOfNoneIsNotTheDefault) {
  v1::CreateCampaignRequest request;
  request.mutable_campaign()->mutable_policy()->set_canary(0);
  *request.add_specs() = Spec();
  ASSERT_TRUE(Send(&Campaigns::CreateCampaign, request).ok());
  EXPECT_EQ(served_.engine.campaign_created->policy.canary, 0);
}

TEST_F(CampaignsTest, NamesTheSpecThatIsMalformed) {
  v1::CreateCampaignRequest request;
  *request.add_specs() = Spec();
  *request.add_specs() = Spec();
  request.mutable_specs(1)->mutable_netsuite()->set_user("nobody");
  const grpc::Status status = Send(&Campaigns::CreateCampaign, request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(DetailsOf(status).field, "specs[1].netsuite.user");
  EXPECT_FALSE(served_.engine.campaign_created.has_value());
}

TEST_F(CampaignsTest, ShowsHowItAndItsMembersStand) {
  Put();
  v1::GetCampaignRequest request;
  request.set_name(kId);
  ASSERT_TRUE(Send(&Campaigns::GetCampaign, request).ok());
  EXPECT_EQ(campaign_.name(), std::string("campaigns/") + kId);
  EXPECT_EQ(campaign_.state(), v1::Campaign::PAUSED);
  EXPECT_EQ(campaign_.progress().waiting(), 2);
  EXPECT_EQ(campaign_.etag(), "3");
  ASSERT_THAT(campaign_.members(), SizeIs(2));
  EXPECT_EQ(campaign_.members(1).number(), 2);
  EXPECT_EQ(campaign_.members(1).state(), v1::Campaign::Member::WAITING);
}

TEST_F(CampaignsTest, ListsThemWithoutTheirMembers) {
  Put();
  v1::ListCampaignsResponse response;
  ASSERT_TRUE(Call(&Campaigns::ListCampaigns, stub_.get(),
                   v1::ListCampaignsRequest(), &response)
                  .ok());
  ASSERT_THAT(response.campaigns(), SizeIs(1));
  EXPECT_THAT(response.campaigns(0).members(), IsEmpty());
  EXPECT_EQ(response.campaigns(0).progress().waiting(), 2);
}

TEST_F(CampaignsTest, HandsOnEachChangeWithItsRevision) {
  const auto sent = [this]() -> const engine::ChangeCampaignCommand& {
    EXPECT_EQ(served_.engine.campaign_changed->campaign_id, kId);
    EXPECT_EQ(served_.engine.campaign_changed->expected_revision, 3);
    return *served_.engine.campaign_changed;
  };
  const auto moves = [&](auto method, auto request,
                         migration::CampaignCommand command) {
    request.set_name(kId);
    request.set_etag("3");
    ASSERT_TRUE(Send(method, request).ok());
    EXPECT_EQ(std::get<migration::CampaignCommand>(sent().change), command);
  };
  moves(&Campaigns::PauseCampaign, v1::PauseCampaignRequest(),
        migration::CampaignCommand::kPause);
  moves(&Campaigns::ResumeCampaign, v1::ResumeCampaignRequest(),
        migration::CampaignCommand::kResume);
  moves(&Campaigns::CancelCampaign, v1::CancelCampaignRequest(),
        migration::CampaignCommand::kCancel);
  v1::AddMembersRequest add;
  add.set_name(kId);
  add.set_etag("3");
  *add.add_specs() = Spec();
  ASSERT_TRUE(Send(&Campaigns::AddMembers, add).ok());
  EXPECT_THAT(std::get<engine::AddMembers>(sent().change).specs, SizeIs(1));
  v1::RemoveMemberRequest remove;
  remove.set_name(kId);
  remove.set_etag("3");
  EXPECT_EQ(DetailsOf(Send(&Campaigns::RemoveMember, remove)).field, "member");
  remove.set_member(2);
  ASSERT_TRUE(Send(&Campaigns::RemoveMember, remove).ok());
  EXPECT_EQ(std::get<engine::RemoveMember>(sent().change).number, 2);
}

TEST_F(CampaignsTest, SaysWhatOfAMemberIsThere) {
  v1::PauseCampaignRequest request;
  request.set_name(kId);
  ASSERT_TRUE(Send(&Campaigns::PauseCampaign, request).ok());
  const v1::Campaign::Member& first = campaign_.members(0);
  EXPECT_EQ(first.migration(), "migrations/aaaaaaaaaaaaaaaa");
  EXPECT_EQ(first.migration_state(), v1::Migration::SUCCEEDED);
  const v1::Campaign::Member& second = campaign_.members(1);
  EXPECT_EQ(second.state(), v1::Campaign::Member::REFUSED);
  EXPECT_EQ(second.refusal_reason(), "WRONG_TILE");
  EXPECT_EQ(campaign_.progress().succeeded(), 1);
  EXPECT_EQ(campaign_.progress().refused(), 1);
}

}  // namespace
}  // namespace keyturn::rpc
