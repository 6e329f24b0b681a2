#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/sandbox/celigo.h"

// Rows 27 to 32 of the contract: jobs.
namespace keyturn::sandbox {
namespace {

constexpr absl::Duration kJobLife = absl::Hours(24 * 30);
constexpr size_t kJobPageMax = 1000;

void AddTime(Json& json, const char* key, absl::Time time) {
  if (time != absl::InfinitePast()) json[key] = FormatInstant(time);
}

}  // namespace

Json Celigo::JobJson(const Job& job) const {
  Json json = {{"_id", job.id}, {"type", job.type}, {"status", job.status}};
  if (!job.integration.empty()) json["_integrationId"] = job.integration;
  if (!job.flow.empty() && job.type == "flow") json["_flowId"] = job.flow;
  if (!job.flow_job.empty()) {
    json["_flowJobId"] = job.flow_job;
    json["_parentJobId"] = job.flow_job;
    json[job.type == "export" ? "_exportId" : "_importId"] = job.step;
  }
  json["triggeredBy"] = job.triggered_by;
  AddTime(json, "createdAt", job.created);
  AddTime(json, "startedAt", job.started);
  AddTime(json, "endedAt", job.ended);
  AddTime(json, "lastModified",
          std::max({job.created, job.started, job.ended}));
  json["purgeAt"] = FormatInstant(job.created + kJobLife);
  json["numError"] = job.errors;
  json["numOpenError"] = job.errors;
  json["numResolved"] = 0;
  json["numSuccess"] = job.success;
  json["numIgnore"] = 0;
  json["numExport"] = job.type == "import" ? 0 : job.success;
  json["numPagesGenerated"] = job.pages;
  json["numPagesProcessed"] = job.pages;
  json["doneExporting"] = !job.IsActive();
  if (job.is_test) json["test"] = true;
  return json;
}

Json Celigo::FamilyJson(const Job& job) const {
  Json json = JobJson(job);
  json["children"] = Json::array();
  for (const std::string& child : job.children) {
    json["children"].push_back(JobJson(state_.jobs.at(child)));
  }
  return json;
}

void Celigo::Poll(const std::string& id, absl::Time now) {
  if (!switches_.Is("job_advance", "poll")) return;
  Job& job = state_.jobs.at(id);
  const std::string flow_job = job.flow_job.empty() ? job.id : job.flow_job;
  Step(state_.jobs.at(flow_job), /*by_poll=*/true, now);
}

Response Celigo::Jobs(Call& call) {
  if (call.Is("GET", 1)) return QueryJobs(call);
  if (call.Is("POST", 2) && call.path[1] == "current") return CurrentJobs(call);
  if (call.path.size() < 2) return NotFound();
  const auto found = state_.jobs.find(call.path[1]);
  if (found == state_.jobs.end()) {
    Documents none;
    Response refusal;
    Find(none, call.path[1], refusal);
    return refusal;
  }
  Job& job = found->second;
  if (job.is_test && switches_.Is("test_run_listed", "no")) return NotFound();
  if (call.Is("GET", 2)) {
    const Json answer = JobJson(job);
    Poll(job.id, call.now);
    return JsonResponse(200, answer);
  }
  if (call.Is("GET", 3) && call.path[2] == "family") {
    const Json answer = FamilyJson(job);
    Poll(job.id, call.now);
    return JsonResponse(200, answer);
  }
  if (call.Is("PUT", 3) && call.path[2] == "cancel") {
    return CancelJob(job, call.now);
  }
  return NotFound();
}

Response Celigo::QueryJobs(const Call& call) const {
  const Request& request = call.request;
  const std::string type = request.Parameter("type");
  const std::string flow = request.Parameter("_flowId");
  const std::string integration = request.Parameter("_integrationId");
  std::string parent = request.Parameter("_flowJobId");
  if (parent.empty()) parent = request.Parameter("_parentJobId");
  const bool flows = (type == "flow" || type == "retry") &&
                     (!flow.empty() || !integration.empty());
  const bool steps = (type == "export" || type == "import") && !parent.empty();
  if (!flows && !steps) {
    return Error(400, "invalid_query", "The query needs a type and a scope.");
  }
  std::vector<const Job*> jobs;
  if (steps) {
    const auto found = state_.jobs.find(parent);
    if (found != state_.jobs.end()) {
      for (const std::string& child : found->second.children) {
        const Job& job = state_.jobs.at(child);
        if (job.type == type) jobs.push_back(&job);
      }
    }
  } else if (type == "flow") {
    std::vector<std::string> wanted = {flow};
    if (flow.empty()) wanted = state_.flows.OfIntegration(integration);
    for (const std::string& one : wanted) {
      const auto of_flow = state_.jobs_of_flow.find(one);
      if (of_flow == state_.jobs_of_flow.end()) continue;
      for (const std::string& id : of_flow->second) {
        jobs.push_back(&state_.jobs.at(id));
      }
    }
  }
  const std::string status = request.Parameter("status");
  const std::optional<absl::Time> from =
      ParseInstant(request.Parameter("createdAt_gte"));
  const std::optional<absl::Time> to =
      ParseInstant(request.Parameter("createdAt_lte"));
  std::erase_if(jobs, [&](const Job* job) {
    return (!status.empty() && job->status != status) ||
           (from && job->created < *from) ||
           (to && job->created > *to + absl::Milliseconds(1));
  });
  std::stable_sort(jobs.begin(), jobs.end(),
                   [](const Job* left, const Job* right) {
                     return left->created > right->created;
                   });
  int64_t limit = 0;
  if (!absl::SimpleAtoi(request.Parameter("limit"), &limit)) {
    limit = kJobPageMax;
  }
  Json page = Json::array();
  for (const Job* job : jobs) {
    if (page.size() >= kJobPageMax ||
        static_cast<int64_t>(page.size()) >= limit) {
      break;
    }
    page.push_back(JobJson(*job));
  }
  if (page.empty() && switches_.Is("empty_list", "204")) {
    return TextResponse(204, "application/json", "");
  }
  return JsonResponse(200, page);
}

std::optional<Response> Celigo::JobFilter(
    const Call& call, std::vector<std::string>& flows,
    std::vector<std::string>& statuses) const {
  if (!call.body.is_object()) {
    return Error(400, "invalid_filter_request_body",
                 "The body must be an object.");
  }
  for (const char* key : {"_integrationIds", "_flowIds", "status"}) {
    const Json& member = Member(call.body, key);
    if (!member.is_null() && !member.is_array()) {
      return Error(400, "invalid_filter_request_body",
                   absl::StrCat(key, " must be an array."), key);
    }
  }
  flows = Texts(call.body, "_flowIds");
  for (const std::string& integration : Texts(call.body, "_integrationIds")) {
    for (const std::string& flow : state_.flows.OfIntegration(integration)) {
      flows.push_back(flow);
    }
  }
  statuses = Texts(call.body, "status");
  return std::nullopt;
}

Response Celigo::CurrentJobs(Call& call) {
  std::vector<std::string> flows;
  std::vector<std::string> statuses;
  if (std::optional<Response> refusal = JobFilter(call, flows, statuses)) {
    return *refusal;
  }
  const bool scoped =
      call.body.contains("_flowIds") || call.body.contains("_integrationIds");
  std::vector<Json> entries;
  std::vector<std::string> shown;
  for (const std::string& id : state_.active_jobs) {
    const Job& job = state_.jobs.at(id);
    const bool wanted = !scoped || std::find(flows.begin(), flows.end(),
                                             job.flow) != flows.end();
    const bool in_state =
        statuses.empty() || std::find(statuses.begin(), statuses.end(),
                                      job.status) != statuses.end();
    if (!wanted || !in_state) continue;
    entries.push_back(FamilyJson(job));
    shown.push_back(id);
  }
  Response response = ListInBody(call, "jobs", entries);
  for (const std::string& id : shown) Poll(id, call.now);
  return response;
}

Response Celigo::RunStats(const Call& call) const {
  std::vector<std::string> flows;
  std::vector<std::string> statuses;
  if (std::optional<Response> refusal = JobFilter(call, flows, statuses)) {
    return *refusal;
  }
  std::vector<Json> entries;
  for (const std::string& flow : flows) {
    const auto jobs = state_.jobs_of_flow.find(flow);
    if (jobs == state_.jobs_of_flow.end() || jobs->second.empty()) continue;
    const Job& last = state_.jobs.at(jobs->second.back());
    entries.push_back({{"_flowId", flow},
                       {"numRuns", jobs->second.size()},
                       {"lastStatus", last.status},
                       {"numError", last.errors},
                       {"numSuccess", last.success}});
  }
  return ListInBody(call, "stats", entries);
}

Response Celigo::CancelJob(Job& job, absl::Time now) {
  if (!job.IsActive()) {
    const int status =
        static_cast<int>(switches_.Count("cancel_terminal_status"));
    if (status >= 400) {
      return Error(status, "job_already_ended", "The job has ended.");
    }
    return JsonResponse(status, JobJson(job));
  }
  job.status = "canceling";
  const Json answer = JobJson(job);
  if (switches_.Is("job_advance", "time")) End(job, "canceled", now);
  if (switches_.Is("cancel_answer", "204")) {
    return TextResponse(204, "application/json", "");
  }
  return JsonResponse(200, answer);
}

}  // namespace keyturn::sandbox
