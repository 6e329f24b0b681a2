#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/sandbox/celigo.h"

// State rules c to e: how runs go on, and what happens to them when a
// connection is offline, bad, or changes under them.
namespace keyturn::sandbox {
namespace {

constexpr int64_t kRecordsPerRun = 40;
constexpr int64_t kPagesPerRun = 2;
constexpr size_t kEndedJobsMax = 20000;
constexpr size_t kErrorsMax = 20000;
constexpr absl::Duration kRetestPeriod = absl::Hours(1);

void AddUnique(const std::string& text, std::vector<std::string>& out) {
  if (text.empty()) return;
  if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(text);
}

void CollectSteps(const Json& node, std::vector<std::string>& steps) {
  for (const char* list : {"pageGenerators", "pageProcessors"}) {
    const Json& entries = Member(node, list);
    if (!entries.is_array()) continue;
    for (const Json& entry : entries) {
      AddUnique(Text(entry, "_exportId"), steps);
      AddUnique(Text(entry, "_importId"), steps);
    }
  }
}

}  // namespace

std::vector<std::string> Celigo::StepsOf(const Json& flow) const {
  std::vector<std::string> steps;
  CollectSteps(flow, steps);
  const Json& routers = Member(flow, "routers");
  if (routers.is_array()) {
    for (const Json& router : routers) {
      const Json& branches = Member(router, "branches");
      if (!branches.is_array()) continue;
      for (const Json& branch : branches) CollectSteps(branch, steps);
    }
  }
  AddUnique(Text(flow, "_exportId"), steps);
  AddUnique(Text(flow, "_importId"), steps);
  return steps;
}

std::vector<std::string> Celigo::ConnectionsOf(const Json& flow) const {
  std::vector<std::string> connections;
  for (const std::string& step : StepsOf(flow)) {
    for (const Documents* documents : {&state_.exports, &state_.imports}) {
      const Json* document = documents->Find(step);
      if (document != nullptr) {
        AddUnique(Text(*document, "_connectionId"), connections);
      }
    }
  }
  return connections;
}

Job& Celigo::AddJob(const Json& flow, std::string_view triggered_by,
                    absl::Time now) {
  Forget();
  Job job;
  job.id = random_.Hex(24);
  job.flow = Text(flow, "_id");
  job.integration = Text(flow, "_integrationId");
  job.triggered_by = triggered_by;
  job.created = now;
  job.records = kRecordsPerRun;
  job.connections = ConnectionsOf(flow);
  for (const std::string& step : StepsOf(flow)) {
    Job child;
    child.id = random_.Hex(24);
    child.type = state_.exports.Find(step) != nullptr ? "export" : "import";
    child.integration = job.integration;
    child.flow = job.flow;
    child.flow_job = job.id;
    child.step = step;
    child.created = now;
    child.records = kRecordsPerRun;
    job.children.push_back(child.id);
    state_.jobs[child.id] = std::move(child);
  }
  state_.jobs_of_flow[job.flow].push_back(job.id);
  state_.active_jobs.push_back(job.id);
  state_.last_start[job.flow] = now;
  const std::string id = job.id;
  return state_.jobs[id] = std::move(job);
}

std::string Celigo::StartJob(const Json& flow, std::string_view triggered_by,
                             absl::Time now) {
  return AddJob(flow, triggered_by, now).id;
}

void Celigo::Forget() {
  while (state_.ended_jobs.size() > kEndedJobsMax) {
    const auto job = state_.jobs.find(state_.ended_jobs.front());
    state_.ended_jobs.pop_front();
    if (job == state_.jobs.end()) continue;
    std::erase(state_.jobs_of_flow[job->second.flow], job->first);
    for (const std::string& child : job->second.children) {
      state_.jobs.erase(child);
    }
    state_.jobs.erase(job);
  }
  while (state_.errors.size() > kErrorsMax) state_.errors.pop_front();
}

bool Celigo::OtherRunOfFlow(const Job& job) const {
  for (const std::string& id : state_.active_jobs) {
    if (id == job.id) return false;
    if (state_.jobs.at(id).flow == job.flow) return true;
  }
  return false;
}

bool Celigo::Step(Job& job, bool by_poll, absl::Time now) {
  const bool by_time = switches_.Is("job_advance", "time");
  if (job.status == "canceling") {
    End(job, "canceled", now);
    return true;
  }
  if (job.status == "queued") {
    const bool offline = std::any_of(
        job.connections.begin(), job.connections.end(),
        [&](const std::string& id) {
          const Json* connection = state_.connections.Find(id);
          return connection != nullptr && Flag(*connection, "offline");
        });
    if (offline) job.not_before = now;
    if (offline || OtherRunOfFlow(job)) return false;
    const absl::Time due = std::max(
        job.created + absl::Milliseconds(switches_.Count("job_queue_ms")),
        job.not_before);
    if (!by_poll && (!by_time || now < due)) return false;
    Start(job, by_poll ? now : due, now);
    return true;
  }
  if (job.status != "running") return false;
  const absl::Duration length =
      absl::Milliseconds(switches_.Count("job_run_ms"));
  if (by_poll || (by_time && now >= job.started + length)) {
    Complete(job, by_poll ? now : job.started + length);
    return true;
  }
  if (by_time && length > absl::ZeroDuration()) {
    job.success =
        static_cast<int64_t>(static_cast<double>(job.records) *
                             absl::FDivDuration(now - job.started, length));
  }
  return false;
}

void Celigo::Start(Job& job, absl::Time at, absl::Time now) {
  job.status = "running";
  job.started = at;
  for (const std::string& child : job.children) {
    state_.jobs.at(child).status = "running";
    state_.jobs.at(child).started = at;
  }
  for (const std::string& id : job.connections) {
    Json* connection = state_.connections.Find(id);
    if (connection == nullptr) continue;
    const LoginTest test = TestLogin(*connection, now);
    if (test.ok) continue;
    SetOffline(*connection, true, now);
    Fail(job, test.code, test.message, at);
    return;
  }
}

void Celigo::Complete(Job& job, absl::Time at) {
  job.success = job.records;
  job.pages = kPagesPerRun;
  for (const std::string& child : job.children) {
    state_.jobs.at(child).success = job.records;
    state_.jobs.at(child).pages = kPagesPerRun;
  }
  End(job, "completed", at);
  if (job.is_test) return;
  state_.last_export[job.flow] = at;
  Json* flow = state_.flows.Find(job.flow);
  if (flow == nullptr) return;
  (*flow)["lastExecutedAt"] = FormatInstant(at);
  for (const std::string& next : Texts(*flow, "_runNextFlowIds")) {
    const Json* chained = state_.flows.Find(next);
    if (chained != nullptr && !Flag(*chained, "disabled")) {
      AddJob(*chained, "flow", at);
    }
  }
}

void Celigo::Fail(Job& job, std::string_view code, std::string_view message,
                  absl::Time at) {
  job.errors = 1;
  FlowError error;
  error.id = random_.Hex(24);
  error.flow = job.flow;
  error.step =
      job.children.empty() ? "" : state_.jobs.at(job.children.front()).step;
  error.flow_job = job.id;
  error.code = code;
  error.message = message;
  error.source = "connection";
  error.occurred = at;
  state_.errors.push_back(std::move(error));
  for (const std::string& child : job.children) {
    state_.jobs.at(child).errors = 1;
  }
  End(job, "failed", at);
}

void Celigo::End(Job& job, std::string_view status, absl::Time at) {
  job.status = status;
  job.ended = at;
  for (const std::string& child : job.children) {
    Job& step = state_.jobs.at(child);
    step.status = status;
    step.ended = at;
  }
  std::erase(state_.active_jobs, job.id);
  state_.ended_jobs.push_back(job.id);
  // One run of a flow at a time: the next one could not begin before.
  for (const std::string& id : state_.active_jobs) {
    Job& other = state_.jobs.at(id);
    if (other.flow == job.flow) {
      other.not_before = std::max(other.not_before, at);
    }
  }
}

void Celigo::LoseWork(const std::string& connection, absl::Time now) {
  if (switches_.Is("jobs_on_credential_change", "continue")) return;
  for (const std::string& id : std::vector<std::string>(state_.active_jobs)) {
    Job& job = state_.jobs.at(id);
    if (job.status == "queued" ||
        std::find(job.connections.begin(), job.connections.end(), connection) ==
            job.connections.end()) {
      continue;
    }
    Step(job, /*by_poll=*/false, now);
    if (!job.IsActive()) continue;
    state_.lost_records += job.records - job.success;
    Fail(job, "INVALID_LOGIN_ATTEMPT",
         "The connection changed while the job was running.", now);
  }
  int64_t& waiting = state_.queued_records[connection];
  state_.lost_records += waiting;
  waiting = 0;
}

void Celigo::Advance(absl::Time now) {
  Retest(now);
  RunSchedules(now);
  // A completed job may start others; each pass moves every job once.
  constexpr int kPassesMax = 8;
  for (int pass = 0; pass < kPassesMax; ++pass) {
    bool moved = false;
    for (const std::string& id : std::vector<std::string>(state_.active_jobs)) {
      const auto job = state_.jobs.find(id);
      if (job != state_.jobs.end() && job->second.IsActive()) {
        moved = Step(job->second, /*by_poll=*/false, now) || moved;
      }
    }
    if (!moved) return;
  }
}

void Celigo::RunSchedules(absl::Time now) {
  const int64_t period = switches_.Count("schedule_period_ms");
  if (period == 0) return;
  for (const std::string& id : state_.flows.ids()) {
    const Json& flow = *state_.flows.Find(id);
    if (Flag(flow, "disabled") || Text(flow, "schedule").empty()) continue;
    const auto last = state_.last_start.find(id);
    if (last != state_.last_start.end() &&
        last->second + absl::Milliseconds(period) > now) {
      continue;
    }
    const bool active = std::any_of(
        state_.active_jobs.begin(), state_.active_jobs.end(),
        [&](const std::string& job) { return state_.jobs.at(job).flow == id; });
    if (!active) AddJob(flow, "scheduler", now);
  }
}

void Celigo::Retest(absl::Time now) {
  for (const auto& [id, since] :
       std::map<std::string, absl::Time>(state_.offline_since)) {
    if (since + kRetestPeriod > now) continue;
    Json* connection = state_.connections.Find(id);
    if (connection != nullptr) TestSaved(*connection, now);
  }
}

Json Celigo::ToJson() const {
  Json json = {{"lost_records", state_.lost_records}};
  const auto dump = [&](const char* key, const Documents& documents) {
    json[key] = Json::object();
    for (const std::string& id : documents.ids()) {
      json[key][id] = *documents.Find(id);
    }
  };
  dump("integrations", state_.integrations);
  dump("connections", state_.connections);
  dump("iclients", state_.iclients);
  dump("flows", state_.flows);
  json["jobs"] = Json::array();
  for (const auto& [flow, ids] : state_.jobs_of_flow) {
    for (const std::string& id : ids) {
      Json job = JobJson(state_.jobs.at(id));
      job["_flowId"] = flow;
      json["jobs"].push_back(std::move(job));
    }
  }
  json["errors"] = Json::array();
  for (const FlowError& error : state_.errors) {
    json["errors"].push_back({{"flow", error.flow},
                              {"step", error.step},
                              {"code", error.code},
                              {"source", error.source},
                              {"time", FormatInstant(error.occurred)}});
  }
  json["audit"] = state_.audit;
  return json;
}

}  // namespace keyturn::sandbox
