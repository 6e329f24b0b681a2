// Questions to the outside systems.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "daemon/upstream/celigo/client.h"
#include "daemon/upstream/netsuite/client.h"
#include "tests/engine/house.h"
#include "tests/support/fake_transport.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class QuestionsTest : public House {
 protected:
  void SetUp() override {
    House::SetUp();
    outside_.celigo["acme"] = std::make_shared<celigo::Client>(
        transport_, "https://api.integrator.io",
        [] { return secret::Secret("celigo-token"); });
  }

  absl::StatusOr<engine::Findings> Test(std::string account) {
    std::optional<absl::StatusOr<engine::Findings>> answer;
    engine_->TestAccount(
        std::move(account), std::make_shared<vault::Openings>(),
        [&answer](auto result) { answer = std::move(result); });
    RunUntil([&answer] { return answer.has_value(); });
    return *answer;
  }
  absl::StatusOr<std::vector<steps::DiscoveredConnection>> Discover(
      std::string account) {
    std::optional<absl::StatusOr<std::vector<steps::DiscoveredConnection>>>
        answer;
    engine_->Discover(std::move(account), std::make_shared<vault::Openings>(),
                      [&answer](auto result) { answer = std::move(result); });
    RunUntil([&answer] { return answer.has_value(); });
    return *answer;
  }

  FakeTransport transport_;
};

TEST_F(QuestionsTest, AnAcceptedTokenIsDescribed) {
  transport_.Answer(200,
                    R"({"_userId":"5f0000000000000000000001","scope":"*"})");

  const auto findings = Test("acme");

  ASSERT_THAT(findings, IsOk());
  EXPECT_TRUE(findings->accepted);
  EXPECT_THAT(findings->lines, ElementsAre(HasSubstr("full access")));
  EXPECT_THAT(outside_.forgotten, ElementsAre("acme"));
}

TEST_F(QuestionsTest, ARefusedTokenIsAnAnswer) {
  transport_.Answer(401, R"({"errors":[{"code":"unauthorized"}]})");

  const auto findings = Test("acme");

  ASSERT_THAT(findings, IsOk());
  EXPECT_FALSE(findings->accepted);
  EXPECT_THAT(findings->lines, ::testing::SizeIs(1));
}

TEST_F(QuestionsTest, AnUnreachableSystemIsAnError) {
  transport_.Fail(absl::UnavailableError("no route"));

  const auto findings = Test("acme");
  EXPECT_THAT(findings, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(findings, HasReason("OUTSIDE_UNAVAILABLE"));
  transport_.Fail(absl::UnavailableError("no route"));
  EXPECT_THAT(Discover("acme"), HasReason("OUTSIDE_UNAVAILABLE"));
}

TEST_F(QuestionsTest, AnUnknownAccountIsNotFound) {
  EXPECT_THAT(Test("nowhere"), HasReason("ACCOUNT_NOT_FOUND"));
  EXPECT_THAT(Discover("nowhere"), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(QuestionsTest, ANetSuiteAccountWithoutAccessIsNotAsked) {
  netsuite::Client::Parts parts{
      *netsuite::AccountId::Parse("1234567"),
      netsuite::Endpoints::Of(*netsuite::AccountId::Parse("1234567")), nullptr,
      nullptr, nullptr};
  outside_.netsuite.emplace(
      "acme-ns",
      steps::NetSuiteAccount{*netsuite::AccountId::Parse("1234567"),
                             std::make_shared<netsuite::Client>(
                                 std::move(parts), transport_, clock_),
                             /*has_access=*/false});

  const auto findings = Test("acme-ns");

  ASSERT_THAT(findings, IsOk());
  EXPECT_FALSE(findings->accepted);
  EXPECT_THAT(findings->lines, ElementsAre(HasSubstr("tasks")));
  EXPECT_THAT(transport_.sent(), ::testing::IsEmpty());
}

TEST_F(QuestionsTest, DiscoverFindsNothingInAnEmptyAccount) {
  transport_.OnSend([](const FakeTransport::Sent&) {
    http::Response response;
    response.status = 204;
    return response;
  });

  const auto connections = Discover("acme");

  ASSERT_THAT(connections, IsOk());
  EXPECT_THAT(*connections, ::testing::IsEmpty());
}

TEST_F(QuestionsTest, AnOutsideSystemThatHangsIsGivenUp) {
  transport_.TakeTime(clock_, absl::Hours(5));
  transport_.Answer(200, "{}");

  EXPECT_THAT(Test("acme"), HasReason("OUTSIDE_UNAVAILABLE"));
}

}  // namespace
}  // namespace keyturn::testing
