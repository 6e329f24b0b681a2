#include "daemon/steps/tasks.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/migration/transition.h"

namespace keyturn::steps {
namespace {

using migration::Task;

Task FromScreen(const Context& context, std::string title,
                netsuite::Screen screen, std::string problem) {
  Task task;
  task.title = std::move(title);
  task.problem = std::move(problem);
  task.menu_path = std::move(screen.menu_path);
  task.deep_link = std::move(screen.deep_link);
  task.instructions = std::move(screen.instructions);
  for (netsuite::ScreenField& field : screen.fields) {
    task.fields.push_back({std::move(field.name), std::move(field.label),
                           std::move(field.value)});
  }
  for (const netsuite::Mistake& mistake : screen.mistakes) {
    task.common_mistakes.push_back(netsuite::Sentence(mistake));
  }
  task.account = context.spec().netsuite.account;
  return task;
}

netsuite::NewToken TokenOf(const Context& context) {
  return {context.notes.application, context.spec().netsuite.user,
          context.spec().role.name,
          TokenName(context.migration.id, context.notes.tokens_asked)};
}

netsuite::RoleAssignment AssignmentOf(const Context& context) {
  return {context.spec().netsuite.user, context.spec().role.name,
          context.notes.employee_id};
}

}  // namespace

Task EnableTbaTask(const Context& context, const netsuite::Endpoints& endpoints,
                   std::string problem) {
  return FromScreen(context, "Enable Token-Based Authentication in NetSuite",
                    netsuite::EnableTbaScreen(endpoints), std::move(problem));
}

Task CreateRoleTask(const Context& context,
                    const netsuite::Endpoints& endpoints, std::string problem) {
  const netsuite::NewRole role{context.spec().role.name,
                               context.notes.source_role,
                               context.notes.permissions};
  return FromScreen(context,
                    absl::StrCat("Create the NetSuite role ", role.role_name,
                                 " from ", role.source_role),
                    netsuite::CreateRoleScreen(endpoints, role),
                    std::move(problem));
}

Task RepairRoleTask(const Context& context,
                    const netsuite::Endpoints& endpoints,
                    std::vector<std::string> permissions, bool activate,
                    std::string problem) {
  const netsuite::RoleRepair repair{context.spec().role.name,
                                    context.notes.role_id,
                                    std::move(permissions), activate};
  return FromScreen(
      context, absl::StrCat("Mend the NetSuite role ", repair.role_name),
      netsuite::RepairRoleScreen(endpoints, repair), std::move(problem));
}

Task AssignRoleTask(const Context& context,
                    const netsuite::Endpoints& endpoints, std::string problem) {
  const netsuite::RoleAssignment assignment = AssignmentOf(context);
  return FromScreen(context,
                    absl::StrCat("Assign the role ", assignment.role_name,
                                 " to ", assignment.user),
                    netsuite::AssignRoleScreen(endpoints, assignment),
                    std::move(problem));
}

Task IssueTokenTask(const Context& context,
                    const netsuite::Endpoints& endpoints, Task::Answer answer,
                    std::string problem) {
  const netsuite::NewToken token = TokenOf(context);
  Task task = FromScreen(
      context, absl::StrCat("Create the access token for ", token.user),
      netsuite::IssueTokenScreen(endpoints, token), std::move(problem));
  task.answer = answer;
  task.token_name = token.token_name;
  return task;
}

Task MendTokenTask(const Context& context, const netsuite::Endpoints& endpoints,
                   std::string problem) {
  const netsuite::NewToken token = TokenOf(context);
  netsuite::Screen screen = netsuite::IssueTokenScreen(endpoints, token);
  const netsuite::Screen trail = netsuite::LoginAuditTrailScreen(endpoints);
  std::vector<std::string> instructions = trail.instructions;
  instructions.insert(
      instructions.begin(),
      absl::StrCat("Open ", trail.menu_path, " (", trail.deep_link, ")."));
  instructions.push_back(
      "Mend what you find and answer this task as done: the connection is "
      "tested again with the same token.");
  instructions.push_back(absl::StrCat(
      "If the token itself is wrong or its secret was mistyped, revoke it, "
      "create another one named ",
      token.token_name, " as described for the step issue_token (",
      screen.menu_path, ", ", screen.deep_link,
      "), and hand in its id and secret here."));
  screen.instructions = std::move(instructions);
  Task task =
      FromScreen(context, "The connection does not work with the new token",
                 std::move(screen), std::move(problem));
  task.answer = Task::Answer::kDoneOrToken;
  task.token_name = token.token_name;
  return task;
}

Task UnassignRoleTask(const Context& context,
                      const netsuite::Endpoints& endpoints) {
  const netsuite::RoleAssignment assignment = AssignmentOf(context);
  Task task =
      FromScreen(context,
                 absl::StrCat("Take the role ", assignment.role_name,
                              " away from ", assignment.user, " again"),
                 netsuite::UnassignRoleScreen(endpoints, assignment), "");
  task.blocking = false;
  return task;
}

Task RevokeTokenTask(const Context& context,
                     const netsuite::Endpoints& endpoints,
                     std::string token_name) {
  netsuite::NewToken token = TokenOf(context);
  token.token_name = std::move(token_name);
  Task task = FromScreen(
      context, absl::StrCat("Revoke the access token ", token.token_name),
      netsuite::RevokeTokenScreen(endpoints, token), "");
  task.token_name = token.token_name;
  task.blocking = false;
  return task;
}

Task SwitchFlowsTask(const Context& context,
                     const std::vector<std::string>& flow_names, bool enable,
                     std::string problem) {
  const char* verb = enable ? "on" : "off";
  Task task;
  task.title = absl::StrCat("Switch these flows ", verb,
                            " in Celigo: ", absl::StrJoin(flow_names, ", "));
  task.problem = std::move(problem);
  task.menu_path = absl::StrCat("Home > ", context.notes.tile_name, " > Flows");
  task.instructions = {
      absl::StrCat("Open the tile ", context.notes.tile_name,
                   " in Celigo integrator.io as its owner or a manager."),
      absl::StrCat("Switch each of these flows ", verb, ": ",
                   absl::StrJoin(flow_names, ", "), "."),
      "Leave all other flows as they are, then answer this task as done."};
  task.fields = {{"flows", "Flows", absl::StrJoin(flow_names, ", ")}};
  task.account = context.spec().celigo.account;
  return task;
}

Task ConfirmTask(const Context& context) {
  const migration::Migration& migration = context.migration;
  Task task;
  task.title = absl::StrCat("Confirm that ", context.notes.connection_name,
                            " works on the token");
  task.menu_path = absl::StrCat("Home > ", context.notes.tile_name, " > Flows");
  task.instructions = {
      absl::StrCat("Open the tile ", context.notes.tile_name,
                   " in Celigo integrator.io and look at the latest runs of "
                   "its flows: none may show an error of the connection."),
      "Ask the people who work with what these flows bring, if you cannot "
      "tell.",
      absl::StrCat("When all works: `keyturn confirm ", migration.id, "`.")};
  task.account = context.spec().celigo.account;
  if (migration::MayExpire(migration)) {
    const absl::Duration within = context.spec().confirm_within;
    task.expires_at = context.clock.Now() + within;
    task.instructions.push_back(absl::StrCat(
        "When it does not: `keyturn rollback ", migration.id,
        "`, or do nothing: ", absl::FormatDuration(within),
        " after this was asked the connection goes back to its old login by "
        "itself."));
  } else {
    task.problem = migration.task_expired
                       ? "nobody confirmed in time, and the way back to the "
                         "old login turned out to be closed"
                       : "";
    task.instructions.push_back(
        "When it does not: mend it in Celigo and NetSuite. There is no way "
        "back to the old login, so this waits for you.");
  }
  return task;
}

}  // namespace keyturn::steps
