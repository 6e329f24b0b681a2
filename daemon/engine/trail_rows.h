// What the engine tells the audit trail.
#ifndef KEYTURN_DAEMON_ENGINE_TRAIL_ROWS_H_
#define KEYTURN_DAEMON_ENGINE_TRAIL_ROWS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/engine/engine.h"
#include "daemon/migration/model.h"
#include "daemon/migration/transition.h"
#include "daemon/store/records.h"
#include "daemon/store/store.h"
#include "daemon/vault/openings.h"

namespace keyturn::engine {

// What a row says of an effect that is about to come.
inline constexpr std::string_view kIntended = "INTENDED";

// That `caller` asked for `action`, and what came of it: "OK", the name of a
// status code, or kIntended.
store::AuditRow RowOf(const Caller& caller, std::string_view action,
                      std::string target, std::string_view result,
                      absl::Time now);
store::AuditRow RowOf(const Caller& caller, std::string_view action,
                      std::string target, const absl::Status& status,
                      absl::Time now);

// "opened credentials/acme version 1; WHY", or what there is of the two.
std::string DetailOf(const vault::Openings& openings,
                     std::string_view why = "");

// Resource names of the secrets that attempts at `migration` may open, by its
// spec and its accounts. Errors of the store.
absl::StatusOr<std::string> SecretsOf(const migration::Migration& migration,
                                      store::Store& store);

// That the daemon is about to make the attempt that `action` (kRun or kUndo)
// says, for which it may open `secrets`.
store::AuditRow IntentOf(const migration::Migration& migration,
                         const migration::Action& action,
                         std::string_view secrets, absl::Time now);

// What came of the attempt that was under way on `migration`, as it was before
// `outcome` is applied, and what it has opened.
store::AuditRow OutcomeOf(const migration::Migration& migration,
                          const migration::Event& outcome,
                          const vault::Openings& openings);

// That the daemon cut the attempt that `action` says short, see
// Ending::withdrawn.
store::AuditRow WithdrawalOf(const migration::Migration& migration,
                             const migration::Action& action,
                             const absl::Status& why,
                             const vault::Openings& openings, absl::Time now);

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_TRAIL_ROWS_H_
