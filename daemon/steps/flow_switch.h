// Switching flows off and on, and waiting until nothing runs (guarantee G8).
#ifndef KEYTURN_DAEMON_STEPS_FLOW_SWITCH_H_
#define KEYTURN_DAEMON_STEPS_FLOW_SWITCH_H_

#include <asio/awaitable.hpp>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/steps/outcome.h"
#include "daemon/steps/step.h"

namespace keyturn::steps {

// Longer than this an update of the integration app is not waited for.
inline constexpr absl::Duration kUpdateMax = absl::Hours(1);

// A flow as its connection's migration needs it noted. `tile` is the flow's own
// tile, null where that is not the connection's.
FlowNote NoteOf(const celigo::Document& flow, const celigo::Document& tile);

// Flow id → whether it is enabled. A flow that is gone is absent. Flows of the
// tile that are not noted yet are added to the notes.
using FlowStates = std::map<std::string, bool>;
asio::awaitable<absl::StatusOr<FlowStates>> ReadFlowStates(
    Context& context, celigo::Client& client);

// Switches every flow for which `wanted` says so from its state in `now` to
// that one, then reads all of them back into `now`. Flows that are gone are
// passed over. No value: they are all as wanted; otherwise the outcome that the
// step ends with.
asio::awaitable<std::optional<Outcome>> SwitchFlows(Context& context,
                                                    celigo::Client& client,
                                                    FlowStates wanted,
                                                    FlowStates& now);

// Makes sure that no flow of the migration is enabled, no job of theirs runs,
// and no queue of the connection holds data. No value: it is quiet. How long
// that may take, and who chooses then, is drain.h's.
//
// What each flow goes back to is durable before the first one is touched. A
// flow that somebody has enabled since is switched off like the others, and on
// again with them.
//
// A connection that is offline runs nothing: what is queued stays queued until
// it works again (Celigo help centre 4711695350171), so only running jobs are
// waited for.
asio::awaitable<std::optional<Outcome>> EnsureQuiet(Context& context,
                                                    celigo::Client& client);

// After every flow had got its state back: notes, durably, the states that they
// have by now, since people may have switched some of them.
asio::awaitable<absl::Status> NoteStatesAnew(Context& context,
                                             celigo::Client& client);

// Gives every flow the state back that is noted for it. A flow that somebody
// has enabled meanwhile stays as that person wants it.
asio::awaitable<Outcome> RestoreFlows(Context& context);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_FLOW_SWITCH_H_
