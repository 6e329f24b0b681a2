// What Client reads from and writes to records: SuiteQL and the employee.
#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/json.h"
#include "daemon/upstream/netsuite/client.h"
#include "daemon/upstream/netsuite/values.h"

namespace keyturn::netsuite {
namespace {

using base::ToAbsl;
using http::Document;

constexpr char kSuiteQlPath[] = "/services/rest/query/v1/suiteql";
constexpr char kEmployeePath[] = "/services/rest/record/v1/employee/";
constexpr absl::Duration kQueryTimeout = absl::Seconds(60);
constexpr size_t kLiteralSizeMax = 1000;
constexpr size_t kSublistPagesMax = 20;
constexpr char kReadLevels[] = "to read a role's permissions";
constexpr char kReadLines[] = "to read the roles on an employee record";

// NetSuite's booleans in SuiteQL are T and F; an answer may also say true.
bool IsTrue(std::string_view value) {
  return absl::EqualsIgnoreCase(ToAbsl(value), "T") ||
         absl::EqualsIgnoreCase(ToAbsl(value), "true");
}

Purpose FixedQuery(std::string_view doing,
                   std::vector<NeededPermission> permissions) {
  return Purpose{.channel = Channel::kRest,
                 .doing = doing,
                 .permissions = std::move(permissions),
                 .fixed_query = true};
}

std::vector<http::Header> JsonHeaders() {
  return {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
}

// The member of an object, or nullptr. NetSuite's own pages write field names
// in camel case and in lower case.
const Document* Find(const Document& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  for (const auto& [key, value] : object.items()) {
    if (absl::EqualsIgnoreCase(key, ToAbsl(name))) return &value;
  }
  return nullptr;
}

bool HasMore(const Document& collection) {
  const Document* more = Find(collection, "hasMore");
  return more != nullptr && IsTrue(ToText(*more));
}

Row ToRow(const Document& item) {
  Row row;
  for (const auto& [name, value] : item.items()) {
    if (value.is_null() || value.is_structured()) continue;
    row[absl::AsciiStrToLower(name)] = ToText(value);
  }
  return row;
}

// A column that is not there says nothing.
bool IsTrueOrUnknown(const Row& row, std::string_view column) {
  const std::string_view value = ValueOf(row, column);
  return value.empty() || IsTrue(value);
}

// One page of a query's result.
struct Page {
  std::vector<Row> rows;
  bool has_more = false;
};

absl::StatusOr<Page> ParsePage(const http::Response& response,
                               std::string_view doing) {
  const auto body = http::ParseJson(response.body.Expose());
  if (!body.ok()) return UnexpectedAnswer(doing, "not JSON");
  const Document* items = Find(*body, "items");
  if (items == nullptr || !items->is_array()) {
    return UnexpectedAnswer(doing, "no list of items");
  }
  Page page;
  for (const Document& item : *items) {
    if (!item.is_object()) return UnexpectedAnswer(doing, "an odd item");
    page.rows.push_back(ToRow(item));
  }
  page.has_more = HasMore(*body);
  if (page.has_more && page.rows.empty()) {
    return UnexpectedAnswer(doing, "an empty page that is not the last");
  }
  return page;
}

absl::StatusOr<Level> ParseLevel(std::string_view text) {
  for (const Level level : {Level::kNone, Level::kView, Level::kCreate,
                            Level::kEdit, Level::kFull}) {
    const std::string number = absl::StrCat(static_cast<int>(level));
    if (text == number ||
        absl::EqualsIgnoreCase(ToAbsl(text), ToAbsl(Name(level)))) {
      return level;
    }
  }
  return UnexpectedAnswer(kReadLevels, "an unknown level");
}

// Whether an item of the sublist is a link instead of a line.
bool HoldsLinksOnly(const Document& collection) {
  const Document* items = Find(collection, "items");
  return items != nullptr &&
         std::any_of(items->begin(), items->end(), [](const Document& item) {
           return Find(item, "selectedRole") == nullptr;
         });
}

// Adds the lines of one page. A line names its role by a reference, or by the
// bare id.
absl::Status ParseLines(const Document& collection,
                        std::vector<EmployeeRole>& roles) {
  const Document* items = Find(collection, "items");
  if (items == nullptr || !items->is_array()) {
    return UnexpectedAnswer(kReadLines, "no list of lines");
  }
  for (const Document& item : *items) {
    const Document* selected = Find(item, "selectedRole");
    const Document* id = selected ? Find(*selected, "id") : nullptr;
    if (selected != nullptr && !selected->is_structured()) id = selected;
    if (id == nullptr || ToText(*id).empty()) {
      return UnexpectedAnswer(kReadLines, "a line without its role");
    }
    const Document* name = Find(*selected, "refName");
    roles.push_back({.id = ToText(*id), .name = name ? ToText(*name) : ""});
  }
  return absl::OkStatus();
}

absl::Status TooManyLines() {
  return absl::ResourceExhaustedError(
      "an employee record in NetSuite has more roles than Keyturn reads; take "
      "those away that are not needed");
}

// A name that stands for a column keeps the column's own name: also where
// NetSuite should not heed the other one it is found again.
std::string TokensQuery(const std::string& condition) {
  return absl::StrCat(
      "SELECT TBA_Token_Name, BUILTIN.DF(TBA_App_Name) AS TBA_App_Name, "
      "BUILTIN.DF(Entity_Name) AS Entity_Name, BUILTIN.DF(Role_Name) AS "
      "Role_Name, DCreated, BINACTIVE, BREVOKED FROM oAuthToken",
      condition, " ORDER BY TBA_Token_Name, DCreated");
}

Token ToToken(const Row& row) {
  return Token{.name = std::string(ValueOf(row, "tba_token_name")),
               .application = std::string(ValueOf(row, "tba_app_name")),
               .entity = std::string(ValueOf(row, "entity_name")),
               .role = std::string(ValueOf(row, "role_name")),
               .created = std::string(ValueOf(row, "dcreated")),
               .inactive = IsTrue(ValueOf(row, "binactive")),
               .revoked = IsTrue(ValueOf(row, "brevoked"))};
}

bool Matches(const TokenFilter& filter, const Token& token) {
  const auto fits = [](const std::string& wanted, const std::string& value) {
    return wanted.empty() || wanted == value;
  };
  return fits(filter.name, token.name) &&
         fits(filter.application, token.application) &&
         fits(filter.entity, token.entity) && fits(filter.role, token.role);
}

// The one new line and nothing else.
absl::StatusOr<secret::Secret> RoleChange(const std::string& role_id,
                                          Access access) {
  Document change = Document::object();
  if (access == Access::kGive) change["giveAccess"] = true;
  Document line = Document::object();
  line["selectedRole"]["id"] = role_id;
  change["roles"]["items"] = Document::array();
  change["roles"]["items"].push_back(std::move(line));
  return http::SerializeJson(change);
}

}  // namespace

std::string_view ValueOf(const Row& row, std::string_view column) {
  const auto found = row.find(column);
  return found == row.end() ? std::string_view() : found->second;
}

std::string_view Name(Level level) {
  switch (level) {
    case Level::kNone:
      return "None";
    case Level::kView:
      return "View";
    case Level::kCreate:
      return "Create";
    case Level::kEdit:
      return "Edit";
    case Level::kFull:
      return "Full";
  }
  return "";
}

absl::StatusOr<std::string> Quote(std::string_view text) {
  if (text.size() > kLiteralSizeMax || !IsPlainText(text)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a name to look for in NetSuite must be UTF-8 text of at most ",
        kLiteralSizeMax, " bytes without line breaks"));
  }
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted.push_back('\'');
    quoted.push_back(c);
  }
  quoted.push_back('\'');
  return quoted;
}

asio::awaitable<absl::StatusOr<std::vector<Row>>> Client::Query(
    std::string query, Purpose purpose) {
  if (query.empty() || query.size() > kSuiteQlQuerySizeMax) {
    co_return absl::InvalidArgumentError(absl::StrCat(
        "a SuiteQL query must have 1 to ", kSuiteQlQuerySizeMax, " bytes"));
  }
  Document document = Document::object();
  document["q"] = std::move(query);
  CO_ASSIGN_OR_RETURN(const secret::Secret body, http::SerializeJson(document));
  std::vector<Row> rows;
  for (size_t page_number = 0; page_number < kSuiteQlPagesMax; ++page_number) {
    Call call;
    call.method = http::Method::kPost;
    call.url = absl::StrCat(parts_.endpoints.suitetalk, kSuiteQlPath,
                            "?limit=", kSuiteQlPageSize,
                            "&offset=", page_number * kSuiteQlPageSize);
    call.headers = JsonHeaders();
    call.headers.push_back({"Prefer", "transient"});
    call.body = body.Clone();
    call.timeout = kQueryTimeout;
    call.purpose = purpose;
    CO_ASSIGN_OR_RETURN(const http::Response response,
                        co_await Read(std::move(call)));
    CO_ASSIGN_OR_RETURN(Page page, ParsePage(response, purpose.doing));
    std::move(page.rows.begin(), page.rows.end(), std::back_inserter(rows));
    if (!page.has_more) co_return rows;
  }
  co_return absl::ResourceExhaustedError(
      absl::StrCat("NetSuite has more than ",
                   kSuiteQlPagesMax * kSuiteQlPageSize, " rows for the query ",
                   ToAbsl(purpose.doing), "; look for something narrower"));
}

asio::awaitable<absl::StatusOr<std::vector<Row>>> Client::SuiteQl(
    std::string query) {
  Purpose purpose;
  purpose.doing = "to run a query";
  purpose.permissions = {{"REPO_ANALYTICS", "Edit"},
                         {"ADMI_RESTWEBSERVICES", "Full"}};
  return Query(std::move(query), std::move(purpose));
}

asio::awaitable<absl::StatusOr<std::vector<Role>>> Client::FindRoles(
    std::string name) {
  CO_ASSIGN_OR_RETURN(const std::string literal, Quote(name));
  std::string query = absl::StrCat(
      "SELECT id, scriptid, name, isinactive FROM role WHERE name = ", literal,
      " ORDER BY id");
  Purpose purpose =
      FixedQuery("to find a role by its name",
                 {{"ADMI_MANAGEROLES", "View"}, {"REPO_ANALYTICS", "Edit"}});
  CO_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                      co_await Query(std::move(query), std::move(purpose)));
  std::vector<Role> roles;
  for (const Row& row : rows) {
    roles.push_back({.id = std::string(ValueOf(row, "id")),
                     .script_id = std::string(ValueOf(row, "scriptid")),
                     .name = std::string(ValueOf(row, "name")),
                     .inactive = IsTrue(ValueOf(row, "isinactive"))});
  }
  co_return roles;
}

asio::awaitable<absl::StatusOr<std::vector<Permission>>>
Client::RolePermissions(std::string role_id) {
  CO_RETURN_IF_ERROR(CheckInternalId(role_id, "a role"));
  std::string query = absl::StrCat(
      "SELECT permkey, permlevel, restriction FROM rolepermissions WHERE role "
      "= ",
      role_id, " ORDER BY permkey");
  Purpose purpose = FixedQuery(
      kReadLevels, {{"ADMI_MANAGEROLES", "View"}, {"REPO_ANALYTICS", "Edit"}});
  CO_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                      co_await Query(std::move(query), std::move(purpose)));
  std::vector<Permission> permissions;
  for (const Row& row : rows) {
    CO_ASSIGN_OR_RETURN(const Level level,
                        ParseLevel(ValueOf(row, "permlevel")));
    if (level == Level::kNone) continue;
    permissions.push_back(
        {.id = std::string(ValueOf(row, "permkey")),
         .level = level,
         .restriction = std::string(ValueOf(row, "restriction"))});
  }
  co_return permissions;
}

asio::awaitable<absl::StatusOr<std::vector<Employee>>> Client::FindEmployee(
    std::string email) {
  CO_ASSIGN_OR_RETURN(const std::string literal, Quote(email));
  std::string query = absl::StrCat(
      "SELECT id, entityid, email, firstname, lastname, isinactive, giveaccess "
      "FROM employee WHERE email = ",
      literal, " ORDER BY id");
  Purpose purpose =
      FixedQuery("to find an employee by e-mail address",
                 {{"LIST_EMPLOYEE", "View"}, {"REPO_ANALYTICS", "Edit"}});
  CO_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                      co_await Query(std::move(query), std::move(purpose)));
  std::vector<Employee> employees;
  for (const Row& row : rows) {
    employees.push_back({.id = std::string(ValueOf(row, "id")),
                         .entity_id = std::string(ValueOf(row, "entityid")),
                         .email = std::string(ValueOf(row, "email")),
                         .first_name = std::string(ValueOf(row, "firstname")),
                         .last_name = std::string(ValueOf(row, "lastname")),
                         .inactive = IsTrue(ValueOf(row, "isinactive")),
                         .has_access = IsTrueOrUnknown(row, "giveaccess")});
  }
  co_return employees;
}

asio::awaitable<absl::StatusOr<std::vector<Token>>> Client::ListTokens(
    TokenFilter filter) {
  std::string condition;
  if (!filter.name.empty()) {
    CO_ASSIGN_OR_RETURN(const std::string literal, Quote(filter.name));
    condition = absl::StrCat(" WHERE TBA_Token_Name = ", literal);
  }
  std::string query = TokensQuery(condition);
  Purpose purpose = FixedQuery("to list the access tokens",
                               {{"ADMI_MANAGE_OAUTH_TOKENS", "Full"}});
  CO_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                      co_await Query(std::move(query), std::move(purpose)));
  std::vector<Token> tokens;
  for (const Row& row : rows) {
    Token token = ToToken(row);
    if (Matches(filter, token)) tokens.push_back(std::move(token));
  }
  co_return tokens;
}

asio::awaitable<absl::StatusOr<http::Response>> Client::ReadEmployee(
    std::string path) {
  Call call;
  call.url = absl::StrCat(parts_.endpoints.suitetalk, kEmployeePath, path);
  call.headers = {{"Accept", "application/json"}};
  call.purpose.doing = kReadLines;
  call.purpose.permissions = {{"LIST_EMPLOYEE", "View"},
                              {"LIST_EMPLOYEE_ACCESS", "View"}};
  return Read(std::move(call));
}

asio::awaitable<absl::StatusOr<std::vector<EmployeeRole>>>
Client::EmployeeRecordRoles(std::string employee_id) {
  CO_RETURN_IF_ERROR(CheckInternalId(employee_id, "an employee"));
  std::vector<EmployeeRole> roles;
  std::string path = absl::StrCat(employee_id, "/roles");
  for (size_t page = 0; page < kSublistPagesMax; ++page) {
    CO_ASSIGN_OR_RETURN(const http::Response lines,
                        co_await ReadEmployee(path));
    const auto collection = http::ParseJson(lines.body.Expose());
    if (!collection.ok()) co_return UnexpectedAnswer(kReadLines, "not JSON");
    if (page == 0 && HoldsLinksOnly(*collection)) {
      co_return co_await ExpandedRoles(std::move(employee_id));
    }
    const size_t before = roles.size();
    CO_RETURN_IF_ERROR(ParseLines(*collection, roles));
    if (!HasMore(*collection)) co_return roles;
    if (roles.size() == before) {
      co_return UnexpectedAnswer(kReadLines, "an empty page of many");
    }
    // An offset must be divisible by the limit, and all pages are of one size.
    path = absl::StrCat(employee_id, "/roles?limit=", roles.size() / (page + 1),
                        "&offset=", roles.size());
  }
  co_return TooManyLines();
}

asio::awaitable<absl::StatusOr<std::vector<EmployeeRole>>>
Client::ExpandedRoles(std::string employee_id) {
  std::string record = absl::StrCat(employee_id, "?expandSubResources=true");
  CO_ASSIGN_OR_RETURN(const http::Response expanded,
                      co_await ReadEmployee(std::move(record)));
  const auto employee = http::ParseJson(expanded.body.Expose());
  if (!employee.ok()) co_return UnexpectedAnswer(kReadLines, "not JSON");
  const Document* lines = Find(*employee, "roles");
  if (lines == nullptr) co_return UnexpectedAnswer(kReadLines, "no roles");
  if (HasMore(*lines)) co_return TooManyLines();
  std::vector<EmployeeRole> roles;
  CO_RETURN_IF_ERROR(ParseLines(*lines, roles));
  co_return roles;
}

asio::awaitable<absl::Status> Client::AddEmployeeRole(std::string employee_id,
                                                      std::string role_id,
                                                      Access access) {
  CO_RETURN_IF_ERROR(CheckInternalId(employee_id, "an employee"));
  CO_RETURN_IF_ERROR(CheckInternalId(role_id, "a role"));
  Call call;
  CO_ASSIGN_OR_RETURN(call.body, RoleChange(role_id, access));
  call.method = http::Method::kPatch;
  call.url =
      absl::StrCat(parts_.endpoints.suitetalk, kEmployeePath, employee_id);
  call.headers = JsonHeaders();
  // By default NetSuite drops a misspelt field without a word.
  call.headers.push_back({"X-NetSuite-PropertyNameValidation", "error"});
  call.purpose.doing = "to give an employee a role";
  call.purpose.permissions = {{"LIST_EMPLOYEE", "Edit"},
                              {"LIST_EMPLOYEE_ACCESS", "Edit"}};
  const absl::StatusOr<http::Response> response =
      co_await Write(std::move(call));
  co_return response.status();
}

}  // namespace keyturn::netsuite
