// Real runs of the flows that were chosen for it. That a run was asked for is
// durable before it is sent; after a crash the run is found among the flow's
// jobs instead of being started twice (guarantee G3).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/run_results.h"
#include "daemon/steps/steps.h"

namespace keyturn::steps {
namespace {

constexpr absl::Duration kRunPoll = absl::Seconds(2);
constexpr absl::Duration kRunMax = absl::Hours(2);
// Clocks of the two sides may differ by this much.
constexpr absl::Duration kClockSlack = absl::Minutes(2);
// So long a run that was asked for may take to appear among the jobs.
constexpr absl::Duration kAppearMax = absl::Seconds(30);

asio::awaitable<absl::StatusOr<std::vector<std::string>>> JobsSince(
    celigo::Client& client, std::string flow_id, absl::Time since) {
  CO_ASSIGN_OR_RETURN(const std::vector<celigo::Job> jobs,
                      co_await client.ListFlowJobs(flow_id, since));
  std::vector<std::string> ids;
  for (const celigo::Job& job : jobs) ids.push_back(job.id);
  co_return ids;
}

// Finds the run that was asked for before a crash; nothing: it never began.
asio::awaitable<absl::StatusOr<std::string>> FindRun(celigo::Client& client,
                                                     const FlowNote& flow) {
  CO_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                      co_await JobsSince(client, flow.id,
                                         *flow.run_requested_at - kClockSlack));
  std::erase_if(ids, [&flow](const std::string& id) {
    return std::find(flow.jobs_before.begin(), flow.jobs_before.end(), id) !=
           flow.jobs_before.end();
  });
  // Newest first: what came after the run that was asked for is not it.
  co_return ids.empty() ? std::string() : ids.back();
}

// The run has a job id afterwards, unless the flow is gone; or the step ends
// with the outcome.
asio::awaitable<std::optional<Outcome>> Begin(Context& context,
                                              celigo::Client& client,
                                              size_t index) {
  FlowNote& flow = context.notes.flows[index];
  if (flow.run_requested_at.has_value()) {
    absl::StatusOr<std::string> found = co_await FindRun(client, flow);
    if (!found.ok()) co_return FromError(found.status(), "looking for the run");
    if (!found->empty()) {
      flow.job_id = *std::move(found);
      co_return std::nullopt;
    }
    if (context.clock.Now() - *flow.run_requested_at < kAppearMax) {
      co_return WaitFor(kRunPoll,
                        absl::StrCat("looks for the run of ", flow.name));
    }
  }
  absl::StatusOr<std::vector<std::string>> before = co_await JobsSince(
      client, flow.id, context.clock.Now() - 2 * kClockSlack);
  if (!before.ok()) {
    co_return FromError(before.status(), "reading the flow's jobs");
  }
  flow.jobs_before = *std::move(before);
  flow.run_requested_at = context.clock.Now();
  const absl::Status saved =
      co_await context.checkpoint(absl::StrCat("runs ", flow.name));
  if (!saved.ok()) co_return FromError(saved, "storing the run");
  absl::StatusOr<std::string> started = co_await client.RunFlow(flow.id);
  // Gone for good: no attempt and no person can run it.
  if (absl::IsNotFound(started.status())) co_return std::nullopt;
  if (!started.ok()) {
    co_return FromError(started.status(), absl::StrCat("running ", flow.name));
  }
  flow.job_id = *std::move(started);
  co_return std::nullopt;
}

Outcome RunFailed(const FlowNote& flow, std::string_view what) {
  return Blocked(
      "RUN_FAILED", "operator",
      absl::StrCat("the real run of ", flow.name, " (job ", flow.job_id, ") ",
                   base::ToAbsl(what)),
      {"look at the flow's errors in Celigo and mend what they say",
       "then `keyturn retry` runs it again",
       "`keyturn rollback`, where the plan says that it is possible"});
}

asio::awaitable<std::optional<Outcome>> Judge(Context& context,
                                              celigo::Client& client,
                                              size_t index, Outcome& done) {
  FlowNote& flow = context.notes.flows[index];
  const absl::StatusOr<celigo::Job> job = co_await client.GetJob(flow.job_id);
  if (absl::IsNotFound(job.status())) {
    Outcome failed = RunFailed(flow, "is not known to Celigo any more");
    flow.job_id.clear();
    flow.run_requested_at.reset();
    co_return failed;
  }
  if (!job.ok()) co_return FromError(job.status(), "reading the run's job");
  if (!celigo::IsFinal(job->status)) {
    if (context.clock.Now() - *flow.run_requested_at > kRunMax) {
      co_return RunFailed(flow, "has not ended within two hours");
    }
    co_return WaitFor(
        kRunPoll, absl::StrCat("waits for the run of ", flow.name, " to end"));
  }
  const absl::StatusOr<int> errors =
      co_await ConnectionErrors(client, flow.id, flow.job_id);
  if (!errors.ok()) co_return FromError(errors.status(), "reading errors");
  if (*errors > 0 || job->status != celigo::JobStatus::kCompleted) {
    const std::string what = absl::StrCat("ended ", Name(job->status), " with ",
                                          *errors, " connection errors");
    Outcome failed = RunFailed(flow, what);
    // A retry is a new run.
    flow.job_id.clear();
    flow.run_requested_at.reset();
    co_return failed;
  }
  done.proofs.push_back({flow.name, absl::StrCat("completed, ", job->successes,
                                                 " records, job ", job->id)});
  if (job->errors > 0) {
    done.left_to_do.push_back(
        absl::StrCat("look at ", job->errors, " errors of the run of ",
                     flow.name, "; none of them is the connection's"));
  }
  co_return std::nullopt;
}

}  // namespace

asio::awaitable<Outcome> ProveTraffic(Context& context) {
  const auto opened = context.Celigo();
  if (!opened.ok()) {
    co_return FromError(opened.status(), "opening the Celigo account");
  }
  const std::shared_ptr<celigo::Client> client = *opened;
  Outcome done = Done("no flow was chosen for a real run");
  for (size_t index = 0; index < context.notes.flows.size(); ++index) {
    if (!context.notes.flows[index].run) continue;
    if (context.notes.flows[index].job_id.empty()) {
      std::optional<Outcome> ended = co_await Begin(context, *client, index);
      if (ended.has_value()) co_return *std::move(ended);
    }
    if (context.notes.flows[index].job_id.empty()) {
      const std::string& name = context.notes.flows[index].name;
      done.left_to_do.push_back(
          absl::StrCat("the flow ", name, " is gone, so it was not run"));
      continue;
    }
    std::optional<Outcome> ended =
        co_await Judge(context, *client, index, done);
    if (ended.has_value()) co_return *std::move(ended);
  }
  if (!done.proofs.empty()) {
    done.message = absl::StrCat(done.proofs.size(), " real runs completed");
  }
  co_return done;
}

}  // namespace keyturn::steps
