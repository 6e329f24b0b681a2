// Test runs of the chosen flows while they are still off: one page, nothing is
// submitted, no delta moves (Celigo CLI, "flows test-run"). Only what speaks of
// the connection stops the migration; a flow whose data or other side has a
// problem, or that has no test mode, is reported.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"
#include "daemon/steps/flow_switch.h"
#include "daemon/steps/run_results.h"
#include "daemon/steps/steps.h"

namespace keyturn::steps {
namespace {

constexpr absl::Duration kJobPoll = absl::Milliseconds(500);
// A test run is one page.
constexpr absl::Duration kTestRunMax = absl::Minutes(5);
// The business stands still meanwhile: what has not begun by then is left to a
// person. With one more test run it stays below the limit of an attempt.
constexpr absl::Duration kAllTestRunsMax = absl::Minutes(20);

struct Verdict {
  bool connection_failed = false;
  bool passed = false;
  std::string text;
};

asio::awaitable<absl::StatusOr<celigo::Job>> Follow(Context& context,
                                                    celigo::Client& client,
                                                    celigo::Job job) {
  const absl::Time end = context.clock.Now() + kTestRunMax;
  while (!celigo::IsFinal(job.status) && context.clock.Now() < end) {
    co_await context.clock.SleepUntil(context.clock.Now() + kJobPoll);
    absl::StatusOr<celigo::Job> now = co_await client.GetJob(job.id);
    // A test run need not be among the jobs: what it said first has to do.
    if (absl::IsNotFound(now.status())) co_return job;
    if (!now.ok()) co_return now.status();
    job = *std::move(now);
  }
  co_return job;
}

bool HasFailed(const celigo::Job& job) {
  return job.status == celigo::JobStatus::kFailed || job.errors > 0;
}

// `steps_failed`: a step of the run did, though the run may say that it
// completed.
asio::awaitable<absl::StatusOr<Verdict>> Judge(celigo::Client& client,
                                               std::string flow_id,
                                               celigo::Job job,
                                               bool steps_failed) {
  Verdict verdict;
  verdict.passed = job.status == celigo::JobStatus::kCompleted &&
                   !HasFailed(job) && !steps_failed;
  verdict.text = Name(job.status);
  if (verdict.passed) co_return verdict;
  if (!celigo::IsFinal(job.status)) {
    verdict.text = "its end was not seen";
    co_return verdict;
  }
  CO_ASSIGN_OR_RETURN(const int errors,
                      co_await ConnectionErrors(client, flow_id, job.id));
  verdict.connection_failed = errors > 0;
  absl::StrAppend(&verdict.text, ", ", job.errors, " errors, ", errors,
                  " of the connection");
  co_return verdict;
}

asio::awaitable<absl::StatusOr<Verdict>> TestOne(Context& context,
                                                 celigo::Client& client,
                                                 std::string flow_id,
                                                 std::string export_id) {
  absl::StatusOr<celigo::TestRun> run =
      co_await client.TestRunFlow(flow_id, export_id, context.clock.Now());
  if (!run.ok()) {
    // Some adaptors have no test mode.
    if (!ConcernsOurAccess(run.status()) &&
        (absl::IsFailedPrecondition(run.status()) ||
         absl::IsNotFound(run.status()))) {
      Verdict verdict;
      verdict.text = absl::StrCat("no test run possible (",
                                  base::ReasonOf(run.status()), ")");
      co_return verdict;
    }
    co_return run.status();
  }
  if (run->flow_job.id.empty()) {
    Verdict verdict;
    verdict.text = "Celigo's answer does not tell how the test run went";
    co_return verdict;
  }
  const bool steps_failed =
      std::any_of(run->step_jobs.begin(), run->step_jobs.end(), HasFailed);
  celigo::Job job = std::move(run->flow_job);
  CO_ASSIGN_OR_RETURN(job, co_await Follow(context, client, std::move(job)));
  co_return co_await Judge(client, std::move(flow_id), std::move(job),
                           steps_failed);
}

}  // namespace

asio::awaitable<Outcome> VerifyFlows(Context& context) {
  const auto opened = context.Celigo();
  if (!opened.ok()) {
    co_return FromError(opened.status(), "opening the Celigo account");
  }
  const std::shared_ptr<celigo::Client> client = *opened;
  Outcome outcome = Done("no flow was chosen for a test run");
  std::vector<std::string> broken;
  std::vector<std::string> open;
  int passed = 0;
  // An adoption switches no flow off, and one that is on has no test run.
  FlowStates running;
  if (context.spec().adopt) {
    absl::StatusOr<FlowStates> states =
        co_await ReadFlowStates(context, *client);
    if (!states.ok()) co_return FromError(states.status(), "reading the flows");
    running = *std::move(states);
  }
  const absl::Time end = context.clock.Now() + kAllTestRunsMax;
  for (const FlowNote& flow : context.notes.flows) {
    if (!flow.test) continue;
    if (const auto on = running.find(flow.id);
        on != running.end() && on->second) {
      outcome.proofs.push_back({flow.name, "is on, so it was not test-run"});
      continue;
    }
    if (context.clock.Now() >= end) {
      outcome.proofs.push_back({flow.name, "not test-run"});
      open.push_back(absl::StrCat(
          flow.name, ": was not test-run, the others took too long"));
      continue;
    }
    if (flow.export_ids.empty()) {
      outcome.proofs.push_back({flow.name, "has no source to be test-run"});
      open.push_back(absl::StrCat(flow.name, ": has no source to be test-run"));
    }
    for (const std::string& export_id : flow.export_ids) {
      const absl::StatusOr<Verdict> verdict =
          co_await TestOne(context, *client, flow.id, export_id);
      if (!verdict.ok()) {
        co_return FromError(verdict.status(),
                            absl::StrCat("test-running flow ", flow.name));
      }
      outcome.proofs.push_back({flow.name, verdict->text});
      if (verdict->passed) ++passed;
      if (verdict->connection_failed) broken.push_back(flow.name);
      if (!verdict->passed && !verdict->connection_failed) {
        open.push_back(absl::StrCat(flow.name, ": ", verdict->text));
      }
    }
  }
  if (!broken.empty()) {
    co_return Blocked(
        "FLOW_TEST_FAILED", "administrator",
        absl::StrCat("the test run shows that the connection does not work in ",
                     absl::StrJoin(broken, ", "), "; the flows are still off"),
        {"look at the flow's errors in Celigo; a permission that the role "
         "lacks is the usual cause",
         "then `keyturn retry`",
         "`keyturn rollback`, where the plan says that it is possible"});
  }
  if (!outcome.proofs.empty()) {
    outcome.message = absl::StrCat(passed, " of ", outcome.proofs.size(),
                                   " test runs passed");
  }
  for (const std::string& line : open) {
    outcome.left_to_do.push_back(
        absl::StrCat("look at this flow, its test run did not pass for a "
                     "reason other than the connection: ",
                     line));
  }
  co_return outcome;
}

}  // namespace keyturn::steps
