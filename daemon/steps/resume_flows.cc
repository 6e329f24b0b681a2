// Gives each flow its former state back; what was off stays off.
#include "daemon/steps/flow_switch.h"
#include "daemon/steps/steps.h"

namespace keyturn::steps {

asio::awaitable<Outcome> ResumeFlows(Context& context) {
  co_return co_await RestoreFlows(context);
}

// Before the old login comes back, everything must be quiet again.
asio::awaitable<Outcome> UndoResumeFlows(Context& context) {
  const auto client = context.outside.Celigo(context.spec().celigo.account);
  if (!client.ok()) {
    co_return FromError(client.status(), "opening the Celigo account");
  }
  const std::shared_ptr<celigo::Client> celigo = *client;
  std::optional<Outcome> unquiet = co_await EnsureQuiet(context, *celigo);
  if (unquiet.has_value()) co_return *std::move(unquiet);
  co_return Done("all flows are off again, nothing runs");
}

}  // namespace keyturn::steps
