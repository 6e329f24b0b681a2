#include "daemon/upstream/netsuite/screens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace keyturn::netsuite {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const Endpoints kEndpoints = Endpoints::Of(*AccountId::Parse("123456_SB1"));
constexpr char kApp[] = "https://123456-sb1.app.netsuite.com";

std::vector<std::string> MistakesOf(const Screen& screen) {
  std::vector<std::string> lines;
  for (const Mistake& mistake : screen.mistakes) {
    lines.push_back(Sentence(mistake));
  }
  return lines;
}

std::string ValueOf(const Screen& screen, const std::string& name) {
  for (const ScreenField& field : screen.fields) {
    if (field.name == name) return field.value;
  }
  return "(no field " + name + ")";
}

TEST(ScreensTest, EnableTbaNamesTheExactBox) {
  const Screen screen = EnableTbaScreen(kEndpoints);
  EXPECT_EQ(screen.menu_path, "Setup > Company > Enable Features > SuiteCloud");
  EXPECT_EQ(screen.deep_link, std::string(kApp) + "/app/setup/features.nl");
  EXPECT_THAT(screen.instructions,
              Contains(HasSubstr("TOKEN-BASED AUTHENTICATION")));
  EXPECT_THAT(screen.instructions, Contains(HasSubstr("I Agree")));
  EXPECT_THAT(MistakesOf(screen), Contains(HasSubstr("FeatureDisabled")));
}

TEST(ScreensTest, CreateRoleNamesSourceNameAndEveryPermission) {
  const Screen screen = CreateRoleScreen(
      kEndpoints, {.role_name = "CeligoJiraTBA",
                   .source_role = "Celigo Jira Connector",
                   .permissions = {"ADMI_LOGIN_OAUTH", "CUSTOM_THING"}});
  EXPECT_EQ(screen.deep_link, std::string(kApp) + "/app/setup/rolelist.nl");
  EXPECT_THAT(
      screen.instructions,
      Contains("Click Customize beside the role \"Celigo Jira Connector\"."));
  EXPECT_THAT(screen.instructions,
              Contains("Under Permissions > Setup, add \"Log in using Access "
                       "Tokens\" with level Full (ADMI_LOGIN_OAUTH)."));
  EXPECT_THAT(screen.instructions, Contains(HasSubstr("CUSTOM_THING")));
  EXPECT_EQ(screen.instructions.back(), "Click Save.");
  EXPECT_EQ(ValueOf(screen, "role_name"), "CeligoJiraTBA");
  EXPECT_THAT(MistakesOf(screen), Contains(HasSubstr("do step A first")));
  EXPECT_THAT(MistakesOf(screen),
              Contains(HasSubstr("Access Token Management")));
}

TEST(ScreensTest, RepairRoleGoesStraightToTheRole) {
  const Screen screen =
      RepairRoleScreen(kEndpoints, {.role_name = "CeligoJiraTBA",
                                    .role_id = "1042",
                                    .permissions = {"ADMI_LOGIN_OAUTH"},
                                    .activate = true});
  EXPECT_EQ(screen.deep_link, std::string(kApp) + "/app/setup/role.nl?id=1042");
  EXPECT_THAT(screen.instructions, Contains(HasSubstr("INACTIVE")));
  EXPECT_THAT(screen.instructions, Contains(HasSubstr("ADMI_LOGIN_OAUTH")));
  EXPECT_EQ(RepairRoleScreen(kEndpoints, {.role_name = "x"}).deep_link,
            std::string(kApp) + "/app/setup/rolelist.nl");
}

TEST(ScreensTest, AssignRoleWarnsAgainstTouchingOtherRoles) {
  const Screen screen =
      AssignRoleScreen(kEndpoints, {.user = "jira@example.com",
                                    .role_name = "CeligoJiraTBA",
                                    .employee_id = "42"});
  EXPECT_THAT(screen.menu_path, StartsWith("Setup > Users/Roles"));
  EXPECT_THAT(screen.deep_link, HasSubstr("employee.nl?id=42"));
  EXPECT_THAT(screen.instructions,
              Contains(HasSubstr("Leave the other roles as they are.")));
  EXPECT_EQ(ValueOf(screen, "user"), "jira@example.com");
  EXPECT_THAT(MistakesOf(screen), Contains(HasSubstr("View My Roles")));
  const Screen back = UnassignRoleScreen(
      kEndpoints, {.user = "jira@example.com", .role_name = "CeligoJiraTBA"});
  EXPECT_THAT(back.deep_link, HasSubstr("employeelist.nl"));
  EXPECT_THAT(back.instructions, Contains(HasSubstr("Remove")));
}

TEST(ScreensTest, IssueTokenGivesEveryFieldToTheLetter) {
  const NewToken token{.application = "High Tech Connectors Token-based Auth",
                       .user = "jira@example.com",
                       .role_name = "CeligoJiraTBA",
                       .token_name = "keyturn-abc"};
  const Screen screen = IssueTokenScreen(kEndpoints, token);
  EXPECT_EQ(screen.menu_path, "Setup > Users/Roles > Access Tokens > New");
  EXPECT_EQ(screen.deep_link, std::string(kApp) + "/app/setup/accesstokens.nl");
  EXPECT_EQ(ValueOf(screen, "application_name"), token.application);
  EXPECT_EQ(ValueOf(screen, "user"), token.user);
  EXPECT_EQ(ValueOf(screen, "role_name"), token.role_name);
  EXPECT_EQ(ValueOf(screen, "token_name"), token.token_name);
  EXPECT_THAT(screen.instructions, Contains(HasSubstr("shown only once")));
  for (const char* mistake : {"another application", "25 tokens", "Blocked",
                              "sandbox refresh", "exchanged", "revoke last"}) {
    EXPECT_THAT(MistakesOf(screen), Contains(HasSubstr(mistake)));
  }
  EXPECT_THAT(RevokeTokenScreen(kEndpoints, token).instructions,
              Contains(HasSubstr("keyturn-abc")));
}

TEST(ScreensTest, EveryInstructionIsASentence) {
  for (const Screen& screen :
       {EnableTbaScreen(kEndpoints),
        CreateRoleScreen(kEndpoints, {"n", "s", {"LIST_FIND"}}),
        RepairRoleScreen(kEndpoints, {"n", "1", {"LIST_FIND"}, true}),
        AssignRoleScreen(kEndpoints, {"u", "r", "1"}),
        UnassignRoleScreen(kEndpoints, {"u", "r", "1"}),
        IssueTokenScreen(kEndpoints, {"a", "u", "r", "t"}),
        RevokeTokenScreen(kEndpoints, {"a", "u", "r", "t"}),
        LoginAuditTrailScreen(kEndpoints)}) {
    EXPECT_FALSE(screen.menu_path.empty());
    EXPECT_THAT(screen.deep_link, StartsWith(kApp));
    EXPECT_FALSE(screen.mistakes.empty());
    for (const std::string& line : screen.instructions) {
      EXPECT_TRUE(line.ends_with('.')) << line;
    }
  }
}

TEST(PermissionNameTest, KnowsTheListAndGivesBackWhatItDoesNotKnow) {
  EXPECT_EQ(PermissionName("ADMI_LOGIN_OAUTH"), "Log in using Access Tokens");
  EXPECT_EQ(PermissionName("ADMI_MANAGE_OWN_OAUTH_TOKENS"),
            "User Access Tokens");
  EXPECT_EQ(PermissionName("REPO_ANALYTICS"), "SuiteAnalytics Workbook");
  EXPECT_EQ(PermissionName("ADMI_MANAGEOAUTHTOKENS"), "ADMI_MANAGEOAUTHTOKENS");
  EXPECT_EQ(PermissionMeantBy("ADMI_MANAGEOAUTHTOKENS"),
            "ADMI_MANAGE_OAUTH_TOKENS");
  EXPECT_EQ(PermissionMeantBy("ADMI_MANAGE_OAUTH_TOKENS"), "");
  EXPECT_EQ(PermissionMeantBy("TRAN_SALESORD"), "");
}

TEST(AuditDetailsTest, CoverTheVocabularyAndPointToAStep) {
  std::set<std::string_view> seen;
  for (const AuditDetail& detail : AuditDetails()) {
    EXPECT_TRUE(seen.insert(detail.detail).second) << detail.detail;
    EXPECT_FALSE(detail.meaning.empty());
    EXPECT_FALSE(StepAtFault(detail.fault).empty());
  }
  for (const char* word :
       {"FeatureDisabled", "consumer_key_refused", "consumer_key_unknown",
        "token_rejected", "permission_denied", "InvalidSignature",
        "InvalidTimestamp", "nonce_rejected", "nonce_used", "NonceUsed",
        "UnknownAlgorithm", "VersionRejected", "parameter_rejected",
        "MissingTokenPassportRequiredFields", "temporary_locked"}) {
    EXPECT_NE(FindAuditDetail(word), nullptr) << word;
  }
  EXPECT_EQ(StepAtFault(FindAuditDetail("featuredisabled")->fault),
            "step A (enable TBA)");
  EXPECT_EQ(StepAtFault(FindAuditDetail("token_rejected")->fault),
            "step D (issue token)");
  EXPECT_EQ(FindAuditDetail("something else"), nullptr);
}

}  // namespace
}  // namespace keyturn::netsuite
