#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/time/time.h"
#include "tests/sandbox/json.h"

// What a NetSuite account holds, as far as moving an integration user to
// token-based authentication touches it. Plain data; the world's mutex guards
// it. Pointers into the maps stay valid, since nothing is ever erased from them
// except where an act says so.
namespace keyturn::sandbox {

struct Permission {
  std::string key;
  // 0 None, 1 View, 2 Create, 3 Edit, 4 Full.
  int level = 4;
};

struct Role {
  int id = 0;
  std::string script_id;
  std::string name;
  bool inactive = false;
  bool web_services_only = false;
  bool requires_two_factor = false;
  std::string center_type = "BASIC";
  std::vector<Permission> permissions;

  // 0 when the role does not have it.
  int Level(std::string_view key) const;
  // Either of the two permissions that let a user log in by token.
  bool MayLogInByToken() const;
};

struct Employee {
  int id = 0;
  std::string entity_id;
  std::string first_name;
  std::string last_name;
  std::string email;
  std::string password;
  // Of the authenticator app; "" when none is set up.
  std::string totp_secret;
  bool give_access = true;
  bool inactive = false;
  // May hold a role twice when the sublist appends.
  std::vector<int> roles;
  // Switched off by the user under View My Roles.
  std::set<int> switched_off_roles;
  int failed_logins = 0;
  absl::Time locked_until = absl::InfinitePast();

  bool HasRole(int role) const;
};

enum class IntegrationState { kEnabled, kBlocked, kWaitingForApproval };

// An integration record, which NetSuite's token screen calls application.
struct Integration {
  int id = 0;
  std::string name;
  std::string consumer_key;
  std::string consumer_secret;
  IntegrationState state = IntegrationState::kEnabled;
  bool token_based = true;
  bool issue_token_endpoint = false;
  bool authorization_flow = false;
  bool client_credentials = false;
  std::string callback;
};

struct AccessToken {
  std::string id;
  std::string secret;
  std::string name;
  int integration = 0;
  int employee = 0;
  int role = 0;
  bool inactive = false;
  bool revoked = false;
  absl::Time created;
  std::string created_by;
  absl::Time last_timestamp = absl::InfinitePast();
};

struct RequestToken {
  std::string id;
  std::string secret;
  std::string callback;
  // "" until a user allowed it.
  std::string verifier;
  std::string role_hint;
  int integration = 0;
  int employee = 0;
  int role = 0;
  absl::Time expires;
};

// A mapping of OAuth 2.0 client credentials.
struct Certificate {
  std::string id;
  std::string pem;
  int integration = 0;
  int employee = 0;
  int role = 0;
  bool revoked = false;
  absl::Time not_before;
  absl::Time not_after;
  std::string algorithm;
};

struct Bearer {
  int integration = 0;
  int employee = 0;
  int role = 0;
  absl::Time expires;
};

struct Restlet {
  std::string script;
  std::string deployment;
  bool released = true;
  // Role ids; empty: every role.
  std::vector<int> audience;
};

struct LoginAuditEntry {
  absl::Time time;
  bool success = false;
  // E-mail address; "" when the login did not say whose it was.
  std::string user;
  std::string role;
  // NetSuite's own word: "token_rejected", "permission_denied", ...
  std::string detail;
  std::string token_name;
  std::string application_name;
  std::string channel;
};

struct NetsuiteAccount {
  // Upper case, '_' before a suffix: "7654321_SB1".
  std::string id;
  std::string company_name;
  std::set<std::string> features;
  // By service tier: Standard 5, Premium 15, Enterprise 20.
  int concurrency_limit = 15;
  int next_id = 1000;

  std::map<int, Role> roles;
  std::map<int, Employee> employees;
  std::map<int, Integration> integrations;
  std::unordered_map<std::string, AccessToken> tokens;
  std::vector<std::string> token_order;
  std::map<std::string, RequestToken> request_tokens;
  std::map<std::string, Certificate> certificates;
  std::map<std::string, Bearer> bearers;
  std::vector<Restlet> restlets;
  std::deque<LoginAuditEntry> audit;
  int64_t audit_dropped = 0;

  std::unordered_map<std::string, absl::Time> nonces;
  std::deque<std::pair<absl::Time, std::string>> nonce_order;
  std::multiset<absl::Time> busy_until;
  // Who sits at the browser; 0 for nobody.
  int browser_employee = 0;
  int browser_role = 0;

  // Look-ups for restoring names; null when there is none. Names are unique
  // enough for the screens, which take the first.
  Role* FindRole(std::string_view name);
  Employee* FindEmployee(std::string_view email);
  Integration* FindIntegration(std::string_view name);
  Integration* FindIntegrationByKey(std::string_view consumer_key);
  AccessToken* FindToken(const std::string& id);
  Role* RoleById(int id);
  Employee* EmployeeById(int id);
  Integration* IntegrationById(int id);

  bool Has(const std::string& feature) const {
    return features.contains(feature);
  }
  AccessToken& AddToken(AccessToken token);
  void AddAudit(LoginAuditEntry entry);

  // The unmasked truth, for GET /control/state.
  Json ToJson() const;
};

// "7654321-sb1" and "7654321_SB1" are both "7654321_SB1".
std::string RealmForm(std::string_view account);
std::string HostForm(std::string_view account);

// "Log in using Access Tokens" for ADMI_LOGIN_OAUTH; the key itself when it is
// not a known one.
std::string PermissionName(std::string_view key);

// The id of a permission given by id or by name; what is not known stays as it
// is.
std::string PermissionKey(std::string_view id_or_name);

std::string_view NameOf(IntegrationState state);

}  // namespace keyturn::sandbox
