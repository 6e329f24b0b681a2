// What is stored and logged of a change. Pure.
#ifndef KEYTURN_DAEMON_ENGINE_HISTORY_H_
#define KEYTURN_DAEMON_ENGINE_HISTORY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/migration/model.h"
#include "daemon/migration/transition.h"
#include "daemon/store/records.h"

namespace keyturn::engine {

// `happening` as watchers get it, when it left the migration as `after`.
store::StoredEvent StoredEventOf(const migration::Migration& after,
                                 const migration::Happening& happening,
                                 const std::string& actor, absl::Time time);

// A change, ready to be stored.
struct Change {
  migration::Migration after;
  // Migration, events and tasks; the rest is the caller's.
  store::Batch batch;
  // For the operator's log: changes of the state and failed attempts.
  std::vector<std::string> log;
};

// Applies `event` to `before`, which is as stored (revision 0: not yet). With
// `settle`, that is while no attempt is under way, a command that then waits to
// take effect does so in the same change: no stored migration waits for it, and
// its caller sees the effect. Errors: those of migration::Apply.
absl::StatusOr<Change> ChangeOf(const migration::Migration& before,
                                const migration::Event& event, bool settle);

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_HISTORY_H_
