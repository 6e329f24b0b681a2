#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/sandbox/netsuite.h"

// Row 10 of the contract: SuiteQL over REST (Oracle help section_157909186990).
namespace keyturn::sandbox {
namespace {

constexpr int64_t kPageMax = 1000;
constexpr int64_t kRowsMax = 100'000;
constexpr int kViewLevel = 1;
constexpr int kEditLevel = 3;

SqlValue Cell(std::string text) { return {std::move(text), ""}; }
SqlValue Cell(int number) { return {std::to_string(number), ""}; }
SqlValue Cell(bool flag) { return {flag ? "T" : "F", ""}; }
SqlValue OptionalCell(const std::string& text) {
  if (text.empty()) return {};
  return {text, ""};
}

// The integer a hint asks of `column`, if there is one.
std::optional<int> HintedId(const std::vector<SqlHint>& hints,
                            std::string_view column) {
  for (const SqlHint& hint : hints) {
    int id = 0;
    if (hint.column == column && absl::SimpleAtoi(hint.value, &id)) return id;
  }
  return std::nullopt;
}

std::optional<std::string> HintedText(const std::vector<SqlHint>& hints,
                                      std::string_view column) {
  for (const SqlHint& hint : hints) {
    if (hint.column == column) return hint.value;
  }
  return std::nullopt;
}

std::string FormatDate(absl::Time time) {
  return absl::FormatTime("%Em/%Ed/%Y", time, absl::UTCTimeZone());
}

Json Link(std::string_view rel, std::string href) {
  return {{"rel", rel}, {"href", std::move(href)}};
}

struct Page {
  int64_t limit = kPageMax;
  int64_t offset = 0;
  // Values as numbers and booleans; column names in upper case.
  bool native = false;
  bool upper = false;
};

Json ValueJson(const std::string& text, bool native) {
  int64_t number = 0;
  if (!native) return text;
  if (text == "T" || text == "F") return text == "T";
  if (absl::SimpleAtoi(text, &number)) return number;
  return text;
}

// Nothing for a limit or an offset that is not allowed.
std::optional<Page> PageOf(const Request& request) {
  Page page;
  const std::string limit = request.Parameter("limit");
  const std::string offset = request.Parameter("offset");
  if ((!limit.empty() && !absl::SimpleAtoi(limit, &page.limit)) ||
      (!offset.empty() && !absl::SimpleAtoi(offset, &page.offset)) ||
      page.limit < 1 || page.limit > kPageMax || page.offset < 0 ||
      page.offset % page.limit != 0) {
    return std::nullopt;
  }
  return page;
}

Json PageJson(const SqlResult& result, const Page& page,
              const std::string& url) {
  const int64_t total =
      std::min<int64_t>(static_cast<int64_t>(result.rows.size()), kRowsMax);
  const int64_t end = std::min(total, page.offset + page.limit);
  Json items = Json::array();
  for (int64_t i = page.offset; i < end; ++i) {
    Json item = {{"links", Json::array()}};
    for (size_t c = 0; c < result.columns.size(); ++c) {
      const SqlValue& value = result.rows[i][c];
      if (!value.text.has_value()) continue;
      const std::string& name = result.columns[c];
      item[page.upper ? Upper(name) : name] =
          ValueJson(*value.text, page.native);
    }
    items.push_back(std::move(item));
  }
  const auto at = [&](int64_t offset) {
    return absl::StrCat(url, "?limit=", page.limit, "&offset=", offset);
  };
  Json links = Json::array({Link("self", at(page.offset))});
  if (page.offset > 0) {
    links.push_back(Link("first", at(0)));
    links.push_back(Link("previous", at(page.offset - page.limit)));
  }
  const bool more = end < total;
  if (more) {
    links.push_back(Link("next", at(page.offset + page.limit)));
    links.push_back(Link("last", at((total - 1) / page.limit * page.limit)));
  }
  const int64_t count = static_cast<int64_t>(items.size());
  return {{"links", std::move(links)}, {"count", count},
          {"hasMore", more},           {"items", std::move(items)},
          {"offset", page.offset},     {"totalResults", total}};
}

}  // namespace

SqlTable Netsuite::RoleTable(NetsuiteAccount& account) {
  SqlTable table;
  table.columns = {"id",
                   "name",
                   "scriptid",
                   "isinactive",
                   "centertype",
                   "issinglesignononly",
                   "coreadminpermission",
                   "restrictbydevice",
                   "iswebserviceonlyrole"};
  if (switches_.Is("role_tables", "empty")) return table;
  for (const auto& [id, role] : account.roles) {
    table.rows.push_back({Cell(id), Cell(role.name), Cell(role.script_id),
                          Cell(role.inactive), Cell(role.center_type),
                          Cell(false), Cell(false), Cell(false),
                          Cell(role.web_services_only)});
  }
  return table;
}

SqlTable Netsuite::PermissionTable(NetsuiteAccount& account,
                                   const std::vector<SqlHint>& hints) {
  SqlTable table;
  table.columns = {"role", "permkey", "name", "permlevel", "restriction"};
  if (switches_.Is("role_tables", "empty") ||
      switches_.Is("role_tables", "no_permissions")) {
    return table;
  }
  const std::optional<int> wanted = HintedId(hints, "role");
  for (const auto& [id, role] : account.roles) {
    if (wanted.has_value() && *wanted != id) continue;
    for (const Permission& permission : role.permissions) {
      table.rows.push_back({{std::to_string(id), role.name},
                            Cell(permission.key),
                            Cell(PermissionName(permission.key)),
                            Cell(permission.level),
                            {}});
    }
  }
  return table;
}

SqlTable Netsuite::EmployeeTable(NetsuiteAccount& account,
                                 const std::vector<SqlHint>& hints) {
  SqlTable table;
  table.columns = {"id",       "entityid",   "email",      "firstname",
                   "lastname", "isinactive", "giveaccess", "rolesforsearch"};
  const std::optional<int> wanted = HintedId(hints, "id");
  const std::optional<std::string> email = HintedText(hints, "email");
  for (const auto& [id, employee] : account.employees) {
    if (wanted.has_value() && *wanted != id) continue;
    if (email.has_value() && *email != employee.email) continue;
    table.rows.push_back(
        {Cell(id), Cell(employee.entity_id), OptionalCell(employee.email),
         OptionalCell(employee.first_name), OptionalCell(employee.last_name),
         Cell(employee.inactive), Cell(employee.give_access),
         OptionalCell(absl::StrJoin(employee.roles, ", "))});
  }
  return table;
}

SqlTable Netsuite::AssignmentTable(NetsuiteAccount& account,
                                   const std::vector<SqlHint>& hints) {
  SqlTable table;
  table.columns = {"entity", "role", "employee"};
  std::optional<int> wanted = HintedId(hints, "entity");
  if (!wanted.has_value()) wanted = HintedId(hints, "employee");
  for (const auto& [id, employee] : account.employees) {
    if (wanted.has_value() && *wanted != id) continue;
    for (const int role_id : employee.roles) {
      const Role* role = account.RoleById(role_id);
      const SqlValue entity = {std::to_string(id), employee.entity_id};
      table.rows.push_back(
          {entity,
           {std::to_string(role_id), role == nullptr ? "" : role->name},
           entity});
    }
  }
  return table;
}

SqlTable Netsuite::TokenTable(NetsuiteAccount& account,
                              const std::vector<SqlHint>& hints) {
  SqlTable table;
  table.columns = {"tba_token_name", "tba_app_name", "entity_name", "role_name",
                   "dcreated",       "createdby",    "binactive",   "brevoked"};
  const std::optional<std::string> name = HintedText(hints, "tba_token_name");
  if (switches_.Is("oauth_token_table", "empty")) return table;
  const bool ids = switches_.Is("oauth_token_names", "ids");
  const auto reference = [&](int id, const std::string& shown) -> SqlValue {
    return {ids ? std::to_string(id) : shown, shown};
  };
  const auto shown_as = [&](const Employee* employee) -> std::string {
    if (employee == nullptr) return "";
    if (switches_.Is("oauth_token_names", "numbered")) {
      return absl::StrCat("EMP", employee->id, " ", employee->entity_id);
    }
    return employee->entity_id;
  };
  for (const std::string& token_id : account.token_order) {
    const AccessToken& token = account.tokens.at(token_id);
    if (name.has_value() && *name != token.name) continue;
    const Employee* employee = account.EmployeeById(token.employee);
    const Role* role = account.RoleById(token.role);
    const Integration* integration = account.IntegrationById(token.integration);
    table.rows.push_back(
        {Cell(token.name),
         reference(token.integration,
                   integration == nullptr ? "" : integration->name),
         reference(token.employee, shown_as(employee)),
         reference(token.role, role == nullptr ? "" : role->name),
         Cell(FormatDate(token.created)), Cell(token.created_by),
         Cell(token.inactive), Cell(token.revoked)});
  }
  return table;
}

absl::StatusOr<SqlTable> Netsuite::Table(const std::string& name,
                                         const std::vector<SqlHint>& hints,
                                         const Login& login) {
  NetsuiteAccount& account = *login.account;
  const auto hidden = [&](std::string_view permission) {
    return login.role->Level(permission) < kViewLevel;
  };
  const absl::Status not_found = absl::InvalidArgumentError(
      absl::StrCat("Record '", name, "' was not found."));
  if (name == "role" || name == "rolepermissions") {
    const bool refused =
        switches_.Is("role_tables", "none") ||
        (!switches_.Is("role_tables", "all") && hidden("ADMI_MANAGEROLES"));
    if (refused) return not_found;
    return name == "role" ? RoleTable(account)
                          : PermissionTable(account, hints);
  }
  if (name == "employee" || name == "employeerolesforsearch") {
    if (hidden("LIST_EMPLOYEE")) return not_found;
    return name == "employee" ? EmployeeTable(account, hints)
                              : AssignmentTable(account, hints);
  }
  if (name == "oauthtoken") {
    if (hidden("ADMI_MANAGE_OAUTH_TOKENS") ||
        switches_.Is("oauth_token_table", "hidden")) {
      return not_found;
    }
    return TokenTable(account, hints);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("Invalid search type: ", name, "."));
}

Response Netsuite::SuiteQl(const Request& request, const Login& login) {
  const auto refuse = [&](std::string_view detail, std::string_view parameter) {
    return RestError(400, "Bad Request", "INVALID_PARAMETER", detail,
                     "o:errorQueryParam", parameter);
  };
  if (std::optional<Response> refusal = CheckQuery(request, login)) {
    return *refusal;
  }
  std::optional<Page> page = PageOf(request);
  if (!page.has_value()) {
    return refuse(
        "limit must be between 1 and 1000, offset divisible by limit.",
        "offset");
  }
  page->native = switches_.Is("suiteql_values", "native");
  page->upper = switches_.Is("suiteql_columns", "upper");
  const Json body = ParseJson(request.body);
  std::vector<std::string> parameters;
  for (const Json& value : Member(body, "params")) {
    parameters.push_back(value.is_string() ? value.get<std::string>()
                                           : Dump(value));
  }
  const absl::StatusOr<SqlResult> result =
      RunSql(Text(body, "q"), parameters,
             [&](const std::string& name, const std::vector<SqlHint>& hints) {
               return Table(name, hints, login);
             });
  if (!result.ok()) {
    return refuse(absl::StrCat("Invalid search query. Detailed unprocessed "
                               "description follows. ",
                               result.status().message()),
                  "q");
  }
  return TextResponse(
      200, "application/vnd.oracle.resource+json; type=collection",
      Dump(PageJson(*result, *page, BaseUrl(request) + request.Path())));
}

std::optional<Response> Netsuite::CheckQuery(const Request& request,
                                             const Login& login) const {
  if (request.method != "POST") {
    return RestError(405, "Method Not Allowed", "INVALID_REQUEST", "Use POST.");
  }
  if (Lower(request.Header("Prefer")).find("transient") == std::string::npos) {
    return RestError(400, "Bad Request", "INVALID_HEADER",
                     "The required request header 'Prefer' is missing. It must "
                     "be set to 'transient'.",
                     "o:errorHeader", "Prefer");
  }
  if (login.role->Level("REPO_ANALYTICS") < kEditLevel) {
    return RestError(403, "Forbidden", "INSUFFICIENT_PERMISSION",
                     "Permission Violation: You need the 'SuiteAnalytics "
                     "Workbook' permission to access this page.");
  }
  const Json body = ParseJson(request.body);
  if (!body.is_object() || !Member(body, "q").is_string()) {
    return RestError(400, "Bad Request", "INVALID_CONTENT",
                     "The body must be {\"q\": \"…\"}.", "o:errorPath", "q");
  }
  if (body.contains("params") && switches_.Is("suiteql_params", "refused")) {
    return RestError(400, "Bad Request", "INVALID_CONTENT",
                     "Unknown reference or field 'params'.", "o:errorPath",
                     "params");
  }
  return std::nullopt;
}

}  // namespace keyturn::sandbox
