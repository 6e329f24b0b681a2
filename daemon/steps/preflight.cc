// Reads everything that the migration depends on, changes nothing, and makes
// the plan.
#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"
#include "daemon/migration/spec.h"
#include "daemon/steps/connection_tests.h"
#include "daemon/steps/flow_switch.h"
#include "daemon/steps/netsuite_checks.h"
#include "daemon/steps/plan.h"
#include "daemon/steps/recipes.h"
#include "daemon/steps/steps.h"
#include "daemon/upstream/celigo/tile.h"
#include "daemon/upstream/netsuite/screens.h"

namespace keyturn::steps {
namespace {

using celigo::Document;

// An error of the outside system, or what cannot be: nothing means go on.
using Stop = std::optional<Outcome>;

absl::Status Cannot(std::string_view reason, std::string message) {
  return base::WithReason(absl::FailedPreconditionError(message), reason);
}

absl::Status FieldNotFound(std::string_view field, std::string message) {
  return base::WithField(
      base::WithReason(absl::NotFoundError(message), "NOT_FOUND"), field);
}

bool IsObject(const Document& document, const char* key) {
  return document.contains(key) && document.at(key).is_object();
}

const Document& NetSuiteOf(const Document& connection) {
  static const Document kNone = Document::object();
  return IsObject(connection, "netsuite") ? connection.at("netsuite") : kNone;
}

// ---- The connection and its tile. ----

asio::awaitable<Stop> ReadConnection(Context& context, celigo::Client& client,
                                     std::string id, Document& connection) {
  absl::StatusOr<Document> read = co_await client.GetConnection(id);
  if (absl::IsNotFound(read.status()) ||
      base::ReasonOf(read.status()) == "INVALID_REFERENCE") {
    co_return Refused(FieldNotFound(
        "spec.celigo.connection",
        absl::StrCat("the Celigo account ", context.spec().celigo.account,
                     " has no connection ", id)));
  }
  if (!read.ok()) co_return FromError(read.status(), "reading the connection");
  connection = *std::move(read);
  co_return std::nullopt;
}

absl::Status CheckKind(const Document& connection, bool adopt) {
  if (http::StringAt(connection, "type") != "netsuite") {
    return base::WithField(
        Cannot("NOT_NETSUITE", absl::StrCat("the connection ",
                                            http::StringAt(connection, "_id"),
                                            " is not a NetSuite connection")),
        "spec.celigo.connection");
  }
  const std::string auth = celigo::AuthTypeOf(connection);
  if (auth == "basic" && adopt) {
    return base::WithField(
        Cannot("NOT_ON_TOKEN",
               "the connection logs in with its password: there is nothing to "
               "adopt, leave adopt out of the spec"),
        "spec.adopt");
  }
  if (auth == "basic" || (auth == "token" && adopt)) return absl::OkStatus();
  if (auth == "token" || auth == "token-auto") {
    return base::WithField(
        Cannot("ALREADY_ON_TOKEN",
               absl::StrCat(
                   "the connection ", http::StringAt(connection, "_id"),
                   " logs in with a token already (", auth, ")",
                   auth == "token"
                       ? "; a spec that says `adopt: true` proves what is "
                         "there, does none of it again and writes nothing"
                       : "")),
        "spec.celigo.connection");
  }
  return base::WithField(
      Cannot("AUTH_TYPE_UNKNOWN",
             "the connection does not say how it logs in; open it in Celigo, "
             "save it, then try again"),
      "spec.celigo.connection");
}

asio::awaitable<Stop> ReadTile(Context& context, celigo::Client& client,
                               std::string id, Document& tile,
                               std::vector<Document>& connections) {
  absl::StatusOr<Document> read = co_await client.GetIntegration(id);
  if (absl::IsNotFound(read.status()) ||
      base::ReasonOf(read.status()) == "INVALID_REFERENCE") {
    co_return Refused(FieldNotFound(
        "spec.celigo.tile",
        absl::StrCat("the Celigo account ", context.spec().celigo.account,
                     " has no integration ", id)));
  }
  if (!read.ok()) co_return FromError(read.status(), "reading the tile");
  tile = *std::move(read);
  absl::StatusOr<std::vector<Document>> listed =
      co_await client.IntegrationConnections(id, /*fetch_queue_size=*/true);
  if (!listed.ok()) {
    co_return FromError(listed.status(), "reading the tile's connections");
  }
  connections = *std::move(listed);
  const auto is_netsuite = [](const Document& connection) {
    return http::StringAt(connection, "type") == "netsuite";
  };
  if (std::any_of(connections.begin(), connections.end(), is_netsuite)) {
    co_return std::nullopt;
  }
  // An app of version 1 may have no connections registered with its tile.
  listed = co_await client.ListConnections();
  if (!listed.ok()) {
    co_return FromError(listed.status(), "reading the account's connections");
  }
  connections = *std::move(listed);
  co_return std::nullopt;
}

absl::Status WrongTile(std::string_view connection, std::string_view tile) {
  return base::WithField(
      Cannot("WRONG_TILE",
             absl::StrCat("the connection ", base::ToAbsl(connection),
                          " is not the NetSuite connection of the tile ",
                          base::ToAbsl(tile))),
      "spec.celigo.tile");
}

absl::Status Disagrees(std::string_view connection) {
  return base::WithField(
      absl::FailedPreconditionError(absl::StrCat(
          "the tile's settings or its installation name another NetSuite "
          "connection than ",
          base::ToAbsl(connection),
          "; see in Celigo which one the tile's flows use")),
      "spec.celigo.connection");
}

// Whether the tile was installed with the connection, as far as it says.
bool InstalledWith(const Document& tile, std::string_view id) {
  if (!tile.contains("install") || !tile.at("install").is_array()) return true;
  bool says = false;
  for (const Document& step : tile.at("install")) {
    const std::string named = http::StringAt(step, "_connectionId");
    if (named == id) return true;
    says = says || !named.empty();
  }
  return !says;
}

// Without the tile's other NetSuite connections, when it has been said which
// one is meant. What the tile's settings and its installation say still counts.
void KeepOnly(std::string_view id, const Document& tile,
              std::vector<Document>& connections) {
  if (id.empty() || !InstalledWith(tile, id)) return;
  std::erase_if(connections, [id](const Document& connection) {
    return http::StringAt(connection, "type") == "netsuite" &&
           http::StringAt(connection, "_id") != id;
  });
}

// Finds tile and connection from whichever of the two the spec names. The three
// ways must agree, except that a tile may have further NetSuite connections
// when the spec names the one that is meant.
asio::awaitable<Stop> Locate(Context& context, celigo::Client& client,
                             Document& connection, Document& tile) {
  const migration::Spec::Celigo& named = context.spec().celigo;
  if (!named.connection.empty()) {
    Stop stop =
        co_await ReadConnection(context, client, named.connection, connection);
    if (stop.has_value()) co_return stop;
    if (const absl::Status kind = CheckKind(connection, context.spec().adopt);
        !kind.ok()) {
      co_return Refused(kind);
    }
  }
  const std::string owner = http::StringAt(connection, "_integrationId");
  if (!named.tile.empty() && !owner.empty() && owner != named.tile) {
    co_return Refused(WrongTile(named.connection, named.tile));
  }
  const std::string tile_id = named.tile.empty() ? owner : named.tile;
  if (tile_id.empty()) co_return std::nullopt;
  std::vector<Document> connections;
  Stop stop = co_await ReadTile(context, client, tile_id, tile, connections);
  if (stop.has_value()) co_return stop;
  KeepOnly(named.connection, tile, connections);
  const absl::StatusOr<celigo::TileConnection> found =
      celigo::FindNetSuiteConnection(tile, connections);
  if (!found.ok()) {
    const bool ambiguous =
        found.status().code() == absl::StatusCode::kFailedPrecondition;
    if (ambiguous || named.connection.empty()) {
      absl::Status refusal =
          ambiguous && !named.connection.empty()
              ? Disagrees(named.connection)
              : base::WithField(found.status(), "spec.celigo.tile");
      if (ambiguous) {
        refusal = base::WithReason(std::move(refusal), "AMBIGUOUS_CONNECTION");
      }
      co_return Refused(std::move(refusal));
    }
    co_return Refused(WrongTile(named.connection, tile_id));
  }
  if (!named.connection.empty()) {
    if (found->connection_id != named.connection) {
      co_return Refused(WrongTile(named.connection, tile_id));
    }
    co_return std::nullopt;
  }
  stop = co_await ReadConnection(context, client, found->connection_id,
                                 connection);
  if (stop.has_value()) co_return stop;
  if (const absl::Status kind = CheckKind(connection, context.spec().adopt);
      !kind.ok()) {
    co_return Refused(kind);
  }
  co_return std::nullopt;
}

std::vector<std::string> TileWarnings(const Document& tile) {
  std::vector<std::string> warnings;
  const std::string mode = http::StringAt(tile, "mode");
  if (mode == "install" || mode == "uninstall") {
    warnings.push_back(absl::StrCat("the tile is being ", mode,
                                    "ed; finish that in Celigo first"));
  }
  if (celigo::UpdateInProgress(tile)) {
    warnings.push_back(
        "the tile's app is being updated; its flows cannot be switched until "
        "that has ended");
  }
  return warnings;
}

// ---- Recipe and account. ----

// What the role gets beside its source's permissions: what the spec says, and
// the right to log in with a token.
absl::Status ChoosePermissions(const migration::Spec& spec,
                               std::vector<std::string>& permissions,
                               std::vector<std::string>& warnings) {
  permissions = spec.role.add_permissions;
  for (const std::string& id : permissions) {
    const std::string_view meant = netsuite::PermissionMeantBy(id);
    if (meant.empty()) continue;
    return base::FieldError(
        "spec.role.add_permissions",
        absl::StrCat(id, " is no permission id of NetSuite's: write ",
                     base::ToAbsl(meant)));
  }
  const auto has = [&permissions](std::string_view id) {
    return std::find(permissions.begin(), permissions.end(), id) !=
           permissions.end();
  };
  if (has(kManageTokens)) {
    warnings.push_back(
        "Access Token Management lets the role make tokens for others, not log "
        "in with one, and forces two-factor authentication on it; the "
        "migration does not need it");
  }
  if (has(kLoginWithTokens) || has(kUserAccessTokens)) return absl::OkStatus();
  if (!permissions.empty()) {
    warnings.push_back(
        "the role also gets Log in using Access Tokens, which the token needs");
  }
  permissions.push_back(std::string(kLoginWithTokens));
  return absl::OkStatus();
}

absl::Status ChooseRecipe(Context& context, const Document& tile,
                          std::vector<std::string>& warnings) {
  const migration::Spec& spec = context.spec();
  const std::string connector =
      tile.is_null() ? "" : http::StringAt(tile, "_connectorId");
  const Recipe* by_connector = RecipeOfConnector(connector);
  const Recipe* recipe =
      spec.recipe.empty() ? by_connector : FindRecipe(spec.recipe);
  if (!spec.recipe.empty() && recipe == nullptr) {
    return base::FieldError(
        "spec.recipe",
        absl::StrCat("must be one of ",
                     absl::StrJoin(kRecipes, ", ",
                                   [](std::string* out, const Recipe& known) {
                                     out->append(known.name);
                                   })));
  }
  if (recipe != nullptr && by_connector != nullptr && recipe != by_connector) {
    warnings.push_back(absl::StrCat("the tile's connector is of the recipe ",
                                    base::ToAbsl(by_connector->name), ", not ",
                                    base::ToAbsl(recipe->name)));
  }
  const Recipe none{};
  const Recipe& defaults = recipe == nullptr ? none : *recipe;
  Notes& notes = context.notes;
  notes.recipe = std::string(defaults.name);
  notes.source_role = spec.role.from.empty() ? std::string(defaults.source_role)
                                             : spec.role.from;
  notes.application = spec.token.application.empty()
                          ? std::string(defaults.application)
                          : spec.token.application;
  notes.iclient_name =
      spec.iclient.empty() ? std::string(defaults.iclient) : spec.iclient;
  RETURN_IF_ERROR(ChoosePermissions(spec, notes.permissions, warnings));
  const Recipe* hint = tile.is_null()
                           ? nullptr
                           : RecipeSuggestedBy(http::StringAt(tile, "name"));
  const std::string advice =
      recipe != nullptr
          ? absl::StrCat("the recipe ", base::ToAbsl(recipe->name),
                         " does not say; ")
      : hint != nullptr
          ? absl::StrCat("the tile's name suggests recipe: ",
                         base::ToAbsl(hint->name), "; give that, or ")
          : "no recipe is known for this tile; give a recipe, or ";
  if (notes.source_role.empty()) {
    return base::FieldError("spec.role.from",
                            absl::StrCat(advice, "name the role to be copied"));
  }
  if (notes.application.empty()) {
    return base::FieldError(
        "spec.token.application",
        absl::StrCat(advice, "name the NetSuite application of the token"));
  }
  return absl::OkStatus();
}

absl::Status CheckAccount(const Document& connection,
                          const netsuite::AccountId& account,
                          std::vector<std::string>& warnings) {
  const Document& netsuite = NetSuiteOf(connection);
  const std::string held = http::StringAt(netsuite, "account");
  const absl::StatusOr<netsuite::AccountId> parsed =
      netsuite::AccountId::Parse(held);
  if (!parsed.ok() || !(*parsed == account)) {
    return base::WithField(
        Cannot("ACCOUNT_MISMATCH",
               absl::StrCat("the connection belongs to the NetSuite account ",
                            held.empty() ? "(none)" : "of another id", ", not ",
                            account.realm())),
        "spec.netsuite.account");
  }
  const std::string environment = http::StringAt(netsuite, "environment");
  const bool sandbox_id = account.realm().find('_') != std::string::npos;
  const bool production = environment.empty() || environment == "production";
  if (sandbox_id == production) {
    warnings.push_back(absl::StrCat(
        "the connection's environment is ",
        environment.empty() ? "production (the default)" : environment,
        ", but the account id ", account.realm(), " is ",
        sandbox_id ? "a sandbox's" : "production's"));
  }
  if (environment == "sandbox") {
    warnings.push_back(
        "Celigo offers the environment sandbox2.0, not sandbox, for tokens");
  }
  return absl::OkStatus();
}

// ---- The iClient. ----

bool IsOutsideId(std::string_view text) {
  return text.size() == 24 &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_isxdigit(c); });
}

Outcome NoIClient(const Notes& notes,
                  const std::vector<celigo::IClient>& listed) {
  const std::string names = absl::StrJoin(
      listed, ", ", [](std::string* out, const celigo::IClient& iclient) {
        out->append(iclient.name);
      });
  return Refused(base::WithField(
      Cannot("ICLIENT_NOT_FOUND",
             absl::StrCat(
                 notes.iclient_name.empty()
                     ? "the recipe names no iClient; name one"
                     : absl::StrCat("the connection is offered no single "
                                    "iClient named ",
                                    notes.iclient_name),
                 names.empty() ? "; it is offered none at all, so give the "
                                 "iClient's id (24 hexadecimal digits)"
                               : absl::StrCat("; offered are: ", names))),
      "spec.iclient"));
}

// An adoption leaves the connection the iClient that it has.
void TakeTheirIClient(Notes& notes, const Document& connection,
                      std::vector<std::string>& warnings) {
  const std::string theirs =
      http::StringAt(NetSuiteOf(connection), "_iClientId");
  if (theirs == notes.iclient_id) return;
  warnings.push_back(absl::StrCat("the connection uses the iClient ",
                                  theirs.empty() ? "(none)" : theirs, ", not ",
                                  notes.iclient_name, "; it is left so"));
  notes.iclient_id = theirs;
  notes.iclient_name = theirs;
}

asio::awaitable<Stop> ChooseIClient(Context& context, celigo::Client& client,
                                    const Document& connection,
                                    const Document& tile,
                                    std::vector<std::string>& warnings) {
  Notes& notes = context.notes;
  const bool by_id = IsOutsideId(notes.iclient_name);
  const bool owned = !http::StringAt(connection, "_connectorId").empty() ||
                     !http::StringAt(tile, "_connectorId").empty();
  std::string id = notes.connection_id;
  absl::StatusOr<std::vector<celigo::IClient>> listed;
  if (owned) {
    listed = co_await client.ListConnectionIClients(id);
  } else {
    listed = co_await client.ListIClients();
  }
  const bool closed = !listed.ok() && !ConcernsOurAccess(listed.status()) &&
                      (absl::IsFailedPrecondition(listed.status()) ||
                       absl::IsNotFound(listed.status()));
  if (!listed.ok() && !closed) {
    co_return FromError(listed.status(), "reading the iClients");
  }
  // An empty list is nothing that an id could be checked against either.
  if (closed || (by_id && listed->empty())) {
    if (!by_id) {
      co_return Refused(base::WithField(
          Cannot("ICLIENT_NOT_FOUND",
                 "Keyturn's Celigo token may not list the connection's "
                 "iClients; give the iClient's id (24 hexadecimal digits)"),
          "spec.iclient"));
    }
    warnings.push_back("the iClient's id could not be checked");
    notes.iclient_id = notes.iclient_name;
    co_return std::nullopt;
  }
  std::erase_if(*listed, [](const celigo::IClient& iclient) {
    return !iclient.provider.empty() && iclient.provider != "netsuite";
  });
  std::vector<celigo::IClient> fitting;
  for (const celigo::IClient& iclient : *listed) {
    const std::string& key = by_id ? iclient.id : iclient.name;
    if (key == notes.iclient_name) fitting.push_back(iclient);
  }
  if (fitting.size() != 1) co_return NoIClient(notes, *listed);
  notes.iclient_id = fitting.front().id;
  notes.iclient_name = fitting.front().name;
  co_return std::nullopt;
}

// ---- Flows. ----

bool IsNoted(const Notes& notes, std::string_view id) {
  return std::any_of(notes.flows.begin(), notes.flows.end(),
                     [id](const FlowNote& flow) { return flow.id == id; });
}

// Every flow of the tile, and every other one that depends on the connection.
asio::awaitable<Stop> ReadFlows(Context& context, celigo::Client& client,
                                const Document& tile, Survey& survey) {
  Notes& notes = context.notes;
  std::vector<std::string> outside;
  const auto add = [&](const Document& flow, const Document& owner) {
    notes.flows.push_back(NoteOf(flow, owner));
    const bool off = flow.contains("disabled") && flow.at("disabled") == true;
    if (!off) survey.enabled_flows.insert(notes.flows.back().id);
  };
  if (!notes.tile_id.empty()) {
    const absl::StatusOr<std::vector<Document>> flows =
        co_await client.IntegrationFlows(notes.tile_id);
    if (!flows.ok()) co_return FromError(flows.status(), "reading the flows");
    for (const Document& flow : *flows) add(flow, tile);
  }
  const absl::StatusOr<std::vector<celigo::Dependency>> dependencies =
      co_await client.ConnectionDependencies(notes.connection_id);
  if (!dependencies.ok()) {
    co_return FromError(dependencies.status(),
                        "reading what depends on the connection");
  }
  for (const celigo::Dependency& dependency : *dependencies) {
    if (dependency.type != "flows" || IsNoted(notes, dependency.id)) continue;
    const absl::StatusOr<Document> flow =
        co_await client.GetFlow(dependency.id);
    if (absl::IsNotFound(flow.status())) continue;
    if (!flow.ok()) co_return FromError(flow.status(), "reading a flow");
    const bool own = !tile.is_null() &&
                     http::StringAt(*flow, "_integrationId") == notes.tile_id;
    add(*flow, own ? tile : Document());
    if (!own && !tile.is_null()) {
      outside.push_back(notes.flows.back().name);
    }
  }
  if (!outside.empty()) {
    survey.warnings.push_back(absl::StrCat(
        "flows outside the tile use the connection and are switched off with "
        "it: ",
        absl::StrJoin(outside, ", ")));
  }
  co_return std::nullopt;
}

absl::Status ChooseFlows(Context& context,
                         const std::set<std::string>& enabled) {
  const migration::Spec::Flows& wanted = context.spec().flows;
  const std::set<std::string> test(wanted.test_ids.begin(),
                                   wanted.test_ids.end());
  const bool runs_all = migration::RunsEveryFlow(wanted);
  const std::set<std::string> run =
      runs_all
          ? enabled
          : std::set<std::string>(wanted.run_ids.begin(), wanted.run_ids.end());
  for (const std::string& id : test) {
    if (!IsNoted(context.notes, id)) {
      return FieldNotFound(
          "spec.flows.test_ids",
          absl::StrCat("no flow ", id, " depends on the connection"));
    }
  }
  for (const std::string& id : run) {
    if (!IsNoted(context.notes, id)) {
      return FieldNotFound(
          "spec.flows.run_ids",
          absl::StrCat("no flow ", id, " depends on the connection"));
    }
    if (enabled.count(id) == 0) {
      return base::WithField(
          Cannot("FLOW_DISABLED",
                 absl::StrCat("the flow ", id,
                              " is switched off and will stay so, so it cannot "
                              "be run; leave it out")),
          "spec.flows.run_ids");
    }
  }
  for (FlowNote& flow : context.notes.flows) {
    flow.test = wanted.test == migration::Spec::Flows::Test::kAll ||
                (wanted.test == migration::Spec::Flows::Test::kIds &&
                 test.count(flow.id) > 0);
    flow.run = run.count(flow.id) > 0;
  }
  return absl::OkStatus();
}

// ---- What is known before starting. ----

asio::awaitable<Stop> ReadJobs(Context& context, celigo::Client& client,
                               Survey& survey) {
  if (context.notes.flows.empty()) co_return std::nullopt;
  celigo::JobFilter filter;
  for (const FlowNote& flow : context.notes.flows) {
    filter.flow_ids.push_back(flow.id);
  }
  const absl::StatusOr<std::vector<celigo::Job>> jobs =
      co_await client.CurrentJobs(std::move(filter));
  if (!jobs.ok()) co_return FromError(jobs.status(), "reading running jobs");
  survey.unfinished_jobs = static_cast<int>(jobs->size());
  co_return std::nullopt;
}

// Whether the old login would be accepted again: Celigo tests it unsaved.
asio::awaitable<Stop> TestOldLogin(Context& context, celigo::Client& client,
                                   Survey& survey) {
  if (context.spec().old_login.empty()) co_return std::nullopt;
  absl::StatusOr<OldLogin> old = WithOldLogin(context, context.notes.pre_image);
  if (!old.ok()) {
    if (absl::IsNotFound(old.status()) ||
        absl::IsInvalidArgument(old.status()) ||
        absl::IsFailedPrecondition(old.status())) {
      co_return Refused(base::WithField(old.status(), "spec.old_login"));
    }
    co_return FromError(old.status(), "opening the old login");
  }
  const absl::StatusOr<celigo::PingResult> ping =
      co_await client.PingCandidate(std::move(old->document));
  if (!ping.ok() && base::ReasonOf(ping.status()) != "WSDL_TBA_MANDATORY") {
    co_return TestLost(context, ping.status(), "testing the old login");
  }
  context.notes.tests_lost = 0;
  survey.old_login_works = ping.ok() && ping->ok;
  co_return std::nullopt;
}

asio::awaitable<Stop> SurveyNetSuite(Context& context, NetSuiteAccount account,
                                     Survey& survey) {
  survey.has_access = account.has_access;
  if (!account.has_access) co_return std::nullopt;
  const absl::StatusOr<netsuite::ProbeResult> probe =
      co_await account.client->Probe();
  if (!probe.ok()) co_return FromError(probe.status(), "asking NetSuite");
  survey.feature_on = probe->token_authentication_on;
  using Verdict = netsuite::ProbeResult::Verdict;
  if (probe->verdict != Verdict::kWorks) {
    survey.warnings.push_back(probe->summary);
  }
  if (probe->verdict == Verdict::kLoginRefused ||
      probe->verdict == Verdict::kWrongHost) {
    context.notes.login_problem = probe->summary;
  }
  if (!probe->reads) co_return std::nullopt;
  survey.reads_netsuite = true;
  const absl::StatusOr<RoleCheck> role =
      co_await CheckRole(context, *account.client);
  if (role.ok()) {
    survey.role_good = role->found && role->problem.empty();
    survey.role_problem = role->problem;
    context.notes.role_id = role->role_id;
  } else if (!IsForPeople(context, role.status())) {
    co_return FromError(role.status(), "reading the role");
  } else {
    survey.warnings.push_back(base::MessageOf(role.status()));
  }
  const absl::StatusOr<UserCheck> user =
      co_await CheckUser(context, *account.client);
  if (user.ok()) {
    if (!user->problem.empty()) survey.warnings.push_back(user->problem);
    survey.user_found = user->employee.has_value();
  } else if (!IsForPeople(context, user.status())) {
    co_return FromError(user.status(), "looking up the user");
  } else {
    survey.warnings.push_back(base::MessageOf(user.status()));
  }
  co_return std::nullopt;
}

asio::awaitable<Outcome> Plan(Context& context, celigo::Client& client,
                              NetSuiteAccount account, Document connection,
                              Document tile, Survey survey) {
  Notes& notes = context.notes;
  Stop stop = co_await ChooseIClient(context, client, connection, tile,
                                     survey.warnings);
  if (stop.has_value()) co_return *std::move(stop);
  if (context.spec().adopt) {
    TakeTheirIClient(notes, connection, survey.warnings);
  }
  stop = co_await ReadFlows(context, client, tile, survey);
  if (stop.has_value()) co_return *std::move(stop);
  if (const absl::Status flows = ChooseFlows(context, survey.enabled_flows);
      !flows.ok()) {
    co_return Refused(flows);
  }
  stop = co_await ReadJobs(context, client, survey);
  if (stop.has_value()) co_return *std::move(stop);
  stop = co_await SurveyNetSuite(context, account, survey);
  if (stop.has_value()) co_return *std::move(stop);
  // Last: no failure after it may repeat what can be a refused login.
  stop = co_await TestOldLogin(context, client, survey);
  if (stop.has_value()) co_return *std::move(stop);
  absl::StatusOr<migration::Plan> plan = MakePlan(context, survey);
  if (!plan.ok()) co_return Refused(plan.status());
  Outcome outcome;
  outcome.kind = Outcome::Kind::kPlan;
  outcome.message =
      absl::StrCat("planned for the connection ", notes.connection_name,
                   ", plan ", plan->hash.substr(0, 12));
  outcome.plan = *std::move(plan);
  co_return outcome;
}

}  // namespace

asio::awaitable<Outcome> Preflight(Context& context) {
  const auto opened = context.Celigo();
  if (!opened.ok()) {
    co_return Refused(base::WithField(opened.status(), "spec.celigo.account"));
  }
  const std::shared_ptr<celigo::Client> client = *opened;
  absl::StatusOr<NetSuiteAccount> account = context.NetSuite();
  if (!account.ok()) {
    co_return Refused(
        base::WithField(account.status(), "spec.netsuite.account"));
  }
  // A new look begins from nothing.
  const int tests_lost = context.notes.tests_lost;
  context.notes = Notes();
  context.notes.tests_lost = tests_lost;
  const absl::StatusOr<celigo::TokenInfo> token =
      co_await client->GetTokenInfo();
  if (!token.ok()) {
    co_return FromError(token.status(), "asking Celigo who we are");
  }
  Document connection;
  Document tile;
  Survey survey;
  if (!token->scope.empty() && token->scope != "*") {
    survey.warnings.push_back(
        absl::StrCat("Keyturn's Celigo token is limited to the scope ",
                     token->scope, "; a migration needs full access"));
  }
  Stop stop = co_await Locate(context, *client, connection, tile);
  if (stop.has_value()) co_return *std::move(stop);
  Notes& notes = context.notes;
  notes.connection_id = http::StringAt(connection, "_id");
  notes.connection_name = http::StringAt(connection, "name");
  if (!tile.is_null()) {
    notes.tile_id = http::StringAt(tile, "_id");
    notes.tile_name = http::StringAt(tile, "name");
    notes.app_version_1 = celigo::IntegrationAppVersionOf(tile) ==
                          celigo::IntegrationAppVersion::k1;
    for (std::string& warning : TileWarnings(tile)) {
      survey.warnings.push_back(std::move(warning));
    }
  }
  survey.offline =
      connection.contains("offline") && connection.at("offline") == true;
  if (absl::Status chosen = ChooseRecipe(context, tile, survey.warnings);
      !chosen.ok()) {
    co_return Refused(std::move(chosen));
  }
  if (absl::Status fits =
          CheckAccount(connection, account->id, survey.warnings);
      !fits.ok()) {
    co_return Refused(std::move(fits));
  }
  notes.pre_image = connection;
  co_return co_await Plan(context, *client, *std::move(account),
                          std::move(connection), std::move(tile),
                          std::move(survey));
}

}  // namespace keyturn::steps
