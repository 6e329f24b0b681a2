#include "daemon/steps/drain.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"

namespace keyturn::steps {
namespace {

// So many jobs are named.
constexpr size_t kJobsNamedMax = 5;

// Whether Celigo does not offer an answer to this account's token. What the
// connection itself tells was read, so it is there.
bool IsNotOffered(const absl::Status& status) {
  return absl::IsNotFound(status) ||
         base::ReasonOf(status) == "OUTSIDE_FORBIDDEN";
}

// A size as Celigo tells it; 0: none.
double SizeAt(const celigo::Document& object, const char* key) {
  const bool told =
      object.is_object() && object.contains(key) && object.at(key).is_number();
  return told ? std::max(0.0, object.at(key).get<double>()) : 0;
}

double QueuedOn(const celigo::Document& connection) {
  double queued = 0;
  if (connection.contains("queues") && connection.at("queues").is_array()) {
    for (const celigo::Document& queue : connection.at("queues")) {
      queued += SizeAt(queue, "size");
    }
  }
  return std::max(queued, SizeAt(connection, "queueSize"));
}

std::string NameOfFlow(const Context& context, const std::string& id) {
  for (const FlowNote& flow : context.notes.flows) {
    if (flow.id == id && !flow.name.empty()) return flow.name;
  }
  return id.empty() ? "a flow" : id;
}

// " since 2026-11-24 12:03 UTC"; empty where Celigo does not say.
std::string Since(const celigo::Job& job) {
  absl::Time begun;
  if (!absl::ParseTime(absl::RFC3339_full, job.created_at, &begun, nullptr)) {
    return "";
  }
  return absl::FormatTime(" since %Y-%m-%d %H:%M UTC", begun,
                          absl::UTCTimeZone());
}

// "2 unfinished jobs (Orders since ..., Items since ...)".
std::string Named(const Context& context, const std::vector<celigo::Job>& jobs,
                  std::string_view what, bool with_ids) {
  std::vector<std::string> names;
  for (const celigo::Job& job : jobs) {
    if (names.size() == kJobsNamedMax) {
      names.push_back(absl::StrCat(jobs.size() - kJobsNamedMax, " more"));
      break;
    }
    names.push_back(absl::StrCat(NameOfFlow(context, job.flow_id),
                                 with_ids ? ", job " : "",
                                 with_ids ? job.id : "", Since(job)));
  }
  return absl::StrCat(jobs.size(), " ", base::ToAbsl(what), " (",
                      absl::StrJoin(names, "; "), ")");
}

void Add(const Context& context, const std::vector<celigo::Job>& jobs,
         std::string_view what, std::vector<std::string>& texts,
         std::vector<std::string>& details) {
  if (jobs.empty()) return;
  texts.push_back(Named(context, jobs, what, /*with_ids=*/false));
  details.push_back(Named(context, jobs, what, /*with_ids=*/true));
}

// Jobs of the migration's flows that have not ended. What is queued on a
// connection that is offline stays queued.
asio::awaitable<absl::StatusOr<std::vector<celigo::Job>>> UnfinishedJobs(
    Context& context, celigo::Client& client) {
  celigo::JobFilter filter;
  for (const FlowNote& flow : context.notes.flows) {
    filter.flow_ids.push_back(flow.id);
  }
  filter.statuses = {"queued", "running", "retrying", "canceling"};
  if (filter.flow_ids.empty()) co_return std::vector<celigo::Job>();
  CO_ASSIGN_OR_RETURN(std::vector<celigo::Job> jobs,
                      co_await client.CurrentJobs(std::move(filter)));
  std::erase_if(
      jobs, [](const celigo::Job& job) { return celigo::IsFinal(job.status); });
  co_return jobs;
}

asio::awaitable<absl::StatusOr<std::vector<celigo::Job>>> QueuedJobs(
    Context& context, celigo::Client& client) {
  absl::StatusOr<std::vector<celigo::Job>> queued =
      co_await client.ConnectionJobs(context.notes.connection_id);
  // Then the jobs of the flows and the size of the queue have to do.
  if (IsNotOffered(queued.status())) co_return std::vector<celigo::Job>();
  if (!queued.ok()) co_return queued.status();
  std::erase_if(*queued, [](const celigo::Job& job) {
    return celigo::IsFinal(job.status);
  });
  co_return queued;
}

// How much data is queued on the connection, as far as its tile tells.
asio::awaitable<absl::StatusOr<double>> QueuedData(Context& context,
                                                   celigo::Client& client) {
  if (context.notes.tile_id.empty()) co_return 0;
  CO_ASSIGN_OR_RETURN(
      const std::vector<celigo::Document> connections,
      co_await client.IntegrationConnections(context.notes.tile_id,
                                             /*fetch_queue_size=*/true));
  for (const celigo::Document& candidate : connections) {
    if (http::StringAt(candidate, "_id") == context.notes.connection_id) {
      co_return QueuedOn(candidate);
    }
  }
  co_return 0;
}

absl::Duration PollInterval(int waits) {
  return std::min(kDrainPollMax,
                  absl::Milliseconds(500) * (1 << std::min(waits, 10)));
}

// The commands that lead on from here, the gentlest first.
std::vector<std::string> WaysOut(const Context& context, absl::Duration max) {
  std::vector<std::string> ways = {
      absl::StrCat("`keyturn retry` waits as long again (",
                   absl::FormatDuration(max), ")"),
      "cancel the job by hand in Celigo, in the run console of its flow, then "
      "`keyturn retry`: what the job has not moved by then waits for the "
      "flow's next run"};
  const migration::Migration& migration = context.migration;
  if (migration.going_back) return ways;
  if (!migration::IsCutOver(migration)) {
    ways.push_back(
        "`keyturn cancel` goes back: every flow gets its former state, the "
        "connection stays on its old login");
  } else if (migration.plan.has_value() &&
             migration.plan->reversible_after_cut_over) {
    ways.push_back("`keyturn rollback` goes back to the old login");
  }
  return ways;
}

}  // namespace

asio::awaitable<absl::StatusOr<Unrest>> LookForUnrest(Context& context,
                                                      celigo::Client& client) {
  CO_ASSIGN_OR_RETURN(std::vector<celigo::Job> jobs,
                      co_await UnfinishedJobs(context, client));
  CO_ASSIGN_OR_RETURN(
      const celigo::Document connection,
      co_await client.GetConnection(context.notes.connection_id));
  const bool offline =
      connection.contains("offline") && connection.at("offline") == true;
  if (offline) {
    std::erase_if(jobs, [](const celigo::Job& job) {
      return job.status == celigo::JobStatus::kQueued;
    });
  }
  std::vector<std::string> texts;
  std::vector<std::string> details;
  Add(context, jobs, "unfinished jobs", texts, details);
  if (!offline) {
    CO_ASSIGN_OR_RETURN(std::vector<celigo::Job> queued,
                        co_await QueuedJobs(context, client));
    std::erase_if(queued, [&jobs](const celigo::Job& job) {
      return std::any_of(
          jobs.begin(), jobs.end(),
          [&job](const celigo::Job& known) { return known.id == job.id; });
    });
    Add(context, queued, "jobs queued on the connection", texts, details);
    CO_ASSIGN_OR_RETURN(const double data,
                        co_await QueuedData(context, client));
    if (data > 0) {
      texts.push_back("queued data");
      details.push_back(absl::StrCat("queued data (", std::ceil(data), ")"));
    }
  }
  co_return Unrest{absl::StrJoin(texts, ", "), absl::StrJoin(details, ", ")};
}

absl::Duration Elapsed(const Context& context) {
  const absl::Time now = context.clock.Now();
  return now - context.record().started_at.value_or(now);
}

absl::Duration DrainWithin(const migration::Spec& spec) {
  return spec.drain_within > absl::ZeroDuration() ? spec.drain_within
                                                  : kDrainMax;
}

Outcome AwaitRest(const Context& context, const Unrest& unrest) {
  const absl::Duration within = DrainWithin(context.spec());
  if (Elapsed(context) <= within) {
    return WaitFor(PollInterval(context.record().waits),
                   absl::StrCat("waits for ", unrest.text, " to end"));
  }
  return Blocked("DRAIN_TIMEOUT", "operator",
                 absl::StrCat("the flows did not come to rest within ",
                              absl::FormatDuration(within), ": ", unrest.detail,
                              "; nothing is switched under a running job"),
                 WaysOut(context, within));
}

}  // namespace keyturn::steps
