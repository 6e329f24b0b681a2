// Whether a run of a flow shows a connection that does not work.
#ifndef KEYTURN_DAEMON_STEPS_RUN_RESULTS_H_
#define KEYTURN_DAEMON_STEPS_RUN_RESULTS_H_

#include <asio/awaitable.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/upstream/celigo/client.h"

namespace keyturn::steps {

// Errors of source "connection" among the open errors of the flow's steps that
// belong to the run `job_id` (Celigo CLI, "flows errors"). Errors of the data
// are not the connection's and are no concern here.
asio::awaitable<absl::StatusOr<int>> ConnectionErrors(celigo::Client& client,
                                                      std::string flow_id,
                                                      std::string job_id);

// "completed", "failed", ...
std::string Name(celigo::JobStatus status);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_RUN_RESULTS_H_
