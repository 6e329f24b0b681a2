#include "tests/sandbox/seed_netsuite.h"

#include <utility>
#include <vector>

#include "tests/sandbox/jwt.h"

namespace keyturn::sandbox {
namespace {

constexpr int kView = 1;
constexpr int kEdit = 3;
constexpr int kFull = 4;
constexpr int kAdministratorRole = 3;
constexpr int kAccessUser = 40;

std::vector<Permission> JiraPermissions() {
  return {{"TRAN_FIND", kView},         {"TRAN_CUSTINVC", kFull},
          {"TRAN_ITEMSHIP", kFull},     {"TRAN_OPPRTNTY", kFull},
          {"TRAN_ESTIMATE", kFull},     {"TRAN_SALESORD", kFull},
          {"TRAN_TIMEBILL", kFull},     {"LIST_CASE", kFull},
          {"LIST_CONTACT", kFull},      {"LIST_CURRENCY", kView},
          {"LIST_CUSTJOB", kFull},      {"LIST_CUSTRECORDENTRY", kFull},
          {"LIST_FILECABINET", kEdit},  {"LIST_EMPLOYEE", kView},
          {"LIST_ITEM", kFull},         {"LIST_TRACKMESSAGE", kFull},
          {"LIST_JOB", kFull},          {"LIST_PROJECTTASK", kFull},
          {"LIST_FIND", kFull},         {"ADMI_CUSTOMFIELDS", kFull},
          {"ADMI_CUSTOMLIST", kFull},   {"ADMI_CUSTRECORD", kFull},
          {"ADMI_BUNDLER", kFull},      {"ADMI_BUNDLERAUDIT", kView},
          {"ADMI_CUSTOMSCRIPT", kFull}, {"ADMI_WEBSERVICES", kFull}};
}

std::vector<Permission> AccessPermissions() {
  return {{"ADMI_LOGIN_OAUTH", kFull},
          {"ADMI_LOGIN_OAUTH2", kFull},
          {"ADMI_RESTWEBSERVICES", kFull},
          {"REPO_ANALYTICS", kEdit},
          {"ADMI_MANAGEROLES", kFull},
          {"ADMI_MANAGEUSERS", kFull},
          {"ADMI_MANAGE_OAUTH_TOKENS", kFull},
          {"ADMI_CUSTOMSCRIPT", kFull},
          {"ADMI_AUDITLOGIN", kView},
          {"LIST_EMPLOYEE", kFull},
          {"LIST_EMPLOYEE_RECORD", kFull},
          {"LIST_EMPLOYEE_ACCESS", kFull},
          {"LIST_EMPLOYEE_ADMINISTRATION", kFull},
          {"LIST_FIND", kFull}};
}

Role& AddRole(NetsuiteAccount& account, int id, std::string script_id,
              std::string name, std::vector<Permission> permissions) {
  Role role;
  role.id = id;
  role.script_id = std::move(script_id);
  role.name = std::move(name);
  role.permissions = std::move(permissions);
  return account.roles[id] = std::move(role);
}

void AddRoles(NetsuiteAccount& account) {
  std::vector<Permission> all = AccessPermissions();
  for (const Permission& permission : JiraPermissions()) {
    bool known = false;
    for (const Permission& one : all)
      known = known || one.key == permission.key;
    if (!known) all.push_back(permission);
  }
  for (Permission& permission : all) permission.level = kFull;
  AddRole(account, kAdministratorRole, "administrator", "Administrator",
          std::move(all))
      .requires_two_factor = true;
  AddRole(account, 15, "employeecenter", "Employee Center",
          {{"TRAN_TIMEBILL", kFull}});
  AddRole(account, 1007, "customrole_celigo_jira", kJiraRole,
          JiraPermissions());
  AddRole(account, 1008, "customrole_celigo_etail",
          "Celigo eTail SmartConnectors", JiraPermissions());
  AddRole(account, 1009, "customrole_celigo_io",
          "Celigo integrator.io Full Access w/o 2FA", JiraPermissions());
  AddRole(account, 1010, "customrole_celigo_cash",
          "Celigo CashApp Manager SmartConnector", JiraPermissions());
  AddRole(account, 1011, "customrole_keyturn_access", kAccessRole,
          AccessPermissions());
}

Integration& AddIntegration(NetsuiteAccount& account, int id, std::string name,
                            std::string key, std::string secret) {
  Integration integration;
  integration.id = id;
  integration.name = std::move(name);
  integration.consumer_key = std::move(key);
  integration.consumer_secret = std::move(secret);
  return account.integrations[id] = std::move(integration);
}

Employee& AddEmployee(NetsuiteAccount& account, int id, std::string first,
                      std::string last, std::string email, std::string password,
                      std::vector<int> roles) {
  Employee employee;
  employee.id = id;
  employee.entity_id = first + " " + last;
  employee.first_name = std::move(first);
  employee.last_name = std::move(last);
  employee.email = std::move(email);
  employee.password = std::move(password);
  employee.roles = std::move(roles);
  return account.employees[id] = std::move(employee);
}

void AddAccess(World& world, NetsuiteAccount& account,
               const std::string& certificate_pem, AccessKeys& access) {
  Random& random = world.random();
  access.consumer_key = random.Hex(64);
  access.consumer_secret = random.Hex(64);
  AddIntegration(account, 4, kAccessApplication, access.consumer_key,
                 access.consumer_secret)
      .client_credentials = true;
  AddEmployee(account, kAccessUser, "Keyturn", "Access",
              "keyturn.access@example.com", "keyturn-" + random.Hex(20),
              {1011});
  AccessToken token;
  token.id = access.token_id = random.Hex(64);
  token.secret = access.token_secret = random.Hex(64);
  token.name = "Keyturn - Keyturn Access, Keyturn Access";
  token.integration = 4;
  token.employee = kAccessUser;
  token.role = 1011;
  token.created = world.Now();
  token.created_by = "admin@example.com";
  account.AddToken(std::move(token));
  const std::optional<CertificateFacts> facts =
      InspectCertificate(certificate_pem);
  if (!facts.has_value()) return;
  Certificate certificate;
  certificate.id = access.certificate_id = random.Hex(43);
  certificate.pem = certificate_pem;
  certificate.integration = 4;
  certificate.employee = kAccessUser;
  certificate.role = 1011;
  certificate.not_before = facts->not_before;
  certificate.not_after = facts->not_after;
  certificate.algorithm = facts->key_type;
  account.certificates[certificate.id] = std::move(certificate);
}

}  // namespace

VendorKeys MakeVendorKeys(Random& random) {
  VendorKeys keys;
  for (std::string* key :
       {&keys.high_tech_key, &keys.high_tech_secret, &keys.etail_key,
        &keys.etail_secret, &keys.own_key, &keys.own_secret}) {
    *key = random.Hex(64);
  }
  return keys;
}

NetsuiteAccount& AddNetsuiteAccount(World& world, const std::string& id,
                                    const VendorKeys& vendor,
                                    const std::string& certificate_pem,
                                    bool tba, AccessKeys& access) {
  NetsuiteAccount& account =
      world.netsuite().AddAccount(id, "Example Trading " + id);
  account.features = {"RESTWEBSERVICES",
                      "WEBSERVICESEXTERNAL",
                      "SERVERSIDESCRIPTING",
                      "CUSTOMCODE",
                      "USR",
                      "CUSTOMRECORDS",
                      "ADVANCEDEMPLOYEEPERMISSIONS",
                      "OAUTH2"};
  if (tba) account.features.insert("TBA");
  account.next_id = 1042;
  AddRoles(account);
  AddIntegration(account, 1, kHighTechApplication, vendor.high_tech_key,
                 vendor.high_tech_secret);
  AddIntegration(account, 2, kETailApplication, vendor.etail_key,
                 vendor.etail_secret);
  AddIntegration(account, 3, kOwnApplication, vendor.own_key,
                 vendor.own_secret);
  AddEmployee(account, 2, "Ada", "Admin", "admin@example.com",
              "admin-" + world.random().Hex(20), {kAdministratorRole});
  AddEmployee(account, 21, "Eve", "Employee", "eve.employee@example.com",
              "employee-" + world.random().Hex(20), {15});
  AddAccess(world, account, certificate_pem, access);
  return account;
}

Employee& AddIntegrationUser(NetsuiteAccount& account, const std::string& email,
                             const std::string& password) {
  const int id = account.next_id++;
  return AddEmployee(account, id, "Jira", "Integration " + std::to_string(id),
                     email, password, {15, 1007});
}

}  // namespace keyturn::sandbox
