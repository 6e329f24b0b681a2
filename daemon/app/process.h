// What the process owes to its secrets and its users before anything else.
#ifndef KEYTURN_DAEMON_APP_PROCESS_H_
#define KEYTURN_DAEMON_APP_PROCESS_H_

#include "absl/status/status.h"

namespace keyturn::app {

// New files are closed to others; no core is dumped; no other process of the
// same user may read our memory (so debuggers and LeakSanitizer need root); no
// file makes us more than we are (setuid bits and file capabilities have no
// effect); a peer that hangs up does not end us; the environment cannot make
// gRPC trace what it carries. To be called first, before any thread. What is
// refused once everything runs: system_calls.h.
absl::Status HardenProcess();

}  // namespace keyturn::app

#endif  // KEYTURN_DAEMON_APP_PROCESS_H_
