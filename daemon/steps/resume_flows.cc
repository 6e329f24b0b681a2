// Gives each flow its former state back; what was off stays off.
#include "daemon/base/status.h"
#include "daemon/steps/flow_switch.h"
#include "daemon/steps/steps.h"

namespace keyturn::steps {

asio::awaitable<Outcome> ResumeFlows(Context& context) {
  Outcome outcome = co_await RestoreFlows(context);
  context.notes.flows_restored = outcome.kind == Outcome::Kind::kDone;
  co_return outcome;
}

// Before the old login comes back, everything must be quiet again. What people
// have switched since the flows were given back stays as they want it.
asio::awaitable<Outcome> UndoResumeFlows(Context& context) {
  const auto client = context.Celigo();
  if (!client.ok()) {
    co_return FromError(client.status(), "opening the Celigo account");
  }
  const std::shared_ptr<celigo::Client> celigo = *client;
  if (context.notes.flows_restored) {
    const absl::Status noted = co_await NoteStatesAnew(context, *celigo);
    if (!noted.ok()) co_return FromError(noted, "noting the flows' states");
  }
  std::optional<Outcome> unquiet = co_await EnsureQuiet(context, *celigo);
  if (unquiet.has_value()) co_return *std::move(unquiet);
  co_return Done("all flows are off again, nothing runs");
}

}  // namespace keyturn::steps
