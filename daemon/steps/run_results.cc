#include "daemon/steps/run_results.h"

#include <utility>
#include <vector>

#include "daemon/base/status.h"

namespace keyturn::steps {

asio::awaitable<absl::StatusOr<int>> ConnectionErrors(celigo::Client& client,
                                                      std::string flow_id,
                                                      std::string job_id) {
  int count = 0;
  CO_ASSIGN_OR_RETURN(const std::vector<celigo::FlowErrorCount> steps,
                      co_await client.FlowErrors(flow_id));
  for (const celigo::FlowErrorCount& step : steps) {
    if (step.count == 0 || step.step_id.empty()) continue;
    std::optional<std::string> run = job_id;
    CO_ASSIGN_OR_RETURN(
        const std::vector<celigo::FlowError> errors,
        co_await client.StepErrors(flow_id, step.step_id, std::move(run)));
    for (const celigo::FlowError& error : errors) {
      if (error.source == "connection") ++count;
    }
  }
  co_return count;
}

std::string Name(celigo::JobStatus status) {
  switch (status) {
    case celigo::JobStatus::kUnknown:
      return "unknown";
    case celigo::JobStatus::kQueued:
      return "queued";
    case celigo::JobStatus::kRunning:
      return "running";
    case celigo::JobStatus::kRetrying:
      return "retrying";
    case celigo::JobStatus::kCanceling:
      return "canceling";
    case celigo::JobStatus::kCompleted:
      return "completed";
    case celigo::JobStatus::kFailed:
      return "failed";
    case celigo::JobStatus::kCanceled:
      return "canceled";
  }
  return "unknown";
}

}  // namespace keyturn::steps
