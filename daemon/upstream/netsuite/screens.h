// The part of the work that people do in NetSuite's screens, as data: where to
// go, what to do there, and what goes wrong. NetSuite has no interface for
// turning the feature on or for making a token for another user.
#ifndef KEYTURN_DAEMON_UPSTREAM_NETSUITE_SCREENS_H_
#define KEYTURN_DAEMON_UPSTREAM_NETSUITE_SCREENS_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/upstream/netsuite/account_id.h"

namespace keyturn::netsuite {

// What must stand in a field of the screen, to the letter.
struct ScreenField {
  // Stable, lower_snake_case: "role_name", "token_name".
  std::string name;
  // As the screen calls it.
  std::string label;
  std::string value;
};

// What people get wrong on a screen and how that shows.
struct Mistake {
  std::string what;
  std::string shows_as;
};

// "what – shows_as", for one line of a list.
std::string Sentence(const Mistake& mistake);

struct Screen {
  // "Setup > Company > Enable Features > SuiteCloud".
  std::string menu_path;
  // https address of the screen.
  std::string deep_link;
  // In order, one action each.
  std::vector<std::string> instructions;
  std::vector<ScreenField> fields;
  std::vector<Mistake> mistakes;
};

// Step A: the feature Token-Based Authentication.
Screen EnableTbaScreen(const Endpoints& endpoints);

// Step B: a copy of `source_role` named `role_name`, with `permissions` added
// (ids such as ADMI_LOGIN_OAUTH).
struct NewRole {
  std::string role_name;
  std::string source_role;
  std::vector<std::string> permissions;
};
Screen CreateRoleScreen(const Endpoints& endpoints, const NewRole& role);

// The same role exists and lacks something: `permissions` to add, or it is
// inactive.
struct RoleRepair {
  std::string role_name;
  // NetSuite's id of the role; empty when it is not known.
  std::string role_id;
  std::vector<std::string> permissions;
  bool activate = false;
};
Screen RepairRoleScreen(const Endpoints& endpoints, const RoleRepair& repair);

// Step C: the role on the employee of `user` (an e-mail address or a name).
struct RoleAssignment {
  std::string user;
  std::string role_name;
  // NetSuite's id of the employee; empty when it is not known.
  std::string employee_id;
};
Screen AssignRoleScreen(const Endpoints& endpoints,
                        const RoleAssignment& assignment);
// Step C undone.
Screen UnassignRoleScreen(const Endpoints& endpoints,
                          const RoleAssignment& assignment);

// Step D: the access token.
struct NewToken {
  std::string application;
  std::string user;
  std::string role_name;
  std::string token_name;
};
Screen IssueTokenScreen(const Endpoints& endpoints, const NewToken& token);
// Step D undone.
Screen RevokeTokenScreen(const Endpoints& endpoints, const NewToken& token);

// The words of the role editor for a permission id ("ADMI_LOGIN_OAUTH" →
// "Log in using Access Tokens"), from NetSuite help chapter_N3236764. The id
// itself when it is not in the list.
std::string_view PermissionName(std::string_view id);

// The id of the list that `id` is a wrong spelling of: one without the inner
// underscores (ADMI_MANAGEOAUTHTOKENS), which NetSuite does not know. Empty for
// one that is in the list, and for all others: the list is not complete.
std::string_view PermissionMeantBy(std::string_view id);

// What the Login Audit Trail says in its column Detail, and who is at fault
// (NetSuite help subsect_156935170194, subsect_156934879823,
// subsect_158324637123).
enum class Fault { kFeature, kRoleOrAssignment, kToken, kClient, kAny };
struct AuditDetail {
  std::string_view detail;
  std::string_view meaning;
  Fault fault;
};
std::span<const AuditDetail> AuditDetails();

// By the word in the column, upper and lower case alike. nullptr when it is not
// known.
const AuditDetail* FindAuditDetail(std::string_view detail);

// The step of the seed that mends it: "step A (enable TBA)".
std::string_view StepAtFault(Fault fault);

// Setup > Users/Roles > User Management > View Login Audit Trail, with what to
// look for after a refused token login.
Screen LoginAuditTrailScreen(const Endpoints& endpoints);

}  // namespace keyturn::netsuite

#endif  // KEYTURN_DAEMON_UPSTREAM_NETSUITE_SCREENS_H_
