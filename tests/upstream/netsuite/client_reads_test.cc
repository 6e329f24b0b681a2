#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "daemon/upstream/netsuite/client.h"
#include "tests/support/status_matchers.h"
#include "tests/upstream/netsuite/client_fixture.h"

namespace keyturn::netsuite {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::MessageIs;
using ::testing::Not;

constexpr auto kInvalidArgument = absl::StatusCode::kInvalidArgument;

std::string Page(const json& items, bool has_more = false) {
  return json{{"links", json::array()},
              {"count", items.size()},
              {"hasMore", has_more},
              {"items", items},
              {"offset", 0},
              {"totalResults", items.size()}}
      .dump();
}

std::string QueryError(const std::string& detail) {
  return json{{"type", "t"},
              {"title", "Bad Request"},
              {"status", 400},
              {"o:errorDetails",
               {{{"detail", detail},
                 {"o:errorQueryParam", "q"},
                 {"o:errorCode", "INVALID_PARAMETER"}}}}}
      .dump();
}

class ClientReadsTest : public ClientFixture {
 protected:
  std::string QueryOf(size_t index) {
    return json::parse(sent(index).body)["q"].get<std::string>();
  }
};

TEST(QuoteTest, DoublesApostrophes) {
  EXPECT_EQ(*Quote("plain"), "'plain'");
  EXPECT_EQ(*Quote("O'Neil's \"x\" \xC3\xA9"), "'O''Neil''s \"x\" \xC3\xA9'");
  EXPECT_EQ(*Quote("' OR 1=1 --"), "''' OR 1=1 --'");
  EXPECT_EQ(*Quote(""), "''");
}

TEST(QuoteTest, RefusesControlCharactersAndWhatIsNotUtf8) {
  for (const std::string& text :
       {std::string("a\nb"), std::string("a\0b", 3), std::string("\x7f"),
        std::string("\xC3"), std::string("\xff"), std::string(1001, 'a')}) {
    EXPECT_THAT(Quote(text), HasCode(kInvalidArgument));
  }
}

TEST_F(ClientReadsTest, AsksSuiteQlAsDocumented) {
  transport_.Then(200, Page(json::array()));
  EXPECT_THAT(Run(client_.SuiteQl("SELECT 'x'")), IsOk());
  EXPECT_EQ(sent(0).method, http::Method::kPost);
  EXPECT_EQ(sent(0).url,
            std::string(kSuiteTalk) +
                "/services/rest/query/v1/suiteql?limit=1000&offset=0");
  EXPECT_EQ(sent(0).HeaderOf("Prefer"), "transient");
  EXPECT_EQ(sent(0).HeaderOf("Content-Type"), "application/json");
  EXPECT_EQ(sent(0).body, R"({"q":"SELECT 'x'"})");
}

TEST_F(ClientReadsTest, ReadsRowsAsTextUnderLowerCaseColumns) {
  transport_.Then(200, Page({{{"links", json::array()},
                              {"ID", 7},
                              {"name", "x"},
                              {"flag", true},
                              {"none", nullptr}}}));
  const auto rows = Run(client_.SuiteQl("SELECT 1"));
  ASSERT_THAT(rows, IsOk());
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ((*rows)[0], (Row{{"id", "7"}, {"name", "x"}, {"flag", "T"}}));
  EXPECT_EQ(ValueOf((*rows)[0], "none"), "");
}

TEST_F(ClientReadsTest, FollowsPagesByOffset) {
  transport_.Then(200, Page({{{"id", "1"}}}, /*has_more=*/true));
  transport_.Then(200, Page({{{"id", "2"}}}, /*has_more=*/true));
  transport_.Then(200, Page({{{"id", "3"}}}));
  const auto rows = Run(client_.SuiteQl("SELECT id FROM role ORDER BY id"));
  ASSERT_THAT(rows, IsOk());
  EXPECT_EQ(rows->size(), 3u);
  EXPECT_THAT(sent(1).url, HasSubstr("limit=1000&offset=1000"));
  EXPECT_THAT(sent(2).url, HasSubstr("limit=1000&offset=2000"));
}

TEST_F(ClientReadsTest, StopsAtThePageLimit) {
  for (size_t i = 0; i < kSuiteQlPagesMax; ++i) {
    transport_.Then(200, Page({{{"id", "1"}}}, /*has_more=*/true));
  }
  EXPECT_THAT(Run(client_.SuiteQl("SELECT 1")),
              HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_TRUE(transport_.finished());
}

TEST_F(ClientReadsTest, RefusesAnswersOfAnotherForm) {
  for (const std::string& body :
       {std::string("<html>"), std::string(""), std::string("[]"),
        std::string("{}"), std::string(R"({"items":{}})"),
        std::string(R"({"items":[7]})"), Page(json::array(), true),
        std::string(R"({"items":[{"a":"\ud800"}]})")}) {
    transport_.Then(200, body);
    EXPECT_THAT(Run(client_.SuiteQl("SELECT 1")), HasReason(kUnexpectedAnswer))
        << body;
  }
}

TEST_F(ClientReadsTest, RefusesAQueryThatIsTooLong) {
  EXPECT_THAT(Run(client_.SuiteQl(std::string(kSuiteQlQuerySizeMax + 1, 'a'))),
              HasCode(kInvalidArgument));
  EXPECT_THAT(Run(client_.SuiteQl("")), HasCode(kInvalidArgument));
  EXPECT_TRUE(transport_.sent().empty());
}

TEST_F(ClientReadsTest, FindsRolesByTheirName) {
  transport_.Then(
      200,
      Page({{{"id", "1042"},
             {"scriptid", "customrole_jira"},
             {"name", "Bob's role"},
             {"isinactive", "F"}},
            {{"id", "1043"}, {"name", "Bob's role"}, {"isinactive", "T"}}}));
  const auto roles = Run(client_.FindRoles("Bob's role"));
  ASSERT_THAT(roles, IsOk());
  EXPECT_EQ(QueryOf(0),
            "SELECT id, scriptid, name, isinactive FROM role WHERE name = "
            "'Bob''s role' ORDER BY id");
  ASSERT_EQ(roles->size(), 2u);
  EXPECT_EQ((*roles)[0].id, "1042");
  EXPECT_EQ((*roles)[0].script_id, "customrole_jira");
  EXPECT_FALSE((*roles)[0].inactive);
  EXPECT_TRUE((*roles)[1].inactive);
}

TEST_F(ClientReadsTest, ReadsARolesPermissionsByNumberOrWord) {
  transport_.Then(200,
                  Page({{{"permkey", "ADMI_LOGIN_OAUTH"}, {"permlevel", "4"}},
                        {{"permkey", "LIST_FIND"}, {"permlevel", 1}},
                        {{"permkey", "LIST_EMPLOYEE"},
                         {"permlevel", "Edit"},
                         {"restriction", "OWN"}},
                        {{"permkey", "NOTHING"}, {"permlevel", "0"}}}));
  const auto permissions = Run(client_.RolePermissions("1042"));
  ASSERT_THAT(permissions, IsOk());
  EXPECT_EQ(QueryOf(0),
            "SELECT permkey, permlevel, restriction FROM rolepermissions "
            "WHERE role = 1042 ORDER BY permkey");
  ASSERT_EQ(permissions->size(), 3u);
  EXPECT_EQ((*permissions)[0].id, "ADMI_LOGIN_OAUTH");
  EXPECT_EQ((*permissions)[0].level, Level::kFull);
  EXPECT_EQ((*permissions)[1].level, Level::kView);
  EXPECT_EQ((*permissions)[2].level, Level::kEdit);
  EXPECT_EQ((*permissions)[2].restriction, "OWN");
}

TEST_F(ClientReadsTest, RefusesAnUnknownPermissionLevel) {
  transport_.Then(200, Page({{{"permkey", "X"}, {"permlevel", "9"}}}));
  EXPECT_THAT(Run(client_.RolePermissions("1")), HasReason(kUnexpectedAnswer));
}

TEST_F(ClientReadsTest, TakesOnlyNumbersForIds) {
  for (const char* id :
       {"", "x", "1 OR 1=1", "1;", "../1", "-", "1234567890123456"}) {
    EXPECT_THAT(Run(client_.RolePermissions(id)), HasCode(kInvalidArgument));
    EXPECT_THAT(Run(client_.EmployeeRecordRoles(id)),
                HasCode(kInvalidArgument));
    EXPECT_THAT(Run(client_.AddEmployeeRole(id, "1", Access::kGive)),
                HasCode(kInvalidArgument));
    EXPECT_THAT(Run(client_.AddEmployeeRole("1", id, Access::kGive)),
                HasCode(kInvalidArgument));
  }
  EXPECT_TRUE(transport_.sent().empty());
}

TEST_F(ClientReadsTest, FindsNoneOneOrManyEmployees) {
  transport_.Then(200, Page(json::array()));
  transport_.Then(200, Page({{{"id", "42"},
                              {"entityid", "Jira Integration"},
                              {"email", "jira@example.com"},
                              {"isinactive", "F"},
                              {"giveaccess", "T"}},
                             {{"id", "43"},
                              {"email", "jira@example.com"},
                              {"isinactive", "T"},
                              {"giveaccess", "F"}}}));
  EXPECT_TRUE(Run(client_.FindEmployee("nobody@example.com"))->empty());
  const auto employees = Run(client_.FindEmployee("jira@example.com"));
  ASSERT_THAT(employees, IsOk());
  ASSERT_EQ(employees->size(), 2u);
  EXPECT_EQ((*employees)[0].entity_id, "Jira Integration");
  EXPECT_TRUE((*employees)[0].has_access);
  EXPECT_TRUE((*employees)[1].inactive);
  EXPECT_FALSE((*employees)[1].has_access);
  EXPECT_THAT(QueryOf(1), HasSubstr("email = 'jira@example.com' ORDER BY id"));
}

// Null columns are left out, and an answer may hold booleans instead of T and
// F.
TEST_F(ClientReadsTest, TakesAnEmployeeForWhatIsSaidAndNoMore) {
  transport_.Then(200, R"({"items":[{"id":42,"ISINACTIVE":false},)"
                       R"({"id":43,"isinactive":"true","giveaccess":false}]})");
  const auto employees = Run(client_.FindEmployee("jira@example.com"));
  ASSERT_THAT(employees, IsOk());
  ASSERT_EQ(employees->size(), 2u);
  EXPECT_EQ((*employees)[0].id, "42");
  EXPECT_FALSE((*employees)[0].inactive);
  EXPECT_TRUE((*employees)[0].has_access);
  EXPECT_TRUE((*employees)[1].inactive);
  EXPECT_FALSE((*employees)[1].has_access);
}

TEST_F(ClientReadsTest, ReadsAnEmployeesRolesFromTheRecord) {
  transport_.Then(200,
                  Page({{{"selectedRole", {{"id", "3"}, {"refName", "Admin"}}}},
                        {{"selectedRole", {{"id", "1042"}}}}}));
  const auto roles = Run(client_.EmployeeRecordRoles("42"));
  ASSERT_THAT(roles, IsOk());
  EXPECT_EQ(sent(0).method, http::Method::kGet);
  EXPECT_EQ(sent(0).url, std::string(kSuiteTalk) +
                             "/services/rest/record/v1/employee/42/roles");
  ASSERT_EQ(roles->size(), 2u);
  EXPECT_EQ((*roles)[0].name, "Admin");
  EXPECT_EQ((*roles)[1].id, "1042");
  EXPECT_EQ((*roles)[1].name, "");
}

TEST_F(ClientReadsTest, ExpandsTheRecordWhenTheLinesAreLinks) {
  transport_.Then(200, Page({{{"links", json::array()}}}));
  transport_.Then(
      200, json{{"id", "42"},
                {"roles", {{"items", {{{"selectedRole", {{"id", "3"}}}}}}}}}
               .dump());
  const auto roles = Run(client_.EmployeeRecordRoles("42"));
  ASSERT_THAT(roles, IsOk());
  EXPECT_EQ(sent(1).url,
            std::string(kSuiteTalk) +
                "/services/rest/record/v1/employee/42?expandSubResources=true");
  ASSERT_EQ(roles->size(), 1u);
  EXPECT_EQ((*roles)[0].id, "3");
}

TEST_F(ClientReadsTest, ReadsALineInEverySpelling) {
  transport_.Then(200,
                  R"({"items":[{"selectedrole":{"ID":3,"refname":"Admin"}},)"
                  R"({"selectedRole":"1042"},{"selectedRole":57}]})");
  const auto roles = Run(client_.EmployeeRecordRoles("42"));
  ASSERT_THAT(roles, IsOk());
  ASSERT_EQ(roles->size(), 3u);
  EXPECT_EQ((*roles)[0].id, "3");
  EXPECT_EQ((*roles)[0].name, "Admin");
  EXPECT_EQ((*roles)[1].id, "1042");
  EXPECT_EQ((*roles)[2].id, "57");
}

TEST_F(ClientReadsTest, FollowsThePagesOfTheRoles) {
  transport_.Then(200, Page({{{"selectedRole", {{"id", "3"}}}},
                             {{"selectedRole", {{"id", "4"}}}}},
                            /*has_more=*/true));
  transport_.Then(200, Page({{{"selectedRole", {{"id", "5"}}}}}));
  const auto roles = Run(client_.EmployeeRecordRoles("42"));
  ASSERT_THAT(roles, IsOk());
  EXPECT_EQ(roles->size(), 3u);
  EXPECT_THAT(sent(1).url, HasSubstr("/employee/42/roles?limit=2&offset=2"));
}

TEST_F(ClientReadsTest, NeverTakesPartOfTheRolesForAll) {
  for (int i = 0; i < 20; ++i) {
    transport_.Then(
        200, Page({{{"selectedRole", {{"id", "3"}}}}}, /*has_more=*/true));
  }
  EXPECT_THAT(Run(client_.EmployeeRecordRoles("42")),
              HasCode(absl::StatusCode::kResourceExhausted));
  transport_.Then(200, Page(json::array(), /*has_more=*/true));
  EXPECT_THAT(Run(client_.EmployeeRecordRoles("42")),
              HasReason(kUnexpectedAnswer));
  transport_.Then(200, Page({{{"selectedRole", {{"refName", "x"}}}}}));
  EXPECT_THAT(Run(client_.EmployeeRecordRoles("42")),
              HasReason(kUnexpectedAnswer));
  transport_.Then(200, "{}");
  EXPECT_THAT(Run(client_.EmployeeRecordRoles("42")),
              HasReason(kUnexpectedAnswer));
}

TEST_F(ClientReadsTest, SaysThatAnEmployeeDoesNotExist) {
  transport_.Then(404,
                  R"({"o:errorDetails":[{"o:errorCode":"NONEXISTENT_ID"}]})");
  EXPECT_THAT(
      Run(client_.EmployeeRecordRoles("42")),
      AllOf(HasCode(absl::StatusCode::kNotFound), HasReason(kNotFound)));
}

TEST_F(ClientReadsTest, ListsTokensByDisplayedNames) {
  transport_.Then(200, Page({{{"tba_token_name", "keyturn abc"},
                              {"tba_app_name", "High Tech"},
                              {"entity_name", "Jira Integration"},
                              {"role_name", "CeligoJiraTBA"},
                              {"dcreated", "1/2/2026"},
                              {"binactive", "F"},
                              {"brevoked", "F"}},
                             {{"tba_token_name", "keyturn abc"},
                              {"tba_app_name", "Another"},
                              {"binactive", "T"},
                              {"brevoked", "T"}}}));
  TokenFilter filter;
  filter.name = "keyturn abc";
  filter.application = "High Tech";
  const auto tokens = Run(client_.ListTokens(filter));
  ASSERT_THAT(tokens, IsOk());
  EXPECT_THAT(QueryOf(0),
              AllOf(HasSubstr("FROM oAuthToken WHERE TBA_Token_Name = "
                              "'keyturn abc' ORDER BY"),
                    HasSubstr("BUILTIN.DF(Role_Name) AS Role_Name")));
  ASSERT_EQ(tokens->size(), 1u);
  EXPECT_EQ((*tokens)[0].entity, "Jira Integration");
  EXPECT_EQ((*tokens)[0].role, "CeligoJiraTBA");
  EXPECT_EQ((*tokens)[0].created, "1/2/2026");
  EXPECT_FALSE((*tokens)[0].revoked);
}

TEST_F(ClientReadsTest, ListsAllTokensWithoutAFilter) {
  transport_.Then(200, Page({{{"tba_token_name", "a"}, {"brevoked", "T"}},
                             {{"tba_token_name", "b"}, {"binactive", "T"}}}));
  const auto tokens = Run(client_.ListTokens({}));
  ASSERT_THAT(tokens, IsOk());
  EXPECT_THAT(QueryOf(0), Not(HasSubstr("WHERE")));
  ASSERT_EQ(tokens->size(), 2u);
  EXPECT_TRUE((*tokens)[0].revoked);
  EXPECT_TRUE((*tokens)[1].inactive);
}

TEST_F(ClientReadsTest, SaysThatOurRoleMayNotSeeTokens) {
  for (const char* detail : {"Invalid search type: oAuthToken.",
                             "Record 'oAuthToken' was not found.",
                             "Unknown identifier 'tba_token_name'."}) {
    transport_.Then(400, QueryError(detail));
    const auto tokens = Run(client_.ListTokens({}));
    EXPECT_THAT(tokens, HasReason(kTableNotVisible)) << detail;
    EXPECT_TRUE(MeansNoRight(tokens.status()));
  }
  transport_.Then(400, R"({"o:errorDetails":[{"o:errorCode":"OTHER"}]})");
  EXPECT_TRUE(MeansNoRight(Run(client_.ListTokens({})).status()));
  transport_.Then(404, "");
  EXPECT_TRUE(MeansNoRight(Run(client_.ListTokens({})).status()));
  transport_.Then(403, "");
  EXPECT_TRUE(MeansNoRight(Run(client_.ListTokens({})).status()));
}

TEST_F(ClientReadsTest, AddsExactlyOneLineAndCannotReplaceTheList) {
  transport_.Then(204);
  EXPECT_THAT(Run(client_.AddEmployeeRole("42", "1042", Access::kLeaveAsIs)),
              IsOk());
  EXPECT_EQ(sent(0).method, http::Method::kPatch);
  EXPECT_EQ(sent(0).url,
            std::string(kSuiteTalk) + "/services/rest/record/v1/employee/42");
  EXPECT_EQ(sent(0).HeaderOf("X-NetSuite-PropertyNameValidation"), "error");
  EXPECT_EQ(sent(0).body,
            R"({"roles":{"items":[{"selectedRole":{"id":"1042"}}]}})");
}

TEST_F(ClientReadsTest, GivesAccessOnlyWhenAsked) {
  transport_.Then(204);
  EXPECT_THAT(Run(client_.AddEmployeeRole("42", "1042", Access::kGive)),
              IsOk());
  EXPECT_EQ(
      json::parse(sent(0).body),
      (json{{"giveAccess", true},
            {"roles", {{"items", {{{"selectedRole", {{"id", "1042"}}}}}}}}}));
}

TEST_F(ClientReadsTest, SaysWhyARoleCannotBeGiven) {
  transport_.Then(400,
                  R"({"o:errorDetails":[{"o:errorCode":"INVALID_CONTENT"}]})");
  EXPECT_THAT(Run(client_.AddEmployeeRole("42", "1042", Access::kGive)),
              AllOf(HasCode(kInvalidArgument), HasReason(kRequestRefused)));
  transport_.Then(
      403, R"({"o:errorDetails":[{"o:errorCode":"INSUFFICIENT_PERMISSION"}]})");
  EXPECT_THAT(Run(client_.AddEmployeeRole("42", "1042", Access::kGive)),
              AllOf(HasReason(kForbidden),
                    MessageIs(HasSubstr("LIST_EMPLOYEE_ACCESS"))));
}

}  // namespace
}  // namespace keyturn::netsuite
