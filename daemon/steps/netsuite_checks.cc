#include "daemon/steps/netsuite_checks.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"
#include "daemon/steps/recipes.h"
#include "daemon/upstream/netsuite/screens.h"

namespace keyturn::steps {
namespace {

// So many of the names that were given out are looked for, newest first.
constexpr int kTokenNamesMax = 10;

// Every account has a role of this name.
constexpr char kStandardRole[] = "Administrator";

using Levels = std::map<std::string, netsuite::Level>;

Levels LevelsOf(const std::vector<netsuite::Permission>& permissions) {
  Levels levels;
  for (const netsuite::Permission& permission : permissions) {
    netsuite::Level& level = levels[permission.id];
    level = std::max(level, permission.level);
  }
  return levels;
}

bool Has(const Levels& levels, std::string_view id, netsuite::Level level) {
  const auto found = levels.find(std::string(id));
  return found != levels.end() && found->second >= level;
}

std::string InWords(const std::vector<std::string>& permissions) {
  return absl::StrJoin(
      permissions, ", ", [](std::string* out, const std::string& id) {
        absl::StrAppend(out, base::ToAbsl(netsuite::PermissionName(id)), " (",
                        id, ")");
      });
}

// The permissions that `wanted` has and `levels` lacks or has at a lower level.
std::vector<std::string> Missing(const Levels& wanted, const Levels& levels) {
  std::vector<std::string> missing;
  for (const auto& [id, level] : wanted) {
    if (!Has(levels, id, level)) missing.push_back(id);
  }
  return missing;
}

// A role with none of these cannot log in with a token.
bool MayLogInWithTokens(const Levels& levels) {
  return Has(levels, kLoginWithTokens, netsuite::Level::kView) ||
         Has(levels, kUserAccessTokens, netsuite::Level::kView);
}

// The permissions of the role that it is made from; none where that is not
// seen.
asio::awaitable<absl::StatusOr<Levels>> SourcePermissions(
    Context& context, netsuite::Client& client, bool& source_found) {
  if (context.notes.source_role.empty()) co_return Levels();
  CO_ASSIGN_OR_RETURN(const std::vector<netsuite::Role> sources,
                      co_await client.FindRoles(context.notes.source_role));
  source_found = !sources.empty();
  if (sources.empty()) co_return Levels();
  CO_ASSIGN_OR_RETURN(const std::vector<netsuite::Permission> permissions,
                      co_await client.RolePermissions(sources.front().id));
  co_return LevelsOf(permissions);
}

// Which roles may read these tables is not published, and whether the others
// get an error or no rows.
absl::Status SeesNothing(std::string_view what) {
  return base::WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "NetSuite shows Keyturn's own role no ", base::ToAbsl(what),
          " at all; a person has to look in the browser, or an "
          "administrator gives that role the permission")),
      netsuite::kTableNotVisible);
}

// No role of the name was seen: because there is none, or because no roles are
// shown at all?
asio::awaitable<absl::StatusOr<RoleCheck>> NoRole(Context& context,
                                                  netsuite::Client& client) {
  RoleCheck check;
  const std::vector<std::string> names = {context.notes.source_role,
                                          kStandardRole};
  for (const std::string& name : names) {
    if (name.empty()) continue;
    CO_ASSIGN_OR_RETURN(const std::vector<netsuite::Role> seen,
                        co_await client.FindRoles(name));
    if (seen.empty()) continue;
    check.source_found = name == context.notes.source_role;
    if (!check.source_found) {
      check.problem = absl::StrCat(
          "NetSuite has no role named ", context.notes.source_role,
          " either, which it is to be made from: see whether Celigo's bundle "
          "is installed and up to date, or plan again with another role.from");
    }
    co_return check;
  }
  co_return SeesNothing("roles");
}

// What the role should have: what its source has, and the added ones.
Levels WantedPermissions(const Context& context, Levels wanted) {
  for (const std::string& id : context.notes.permissions) {
    netsuite::Level& level = wanted[id];
    level = std::max(level, netsuite::Level::kView);
  }
  return wanted;
}

std::string Plain(std::string_view name) {
  return absl::AsciiStrToLower(absl::StripAsciiWhitespace(base::ToAbsl(name)));
}

bool SameName(std::string_view a, std::string_view b) {
  return Plain(a) == Plain(b);
}

bool IsId(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_isdigit(c); });
}

// Whether the list says that it is another one. What it does not show, or shows
// as an id that is not known here, says nothing.
bool IsAnother(std::string_view shown, std::string_view name,
               std::string_view id) {
  if (Plain(shown).empty() || SameName(shown, name)) return false;
  return IsId(shown) ? !id.empty() && shown != id : true;
}

// How a token's user is shown is not published: by the name in lists, perhaps
// with a number before it, by first and last name, or by address.
bool IsAnotherUser(std::string_view shown, const Context& context) {
  const Notes& notes = context.notes;
  if (notes.employee_id.empty() ||
      !IsAnother(shown, notes.employee_name, notes.employee_id)) {
    return false;
  }
  const std::string plain = Plain(shown);
  for (const std::string& name : {notes.employee_name, notes.employee_full_name,
                                  context.spec().netsuite.user}) {
    if (!name.empty() && absl::StrContains(plain, Plain(name))) return false;
  }
  return !absl::StrContains(Plain(notes.employee_name), plain);
}

// What is wrong with one token of ours; empty: nothing.
std::string ProblemOf(const netsuite::Token& token, const Context& context) {
  const std::string& role = context.spec().role.name;
  if (token.revoked) {
    return absl::StrCat("the token ", token.name,
                        " is revoked, for ever: another one is needed");
  }
  if (token.inactive) {
    return absl::StrCat("the token ", token.name,
                        " is inactive: untick Inactive on its page");
  }
  if (IsAnother(token.application, context.notes.application, "")) {
    return absl::StrCat("the token ", token.name,
                        " was made for another application; it must be made "
                        "for ",
                        context.notes.application,
                        ", whose consumer key the iClient in Celigo has: "
                        "revoke it and make another one");
  }
  if (IsAnother(token.role, role, context.notes.role_id)) {
    return absl::StrCat("the token ", token.name,
                        " was made for another role; it must be made for ",
                        role, ": revoke it and make another one");
  }
  if (IsAnotherUser(token.entity, context)) {
    return absl::StrCat("the token ", token.name,
                        " was made for another user; it must be made for ",
                        context.spec().netsuite.user,
                        ": revoke it and make another one");
  }
  return "";
}

}  // namespace

bool MayAsk(const Context& context, const NetSuiteAccount& account) {
  return account.has_access && !context.notes.access_closed;
}

bool IsForPeople(Context& context, const absl::Status& status) {
  if (netsuite::MeansNoRight(status)) return true;
  const std::string reason = base::ReasonOf(status);
  if (reason != netsuite::kLoginRefused && reason != "LOGIN_BLOCKED") {
    return false;
  }
  context.notes.access_closed = true;
  return true;
}

void NoteUser(Context& context, const netsuite::Employee& employee) {
  context.notes.employee_id = employee.id;
  context.notes.employee_name = employee.entity_id;
  context.notes.employee_full_name = std::string(absl::StripAsciiWhitespace(
      absl::StrCat(employee.first_name, " ", employee.last_name)));
}

asio::awaitable<absl::StatusOr<RoleCheck>> CheckRole(Context& context,
                                                     netsuite::Client& client) {
  const std::string& name = context.spec().role.name;
  RoleCheck check;
  CO_ASSIGN_OR_RETURN(const std::vector<netsuite::Role> roles,
                      co_await client.FindRoles(name));
  check.found = !roles.empty();
  if (roles.empty()) co_return co_await NoRole(context, client);
  if (roles.size() > 1) {
    check.problem =
        absl::StrCat("NetSuite has ", roles.size(), " roles named ", name,
                     "; rename or delete all but the one that is to be used");
    co_return check;
  }
  check.role_id = roles.front().id;
  check.inactive = roles.front().inactive;
  CO_ASSIGN_OR_RETURN(const std::vector<netsuite::Permission> permissions,
                      co_await client.RolePermissions(check.role_id));
  const Levels levels = LevelsOf(permissions);
  CO_ASSIGN_OR_RETURN(Levels source, co_await SourcePermissions(
                                         context, client, check.source_found));
  if (levels.empty() && source.empty()) co_return SeesNothing("permissions");
  check.missing =
      Missing(WantedPermissions(context, std::move(source)), levels);
  std::vector<std::string> problems;
  if (check.inactive) {
    problems.push_back(absl::StrCat("the role ", name, " is inactive"));
  }
  if (!check.missing.empty()) {
    problems.push_back(
        absl::StrCat("the role ", name, " lacks ", InWords(check.missing)));
  }
  if (check.missing.empty() && !MayLogInWithTokens(levels)) {
    check.missing.push_back(std::string(kLoginWithTokens));
    problems.push_back(absl::StrCat("the role ", name,
                                    " may not log in with tokens: it lacks ",
                                    InWords(check.missing)));
  }
  check.problem = absl::StrJoin(problems, "; ");
  check.proofs = {
      {"role", name},
      {"role id", check.role_id},
      {"permissions", absl::StrCat(levels.size())},
      {"logs in with tokens", MayLogInWithTokens(levels) ? "yes" : "no"},
      {"compared with", check.source_found
                            ? context.notes.source_role
                            : absl::StrCat("nothing: NetSuite shows no role ",
                                           context.notes.source_role)}};
  co_return check;
}

asio::awaitable<absl::StatusOr<UserCheck>> CheckUser(Context& context,
                                                     netsuite::Client& client) {
  const std::string& user = context.spec().netsuite.user;
  UserCheck check;
  CO_ASSIGN_OR_RETURN(const std::vector<netsuite::Employee> employees,
                      co_await client.FindEmployee(user));
  std::vector<netsuite::Employee> active;
  for (const netsuite::Employee& employee : employees) {
    if (!employee.inactive) active.push_back(employee);
  }
  if (active.size() == 1) {
    check.employee = active.front();
    if (!active.front().has_access) {
      check.problem = absl::StrCat(
          "the employee ", user,
          " has no access to NetSuite: tick Give Access on the tab Access");
    }
    co_return check;
  }
  if (!active.empty()) {
    check.problem = absl::StrCat("NetSuite has ", active.size(),
                                 " active employees with the address ", user,
                                 "; only one may have it");
  } else if (!employees.empty()) {
    check.problem = absl::StrCat("the employee ", user, " is inactive");
  } else {
    check.problem =
        absl::StrCat("NetSuite has no employee with the address ", user);
  }
  co_return check;
}

namespace {

// Tokens of one of the names that were given out.
asio::awaitable<absl::StatusOr<std::vector<netsuite::Token>>> TokensNamed(
    Context& context, netsuite::Client& client, int number) {
  netsuite::TokenFilter filter;
  filter.name = TokenName(context.migration.id, number);
  co_return co_await client.ListTokens(std::move(filter));
}

int OldestName(const Context& context) {
  return std::max(1, context.notes.tokens_asked - kTokenNamesMax + 1);
}

// Puts what is to be said about the tokens of one name into `check`. Whether
// that decides: one of them is not revoked.
bool Decide(const std::vector<netsuite::Token>& tokens, const Context& context,
            TokenCheck& check) {
  check.live = 0;
  for (const netsuite::Token& token : tokens) {
    check.listed = true;
    const std::string problem = ProblemOf(token, context);
    if (problem.empty() && !check.good) {
      check.good = true;
      check.proofs = {{"token", token.name},
                      {"application", token.application},
                      {"user", token.entity},
                      {"role", token.role},
                      {"revoked", "no"}};
    }
    const bool first = !token.revoked && check.live == 0;
    if (check.problem.empty() || first) check.problem = problem;
    if (!token.revoked) ++check.live;
  }
  if (check.good) check.problem.clear();
  return check.live > 0;
}

}  // namespace

asio::awaitable<absl::StatusOr<TokenCheck>> CheckToken(
    Context& context, netsuite::Client& client) {
  TokenCheck check;
  bool decided = false;
  // The newest name first; an older one counts when its secret was only
  // mistyped and handed in again.
  for (int number = context.notes.tokens_asked;
       number >= OldestName(context) && !decided; --number) {
    CO_ASSIGN_OR_RETURN(const std::vector<netsuite::Token> tokens,
                        co_await TokensNamed(context, client, number));
    decided = Decide(tokens, context, check);
  }
  if (check.problem.empty() && !check.good) {
    check.problem = absl::StrCat(
        "NetSuite lists no access token named ",
        TokenName(context.migration.id,
                  std::max(context.notes.tokens_asked, 1)),
        ": the name was changed, or the token belongs to another account");
  }
  co_return check;
}

asio::awaitable<absl::StatusOr<TokenCheck>> CheckTokenOfAnyName(
    Context& context, netsuite::Client& client) {
  TokenCheck check;
  netsuite::TokenFilter every;
  CO_ASSIGN_OR_RETURN(const std::vector<netsuite::Token> tokens,
                      co_await client.ListTokens(std::move(every)));
  if (tokens.empty()) co_return SeesNothing("access tokens");
  for (const netsuite::Token& token : tokens) {
    // Another migration's, which for an adoption may be the one in use.
    if (!context.spec().adopt &&
        absl::StartsWith(token.name, kTokenNamePrefix)) {
      continue;
    }
    if (Decide({token}, context, check) && check.good) co_return check;
  }
  co_return check;
}

asio::awaitable<absl::StatusOr<std::vector<LiveToken>>> LiveTokens(
    Context& context, netsuite::Client& client) {
  std::vector<LiveToken> live;
  for (int number = OldestName(context); number <= context.notes.tokens_asked;
       ++number) {
    CO_ASSIGN_OR_RETURN(const std::vector<netsuite::Token> tokens,
                        co_await TokensNamed(context, client, number));
    const auto count = std::count_if(
        tokens.begin(), tokens.end(),
        [](const netsuite::Token& token) { return !token.revoked; });
    if (count > 0) live.push_back({number, static_cast<int>(count)});
  }
  co_return live;
}

asio::awaitable<std::vector<std::string>> DiagnoseToken(
    Context& context, NetSuiteAccount account) {
  std::vector<std::string> found;
  if (!MayAsk(context, account)) co_return found;
  netsuite::Client& client = *account.client;
  const absl::StatusOr<netsuite::ProbeResult> probe = co_await client.Probe();
  if (!probe.ok()) {
    IsForPeople(context, probe.status());
    co_return found;
  }
  if (!probe->reads) {
    context.notes.access_closed = true;
    found.push_back(probe->summary);
    co_return found;
  }
  const absl::StatusOr<RoleCheck> role = co_await CheckRole(context, client);
  if (role.ok() && !role->found) {
    found.push_back(
        absl::StrCat("NetSuite has no role named ", context.spec().role.name));
  }
  if (role.ok() && !role->problem.empty()) found.push_back(role->problem);
  const absl::StatusOr<UserCheck> user = co_await CheckUser(context, client);
  if (user.ok() && !user->problem.empty()) found.push_back(user->problem);
  if (role.ok() && role->found && user.ok() && user->employee.has_value()) {
    const absl::StatusOr<std::vector<netsuite::EmployeeRole>> roles =
        co_await client.EmployeeRecordRoles(user->employee->id);
    const bool assigned =
        !roles.ok() ||
        std::any_of(roles->begin(), roles->end(),
                    [&](const netsuite::EmployeeRole& assigned_role) {
                      return assigned_role.id == role->role_id;
                    });
    if (!assigned) {
      found.push_back(absl::StrCat("the role ", context.spec().role.name,
                                   " is not assigned to ",
                                   context.spec().netsuite.user));
    }
  }
  const absl::StatusOr<TokenCheck> token = co_await CheckToken(context, client);
  if (token.ok() && !token->good) found.push_back(token->problem);
  co_return found;
}

}  // namespace keyturn::steps
