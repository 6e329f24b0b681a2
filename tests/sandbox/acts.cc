#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/sandbox/world.h"

// What people do on the screens of the two systems. NetSuite's side: Enable
// Features, Manage Roles, the employee's Access tab, Access Tokens, Integration
// records. Celigo's side: edits behind our back, runs, queues.
namespace keyturn::sandbox {
namespace {

constexpr int kAdministratorRole = 3;

struct Context {
  World& world;
  const Json& arguments;
  absl::Time now;

  std::string Get(std::string_view key) const { return Text(arguments, key); }
};
using Handler = absl::StatusOr<Json> (*)(const Context&);

Json Done() { return {{"done", true}}; }

absl::StatusOr<NetsuiteAccount*> AccountOf(const Context& context) {
  Netsuite& netsuite = context.world.netsuite();
  const std::string id = context.Get("account");
  if (id.empty()) {
    if (netsuite.accounts().size() == 1) {
      return &netsuite.accounts().begin()->second;
    }
    return absl::InvalidArgumentError("account is missing: there are several");
  }
  NetsuiteAccount* account = netsuite.FindAccount(id);
  if (account == nullptr) {
    return absl::NotFoundError(absl::StrCat("no NetSuite account ", id));
  }
  return account;
}

// The thing an argument names, found by `find`.
template <typename Find>
auto Named(const Context& context, const char* argument, const Find& find)
    -> absl::StatusOr<decltype(find(std::string()))> {
  const std::string name = context.Get(argument);
  if (name.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(argument, " is missing"));
  }
  auto* found = find(name);
  if (found == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("no ", argument, " \"", name, "\""));
  }
  return found;
}

absl::StatusOr<Role*> RoleOf(const Context& context, NetsuiteAccount& account,
                             const char* argument = "role") {
  return Named(context, argument,
               [&](const std::string& name) { return account.FindRole(name); });
}
absl::StatusOr<Employee*> UserOf(const Context& context,
                                 NetsuiteAccount& account) {
  return Named(context, "user", [&](const std::string& email) {
    return account.FindEmployee(email);
  });
}
absl::StatusOr<Integration*> ApplicationOf(const Context& context,
                                           NetsuiteAccount& account) {
  return Named(context, "application", [&](const std::string& name) {
    return account.FindIntegration(name);
  });
}

absl::StatusOr<AccessToken*> TokenOf(const Context& context,
                                     NetsuiteAccount& account) {
  const std::string id = context.Get("token_id");
  const std::string name = context.Get("name");
  for (auto it = account.token_order.rbegin(); it != account.token_order.rend();
       ++it) {
    AccessToken& token = account.tokens.at(*it);
    if (token.id == id || (id.empty() && token.name == name)) return &token;
  }
  return absl::NotFoundError(
      absl::StrCat("no access token named \"", name, "\""));
}

absl::StatusOr<Json> SetFeature(const Context& context, bool on) {
  auto account = AccountOf(context);
  if (!account.ok()) return account.status();
  const std::string feature = Text(context.arguments, "feature", "TBA");
  if (on) {
    (*account)->features.insert(feature);
  } else {
    (*account)->features.erase(feature);
  }
  return Json({{"feature", feature}, {"enabled", on}});
}
absl::StatusOr<Json> EnableFeature(const Context& context) {
  return SetFeature(context, true);
}
absl::StatusOr<Json> DisableFeature(const Context& context) {
  return SetFeature(context, false);
}

// Permissions for tokens are not shown in the role editor while the feature is
// off. With "force" they are set all the same, as if it was on at that moment.
absl::Status CheckShown(const Context& context, const NetsuiteAccount& account,
                        const std::string& permission) {
  if (permission.find("OAUTH") == std::string::npos || account.Has("TBA") ||
      Flag(context.arguments, "force")) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("the permission ", permission,
                   " is not shown while Token-based Authentication is off"));
}

// Permissions may be named by id or as the screen shows them.
std::vector<std::string> Permissions(const Context& context,
                                     std::string_view argument) {
  std::vector<std::string> keys = Texts(context.arguments, argument);
  for (std::string& key : keys) key = PermissionKey(key);
  return keys;
}

void Grant(Role& role, const std::string& key, int level) {
  for (Permission& permission : role.permissions) {
    if (permission.key != key) continue;
    permission.level = level;
    return;
  }
  role.permissions.push_back({key, level});
}

absl::StatusOr<Json> CloneRole(const Context& context) {
  auto account = AccountOf(context);
  if (!account.ok()) return account.status();
  auto source = RoleOf(context, **account, "from");
  if (!source.ok()) return source.status();
  const std::string name = context.Get("name");
  if (name.empty()) return absl::InvalidArgumentError("name is missing");
  if ((*account)->FindRole(name) != nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("A role with the name \"", name, "\" already exists."));
  }
  Role role = **source;
  const std::vector<std::string> omitted =
      Permissions(context, "omit_permissions");
  for (const std::string& key : Permissions(context, "add_permissions")) {
    if (std::find(omitted.begin(), omitted.end(), key) != omitted.end()) {
      continue;
    }
    if (absl::Status shown = CheckShown(context, **account, key); !shown.ok()) {
      return shown;
    }
    Grant(role, key, 4);
  }
  std::erase_if(role.permissions, [&](const Permission& permission) {
    return std::find(omitted.begin(), omitted.end(), permission.key) !=
           omitted.end();
  });
  role.id = (*account)->next_id++;
  role.name = name;
  role.script_id = "customrole" + std::to_string(role.id);
  const Json shown = {{"role_id", role.id}, {"name", name}};
  (*account)->roles[role.id] = std::move(role);
  return shown;
}

absl::StatusOr<Json> EditRole(const Context& context) {
  auto account = AccountOf(context);
  if (!account.ok()) return account.status();
  auto role = RoleOf(context, **account);
  if (!role.ok()) return role.status();
  for (const std::string& key : Permissions(context, "add_permissions")) {
    if (absl::Status shown = CheckShown(context, **account, key); !shown.ok()) {
      return shown;
    }
    Grant(**role, key, static_cast<int>(Number(context.arguments, "level", 4)));
  }
  for (const std::string& key : Permissions(context, "remove_permissions")) {
    std::erase_if((*role)->permissions, [&](const Permission& permission) {
      return permission.key == key;
    });
  }
  (*role)->inactive = Flag(context.arguments, "inactive", (*role)->inactive);
  (*role)->web_services_only =
      Flag(context.arguments, "web_services_only", (*role)->web_services_only);
  (*role)->requires_two_factor = Flag(context.arguments, "requires_two_factor",
                                      (*role)->requires_two_factor);
  const std::string name = context.Get("rename");
  if (!name.empty()) (*role)->name = name;
  return Done();
}

absl::StatusOr<Json> SetAssignment(const Context& context, bool assigned) {
  auto account = AccountOf(context);
  if (!account.ok()) return account.status();
  auto user = UserOf(context, **account);
  if (!user.ok()) return user.status();
  auto role = RoleOf(context, **account);
  if (!role.ok()) return role.status();
  std::vector<int>& roles = (*user)->roles;
  std::erase(roles, (*role)->id);
  if (assigned) {
    roles.push_back((*role)->id);
    (*user)->give_access = true;
  }
  return Json({{"roles", roles}});
}
absl::StatusOr<Json> AssignRole(const Context& context) {
  return SetAssignment(context, true);
}
absl::StatusOr<Json> UnassignRole(const Context& context) {
  return SetAssignment(context, false);
}

absl::StatusOr<Json> SwitchRole(const Context& context) {
  auto account = AccountOf(context);
  if (!account.ok()) return account.status();
  auto user = UserOf(context, **account);
  if (!user.ok()) return user.status();
  auto role = RoleOf(context, **account);
  if (!role.ok()) return role.status();
  if (Flag(context.arguments, "off", true)) {
    (*user)->switched_off_roles.insert((*role)->id);
  } else {
    (*user)->switched_off_roles.erase((*role)->id);
  }
  return Done();
}

absl::StatusOr<Json> EditUser(const Context& context) {
  auto account = AccountOf(context);
  if (!account.ok()) return account.status();
  auto user = UserOf(context, **account);
  if (!user.ok()) return user.status();
  const Json& arguments = context.arguments;
  (*user)->inactive = Flag(arguments, "inactive", (*user)->inactive);
  (*user)->give_access = Flag(arguments, "give_access", (*user)->give_access);
  (*user)->password = Text(arguments, "password", (*user)->password);
  (*user)->totp_secret = Text(arguments, "totp_secret", (*user)->totp_secret);
  if (Flag(arguments, "unlock")) {
    (*user)->locked_until = absl::InfinitePast();
    (*user)->failed_logins = 0;
  }
  return Done();
}

absl::StatusOr<Json> CreateToken(const Context& context) {
  auto account = AccountOf(context);
  if (!account.ok()) return account.status();
  auto application = ApplicationOf(context, **account);
  if (!application.ok()) return application.status();
  auto user = UserOf(context, **account);
  if (!user.ok()) return user.status();
  auto role = RoleOf(context, **account);
  if (!role.ok()) return role.status();
  if ((*role)->id == kAdministratorRole) {
    return absl::FailedPreconditionError(
        "access tokens cannot be made for the Administrator role");
  }
  if (!(*user)->HasRole((*role)->id) && !Flag(context.arguments, "force")) {
    return absl::FailedPreconditionError(
        absl::StrCat((*user)->email, " does not have the role ", (*role)->name,
                     "; the screen does not offer it"));
  }
  std::string name = context.Get("name");
  if (name.empty()) {
    name = absl::StrCat((*application)->name, " - ", (*user)->entity_id, ", ",
                        (*role)->name);
  }
  const bool forced =
      Flag(context.arguments, "force") && !(*account)->Has("TBA");
  if (forced) (*account)->features.insert("TBA");
  auto token = context.world.netsuite().MakeToken(
      **account, (*application)->id, (*user)->id, (*role)->id, name,
      Text(context.arguments, "created_by", "admin@example.com"),
      /*on_screen=*/true, context.now);
  if (forced) (*account)->features.erase("TBA");
  if (!token.ok()) return token.status();
  return Json({{"tokenId", (*token)->id},
               {"tokenSecret", (*token)->secret},
               {"name", name}});
}

absl::StatusOr<Json> EditToken(const Context& context) {
  auto account = AccountOf(context);
  if (!account.ok()) return account.status();
  auto token = TokenOf(context, **account);
  if (!token.ok()) return token.status();
  (*token)->inactive = Flag(context.arguments, "inactive", (*token)->inactive);
  return Done();
}

absl::StatusOr<Json> RevokeToken(const Context& context) {
  auto account = AccountOf(context);
  if (!account.ok()) return account.status();
  auto token = TokenOf(context, **account);
  if (!token.ok()) return token.status();
  (*token)->revoked = true;
  return Done();
}

absl::StatusOr<Json> EditIntegration(const Context& context) {
  auto account = AccountOf(context);
  if (!account.ok()) return account.status();
  auto application = ApplicationOf(context, **account);
  if (!application.ok()) return application.status();
  Integration& integration = **application;
  const std::string state = context.Get("state");
  if (state == "enabled") integration.state = IntegrationState::kEnabled;
  if (state == "blocked") integration.state = IntegrationState::kBlocked;
  if (state == "waiting") {
    integration.state = IntegrationState::kWaitingForApproval;
  }
  const Json& arguments = context.arguments;
  integration.token_based =
      Flag(arguments, "token_based", integration.token_based);
  integration.issue_token_endpoint =
      Flag(arguments, "issue_token_endpoint", integration.issue_token_endpoint);
  integration.authorization_flow =
      Flag(arguments, "authorization_flow", integration.authorization_flow);
  integration.client_credentials =
      Flag(arguments, "client_credentials", integration.client_credentials);
  integration.callback = Text(arguments, "callback", integration.callback);
  if (Flag(arguments, "reset_keys")) {
    integration.consumer_key = context.world.random().Hex(64);
    integration.consumer_secret = context.world.random().Hex(64);
    return Json({{"consumerKey", integration.consumer_key},
                 {"consumerSecret", integration.consumer_secret}});
  }
  return Done();
}

absl::StatusOr<Json> SetIntegrationState(const Context& context,
                                         const char* state) {
  Json arguments = context.arguments;
  arguments["state"] = state;
  return EditIntegration({context.world, arguments, context.now});
}
absl::StatusOr<Json> BlockIntegration(const Context& context) {
  return SetIntegrationState(context, "blocked");
}
absl::StatusOr<Json> UnblockIntegration(const Context& context) {
  return SetIntegrationState(context, "enabled");
}

absl::StatusOr<Json> CreateIntegration(const Context& context) {
  auto account = AccountOf(context);
  if (!account.ok()) return account.status();
  if (context.world.switches().Is("new_tba_integrations", "refused")) {
    return absl::FailedPreconditionError(
        "New integrations cannot use Token-based Authentication.");
  }
  Integration integration;
  integration.id = (*account)->next_id++;
  integration.name = context.Get("application");
  if (integration.name.empty() ||
      (*account)->FindIntegration(integration.name) != nullptr) {
    return absl::InvalidArgumentError("application must be a new name");
  }
  integration.consumer_key = context.world.random().Hex(64);
  integration.consumer_secret = context.world.random().Hex(64);
  const Json shown = {{"consumerKey", integration.consumer_key},
                      {"consumerSecret", integration.consumer_secret}};
  (*account)->integrations[integration.id] = std::move(integration);
  return shown;
}

absl::StatusOr<Json> SandboxRefresh(const Context& context) {
  auto account = AccountOf(context);
  if (!account.ok()) return account.status();
  (*account)->tokens.clear();
  (*account)->token_order.clear();
  (*account)->certificates.clear();
  (*account)->bearers.clear();
  return Done();
}

absl::StatusOr<Json> SetTier(const Context& context) {
  auto account = AccountOf(context);
  if (!account.ok()) return account.status();
  (*account)->concurrency_limit =
      static_cast<int>(Number(context.arguments, "concurrency_limit", 15));
  return Done();
}

absl::StatusOr<Json> BrowserLogin(const Context& context) {
  auto account = AccountOf(context);
  if (!account.ok()) return account.status();
  auto user = UserOf(context, **account);
  if (!user.ok()) return user.status();
  auto role = RoleOf(context, **account);
  if (!role.ok()) return role.status();
  (*account)->browser_employee = (*user)->id;
  (*account)->browser_role = (*role)->id;
  return Done();
}

absl::StatusOr<Json> AuthorizeToken(const Context& context) {
  auto account = AccountOf(context);
  if (!account.ok()) return account.status();
  auto user = UserOf(context, **account);
  if (!user.ok()) return user.status();
  auto role = RoleOf(context, **account);
  if (!role.ok()) return role.status();
  auto url = context.world.netsuite().AuthorizeRequestToken(
      **account, context.Get("oauth_token"), context.Get("state"), (*user)->id,
      (*role)->id, Flag(context.arguments, "allow", true), context.now);
  if (!url.ok()) return url.status();
  return Json({{"redirect", *url}});
}

absl::StatusOr<Json> DeployRestlet(const Context& context) {
  auto account = AccountOf(context);
  if (!account.ok()) return account.status();
  Restlet restlet;
  restlet.script = Text(context.arguments, "script", "customscript_keyturn");
  restlet.deployment =
      Text(context.arguments, "deployment", "customdeploy_keyturn");
  restlet.released = Flag(context.arguments, "released", true);
  for (const std::string& name : Texts(context.arguments, "roles")) {
    const Role* role = (*account)->FindRole(name);
    if (role == nullptr) return absl::NotFoundError("no role " + name);
    restlet.audience.push_back(role->id);
  }
  std::erase_if((*account)->restlets, [&](const Restlet& other) {
    return other.script == restlet.script &&
           other.deployment == restlet.deployment;
  });
  (*account)->restlets.push_back(std::move(restlet));
  return Done();
}

// Sets "netsuite.concurrencyLevel" in a document; makes objects on the way.
void SetPath(Json& document, std::string_view path, const Json& value) {
  const size_t dot = path.find('.');
  const std::string head(path.substr(0, dot));
  if (dot == std::string_view::npos) {
    document[head] = value;
    return;
  }
  if (!Member(document, head).is_object()) document[head] = Json::object();
  SetPath(document[head], path.substr(dot + 1), value);
}

void RemovePath(Json& document, std::string_view path) {
  const size_t dot = path.find('.');
  const std::string head(path.substr(0, dot));
  if (!document.is_object() || !document.contains(head)) return;
  if (dot == std::string_view::npos) {
    document.erase(head);
  } else {
    RemovePath(document[head], path.substr(dot + 1));
  }
}

Json Edited(const Json& document, const Json& arguments) {
  Json next = document;
  for (const auto& [path, value] : Member(arguments, "set").items()) {
    SetPath(next, path, value);
  }
  for (const std::string& path : Texts(arguments, "remove")) {
    RemovePath(next, path);
  }
  return next;
}

absl::StatusOr<Json*> DocumentOf(const Context& context, const char* argument,
                                 Documents& documents) {
  return Named(context, argument,
               [&](const std::string& id) { return documents.Find(id); });
}

absl::StatusOr<Json> EditConnection(const Context& context) {
  Celigo& celigo = context.world.celigo();
  auto stored = DocumentOf(context, "connection", celigo.state().connections);
  if (!stored.ok()) return stored.status();
  Json next = Edited(**stored, context.arguments);
  next["lastModified"] = FormatInstant(context.now);
  celigo.ReplaceConnection(**stored, std::move(next), "ui", context.now);
  return Done();
}

// The flow by its id, or by the names of its tile and its own.
absl::StatusOr<Json*> FlowOf(const Context& context) {
  CeligoState& state = context.world.celigo().state();
  const std::string tile = context.Get("tile");
  if (tile.empty()) return DocumentOf(context, "flow", state.flows);
  for (const std::string& integration : state.integrations.ids()) {
    if (Text(*state.integrations.Find(integration), "name") != tile) continue;
    for (const std::string& id : state.flows.OfIntegration(integration)) {
      Json* flow = state.flows.Find(id);
      if (Text(*flow, "name") == context.Get("name")) return flow;
    }
  }
  return absl::NotFoundError(absl::StrCat("no flow \"", context.Get("name"),
                                          "\" on the tile \"", tile, "\""));
}

absl::StatusOr<Json> EditFlow(const Context& context) {
  Celigo& celigo = context.world.celigo();
  auto stored = FlowOf(context);
  if (!stored.ok()) return stored.status();
  Json next = Edited(**stored, context.arguments);
  const bool disabled = Flag(next, "disabled");
  next["disabled"] = Flag(**stored, "disabled");
  **stored = std::move(next);
  celigo.SetFlowDisabled(**stored, disabled, "ui", context.now);
  return Done();
}

absl::StatusOr<Json> EditTile(const Context& context) {
  auto stored = DocumentOf(context, "integration",
                           context.world.celigo().state().integrations);
  if (!stored.ok()) return stored.status();
  **stored = Edited(**stored, context.arguments);
  return Done();
}

absl::StatusOr<Json> EditIClient(const Context& context) {
  auto stored =
      DocumentOf(context, "iclient", context.world.celigo().state().iclients);
  if (!stored.ok()) return stored.status();
  **stored = Edited(**stored, context.arguments);
  return Done();
}

absl::StatusOr<Json> StartJob(const Context& context) {
  Celigo& celigo = context.world.celigo();
  auto flow = DocumentOf(context, "flow", celigo.state().flows);
  if (!flow.ok()) return flow.status();
  return Json({{"_jobId", celigo.StartJob(**flow, "user", context.now)}});
}

absl::StatusOr<Json> SetQueue(const Context& context) {
  CeligoState& state = context.world.celigo().state();
  auto stored = DocumentOf(context, "connection", state.connections);
  if (!stored.ok()) return stored.status();
  state.queued_records[context.Get("connection")] =
      Number(context.arguments, "records");
  return Done();
}

absl::StatusOr<Json> BreakConnection(const Context& context) {
  CeligoState& state = context.world.celigo().state();
  auto stored = DocumentOf(context, "connection", state.connections);
  if (!stored.ok()) return stored.status();
  if (Flag(context.arguments, "broken", true)) {
    state.broken_connections.insert(context.Get("connection"));
  } else {
    state.broken_connections.erase(context.Get("connection"));
  }
  return Done();
}

absl::StatusOr<Json> RevokeApiToken(const Context& context) {
  for (auto& [value, token] : context.world.celigo().state().tokens) {
    token.revoked = Flag(context.arguments, "revoked", true);
  }
  return Done();
}

constexpr std::array<std::pair<std::string_view, Handler>, 28> kActs = {{
    {"enable-feature", EnableFeature},
    {"disable-feature", DisableFeature},
    {"clone-role", CloneRole},
    {"edit-role", EditRole},
    {"assign-role", AssignRole},
    {"unassign-role", UnassignRole},
    {"switch-role", SwitchRole},
    {"edit-user", EditUser},
    {"create-token", CreateToken},
    {"edit-token", EditToken},
    {"revoke-token", RevokeToken},
    {"edit-integration", EditIntegration},
    {"block-integration", BlockIntegration},
    {"unblock-integration", UnblockIntegration},
    {"create-integration", CreateIntegration},
    {"sandbox-refresh", SandboxRefresh},
    {"set-tier", SetTier},
    {"browser-login", BrowserLogin},
    {"authorize-token", AuthorizeToken},
    {"deploy-restlet", DeployRestlet},
    {"edit-connection", EditConnection},
    {"edit-flow", EditFlow},
    {"edit-tile", EditTile},
    {"edit-iclient", EditIClient},
    {"start-job", StartJob},
    {"set-queue", SetQueue},
    {"break-connection", BreakConnection},
    {"revoke-api-token", RevokeApiToken},
}};

}  // namespace

absl::StatusOr<Json> Act(World& world, const std::string& act,
                         const Json& arguments, absl::Time now) {
  for (const auto& [name, handler] : kActs) {
    if (name == act) return handler({world, arguments, now});
  }
  return absl::NotFoundError(absl::StrCat(
      "there is no act \"", act, "\"; known are ",
      absl::StrJoin(kActs, ", ", [](std::string* out, const auto& entry) {
        out->append(entry.first);
      })));
}

}  // namespace keyturn::sandbox
