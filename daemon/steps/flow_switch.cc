#include "daemon/steps/flow_switch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"
#include "daemon/steps/drain.h"
#include "daemon/steps/tasks.h"
#include "daemon/upstream/celigo/tile.h"

namespace keyturn::steps {
namespace {

bool IsEnabled(const celigo::Document& flow) {
  return !(flow.contains("disabled") && flow.at("disabled").is_boolean() &&
           flow.at("disabled").get<bool>());
}

const FlowNote* FindNote(const Context& context, const std::string& id) {
  for (const FlowNote& flow : context.notes.flows) {
    if (flow.id == id) return &flow;
  }
  return nullptr;
}

std::string NameOf(const Context& context, const std::string& id) {
  const FlowNote* note = FindNote(context, id);
  return note == nullptr || note->name.empty() ? id : note->name;
}

// Errors that say that this way of switching is not open, rather than that
// Celigo cannot be asked now.
bool IsRefusal(const absl::Status& status) {
  if (ConcernsOurAccess(status)) return false;
  return status.code() == absl::StatusCode::kFailedPrecondition ||
         status.code() == absl::StatusCode::kNotFound ||
         status.code() == absl::StatusCode::kInvalidArgument;
}

// One flow. Flows of an app of version 1 are switched through its settings, and
// patched when that did not help, as Celigo's own UI does.
asio::awaitable<absl::Status> SwitchFlow(Context& context,
                                         celigo::Client& client,
                                         std::string flow_id, bool enable) {
  const FlowNote* note = FindNote(context, flow_id);
  if (note != nullptr && !note->foreign && context.notes.app_version_1) {
    std::optional<std::string> store_id;
    if (!note->store_id.empty()) store_id = note->store_id;
    const absl::Status persisted = co_await client.PersistSettings(
        context.notes.tile_id, std::move(store_id), flow_id, !enable);
    if (!persisted.ok() && !IsRefusal(persisted)) co_return persisted;
    const absl::StatusOr<celigo::Document> flow =
        co_await client.GetFlow(flow_id);
    if (!flow.ok()) co_return flow.status();
    if (IsEnabled(*flow) == enable) co_return absl::OkStatus();
  }
  co_return co_await client.PatchFlowDisabled(flow_id, !enable);
}

std::vector<std::string> NotAsWanted(const FlowStates& wanted,
                                     const FlowStates& now) {
  std::vector<std::string> ids;
  for (const auto& [id, enabled] : wanted) {
    const auto found = now.find(id);
    if (found != now.end() && found->second != enabled) ids.push_back(id);
  }
  return ids;
}

std::vector<std::string> NamesOf(const Context& context,
                                 const std::vector<std::string>& ids) {
  std::vector<std::string> names;
  for (const std::string& id : ids) names.push_back(NameOf(context, id));
  return names;
}

asio::awaitable<absl::StatusOr<bool>> AppIsUpdating(Context& context,
                                                    celigo::Client& client) {
  if (!context.notes.app_version_1 || context.notes.tile_id.empty()) {
    co_return false;
  }
  CO_ASSIGN_OR_RETURN(const celigo::Document tile,
                      co_await client.GetIntegration(context.notes.tile_id));
  co_return celigo::UpdateInProgress(tile);
}

Outcome AwaitUpdate(const Context& context) {
  if (Elapsed(context) <= kUpdateMax) {
    return WaitFor(kDrainPollMax,
                   "waits for the update of the integration app to end");
  }
  return Blocked("APP_UPDATING", "operator",
                 absl::StrCat("the integration app ", context.notes.tile_name,
                              " has been updating for more than ",
                              absl::FormatDuration(kUpdateMax),
                              "; its flows cannot be switched meanwhile"),
                 {"finish the app's update in Celigo, then `keyturn retry`"});
}

// Notes what each flow goes back to. Whether anything new was noted.
bool NoteStates(Context& context, const FlowStates& now) {
  bool news = false;
  for (FlowNote& flow : context.notes.flows) {
    const auto found = now.find(flow.id);
    const bool enabled = found != now.end() && found->second;
    if (flow.was_enabled.has_value() && (*flow.was_enabled || !enabled)) {
      continue;
    }
    flow.was_enabled = enabled;
    news = true;
  }
  return news;
}

asio::awaitable<absl::StatusOr<std::vector<celigo::Document>>> TileFlows(
    const Context& context, celigo::Client& client) {
  if (context.notes.tile_id.empty()) {
    co_return std::vector<celigo::Document>();
  }
  absl::StatusOr<std::vector<celigo::Document>> flows =
      co_await client.IntegrationFlows(context.notes.tile_id);
  // Without its tile, each flow is looked for by its own id.
  if (absl::IsNotFound(flows.status())) {
    co_return std::vector<celigo::Document>();
  }
  co_return flows;
}

// Flows that the tile has got since the plan was made.
asio::awaitable<absl::Status> NoteNewFlows(
    Context& context, celigo::Client& client,
    const std::vector<celigo::Document>& flows) {
  celigo::Document tile;
  for (const celigo::Document& flow : flows) {
    if (FindNote(context, http::StringAt(flow, "_id")) != nullptr) continue;
    if (tile.is_null()) {
      CO_ASSIGN_OR_RETURN(
          tile, co_await client.GetIntegration(context.notes.tile_id));
    }
    FlowNote note = NoteOf(flow, tile);
    note.unplanned = true;
    context.notes.flows.push_back(std::move(note));
  }
  co_return absl::OkStatus();
}

}  // namespace

FlowNote NoteOf(const celigo::Document& flow, const celigo::Document& tile) {
  FlowNote note;
  note.id = http::StringAt(flow, "_id");
  note.name = http::StringAt(flow, "name");
  note.export_ids = celigo::ExportIdsOf(flow);
  note.foreign = tile.is_null();
  if (!note.foreign) {
    note.store_id = celigo::StoreIdOf(tile, note.id).value_or("");
  }
  return note;
}

asio::awaitable<absl::StatusOr<FlowStates>> ReadFlowStates(
    Context& context, celigo::Client& client) {
  CO_ASSIGN_OR_RETURN(const std::vector<celigo::Document> flows,
                      co_await TileFlows(context, client));
  CO_RETURN_IF_ERROR(co_await NoteNewFlows(context, client, flows));
  FlowStates all;
  for (const celigo::Document& flow : flows) {
    all[http::StringAt(flow, "_id")] = IsEnabled(flow);
  }
  FlowStates ours;
  for (const FlowNote& note : context.notes.flows) {
    const auto found = all.find(note.id);
    if (found != all.end()) {
      ours[note.id] = found->second;
      continue;
    }
    const absl::StatusOr<celigo::Document> flow =
        co_await client.GetFlow(note.id);
    if (absl::IsNotFound(flow.status())) continue;
    if (!flow.ok()) co_return flow.status();
    ours[note.id] = IsEnabled(*flow);
  }
  co_return ours;
}

asio::awaitable<std::optional<Outcome>> SwitchFlows(Context& context,
                                                    celigo::Client& client,
                                                    FlowStates wanted,
                                                    FlowStates& now) {
  const std::vector<std::string> to_switch = NotAsWanted(wanted, now);
  if (to_switch.empty()) co_return std::nullopt;
  const absl::StatusOr<bool> updating = co_await AppIsUpdating(context, client);
  if (!updating.ok()) {
    co_return FromError(updating.status(), "reading the integration");
  }
  if (*updating) co_return AwaitUpdate(context);
  std::string refusal;
  for (const std::string& id : to_switch) {
    const absl::Status switched =
        co_await SwitchFlow(context, client, id, wanted.at(id));
    if (switched.ok()) continue;
    if (!IsRefusal(switched)) co_return FromError(switched, "switching a flow");
    refusal = absl::StrCat(NameOf(context, id), ": ", switched.message());
  }
  absl::StatusOr<FlowStates> after = co_await ReadFlowStates(context, client);
  if (!after.ok()) co_return FromError(after.status(), "reading the flows");
  now = *std::move(after);
  const std::vector<std::string> left = NotAsWanted(wanted, now);
  if (left.empty()) co_return std::nullopt;
  if (refusal.empty()) {
    refusal = "Celigo accepted the change, but the flows are as they were";
  }
  co_return Ask(SwitchFlowsTask(context, NamesOf(context, left),
                                wanted.at(left.front()), std::move(refusal)));
}

asio::awaitable<std::optional<Outcome>> EnsureQuiet(Context& context,
                                                    celigo::Client& client) {
  absl::StatusOr<FlowStates> states = co_await ReadFlowStates(context, client);
  if (!states.ok()) co_return FromError(states.status(), "reading the flows");
  if (NoteStates(context, *states)) {
    const absl::Status saved =
        co_await context.checkpoint("the state of every flow is noted");
    if (!saved.ok()) co_return FromError(saved, "storing the flows' states");
  }
  FlowStates wanted;
  for (const FlowNote& flow : context.notes.flows) wanted[flow.id] = false;
  std::optional<Outcome> switched =
      co_await SwitchFlows(context, client, std::move(wanted), *states);
  if (switched.has_value()) co_return switched;
  const absl::StatusOr<Unrest> unrest = co_await LookForUnrest(context, client);
  if (!unrest.ok()) {
    co_return FromError(unrest.status(), "looking for unfinished jobs");
  }
  if (unrest->text.empty()) co_return std::nullopt;
  co_return AwaitRest(context, *unrest);
}

asio::awaitable<absl::Status> NoteStatesAnew(Context& context,
                                             celigo::Client& client) {
  CO_ASSIGN_OR_RETURN(const FlowStates now,
                      co_await ReadFlowStates(context, client));
  for (FlowNote& flow : context.notes.flows) {
    const auto found = now.find(flow.id);
    if (found != now.end()) flow.was_enabled = found->second;
  }
  context.notes.flows_restored = false;
  co_return co_await context.checkpoint("the state of every flow is noted");
}

asio::awaitable<Outcome> RestoreFlows(Context& context) {
  const auto client = context.Celigo();
  if (!client.ok()) {
    co_return FromError(client.status(), "opening the Celigo account");
  }
  const std::shared_ptr<celigo::Client> celigo = *client;
  FlowStates wanted;
  for (const FlowNote& flow : context.notes.flows) {
    if (flow.was_enabled.value_or(false)) wanted[flow.id] = true;
  }
  absl::StatusOr<FlowStates> now = co_await ReadFlowStates(context, *celigo);
  if (!now.ok()) co_return FromError(now.status(), "reading the flows");
  std::optional<Outcome> switched =
      co_await SwitchFlows(context, *celigo, std::move(wanted), *now);
  if (switched.has_value()) co_return *std::move(switched);
  Outcome outcome = Done("every flow has its former state");
  for (const FlowNote& flow : context.notes.flows) {
    const auto found = now->find(flow.id);
    std::string state = found == now->end() ? "gone"
                        : found->second     ? "enabled"
                                            : "disabled";
    if (flow.was_enabled == false && state == "enabled") {
      absl::StrAppend(&state, " (by somebody, meanwhile)");
    }
    outcome.proofs.push_back({flow.name, std::move(state)});
  }
  co_return outcome;
}

}  // namespace keyturn::steps
