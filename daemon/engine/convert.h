// From what an attempt ended with to the core's event. Pure, but for the ids of
// new tasks.
#ifndef KEYTURN_DAEMON_ENGINE_CONVERT_H_
#define KEYTURN_DAEMON_ENGINE_CONVERT_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/migration/model.h"
#include "daemon/migration/transition.h"
#include "daemon/steps/notes.h"
#include "daemon/steps/outcome.h"

namespace keyturn::engine {

// A look that finds the step still under way is repeated no sooner.
inline constexpr absl::Duration kWaitMin = absl::Milliseconds(100);

// What an attempt ended with.
struct Ending {
  steps::Outcome outcome;
  // None: they cannot be trusted and stay as they are stored.
  std::optional<steps::Notes> notes;
  // Not OK: the daemon itself cut the attempt short, since it stops (STOPPING)
  // or was sealed (SEALED). Nothing is known, only the trail is told, and the
  // next attempt looks again; this one does not count.
  absl::Status withdrawn;
};

// The outcome of an attempt at `step` that gave none: one more attempt when it
// took too long (DeadlineExceeded), an administrator's matter when it threw.
steps::Outcome OutcomeOfFailure(const absl::Status& failure,
                                migration::Step step);

// The event for `ending` of the attempt that began when the migration was as in
// `seen`. `jitter` in [0, 1) spreads the attempts. The outcome's credentials
// are not part of an event.
migration::Event EventOf(const migration::Migration& seen, Ending ending,
                         absl::Time now, double jitter);

// The event that takes the place of one that the store has refused: the
// attempt failed, or it needs an operator when another migration holds the
// connection.
migration::Event EventOfRefusal(const migration::Migration& seen,
                                const absl::Status& refusal, absl::Time now,
                                double jitter);

// What at most one live migration may hold (guarantee G9).
std::string ConnectionKey(std::string_view account,
                          std::string_view connection_id);

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_CONVERT_H_
