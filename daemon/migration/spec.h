// What an operator may ask for.
#ifndef KEYTURN_DAEMON_MIGRATION_SPEC_H_
#define KEYTURN_DAEMON_MIGRATION_SPEC_H_

#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "daemon/migration/model.h"

namespace keyturn::migration {

inline constexpr int kApprovalsMax = 10;
inline constexpr int kFlowsNamedMax = 500;
inline constexpr int kPermissionsMax = 200;
inline constexpr int kTextMax = 200;
inline constexpr absl::Duration kConfirmWithinMin = absl::Seconds(1);
inline constexpr absl::Duration kConfirmWithinMax = absl::Hours(30 * 24);
inline constexpr absl::Duration kDrainWithinMin = absl::Seconds(1);
// kWaitsMax looks last longer.
inline constexpr absl::Duration kDrainWithinMax = absl::Hours(24);

// Stands alone in `run_ids` for every flow that is enabled.
inline constexpr std::string_view kEveryFlow = "all";
bool RunsEveryFlow(const Spec::Flows& flows);

// Checks the form of every field, without asking anybody. The error is
// InvalidArgument and names the field as the public API does
// ("spec.celigo.connection") and what is allowed there.
absl::Status ValidateSpec(const Spec& spec);

}  // namespace keyturn::migration

#endif  // KEYTURN_DAEMON_MIGRATION_SPEC_H_
