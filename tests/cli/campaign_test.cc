// `keyturn campaign …` against a daemon that is played by FakeDaemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/fake_daemon.h"
#include "tests/cli/harness.h"
#include "tests/cli/samples.h"

namespace keyturn::cli {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr char kId[] = "cccccccccccccccc";

class CampaignTest : public testing::Test {
 protected:
  CampaignTest() {
    daemon_.Start();
    config_ = directory_.Write("config.yaml", daemon_.ContextYaml());
    spec_ = directory_.Write("spec.yaml", SampleSpec());
  }

  Result Keyturn(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--config", config_, "campaign"});
    return RunKeyturn(arguments);
  }
  std::string LastRequest() { return daemon_.requests().back(); }

  TemporaryDirectory directory_;
  FakeDaemon daemon_;
  std::string config_;
  std::string spec_;
};

TEST_F(CampaignTest, SendsThePolicyAndEverySpec) {
  const Result result = Keyturn({"create", "-f", spec_, spec_, "--title",
                                 "all of acme", "--canary", "0", "--wave", "3",
                                 "--max-running", "4", "--max-per-erp-account",
                                 "2", "--stop-after", "5", "-o", "json"});
  ASSERT_EQ(result.code, ExitCode::kDone) << result.error;
  EXPECT_EQ(json::parse(result.out)["name"], std::string("campaigns/") + kId);
  EXPECT_THAT(json::parse(result.out)["members"], SizeIs(2));
  EXPECT_THAT(LastRequest(), AllOf(HasSubstr("canary: 0"), HasSubstr("wave: 3"),
                                   HasSubstr("max_running: 4"),
                                   HasSubstr("max_running_per_erp_account: 2"),
                                   HasSubstr("stop_after_failures: 5")));
  EXPECT_THAT(daemon_.request_ids("CreateCampaign"), SizeIs(1));
}

TEST_F(CampaignTest, LeavesToTheDaemonWhatIsNotGiven) {
  ASSERT_EQ(Keyturn({"create", "-f", spec_}).code, ExitCode::kDone);
  EXPECT_THAT(LastRequest(), Not(HasSubstr("canary")));
}

TEST_F(CampaignTest, SendsNothingWhenASpecIsNone) {
  const std::string broken = directory_.Write("broken.yaml", "recipe: [");
  EXPECT_EQ(Keyturn({"create", "-f", spec_, broken}).code, ExitCode::kUsage);
  EXPECT_THAT(daemon_.request_ids("CreateCampaign"), SizeIs(0));
}

TEST_F(CampaignTest, NamesFileAndLineOfWhatTheDaemonRefuses) {
  google::rpc::BadRequest::FieldViolation violation;
  violation.set_field("specs[1].netsuite.user");
  violation.set_description("is no e-mail address");
  daemon_.Fail("CreateCampaign",
               MakeError(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD",
                         "a field is wrong", {violation}));
  const std::string other = directory_.Write("other.yaml", SampleSpec());
  const Result result = Keyturn({"create", "-f", spec_, other});
  EXPECT_EQ(result.code, ExitCode::kUsage);
  EXPECT_THAT(result.error,
              AllOf(ContainsRegex("other.yaml:[0-9]+: netsuite.user: is no"),
                    Not(HasSubstr("specs[1]"))));
}

// The daemon takes so many bytes at once.
TEST_F(CampaignTest, ManySpecsGoInPartsAfterAllWereLookedAt) {
  std::vector<std::string> arguments = {"create", "-o", "json"};
  for (int i = 0; i < 1500; ++i) {
    arguments.insert(arguments.end(), {"-f", spec_});
  }
  const Result result = Keyturn(arguments);
  ASSERT_EQ(result.code, ExitCode::kDone) << result.error;
  const size_t parts = daemon_.request_ids("AddMembers").size() + 1;
  EXPECT_GT(parts, 1u);
  // Each part was looked at, and the first one created.
  EXPECT_THAT(daemon_.request_ids("CreateCampaign"), SizeIs(parts + 1));
}

TEST_F(CampaignTest, TellsHowFarItCameWhenTheRestIsNotTaken) {
  daemon_.Fail("AddMembers", MakeError(grpc::StatusCode::FAILED_PRECONDITION,
                                       "ILLEGAL_TRANSITION", "is CANCELLED"));
  std::vector<std::string> arguments = {"create"};
  for (int i = 0; i < 1500; ++i) {
    arguments.insert(arguments.end(), {"-f", spec_});
  }
  const Result result = Keyturn(arguments);
  EXPECT_EQ(result.code, ExitCode::kRefused);
  EXPECT_THAT(result.error,
              AllOf(HasSubstr("has the first"), HasSubstr("of 1500 specs"),
                    HasSubstr("keyturn campaign add")));
}

TEST_F(CampaignTest, ShowsHowItAndItsMembersStand) {
  const Result result = Keyturn({"show", kId});
  ASSERT_EQ(result.code, ExitCode::kDone) << result.error;
  EXPECT_THAT(result.out, AllOf(HasSubstr("RUNNING"), HasSubstr("2 of 3"),
                                HasSubstr("1 succeeded, 1 running, 2 waiting"),
                                HasSubstr("1 run, and max_running is 1"),
                                HasSubstr("SUCCEEDED"), HasSubstr("WAITING")));
}

TEST_F(CampaignTest, ListsThemWithTheirProgress) {
  EXPECT_THAT(Keyturn({"list"}).out,
              AllOf(HasSubstr(kId), HasSubstr("1/4"), HasSubstr("2 of 3")));
}

TEST_F(CampaignTest, MovesItAndItsMembers) {
  for (const char* const verb : {"pause", "resume", "cancel"}) {
    EXPECT_EQ(Keyturn({verb, kId}).code, ExitCode::kDone) << verb;
    EXPECT_THAT(LastRequest(), HasSubstr(std::string("campaigns/") + kId));
  }
  EXPECT_EQ(Keyturn({"add", kId, "-f", spec_}).code, ExitCode::kDone);
  EXPECT_THAT(LastRequest(), HasSubstr("AddMembers"));
  EXPECT_EQ(Keyturn({"remove", kId, "7"}).code, ExitCode::kDone);
  EXPECT_THAT(LastRequest(), HasSubstr("member: 7"));
}

}  // namespace
}  // namespace keyturn::cli
