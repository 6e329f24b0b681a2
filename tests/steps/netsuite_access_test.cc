// What Keyturn's own access to NetSuite cannot see or do, people see and do: a
// refused login, a missing right, a table that is hidden or shows no rows.
#include "absl/strings/match.h"
#include "tests/steps/world.h"

namespace keyturn::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class NetSuiteAccessTest : public StepsTest {
 protected:
  // Exchanges of Keyturn's own that NetSuite refused as logins.
  int Refused() {
    int refused = 0;
    for (const int status : transport_.statuses) refused += status == 401;
    return refused;
  }
  int Logins() const {
    return Sent("GET /rest/") + Sent("POST /services/") +
           Sent("GET /services/") + Sent("PATCH /services/");
  }
  void MakeRole() {
    Act("clone-role", {{"from", "Celigo Jira Connector"},
                       {"name", "CeligoJiraTBA"},
                       {"add_permissions", {"ADMI_LOGIN_OAUTH"}}});
  }
  void AssignRole() {
    Act("assign-role", {{"user", info_["user"]}, {"role", "CeligoJiraTBA"}});
  }
  // Steps A to C, each asked of a person who says that it is done.
  void ByWord(std::initializer_list<Step> steps) {
    for (const Step step : steps) {
      ASSERT_EQ(Run(step).kind, Kind::kTask) << Name(step);
      const Outcome outcome = Run(step);
      EXPECT_EQ(outcome.kind, Kind::kDone) << Name(step);
      EXPECT_THAT(outcome.message, HasSubstr("test_candidate proves it"));
    }
  }
};

// Five refused logins lock a user out for half an hour, whoever tries.
TEST_F(NetSuiteAccessTest, AWrongCredentialOfOurOwnIsRefusedTwiceAtMost) {
  Act("revoke-token", {{"name", "Keyturn - Keyturn Access, Keyturn Access"}});
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kPreflight));
  EXPECT_EQ(Refused(), 1);

  const Outcome first = Run(Step::kEnableTba);
  ASSERT_EQ(first.kind, Kind::kTask);
  EXPECT_THAT(first.task->problem, HasSubstr("token_rejected"));
  EXPECT_EQ(Refused(), 1) << "nobody has mended anything since";
  const Outcome second = Run(Step::kEnableTba);
  ASSERT_EQ(second.kind, Kind::kTask);
  EXPECT_THAT(second.task->problem,
              HasSubstr("answer this task as done again"));
  EXPECT_EQ(Run(Step::kEnableTba).kind, Kind::kDone);

  const int logins = Logins();
  ByWord({Step::kCreateRole, Step::kAssignRole});
  EXPECT_EQ(Refused(), 2);
  EXPECT_EQ(Logins(), logins);
}

TEST_F(NetSuiteAccessTest, ARoleWithoutRestLeavesTheReadingToPeople) {
  for (const char* status : {"401", "403"}) {
    SCOPED_TRACE(status);
    Switch("rest_permission_missing", status);
    Act("edit-role", {{"role", "Keyturn Access"},
                      {"remove_permissions", {"ADMI_RESTWEBSERVICES"}}});
    transport_.statuses.clear();
    migration_ = NewMigration();
    ASSERT_NO_FATAL_FAILURE(Reach(Step::kPreflight));
    EXPECT_THAT(migration_.plan->warnings,
                Contains(HasSubstr("REST Web Services")));

    EXPECT_EQ(Run(Step::kEnableTba).kind, Kind::kDone);
    ByWord({Step::kCreateRole, Step::kAssignRole});

    EXPECT_EQ(Refused(), absl::string_view(status) == "401" ? 2 : 0);
  }
}

TEST_F(NetSuiteAccessTest, RolesThatAreNotShownArePeoplesWord) {
  for (const char* tables : {"none", "empty"}) {
    SCOPED_TRACE(tables);
    Switch("role_tables", tables);
    migration_ = NewMigration();
    ASSERT_NO_FATAL_FAILURE(Reach(Step::kEnableTba));
    ByWord({Step::kCreateRole});
  }
}

TEST_F(NetSuiteAccessTest, AnAssignedRoleIsKnownByItsNameOnTheRecord) {
  Switch("role_tables", "none");
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCreateRole));

  ASSERT_EQ(Run(Step::kAssignRole).kind, Kind::kTask);
  const Outcome early = Run(Step::kAssignRole);
  ASSERT_EQ(early.kind, Kind::kTask);
  EXPECT_THAT(early.task->problem, HasSubstr("on the employee yet"));
  AssignRole();
  const Outcome done = Run(Step::kAssignRole);
  EXPECT_EQ(done.kind, Kind::kDone);
  EXPECT_THAT(done.message, HasSubstr("has the role"));
}

TEST_F(NetSuiteAccessTest, PermissionsThatAreNotShownDoNotMakeARoleBad) {
  Switch("role_tables", "no_permissions");
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kEnableTba));
  MakeRole();
  ByWord({Step::kCreateRole});
}

TEST_F(NetSuiteAccessTest, ASourceRoleThatIsMissingIsSaidInThePlan) {
  migration_.spec.role.from = "No Such Role";
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kPreflight));
  EXPECT_THAT(migration_.plan->warnings,
              Contains(HasSubstr("no role named No Such Role either")));
}

TEST_F(NetSuiteAccessTest, ARightThatIsMissingForTheWriteIsAPersonsTask) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kCreateRole));
  for (const int status : {401, 403}) {
    Fault({{"kind", "status"},
           {"status", status},
           {"method", "PATCH"},
           {"path", "/services/**"}});
    EXPECT_EQ(Run(Step::kAssignRole).kind, Kind::kTask) << status;
  }
  AssignRole();
  const Outcome done = Run(Step::kAssignRole);
  EXPECT_EQ(done.kind, Kind::kDone);
  EXPECT_THAT(done.message, HasSubstr("has the role")) << "it was read back";
}

TEST_F(NetSuiteAccessTest, ATokenListWithoutRowsLeavesTheProofToTheGate) {
  Switch("oauth_token_table", "empty");
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kAssignRole));
  ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kTask);
  const auto [id, token] = MakeToken();
  HandIn(id, token);

  const Outcome asked = Run(Step::kIssueToken);
  ASSERT_EQ(asked.kind, Kind::kTask);
  EXPECT_THAT(asked.task->problem, HasSubstr("lists no access token"));
  const Outcome done = Run(Step::kIssueToken);
  EXPECT_EQ(done.kind, Kind::kDone);
  EXPECT_THAT(done.message, HasSubstr("test_candidate proves it"));
}

// People leave the name as NetSuite fills it in.
TEST_F(NetSuiteAccessTest, ATokenOfAnotherNameIsTakenWhenAPersonSaysSo) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kAssignRole));
  ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kTask);
  const auto [id, token] = MakeToken({{"name", "High Tech - Jira, Celigo"}});
  HandIn(id, token);

  const Outcome asked = Run(Step::kIssueToken);
  ASSERT_EQ(asked.kind, Kind::kTask);
  EXPECT_THAT(asked.task->problem, HasSubstr("answer this task as done"));
  const Outcome done = Run(Step::kIssueToken);
  EXPECT_EQ(done.kind, Kind::kDone);
  EXPECT_THAT(done.proofs,
              Contains(migration::Proof{"token", "High Tech - Jira, Celigo"}));
}

TEST_F(NetSuiteAccessTest, AWrongTokenOfAnotherNameIsNotTaken) {
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kAssignRole));
  ASSERT_EQ(Run(Step::kIssueToken).kind, Kind::kTask);
  const auto [id, token] = MakeToken({{"name", "mine"},
                                      {"user", "eve.employee@example.com"},
                                      {"force", true}});
  HandIn(id, token);
  for (int answer = 0; answer < 3; ++answer) {
    EXPECT_EQ(Run(Step::kIssueToken).kind, Kind::kTask);
  }
}

struct Form {
  const char* name;
  const char* answer;
};

class AnswerFormTest : public NetSuiteAccessTest,
                       public ::testing::WithParamInterface<Form> {};

TEST_P(AnswerFormTest, DoesNotMatter) {
  Switch(GetParam().name, GetParam().answer);
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kPreflight));
  ASSERT_NO_FATAL_FAILURE(Reach(Step::kIssueToken));

  EXPECT_EQ(Sent("PATCH /services/"), 1);
  EXPECT_THAT(migration_.record(Step::kIssueToken).proofs,
              Contains(migration::Proof{"revoked", "no"}));
  EXPECT_EQ(Run(Step::kTestCandidate).kind, Kind::kDone);
}

INSTANTIATE_TEST_SUITE_P(
    Forms, AnswerFormTest,
    ::testing::Values(
        Form{"suiteql_values", "native"}, Form{"suiteql_columns", "upper"},
        Form{"field_case", "lower"}, Form{"roles_form", "links"},
        Form{"roles_form", "bare"}, Form{"roles_form", "pages"},
        Form{"oauth_token_names", "ids"}, Form{"oauth_token_names", "numbered"},
        Form{"tokeninfo_keys", "snake"}, Form{"www_authenticate", "absent"},
        Form{"error_type_url", "old"}),
    [](const auto& form) {
      return absl::StrCat(form.param.name, "_", form.param.answer);
    });

}  // namespace
}  // namespace keyturn::testing
