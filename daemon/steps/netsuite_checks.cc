#include "daemon/steps/netsuite_checks.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"
#include "daemon/steps/recipes.h"
#include "daemon/upstream/netsuite/screens.h"

namespace keyturn::steps {
namespace {

// So many of the names that were given out are looked for, newest first.
constexpr int kTokenNamesMax = 10;

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

// What the role should have: the source's permissions, where the source can be
// read, and the added ones.
asio::awaitable<absl::StatusOr<Levels>> WantedPermissions(
    Context& context, netsuite::Client& client, bool& source_found) {
  Levels wanted;
  if (!context.notes.source_role.empty()) {
    CO_ASSIGN_OR_RETURN(const std::vector<netsuite::Role> sources,
                        co_await client.FindRoles(context.notes.source_role));
    source_found = !sources.empty();
    if (!sources.empty()) {
      CO_ASSIGN_OR_RETURN(const std::vector<netsuite::Permission> permissions,
                          co_await client.RolePermissions(sources.front().id));
      wanted = LevelsOf(permissions);
    }
  }
  for (const std::string& id : context.notes.permissions) {
    netsuite::Level& level = wanted[id];
    level = std::max(level, netsuite::Level::kView);
  }
  co_return wanted;
}

bool SameName(std::string_view a, std::string_view b) {
  return absl::AsciiStrToLower(absl::StripAsciiWhitespace(base::ToAbsl(a))) ==
         absl::AsciiStrToLower(absl::StripAsciiWhitespace(base::ToAbsl(b)));
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
  if (!SameName(token.application, context.notes.application)) {
    return absl::StrCat("the token ", token.name,
                        " was made for another application; it must be made "
                        "for ",
                        context.notes.application,
                        ", whose consumer key the iClient in Celigo has: "
                        "revoke it and make another one");
  }
  if (!SameName(token.role, role)) {
    return absl::StrCat("the token ", token.name,
                        " was made for another role; it must be made for ",
                        role, ": revoke it and make another one");
  }
  if (!context.notes.employee_name.empty() &&
      !SameName(token.entity, context.notes.employee_name)) {
    return absl::StrCat("the token ", token.name,
                        " was made for another user; it must be made for ",
                        context.spec().netsuite.user,
                        ": revoke it and make another one");
  }
  return "";
}

}  // namespace

asio::awaitable<absl::StatusOr<RoleCheck>> CheckRole(Context& context,
                                                     netsuite::Client& client) {
  const std::string& name = context.spec().role.name;
  RoleCheck check;
  CO_ASSIGN_OR_RETURN(const std::vector<netsuite::Role> roles,
                      co_await client.FindRoles(name));
  check.found = !roles.empty();
  if (roles.empty()) co_return check;
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
  CO_ASSIGN_OR_RETURN(
      const Levels wanted,
      co_await WantedPermissions(context, client, check.source_found));
  check.missing = Missing(wanted, levels);
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
  bool live = false;
  for (const netsuite::Token& token : tokens) {
    const std::string problem = ProblemOf(token, context);
    if (problem.empty()) {
      check.good = true;
      check.problem.clear();
      check.proofs = {{"token", token.name},
                      {"application", token.application},
                      {"user", token.entity},
                      {"role", token.role},
                      {"revoked", "no"}};
      return true;
    }
    if (check.problem.empty() || (!token.revoked && !live)) {
      check.problem = problem;
    }
    live = live || !token.revoked;
  }
  return live;
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

asio::awaitable<absl::StatusOr<std::vector<std::string>>> LiveTokens(
    Context& context, netsuite::Client& client) {
  std::vector<std::string> live;
  for (int number = OldestName(context); number <= context.notes.tokens_asked;
       ++number) {
    CO_ASSIGN_OR_RETURN(const std::vector<netsuite::Token> tokens,
                        co_await TokensNamed(context, client, number));
    const bool any = std::any_of(
        tokens.begin(), tokens.end(),
        [](const netsuite::Token& token) { return !token.revoked; });
    if (any) live.push_back(TokenName(context.migration.id, number));
  }
  co_return live;
}

asio::awaitable<std::vector<std::string>> DiagnoseToken(
    Context& context, NetSuiteAccount account) {
  std::vector<std::string> found;
  if (!account.has_access) co_return found;
  netsuite::Client& client = *account.client;
  const absl::StatusOr<netsuite::ProbeResult> probe = co_await client.Probe();
  if (!probe.ok()) co_return found;
  if (probe->verdict != netsuite::ProbeResult::Verdict::kWorks) {
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
        co_await client.EmployeeRoles(user->employee->id);
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
