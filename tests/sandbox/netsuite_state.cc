#include "tests/sandbox/netsuite_state.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tests/sandbox/text.h"

namespace keyturn::sandbox {
namespace {

constexpr size_t kAuditEntriesMax = 20000;

constexpr std::array<std::pair<std::string_view, std::string_view>, 44>
    kPermissionNames = {{
        {"ADMI_LOGIN_OAUTH", "Log in using Access Tokens"},
        {"ADMI_MANAGE_OWN_OAUTH_TOKENS", "User Access Tokens"},
        {"ADMI_MANAGE_OAUTH_TOKENS", "Access Token Management"},
        {"ADMI_LOGIN_OAUTH2", "Log in using OAuth 2.0 Access Tokens"},
        {"ADMI_MANAGE_OAUTH2", "OAuth 2.0 Authorized Applications Management"},
        {"ADMI_RESTWEBSERVICES", "REST Web Services"},
        {"ADMI_WEBSERVICES", "SOAP Web Services"},
        {"ADMI_CUSTOMSCRIPT", "SuiteScript"},
        {"ADMI_MANAGEROLES", "Manage Roles"},
        {"ADMI_MANAGEUSERS", "Manage Users"},
        {"ADMI_ENABLEFEATURES", "Enable Features"},
        {"ADMI_INTEGRAPP", "Integration Application"},
        {"ADMI_AUDITLOGIN", "View Login Audit Trail"},
        {"ADMI_CUSTOMFIELDS", "Custom Fields"},
        {"ADMI_CUSTOMLIST", "Custom Lists"},
        {"ADMI_CUSTRECORD", "Custom Record Types"},
        {"ADMI_BUNDLER", "SuiteBundler"},
        {"ADMI_BUNDLERAUDIT", "SuiteBundler Audit Trail"},
        {"ADMI_MANAGEUSERSPASSWORDS", "Users and Passwords"},
        {"REPO_ANALYTICS", "SuiteAnalytics Workbook"},
        {"LIST_EMPLOYEE", "Employees"},
        {"LIST_EMPLOYEE_RECORD", "Employee Record"},
        {"LIST_EMPLOYEE_ACCESS", "Employee Access"},
        {"LIST_EMPLOYEE_ADMINISTRATION", "Employee Administration"},
        {"LIST_FIND", "Perform Search"},
        {"LIST_CASE", "Cases"},
        {"LIST_CONTACT", "Contacts"},
        {"LIST_CURRENCY", "Currency"},
        {"LIST_CUSTJOB", "Customers"},
        {"LIST_CUSTRECORDENTRY", "Custom Record Entries"},
        {"LIST_FILECABINET", "Documents and Files"},
        {"LIST_ITEM", "Items"},
        {"LIST_TRACKMESSAGE", "Track Messages"},
        {"LIST_JOB", "Projects"},
        {"LIST_PROJECTTASK", "Project Tasks"},
        {"TRAN_FIND", "Find Transaction"},
        {"TRAN_CUSTINVC", "Invoice"},
        {"TRAN_ITEMSHIP", "Item Fulfillment"},
        {"TRAN_OPPRTNTY", "Opportunity"},
        {"TRAN_ESTIMATE", "Estimate"},
        {"TRAN_SALESORD", "Sales Order"},
        {"TRAN_TIMEBILL", "Track Time"},
        {"LIST_SUBSIDIARY", "Subsidiaries"},
        {"REPO_TRAN", "Transaction Reports"},
    }};

Json RoleJson(const Role& role) {
  Json permissions = Json::object();
  for (const Permission& permission : role.permissions) {
    permissions[permission.key] = permission.level;
  }
  return {{"id", role.id},
          {"name", role.name},
          {"script_id", role.script_id},
          {"inactive", role.inactive},
          {"web_services_only", role.web_services_only},
          {"requires_two_factor", role.requires_two_factor},
          {"permissions", permissions}};
}

Json EmployeeJson(const Employee& employee) {
  return {{"id", employee.id},
          {"email", employee.email},
          {"password", employee.password},
          {"give_access", employee.give_access},
          {"inactive", employee.inactive},
          {"roles", employee.roles},
          {"switched_off_roles", employee.switched_off_roles},
          {"failed_logins", employee.failed_logins},
          {"locked_until", employee.locked_until == absl::InfinitePast()
                               ? ""
                               : FormatInstant(employee.locked_until)}};
}

Json IntegrationJson(const Integration& integration) {
  return {{"id", integration.id},
          {"name", integration.name},
          {"consumer_key", integration.consumer_key},
          {"consumer_secret", integration.consumer_secret},
          {"state", NameOf(integration.state)},
          {"token_based", integration.token_based},
          {"issue_token_endpoint", integration.issue_token_endpoint},
          {"authorization_flow", integration.authorization_flow},
          {"client_credentials", integration.client_credentials}};
}

Json AuditJson(const LoginAuditEntry& entry) {
  return {{"time", FormatInstant(entry.time)},
          {"status", entry.success ? "Success" : "Failure"},
          {"user", entry.user},
          {"role", entry.role},
          {"detail", entry.detail},
          {"token_name", entry.token_name},
          {"application_name", entry.application_name},
          {"channel", entry.channel}};
}

template <typename Map, typename Matches>
auto* FindIn(Map& map, const Matches& matches) {
  for (auto& [key, value] : map) {
    if (matches(value)) return &value;
  }
  return static_cast<typename Map::mapped_type*>(nullptr);
}

template <typename Map>
auto* ById(Map& map, int id) {
  const auto found = map.find(id);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

int Role::Level(std::string_view key) const {
  for (const Permission& permission : permissions) {
    if (permission.key == key) return permission.level;
  }
  return 0;
}

bool Role::MayLogInByToken() const {
  return Level("ADMI_LOGIN_OAUTH") > 0 ||
         Level("ADMI_MANAGE_OWN_OAUTH_TOKENS") > 0;
}

bool Employee::HasRole(int role) const {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

Role* NetsuiteAccount::FindRole(std::string_view name) {
  return FindIn(roles, [&](const Role& role) { return role.name == name; });
}

Employee* NetsuiteAccount::FindEmployee(std::string_view email) {
  return FindIn(employees, [&](const Employee& employee) {
    return EqualsIgnoringCase(employee.email, email);
  });
}

Integration* NetsuiteAccount::FindIntegration(std::string_view name) {
  return FindIn(integrations, [&](const Integration& integration) {
    return integration.name == name;
  });
}

Integration* NetsuiteAccount::FindIntegrationByKey(
    std::string_view consumer_key) {
  return FindIn(integrations, [&](const Integration& integration) {
    return integration.consumer_key == consumer_key;
  });
}

AccessToken* NetsuiteAccount::FindToken(const std::string& token_id) {
  const auto found = tokens.find(token_id);
  return found == tokens.end() ? nullptr : &found->second;
}

Role* NetsuiteAccount::RoleById(int role) { return ById(roles, role); }
Employee* NetsuiteAccount::EmployeeById(int employee) {
  return ById(employees, employee);
}
Integration* NetsuiteAccount::IntegrationById(int integration) {
  return ById(integrations, integration);
}

AccessToken& NetsuiteAccount::AddToken(AccessToken token) {
  token_order.push_back(token.id);
  const std::string key = token.id;
  return tokens[key] = std::move(token);
}

void NetsuiteAccount::AddAudit(LoginAuditEntry entry) {
  if (audit.size() >= kAuditEntriesMax) {
    audit.pop_front();
    ++audit_dropped;
  }
  audit.push_back(std::move(entry));
}

Json NetsuiteAccount::ToJson() const {
  Json json = {{"id", id}, {"features", features}};
  for (const char* name : {"roles", "employees", "integrations", "tokens",
                           "certificates", "audit"}) {
    json[name] = Json::array();
  }
  for (const auto& [key, role] : roles) json["roles"].push_back(RoleJson(role));
  for (const auto& [key, employee] : employees) {
    json["employees"].push_back(EmployeeJson(employee));
  }
  for (const auto& [key, integration] : integrations) {
    json["integrations"].push_back(IntegrationJson(integration));
  }
  for (const std::string& token_id : token_order) {
    const AccessToken& token = tokens.at(token_id);
    json["tokens"].push_back({{"id", token.id},
                              {"secret", token.secret},
                              {"name", token.name},
                              {"integration", token.integration},
                              {"employee", token.employee},
                              {"role", token.role},
                              {"inactive", token.inactive},
                              {"revoked", token.revoked},
                              {"created", FormatInstant(token.created)},
                              {"created_by", token.created_by}});
  }
  for (const auto& [key, certificate] : certificates) {
    json["certificates"].push_back({{"id", certificate.id},
                                    {"integration", certificate.integration},
                                    {"employee", certificate.employee},
                                    {"role", certificate.role},
                                    {"revoked", certificate.revoked}});
  }
  for (const LoginAuditEntry& entry : audit) {
    json["audit"].push_back(AuditJson(entry));
  }
  return json;
}

std::string RealmForm(std::string_view account) {
  std::string realm = Upper(account);
  std::replace(realm.begin(), realm.end(), '-', '_');
  return realm;
}

std::string HostForm(std::string_view account) {
  std::string host = Lower(account);
  std::replace(host.begin(), host.end(), '_', '-');
  return host;
}

std::string PermissionName(std::string_view key) {
  for (const auto& [known, name] : kPermissionNames) {
    if (known == key) return std::string(name);
  }
  return std::string(key);
}

std::string PermissionKey(std::string_view id_or_name) {
  for (const auto& [key, name] : kPermissionNames) {
    if (EqualsIgnoringCase(name, id_or_name)) return std::string(key);
  }
  return std::string(id_or_name);
}

std::string_view NameOf(IntegrationState state) {
  switch (state) {
    case IntegrationState::kEnabled:
      return "Enabled";
    case IntegrationState::kBlocked:
      return "Blocked";
    case IntegrationState::kWaitingForApproval:
      return "Waiting for Approval";
  }
  return "";
}

}  // namespace keyturn::sandbox
