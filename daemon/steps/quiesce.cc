// Notes each flow's state, switches off what is on, and waits until nothing
// runs. The states are durable before the first flow is touched, so that every
// ending can restore them.
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/flow_switch.h"
#include "daemon/steps/steps.h"

namespace keyturn::steps {
namespace {

bool StatesAreNoted(const Context& context) {
  for (const FlowNote& flow : context.notes.flows) {
    if (!flow.was_enabled.has_value()) return false;
  }
  return !context.notes.flows.empty();
}

bool IsNoted(const Context& context, const std::string& id) {
  for (const FlowNote& flow : context.notes.flows) {
    if (flow.id == id) return true;
  }
  return false;
}

// Weeks may lie between plan and switch: flows that have come to use the
// connection since are switched off like the others.
asio::awaitable<absl::Status> NoteNewUsers(Context& context,
                                           celigo::Client& client) {
  CO_ASSIGN_OR_RETURN(
      const std::vector<celigo::Dependency> users,
      co_await client.ConnectionDependencies(context.notes.connection_id));
  for (const celigo::Dependency& user : users) {
    if (user.type != "flows" || IsNoted(context, user.id)) continue;
    const absl::StatusOr<celigo::Document> flow =
        co_await client.GetFlow(user.id);
    if (absl::IsNotFound(flow.status())) continue;
    if (!flow.ok()) co_return flow.status();
    // Those of the tile are found through it.
    if (!context.notes.tile_id.empty() &&
        http::StringAt(*flow, "_integrationId") == context.notes.tile_id) {
      continue;
    }
    FlowNote note = NoteOf(*flow, celigo::Document());
    note.unplanned = true;
    context.notes.flows.push_back(std::move(note));
  }
  co_return absl::OkStatus();
}

}  // namespace

asio::awaitable<Outcome> Quiesce(Context& context) {
  const auto client = context.Celigo();
  if (!client.ok()) {
    co_return FromError(client.status(), "opening the Celigo account");
  }
  const std::shared_ptr<celigo::Client> celigo = *client;
  if (!StatesAreNoted(context)) {
    const absl::Status noted = co_await NoteNewUsers(context, *celigo);
    if (!noted.ok()) {
      co_return FromError(noted, "reading what depends on the connection");
    }
  }
  std::optional<Outcome> unquiet = co_await EnsureQuiet(context, *celigo);
  if (unquiet.has_value()) co_return *std::move(unquiet);
  int switched_off = 0;
  int unplanned = 0;
  for (const FlowNote& flow : context.notes.flows) {
    if (flow.was_enabled.value_or(false)) ++switched_off;
    if (flow.unplanned) ++unplanned;
  }
  Outcome outcome =
      Done("all flows are off, nothing runs and nothing is queued",
           {{"flows", absl::StrCat(context.notes.flows.size())},
            {"switched off", absl::StrCat(switched_off)},
            {"unfinished jobs", "0"}});
  if (unplanned > 0) {
    outcome.proofs.push_back(
        {"flows made since the plan", absl::StrCat(unplanned)});
  }
  co_return outcome;
}

asio::awaitable<Outcome> UndoQuiesce(Context& context) {
  co_return co_await RestoreFlows(context);
}

}  // namespace keyturn::steps
