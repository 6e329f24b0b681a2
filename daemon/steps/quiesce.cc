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
  return true;
}

}  // namespace

asio::awaitable<Outcome> Quiesce(Context& context) {
  const auto client = context.outside.Celigo(context.spec().celigo.account);
  if (!client.ok()) {
    co_return FromError(client.status(), "opening the Celigo account");
  }
  const std::shared_ptr<celigo::Client> celigo = *client;
  if (!StatesAreNoted(context)) {
    const absl::StatusOr<FlowStates> states =
        co_await ReadFlowStates(context, *celigo);
    if (!states.ok()) co_return FromError(states.status(), "reading the flows");
    for (FlowNote& flow : context.notes.flows) {
      const auto found = states->find(flow.id);
      flow.was_enabled = found != states->end() && found->second;
    }
    const absl::Status saved =
        co_await context.checkpoint("the state of every flow is noted");
    if (!saved.ok()) co_return FromError(saved, "storing the flows' states");
  }
  std::optional<Outcome> unquiet = co_await EnsureQuiet(context, *celigo);
  if (unquiet.has_value()) co_return *std::move(unquiet);
  int switched_off = 0;
  for (const FlowNote& flow : context.notes.flows) {
    if (flow.was_enabled.value_or(false)) ++switched_off;
  }
  co_return Done("all flows are off, nothing runs and nothing is queued",
                 {{"flows", absl::StrCat(context.notes.flows.size())},
                  {"switched off", absl::StrCat(switched_off)},
                  {"unfinished jobs", "0"}});
}

asio::awaitable<Outcome> UndoQuiesce(Context& context) {
  co_return co_await RestoreFlows(context);
}

}  // namespace keyturn::steps
