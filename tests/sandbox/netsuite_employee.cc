#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/sandbox/netsuite.h"

// Rows 11 to 15 of the contract: the employee record over REST.
namespace keyturn::sandbox {
namespace {

constexpr int kViewLevel = 1;
constexpr int kEditLevel = 3;
constexpr int kFullLevel = 4;

Json SelfLink(std::string href) {
  return Json::array({{{"rel", "self"}, {"href", std::move(href)}}});
}

std::string RecordUrl(const Request& request, int id) {
  return absl::StrCat(BaseUrl(request), "/services/rest/record/v1/employee/",
                      id);
}

Response Singular(const Json& body) {
  return TextResponse(
      200, "application/vnd.oracle.resource+json; type=singular", Dump(body));
}

Response Collection(const Json& body) {
  return TextResponse(
      200, "application/vnd.oracle.resource+json; type=collection", Dump(body));
}

// Field names are read whatever their case.
const Json& Field(const Json& body, std::string_view name) {
  static const Json* const null = new Json();
  for (const auto& [key, value] : body.items()) {
    if (EqualsIgnoringCase(key, name)) return value;
  }
  return *null;
}

bool IsKnownField(const std::string& name) {
  static const auto* const known = new std::set<std::string>(
      {"giveaccess", "roles", "isinactive", "email", "entityid", "firstname",
       "lastname", "password", "password2", "requirepwdchange", "sendemail",
       "concurrentwebservicesuser", "inheritiprules", "ipaddressrule", "id",
       "links", "subsidiary", "title", "phone"});
  return known->contains(Lower(name));
}

// The role id in {"selectedRole": {"id": "7"}}, also {"id": 7} or plain.
std::optional<int> SelectedRole(const Json& line) {
  const Json& selected = Field(line, "selectedRole");
  const Json& id = selected.is_object() ? Field(selected, "id") : selected;
  int role = 0;
  if (id.is_number_integer()) return id.get<int>();
  if (id.is_string() && absl::SimpleAtoi(id.get<std::string>(), &role)) {
    return role;
  }
  return std::nullopt;
}

// Matches `q`: email IS "x", entityId IS "x", also CONTAIN and START_WITH.
std::optional<bool> MatchesFilter(const std::string& filter,
                                  const Employee& employee) {
  const size_t space = filter.find(' ');
  const size_t quote = filter.find('"');
  const size_t end = filter.rfind('"');
  if (space == std::string::npos || quote == std::string::npos ||
      quote < space || end == quote) {
    return std::nullopt;
  }
  const std::string field = Lower(filter.substr(0, space));
  std::string verb = Upper(filter.substr(space + 1, quote - space - 1));
  while (!verb.empty() && verb.back() == ' ') verb.pop_back();
  const std::string wanted = Lower(filter.substr(quote + 1, end - quote - 1));
  std::string value;
  if (field == "email") {
    value = Lower(employee.email);
  } else if (field == "entityid") {
    value = Lower(employee.entity_id);
  } else {
    return std::nullopt;
  }
  if (verb == "IS") return value == wanted;
  if (verb == "IS_NOT") return value != wanted;
  if (verb == "CONTAIN") return value.find(wanted) != std::string::npos;
  if (verb == "START_WITH") return value.starts_with(wanted);
  return std::nullopt;
}

}  // namespace

Response Netsuite::Employees(const Request& request,
                             const std::vector<std::string>& segments,
                             const Login& login) {
  const auto forbidden = [&](std::string_view permission) {
    return RestError(403, "Forbidden", "INSUFFICIENT_PERMISSION",
                     absl::StrCat("Permission Violation: You need the '",
                                  View(PermissionName(permission)),
                                  "' permission to access this page."));
  };
  if (login.role->Level("LIST_EMPLOYEE") < kViewLevel) {
    return forbidden("LIST_EMPLOYEE");
  }
  if (segments.size() == 5) {
    if (request.method == "GET") {
      if (login.role->Level("LIST_FIND") < kViewLevel) {
        return forbidden("LIST_FIND");
      }
      return ListEmployees(request, login);
    }
    if (request.method != "POST") {
      return RestError(405, "Method Not Allowed", "INVALID_REQUEST",
                       "The method is not allowed here.");
    }
    if (login.role->Level("LIST_EMPLOYEE") < kFullLevel) {
      return forbidden("LIST_EMPLOYEE");
    }
    return CreateEmployee(request, login);
  }
  int id = 0;
  Employee* employee = absl::SimpleAtoi(segments[5], &id)
                           ? login.account->EmployeeById(id)
                           : nullptr;
  if (employee == nullptr) {
    return RestError(404, "Not Found", "NONEXISTENT_ID",
                     "The record instance does not exist. Provide a valid "
                     "record instance ID.",
                     "o:errorPath", segments[5]);
  }
  if (request.method == "PATCH" && segments.size() == 6) {
    for (const char* permission : {"LIST_EMPLOYEE", "LIST_EMPLOYEE_ACCESS"}) {
      if (login.role->Level(permission) < kEditLevel) {
        return forbidden(permission);
      }
    }
    return PatchEmployee(request, login, *employee);
  }
  if (request.method != "GET") {
    return RestError(405, "Method Not Allowed", "INVALID_REQUEST",
                     "The method is not allowed here.");
  }
  if (segments.size() == 6) return ReadEmployee(request, login, *employee);
  if (segments.size() == 7 && EqualsIgnoringCase(segments[6], "roles")) {
    return ReadRoles(request, login, *employee);
  }
  return RestError(404, "Not Found", "NONEXISTENT_ID", "No such sub-resource.");
}

Response Netsuite::ListEmployees(const Request& request, const Login& login) {
  const std::string filter = request.Parameter("q");
  int64_t limit = 1000;
  int64_t offset = 0;
  const std::string limit_text = request.Parameter("limit");
  const std::string offset_text = request.Parameter("offset");
  if ((!limit_text.empty() && !absl::SimpleAtoi(limit_text, &limit)) ||
      (!offset_text.empty() && !absl::SimpleAtoi(offset_text, &offset)) ||
      limit < 1 || limit > 1000 || offset < 0 || offset % limit != 0) {
    return RestError(400, "Bad Request", "INVALID_PARAMETER",
                     "limit or offset is not valid.", "o:errorQueryParam",
                     "limit");
  }
  Json items = Json::array();
  int64_t total = 0;
  for (const auto& [id, employee] : login.account->employees) {
    if (!filter.empty()) {
      const std::optional<bool> matches = MatchesFilter(filter, employee);
      if (!matches.has_value()) {
        return RestError(400, "Bad Request", "INVALID_PARAMETER",
                         "The filter could not be parsed.", "o:errorQueryParam",
                         "q");
      }
      if (!*matches) continue;
    }
    if (total >= offset && total < offset + limit) {
      items.push_back({{"links", SelfLink(RecordUrl(request, id))},
                       {"id", std::to_string(id)}});
    }
    ++total;
  }
  const std::string self = BaseUrl(request) + request.target;
  const int64_t count = static_cast<int64_t>(items.size());
  Json links = SelfLink(self);
  if (offset + limit < total) {
    links.push_back(
        {{"rel", "next"},
         {"href",
          absl::StrCat(BaseUrl(request), request.Path(), "?limit=", limit,
                       "&offset=", offset + limit,
                       filter.empty() ? "" : "&q=", PercentEncode(filter))}});
  }
  return Collection({{"links", std::move(links)},
                     {"count", count},
                     {"hasMore", offset + limit < total},
                     {"items", std::move(items)},
                     {"offset", offset},
                     {"totalResults", total}});
}

Json Netsuite::RolesJson(const std::string& base, NetsuiteAccount& account,
                         const Employee& employee) {
  const bool lower = switches_.Is("field_case", "lower");
  const char* const selected = lower ? "selectedrole" : "selectedRole";
  Json items = Json::array();
  int line = 0;
  for (const int role_id : employee.roles) {
    const Role* role = account.RoleById(role_id);
    items.push_back(
        {{"links", SelfLink(absl::StrCat(base, "/roles/", ++line))}});
    items.back()[selected] = {
        {"links", Json::array()},
        {"id", std::to_string(role_id)},
        {lower ? "refname" : "refName", role == nullptr ? "" : role->name}};
    if (switches_.Is("roles_form", "bare")) {
      items.back()[selected] = std::to_string(role_id);
    }
  }
  const size_t count = items.size();
  return {{"links", SelfLink(base + "/roles")},
          {"count", count},
          {"hasMore", false},
          {"items", std::move(items)},
          {"offset", 0},
          {"totalResults", count}};
}

Response Netsuite::ReadEmployee(const Request& request, const Login& login,
                                const Employee& employee) {
  const std::string base = RecordUrl(request, employee.id);
  Json body = {{"links", SelfLink(base)},
               {"id", std::to_string(employee.id)},
               {"entityId", employee.entity_id},
               {"firstName", employee.first_name},
               {"lastName", employee.last_name},
               {"email", employee.email},
               {"giveAccess", employee.give_access},
               {"isInactive", employee.inactive}};
  body["roles"] = request.Parameter("expandSubResources") == "true"
                      ? RolesJson(base, *login.account, employee)
                      : Json({{"links", SelfLink(base + "/roles")}});
  return Singular(body);
}

Response Netsuite::ReadRoles(const Request& request, const Login& login,
                             const Employee& employee) {
  Json roles =
      RolesJson(RecordUrl(request, employee.id), *login.account, employee);
  Json& items = roles["items"];
  if (switches_.Is("roles_form", "links")) {
    for (Json& item : items) item = {{"links", item["links"]}};
  }
  if (switches_.Is("roles_form", "pages") && items.size() > 1) {
    uint32_t offset = 0;
    if (!absl::SimpleAtoi(request.Parameter("offset"), &offset)) offset = 0;
    Json page = Json::array();
    if (offset < items.size()) page.push_back(items[offset]);
    roles["hasMore"] = offset + 1 < items.size();
    roles["count"] = page.size();
    roles["offset"] = offset;
    items = std::move(page);
  }
  return Collection(roles);
}

std::string Netsuite::ApplyRoles(NetsuiteAccount& account, const Json& roles,
                                 bool replace, Employee& employee) {
  const Json& items = roles.is_object() ? Field(roles, "items") : roles;
  if (!items.is_array()) return "roles.items must be an array";
  std::vector<int> wanted;
  for (const Json& line : items) {
    const std::optional<int> role =
        line.is_object() ? SelectedRole(line) : std::nullopt;
    if (!role.has_value() || account.RoleById(*role) == nullptr) {
      return "Invalid reference key in roles.items.selectedRole";
    }
    wanted.push_back(*role);
  }
  if (replace || switches_.Is("roles_sublist", "replace")) {
    employee.roles.clear();
  }
  for (const int role : wanted) {
    if (employee.HasRole(role) && switches_.Is("roles_sublist", "keyed")) {
      continue;
    }
    employee.roles.push_back(role);
  }
  return "";
}

Response Netsuite::PatchEmployee(const Request& request, const Login& login,
                                 Employee& employee) {
  const auto refuse = [&](std::string_view detail, std::string_view path) {
    return RestError(400, "Bad Request", "INVALID_CONTENT", detail,
                     "o:errorPath", path);
  };
  const Json body = ParseJson(request.body);
  if (!body.is_object()) return refuse("The body is not a JSON object.", "");
  const bool strict =
      Lower(request.Header("X-NetSuite-PropertyNameValidation")) == "error";
  for (const auto& [key, value] : body.items()) {
    if (strict && !IsKnownField(key)) {
      return refuse(absl::StrCat("Unknown reference or field '", key,
                                 "'. Provide a valid field name."),
                    key);
    }
  }
  Employee changed = employee;
  const Json& give_access = Field(body, "giveAccess");
  if (give_access.is_boolean()) {
    const bool granted = give_access.get<bool>();
    if (granted && !employee.give_access && Field(body, "password").is_null() &&
        switches_.Is("give_access_needs_password", "yes")) {
      return refuse("Please enter a password.", "password");
    }
    changed.give_access = granted;
  }
  const Json& inactive = Field(body, "isInactive");
  if (inactive.is_boolean()) changed.inactive = inactive.get<bool>();
  const Json& email = Field(body, "email");
  if (email.is_string()) changed.email = email.get<std::string>();
  const Json& roles = Field(body, "roles");
  if (!roles.is_null()) {
    const bool replace =
        Lower(request.Parameter("replace")).find("roles") != std::string::npos;
    const std::string problem =
        ApplyRoles(*login.account, roles, replace, changed);
    if (!problem.empty()) return refuse(problem, "roles");
  }
  employee = std::move(changed);
  if (switches_.Is("employee_patch_status", "200")) {
    return ReadEmployee(request, login, employee);
  }
  Response response = TextResponse(204, "application/json", "");
  response.headers.emplace_back("Location", RecordUrl(request, employee.id));
  return response;
}

Response Netsuite::CreateEmployee(const Request& request, const Login& login) {
  const Json body = ParseJson(request.body);
  const Json& email = Field(body, "email");
  if (!body.is_object() || !email.is_string() ||
      login.account->FindEmployee(email.get<std::string>()) != nullptr) {
    return RestError(400, "Bad Request", "INVALID_CONTENT",
                     "A unique email is required.", "o:errorPath", "email");
  }
  NetsuiteAccount& account = *login.account;
  const auto text = [&](std::string_view name) {
    const Json& value = Field(body, name);
    return value.is_string() ? value.get<std::string>() : "";
  };
  Employee employee;
  employee.id = account.next_id++;
  employee.email = email.get<std::string>();
  employee.first_name = text("firstName");
  employee.last_name = text("lastName");
  employee.entity_id = text("entityId").empty()
                           ? employee.first_name + " " + employee.last_name
                           : text("entityId");
  employee.password = text("password");
  const Json& give_access = Field(body, "giveAccess");
  employee.give_access = give_access.is_boolean() && give_access.get<bool>();
  const Json& roles = Field(body, "roles");
  if (!roles.is_null()) {
    const std::string problem =
        ApplyRoles(account, roles, /*replace=*/true, employee);
    if (!problem.empty()) {
      return RestError(400, "Bad Request", "INVALID_CONTENT", problem,
                       "o:errorPath", "roles");
    }
  }
  Response response = TextResponse(204, "application/json", "");
  response.headers.emplace_back("Location", RecordUrl(request, employee.id));
  account.employees[employee.id] = std::move(employee);
  return response;
}

}  // namespace keyturn::sandbox
