// Gives the user the role: adds one line to the employee's roles and proves
// that every former line is still there. How NetSuite merges that list is not
// published, so nothing but the new line is ever sent.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"
#include "daemon/steps/adopt.h"
#include "daemon/steps/connection_tests.h"
#include "daemon/steps/netsuite_checks.h"
#include "daemon/steps/steps.h"
#include "daemon/steps/tasks.h"

namespace keyturn::steps {
namespace {

using Ids = std::vector<std::string>;

Ids IdsOf(const std::vector<netsuite::EmployeeRole>& roles) {
  Ids ids;
  for (const netsuite::EmployeeRole& role : roles) ids.push_back(role.id);
  return ids;
}

bool Contains(const Ids& ids, const std::string& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

// The role's id by the name that the record shows, for when the table of roles
// is hidden. Empty: the role is not there, or no names are shown.
std::string IdOf(const std::vector<netsuite::EmployeeRole>& roles,
                 const std::string& name) {
  for (const netsuite::EmployeeRole& role : roles) {
    if (role.name == name) return role.id;
  }
  return "";
}

bool ShowsNames(const std::vector<netsuite::EmployeeRole>& roles) {
  return std::any_of(
      roles.begin(), roles.end(),
      [](const netsuite::EmployeeRole& role) { return !role.name.empty(); });
}

// Right after another call was answered a refused login, too, means that our
// role lacks a right: some accounts say so with 401, some with 403.
bool LacksRight(const absl::Status& status) {
  return netsuite::MeansNoRight(status) ||
         base::ReasonOf(status) == netsuite::kLoginRefused;
}

Outcome ByWord(Context& context, const netsuite::Endpoints& endpoints,
               std::string problem) {
  if (context.spec().adopt) return AdoptUnseen("the user's roles");
  if (!context.answered()) {
    return Ask(AssignRoleTask(context, endpoints, std::move(problem)));
  }
  context.notes.role_added = true;
  return Done(
      "an administrator says that the user has the role; test_candidate proves "
      "it",
      {{"user", context.spec().netsuite.user},
       {"role", context.spec().role.name},
       {"task", absl::StrCat("tasks/", context.record().task_id)}});
}

// Every former role must still be there, and the new one.
Outcome Judge(Context& context, const Ids& now,
              const netsuite::Endpoints& endpoints) {
  const Ids before = context.notes.roles_before.value_or(Ids{});
  Ids lost;
  for (const std::string& id : before) {
    if (!Contains(now, id)) lost.push_back(id);
  }
  if (!lost.empty()) {
    return Blocked(
        "ROLES_LOST", "administrator",
        absl::StrCat("the user ", context.spec().netsuite.user,
                     " has lost roles since the migration began (role ids ",
                     absl::StrJoin(lost, ", "), ")"),
        {"give the user these roles back on Lists > Employees > Access > Roles",
         "then `keyturn retry`"});
  }
  if (!Contains(now, context.notes.role_id)) {
    return Ask(AssignRoleTask(
        context, endpoints,
        "NetSuite accepted the change, but the role is not on the employee"));
  }
  return Done(absl::StrCat(context.spec().netsuite.user, " has the role ",
                           context.spec().role.name),
              {{"user", context.spec().netsuite.user},
               {"roles before", absl::StrCat(before.size())},
               {"roles now", absl::StrCat(now.size())},
               {"role", context.spec().role.name}});
}

// Adds the line and reads back.
asio::awaitable<Outcome> Add(Context& context, netsuite::Client& client) {
  context.notes.role_added = true;
  const absl::Status saved =
      co_await context.checkpoint("the user's roles are noted");
  if (!saved.ok()) co_return FromError(saved, "storing the user's roles");
  const absl::Status added = co_await client.AddEmployeeRole(
      context.notes.employee_id, context.notes.role_id,
      netsuite::Access::kLeaveAsIs);
  if (!added.ok()) {
    // The screens allow what the interface refuses.
    if (LacksRight(added) ||
        added.code() == absl::StatusCode::kInvalidArgument) {
      co_return Ask(
          AssignRoleTask(context, client.endpoints(), base::MessageOf(added)));
    }
    co_return FromError(added, "assigning the role");
  }
  const absl::StatusOr<std::vector<netsuite::EmployeeRole>> now =
      co_await client.EmployeeRecordRoles(context.notes.employee_id);
  if (!now.ok()) co_return FromError(now.status(), "reading the user's roles");
  co_return Judge(context, IdsOf(*now), client.endpoints());
}

asio::awaitable<Outcome> WithAccess(Context& context,
                                    netsuite::Client& client) {
  const absl::StatusOr<UserCheck> user = co_await CheckUser(context, client);
  if (!user.ok()) {
    if (IsForPeople(context, user.status())) {
      co_return ByWord(context, client.endpoints(), "");
    }
    co_return FromError(user.status(), "looking up the user");
  }
  if (!user->problem.empty()) {
    co_return Ask(AssignRoleTask(context, client.endpoints(), user->problem));
  }
  NoteUser(context, *user->employee);
  const absl::StatusOr<std::vector<netsuite::EmployeeRole>> roles =
      co_await client.EmployeeRecordRoles(context.notes.employee_id);
  if (!roles.ok()) {
    // The record was just found by its address: its id is right.
    if (LacksRight(roles.status()) || absl::IsNotFound(roles.status())) {
      co_return ByWord(context, client.endpoints(), "");
    }
    co_return FromError(roles.status(), "reading the user's roles");
  }
  const Ids now = IdsOf(*roles);
  if (!context.notes.roles_before.has_value()) context.notes.roles_before = now;
  if (context.notes.role_id.empty()) {
    context.notes.role_id = IdOf(*roles, context.spec().role.name);
  }
  if (context.notes.role_id.empty()) {
    if (context.answered() && ShowsNames(*roles)) {
      co_return Ask(AssignRoleTask(
          context, client.endpoints(),
          absl::StrCat("NetSuite does not show the role ",
                       context.spec().role.name, " on the employee yet")));
    }
    co_return ByWord(context, client.endpoints(), "");
  }
  if (Contains(now, context.notes.role_id)) {
    const bool before =
        Contains(*context.notes.roles_before, context.notes.role_id);
    if (!before) context.notes.role_added = true;
    co_return Judge(context, now, client.endpoints());
  }
  if (context.spec().adopt) {
    co_return Ask(AssignRoleTask(context, client.endpoints(),
                                 "the user does not have the role"));
  }
  co_return co_await Add(context, client);
}

}  // namespace

asio::awaitable<Outcome> AssignRole(Context& context) {
  const absl::StatusOr<NetSuiteAccount> account = context.NetSuite();
  if (!account.ok()) {
    co_return FromError(account.status(), "opening the NetSuite account");
  }
  if (!MayAsk(context, *account)) {
    co_return ByWord(context, account->client->endpoints(), "");
  }
  const std::shared_ptr<netsuite::Client> client = account->client;
  co_return co_await WithAccess(context, *client);
}

namespace {

// Whether the role is on the employee now. Where that cannot be seen: yes.
asio::awaitable<absl::StatusOr<bool>> IsGiven(Context& context,
                                              NetSuiteAccount account) {
  const Notes& notes = context.notes;
  if (!MayAsk(context, account) || notes.employee_id.empty() ||
      notes.role_id.empty()) {
    co_return true;
  }
  const absl::StatusOr<std::vector<netsuite::EmployeeRole>> roles =
      co_await account.client->EmployeeRecordRoles(notes.employee_id);
  if (absl::IsUnavailable(roles.status()) ||
      absl::IsCancelled(roles.status())) {
    co_return roles.status();
  }
  co_return !roles.ok() || Contains(IdsOf(*roles), notes.role_id);
}

}  // namespace

asio::awaitable<Outcome> UndoAssignRole(Context& context) {
  if (!context.notes.role_added) {
    co_return Done("the role was not added by this migration");
  }
  const absl::StatusOr<NetSuiteAccount> account = context.NetSuite();
  if (!account.ok()) {
    co_return FromError(account.status(), "opening the NetSuite account");
  }
  const absl::StatusOr<bool> given = co_await IsGiven(context, *account);
  if (!given.ok()) {
    co_return FromError(given.status(), "reading the user's roles");
  }
  if (!*given) {
    context.notes.role_added = false;
    co_return Done("the user does not have the role",
                   {{"user", context.spec().netsuite.user},
                    {"role", context.spec().role.name}});
  }
  const absl::StatusOr<bool> moved = co_await RunsOnAToken(context);
  if (!moved.ok())
    co_return FromError(moved.status(), "reading the connection");
  if (*moved) {
    Outcome outcome = Done(
        "somebody else moved the connection to a token, which may need the "
        "role: the user keeps it");
    outcome.left_to_do.push_back(
        absl::StrCat("see which role the connection's token has; unless it is ",
                     context.spec().role.name, ", take that role away from ",
                     context.spec().netsuite.user));
    co_return outcome;
  }
  // Taking a line out means replacing the whole list, which could take other
  // roles away: a person does it.
  Outcome outcome = Done("a person is asked to take the role away again");
  outcome.follow_up_tasks.push_back(
      UnassignRoleTask(context, account->client->endpoints()));
  outcome.left_to_do.push_back(
      absl::StrCat("take the role ", context.spec().role.name, " away from ",
                   context.spec().netsuite.user));
  context.notes.role_added = false;
  co_return outcome;
}

}  // namespace keyturn::steps
