#include "daemon/upstream/netsuite/screens.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::netsuite {
namespace {

using base::ToAbsl;

struct KnownPermission {
  std::string_view id;
  std::string_view name;
  // Where the role editor has it, under Permissions.
  std::string_view subtab;
  // The lowest level that serves a token integration.
  std::string_view level;
};

constexpr std::string_view kSetup = "Setup";
constexpr std::string_view kLists = "Lists";
constexpr std::string_view kReports = "Reports";

constexpr auto kPermissions = std::to_array<KnownPermission>({
    {"ADMI_LOGIN_OAUTH", "Log in using Access Tokens", kSetup, "Full"},
    {"ADMI_MANAGE_OWN_OAUTH_TOKENS", "User Access Tokens", kSetup, "Full"},
    {"ADMI_MANAGE_OAUTH_TOKENS", "Access Token Management", kSetup, "Full"},
    {"ADMI_LOGIN_OAUTH2", "Log in using OAuth 2.0 Access Tokens", kSetup,
     "Full"},
    {"ADMI_MANAGE_OAUTH2", "OAuth 2.0 Authorized Applications Management",
     kSetup, "Full"},
    {"ADMI_RESTWEBSERVICES", "REST Web Services", kSetup, "Full"},
    {"ADMI_WEBSERVICES", "SOAP Web Services", kSetup, "Full"},
    {"ADMI_CUSTOMSCRIPT", "SuiteScript", kSetup, "View"},
    {"REPO_ANALYTICS", "SuiteAnalytics Workbook", kReports, "Edit"},
    {"LIST_EMPLOYEE", "Employees", kLists, "Edit"},
    {"LIST_EMPLOYEE_RECORD", "Employee Record", kLists, "View"},
    {"LIST_EMPLOYEE_ACCESS", "Employee Access Tab", kLists, "Edit"},
    {"LIST_EMPLOYEE_ADMINISTRATION", "Employee Administration", kLists, "Edit"},
    {"LIST_FIND", "Perform Search", kLists, "View"},
    {"ADMI_MANAGEROLES", "Bulk Manage Roles", kSetup, "View"},
    {"ADMI_MANAGEUSERS", "Manage Users", kSetup, "Full"},
    {"ADMI_ENABLEFEATURES", "Enable Features", kSetup, "Full"},
    {"ADMI_INTEGRAPP", "Integration Application", kSetup, "Full"},
    {"LIST_INTEGRAPP", "Integration Applications", kLists, "View"},
    {"ADMI_AUDITLOGIN", "View Login Audit Trail", kSetup, "Full"},
    {"ADMI_APP_DEPLOYMENT", "SuiteApp Deployment", kSetup, "Full"},
    {"ADMI_CERTIFICATES", "Certificate Management", kSetup, "Full"},
    {"ADMI_SAMLSSO", "SAML Single Sign-on", kSetup, "Full"},
    {"ADMI_TWOFACTORAUTH", "Two-Factor Authentication", kSetup, "Full"},
    {"ADMI_TWOFACTORAUTHBASE", "Two-Factor Authentication base", kSetup,
     "Full"},
});

const KnownPermission* FindPermission(std::string_view id) {
  const auto found =
      std::find_if(kPermissions.begin(), kPermissions.end(),
                   [id](const KnownPermission& p) { return p.id == id; });
  return found == kPermissions.end() ? nullptr : &*found;
}

std::string WithoutUnderscores(std::string_view id) {
  std::string bare(id);
  std::erase(bare, '_');
  return bare;
}

std::string Quoted(std::string_view text) {
  return absl::StrCat("\"", ToAbsl(text), "\"");
}

constexpr char kLogIn[] = "Log into NetSuite as an Administrator.";

std::string AddPermission(std::string_view id) {
  const KnownPermission* known = FindPermission(id);
  if (known == nullptr) {
    return absl::StrCat("Under Permissions, add the permission with the id ",
                        ToAbsl(id), ".");
  }
  return absl::StrCat("Under Permissions > ", ToAbsl(known->subtab), ", add ",
                      Quoted(known->name), " with level ", ToAbsl(known->level),
                      " (", ToAbsl(id), ").");
}

std::string PermissionNames(const std::vector<std::string>& ids) {
  std::string names;
  for (const std::string& id : ids) {
    absl::StrAppend(&names, names.empty() ? "" : ", ",
                    ToAbsl(PermissionName(id)));
  }
  return names;
}

// What holds for making the role and for mending it.
std::vector<Mistake> RoleMistakes() {
  return {
      {"\"Log in using Access Tokens\" was not added",
       "the audit trail says permission_denied, and the page that makes the "
       "token says that login access has been disabled for this role"},
      {"\"Access Token Management\" was added instead",
       "permission_denied: it lets people make tokens for others, not log in "
       "with one, and it forces two-factor authentication on the role"},
      {"the permission is not in the list of the role editor",
       "it cannot be ticked as long as Token-Based Authentication is off: do "
       "step A first"},
      {"\"Web Services Only Role\" is ticked",
       "REST answers, but every RESTlet call ends with 401 or 403"},
      {"\"Restrict this role by IP address\" is ticked, or an IP address rule "
       "holds for it",
       "every token login ends with 401"},
  };
}

std::string EmployeeLink(const Endpoints& endpoints,
                         const std::string& employee_id) {
  return employee_id.empty()
             ? absl::StrCat(endpoints.app, "/app/common/entity/employeelist.nl")
             : absl::StrCat(endpoints.app,
                            "/app/common/entity/employee.nl?id=", employee_id);
}

constexpr char kTokenPath[] = "/app/setup/accesstokens.nl";

std::vector<ScreenField> TokenFields(const NewToken& token) {
  return {{"application_name", "APPLICATION NAME", token.application},
          {"user", "USER", token.user},
          {"role_name", "ROLE", token.role_name},
          {"token_name", "TOKEN NAME", token.token_name}};
}

std::vector<Mistake> TokenMistakes() {
  return {
      {"another application, user or role was chosen from the lists",
       "the audit trail says token_rejected, or the token works but data is "
       "missing; make a new token and revoke this one"},
      {"the page was left before both values were handed in",
       "nothing can show them again: make a new token and revoke this one"},
      {"token id and token secret were exchanged, or cut off when copied",
       "the audit trail says token_rejected or InvalidSignature"},
      {"the integration record of the application is Blocked or Waiting for "
       "Approval",
       "the audit trail says consumer_key_refused; set its State to Enabled at "
       "Setup > Integration > Manage Integrations"},
      {"the application is not in the list",
       "its bundle is not installed or not updated in this account"},
      {"the role is not in the list",
       "it is not on the user's employee record (step C), or it lacks \"Log in "
       "using Access Tokens\" (step B)"},
      {"the user has 25 tokens already",
       "NetSuite says that the number of active access tokens is exceeded; "
       "revoke those that nobody uses"},
      {"an older token of the same user is revoked too early",
       "other integrations of that user stop; revoke last"},
      {"the token was made in another environment, or before a sandbox refresh",
       "401 with the right values: tokens do not move between production and "
       "sandbox, and a refresh erases them"},
  };
}

constexpr auto kAuditDetails = std::to_array<AuditDetail>({
    {"FeatureDisabled", "Token-Based Authentication is off in this account",
     Fault::kFeature},
    {"consumer_key_refused", "the integration record is Blocked",
     Fault::kToken},
    {"consumer_key_unknown", "there is no integration record with that key",
     Fault::kToken},
    {"token_rejected",
     "the token is wrong, inactive, revoked, or of another integration",
     Fault::kToken},
    {"permission_denied",
     "the user or the role is inactive, the role is not given to the user, "
     "the user lacks access, the role lacks a permission for tokens, or the "
     "user switched the role off under View My Roles",
     Fault::kRoleOrAssignment},
    {"InvalidSignature",
     "the signature does not fit: a secret is wrong, or values were "
     "exchanged",
     Fault::kClient},
    {"InvalidTimestamp",
     "the clock of the machine that signed is more than 5 minutes off",
     Fault::kClient},
    {"nonce_rejected", "the nonce is too short", Fault::kClient},
    {"NonceRejected", "the nonce is too short", Fault::kClient},
    {"nonce_used", "the same request was sent twice", Fault::kClient},
    {"NonceUsed", "the same request was sent twice", Fault::kClient},
    {"UnknownAlgorithm", "the request was not signed with HMAC-SHA256",
     Fault::kClient},
    {"VersionRejected", "the OAuth version is not 1.0", Fault::kClient},
    {"parameter_rejected", "the authorization header is malformed",
     Fault::kClient},
    {"MissingTokenPassportRequiredFields",
     "the SOAP token passport lacks a field", Fault::kClient},
    {"temporary_locked",
     "five logins failed; the user is locked for 30 minutes", Fault::kAny},
    {"UnknownIntegration", "there is no integration record with that key",
     Fault::kToken},
    {"IntegrationBlocked", "the integration record is Blocked", Fault::kToken},
    {"AuthorizationFlowRequired",
     "the box \"TBA: Authorization Flow\" of the integration record is not "
     "ticked",
     Fault::kToken},
    {"InvalidCallback",
     "the callback is not the one on the integration "
     "record",
     Fault::kToken},
    {"InvalidVerifier", "the verifier of the authorization flow is wrong",
     Fault::kClient},
    {"MissingRequiredParameter", "the request lacks a parameter",
     Fault::kClient},
    {"TokenRejected",
     "the token is wrong, inactive, revoked, or of another integration",
     Fault::kToken},
    {"EntityOrRoleDisabled", "the user or the role is inactive",
     Fault::kRoleOrAssignment},
    {"AccessTokenExpired", "the OAuth 2.0 access token is too old",
     Fault::kClient},
    {"InvalidIntegration",
     "the integration record does not fit the OAuth 2.0 request",
     Fault::kToken},
});

}  // namespace

std::string Sentence(const Mistake& mistake) {
  return absl::StrCat(mistake.what, " – ", mistake.shows_as);
}

Screen EnableTbaScreen(const Endpoints& endpoints) {
  return Screen{
      .menu_path = "Setup > Company > Enable Features > SuiteCloud",
      .deep_link = absl::StrCat(endpoints.app, "/app/setup/features.nl"),
      .instructions =
          {kLogIn, "Go to Setup > Company > Enable Features.",
           "Click the SuiteCloud subtab.",
           "Scroll down to the section Manage Authentication.",
           "Check the box TOKEN-BASED AUTHENTICATION and click I Agree on the "
           "SuiteCloud terms.",
           "Click Save."},
      .fields = {{"feature", "TOKEN-BASED AUTHENTICATION", "checked"}},
      .mistakes = {
          {"the page was left without Save, or the terms without I Agree",
           "the box is empty again when the page is opened anew; the audit "
           "trail says FeatureDisabled"},
          {"OAUTH 2.0, the box beside it, was checked instead",
           "the audit trail says FeatureDisabled"},
          {"it was done in another account, for instance the sandbox",
           "the audit trail of this account says FeatureDisabled"},
          {"CLIENT SUITESCRIPT or SERVER SUITESCRIPT on the same subtab is off",
           "the token logs in, but Celigo's own scripts do not answer it"},
          {"the role of step B was made before this step",
           "the permissions for tokens are not in the role editor as long as "
           "the feature is off, and are not added to a role by themselves"},
      }};
}

Screen CreateRoleScreen(const Endpoints& endpoints, const NewRole& role) {
  Screen screen{
      .menu_path = "Setup > Users/Roles > Manage Roles",
      .deep_link = absl::StrCat(endpoints.app, "/app/setup/rolelist.nl"),
      .instructions = {kLogIn, "Go to Setup > Users/Roles > Manage Roles.",
                       absl::StrCat("Click Customize beside the role ",
                                    Quoted(role.source_role), "."),
                       absl::StrCat("Set Name to ", Quoted(role.role_name),
                                    ", to the letter.")},
      .fields = {{"source_role", "Customize", role.source_role},
                 {"role_name", "NAME", role.role_name}},
      .mistakes = RoleMistakes()};
  for (const std::string& permission : role.permissions) {
    screen.instructions.push_back(AddPermission(permission));
  }
  screen.instructions.push_back("Click Save.");
  if (!role.permissions.empty()) {
    screen.fields.push_back({"permissions", "Permissions to add",
                             PermissionNames(role.permissions)});
  }
  screen.mistakes.push_back(
      {"the name was left as it was, or has a typing error",
       "no role of the new name is found"});
  return screen;
}

Screen RepairRoleScreen(const Endpoints& endpoints, const RoleRepair& repair) {
  Screen screen{
      .menu_path = "Setup > Users/Roles > Manage Roles",
      .deep_link = repair.role_id.empty()
                       ? absl::StrCat(endpoints.app, "/app/setup/rolelist.nl")
                       : absl::StrCat(endpoints.app,
                                      "/app/setup/role.nl?id=", repair.role_id),
      .instructions = {kLogIn, "Go to Setup > Users/Roles > Manage Roles.",
                       absl::StrCat("Click the role ", Quoted(repair.role_name),
                                    ", then Edit.")},
      .fields = {{"role_name", "NAME", repair.role_name}},
      .mistakes = RoleMistakes()};
  if (repair.activate) {
    screen.instructions.push_back("Take the tick off the box INACTIVE.");
    screen.mistakes.push_back({"an inactive role does not show in the list",
                               "tick Show Inactives below the list of roles"});
  }
  for (const std::string& permission : repair.permissions) {
    screen.instructions.push_back(AddPermission(permission));
  }
  screen.instructions.push_back("Click Save.");
  if (!repair.permissions.empty()) {
    screen.fields.push_back({"permissions", "Permissions to add",
                             PermissionNames(repair.permissions)});
  }
  return screen;
}

Screen AssignRoleScreen(const Endpoints& endpoints,
                        const RoleAssignment& assignment) {
  return Screen{
      .menu_path =
          "Setup > Users/Roles > Manage Users > (user) > Edit > "
          "Access > Roles",
      .deep_link = EmployeeLink(endpoints, assignment.employee_id),
      .instructions =
          {kLogIn, "Go to Setup > Users/Roles > Manage Users.",
           absl::StrCat("Click the user ", Quoted(assignment.user), "."),
           "On that user's Employee page, click Edit.", "Go to Access > Roles.",
           absl::StrCat("In a new line, select the role ",
                        Quoted(assignment.role_name),
                        " and click Add. Leave the other roles as they are."),
           "Check that the box GIVE ACCESS is ticked.",
           "Click Save. A confirmation appears."},
      .fields = {{"user", "User", assignment.user},
                 {"role_name", "ROLE", assignment.role_name}},
      .mistakes = {
          {"the new line was not confirmed with Add before Save",
           "the role is missing when the record is opened again; the audit "
           "trail says permission_denied"},
          {"GIVE ACCESS is not ticked, or the employee is inactive",
           "the audit trail says permission_denied"},
          {"another role replaced one of the user's roles",
           "that user's other work stops"},
          {"the user switched the role off under View My Roles",
           "the audit trail says permission_denied although all else is right"},
          {"another employee with the same e-mail address was edited",
           "the role is missing on the employee that Keyturn looks at"},
      }};
}

Screen UnassignRoleScreen(const Endpoints& endpoints,
                          const RoleAssignment& assignment) {
  return Screen{
      .menu_path =
          "Setup > Users/Roles > Manage Users > (user) > Edit > "
          "Access > Roles",
      .deep_link = EmployeeLink(endpoints, assignment.employee_id),
      .instructions = {kLogIn, "Go to Setup > Users/Roles > Manage Users.",
                       absl::StrCat("Click the user ", Quoted(assignment.user),
                                    ", then Edit."),
                       "Go to Access > Roles.",
                       absl::StrCat(
                           "Select the line of the role ",
                           Quoted(assignment.role_name),
                           " and click Remove. Leave the other roles as they "
                           "are."),
                       "Click Save."},
      .fields = {{"user", "User", assignment.user},
                 {"role_name", "ROLE", assignment.role_name}},
      .mistakes = {{"the role is taken away while a token still uses it",
                    "that token stays in the list but every login with it "
                    "ends with permission_denied"}}};
}

Screen IssueTokenScreen(const Endpoints& endpoints, const NewToken& token) {
  return Screen{
      .menu_path = "Setup > Users/Roles > Access Tokens > New",
      .deep_link = absl::StrCat(endpoints.app, kTokenPath),
      .instructions =
          {"Log into NetSuite as an Administrator, or with a role that has "
           "Access Token Management.",
           "Go to Setup > Users/Roles > Access Tokens > New.",
           absl::StrCat("In APPLICATION NAME, select ",
                        Quoted(token.application), "."),
           absl::StrCat("In USER, type or search for ", Quoted(token.user),
                        " and select it."),
           absl::StrCat("In ROLE, select ", Quoted(token.role_name), "."),
           absl::StrCat("Replace what stands in TOKEN NAME by ",
                        Quoted(token.token_name), ", to the letter."),
           "Click Save.",
           "Hand in the TOKEN ID and the TOKEN SECRET that are shown now. They "
           "are shown only once."},
      .fields = TokenFields(token),
      .mistakes = TokenMistakes()};
}

Screen RevokeTokenScreen(const Endpoints& endpoints, const NewToken& token) {
  return Screen{
      .menu_path = "Setup > Users/Roles > Access Tokens",
      .deep_link = absl::StrCat(endpoints.app, kTokenPath),
      .instructions = {kLogIn, "Go to Setup > Users/Roles > Access Tokens.",
                       absl::StrCat("Find the token ", Quoted(token.token_name),
                                    " of the application ",
                                    Quoted(token.application),
                                    " and click Edit."),
                       "Click Revoke and confirm."},
      .fields = TokenFields(token),
      .mistakes = {
          {"another token of the same user is revoked",
           "it cannot be brought back, and what uses it stops at once"},
          {"INACTIVE is ticked instead of Revoke",
           "the token works again when somebody takes the tick off"},
      }};
}

std::string_view PermissionName(std::string_view id) {
  const KnownPermission* known = FindPermission(id);
  return known == nullptr ? id : known->name;
}

std::string_view PermissionMeantBy(std::string_view id) {
  if (FindPermission(id) != nullptr) return {};
  const std::string bare = WithoutUnderscores(id);
  for (const KnownPermission& known : kPermissions) {
    if (WithoutUnderscores(known.id) == bare) return known.id;
  }
  return {};
}

std::span<const AuditDetail> AuditDetails() { return kAuditDetails; }

const AuditDetail* FindAuditDetail(std::string_view detail) {
  const auto found = std::find_if(kAuditDetails.begin(), kAuditDetails.end(),
                                  [detail](const AuditDetail& known) {
                                    return absl::EqualsIgnoreCase(
                                        ToAbsl(known.detail), ToAbsl(detail));
                                  });
  return found == kAuditDetails.end() ? nullptr : &*found;
}

std::string_view StepAtFault(Fault fault) {
  switch (fault) {
    case Fault::kFeature:
      return "step A (enable TBA)";
    case Fault::kRoleOrAssignment:
      return "step B (create role) or step C (assign role)";
    case Fault::kToken:
      return "step D (issue token)";
    case Fault::kClient:
      return "the program that signs";
    case Fault::kAny:
      return "any step; wait 30 minutes";
  }
  return "";
}

Screen LoginAuditTrailScreen(const Endpoints& endpoints) {
  Screen screen{
      .menu_path =
          "Setup > Users/Roles > User Management > View Login Audit Trail",
      .deep_link = endpoints.app,
      .instructions =
          {"Log into NetSuite as an Administrator, or with a role that has "
           "View Login Audit Trail.",
           "Go to Setup > Users/Roles > User Management > View Login Audit "
           "Trail.",
           "Search for the failed login of the last minutes; add the columns "
           "Detail, Token-based Access Token Name and Token-based Application "
           "Name to the results.",
           "Read the word in Detail and compare it with the list below."},
      .fields = {},
      .mistakes = {}};
  for (const AuditDetail& detail : AuditDetails()) {
    screen.mistakes.push_back(
        {std::string(detail.detail),
         absl::StrCat(ToAbsl(detail.meaning), "; ",
                      ToAbsl(StepAtFault(detail.fault)))});
  }
  return screen;
}

}  // namespace keyturn::netsuite
