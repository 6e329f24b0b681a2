#include <algorithm>
#include <array>
#include <map>
#include <regex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/sandbox/celigo.h"

// Rows 22 to 26, 31, 33 to 35 of the contract: flows, their runs and errors.
namespace keyturn::sandbox {
namespace {

constexpr std::array<std::string_view, 6> kServerFields = {
    "_id",          "createdAt",      "_integrationId",
    "_connectorId", "lastExecutedAt", "free"};

bool IsPatchable(const std::string& path) {
  static const auto* const allowed = new std::regex(
      "/(name|description|aiDescription|disabled|timezone|schedule|"
      "runPageGeneratorsInParallel|aliases|logging/(debugUntil|mode)|"
      "schedule/(cron|days|endDate|frequency|startDate)|"
      "pageGenerators/[0-9]{1,3}/(schedule|skipRetries))");
  return std::regex_match(path, *allowed);
}

bool HasExport(const Json& flow, const std::string& id) {
  if (Text(flow, "_exportId") == id) return true;
  const Json& generators = Member(flow, "pageGenerators");
  return generators.is_array() &&
         std::any_of(generators.begin(), generators.end(),
                     [&](const Json& generator) {
                       return Text(generator, "_exportId") == id;
                     });
}

}  // namespace

bool Celigo::IsIa1(const std::string& integration_id) const {
  const Json* integration = state_.integrations.Find(integration_id);
  if (integration == nullptr) return false;
  return !Text(*integration, "_connectorId").empty() &&
         Member(*integration, "installSteps").empty() &&
         Member(*integration, "uninstallSteps").empty();
}

Response Celigo::Flows(Call& call) {
  if (call.Is("GET", 1)) {
    return List(call, state_.flows.ids(), [&](const std::string& id) {
      return Masked(*state_.flows.Find(id));
    });
  }
  if (call.Is("POST", 3) && call.path[1] == "runs" && call.path[2] == "stats") {
    return RunStats(call);
  }
  if (call.path.size() < 2) return NotFound();
  Response refusal;
  Json* flow = Find(state_.flows, call.path[1], refusal);
  return flow == nullptr ? refusal : FlowCall(call, *flow);
}

Response Celigo::FlowCall(Call& call, Json& flow) {
  const std::string id = call.path[1];
  const std::string& method = call.method();
  if (call.path.size() == 2) {
    if (method == "GET") return Document(flow);
    if (method == "PUT") return PutFlow(call, flow);
    if (method == "PATCH") return PatchFlow(call, flow);
    return NotFound();
  }
  const std::string& what = call.path[2];
  if (call.Is("POST", 3) && what == "run") return RunFlow(call, flow);
  if (call.Is("POST", 4) && what == "test" && call.path[3] == "run") {
    return TestRun(call, flow);
  }
  if (call.Is("GET", 6) && what == "test") return TestRunDetail(call);
  if (call.Is("POST", 4) && what == "jobs" && call.path[3] == "cancel") {
    for (const std::string& job :
         std::vector<std::string>(state_.active_jobs)) {
      if (state_.jobs.at(job).flow == id) {
        CancelJob(state_.jobs.at(job), call.now);
      }
    }
    return TextResponse(204, "application/json", "");
  }
  if (call.Is("GET", 4) && what == "jobs" && call.path[3] == "latest") {
    std::vector<std::string> latest;
    const std::vector<std::string>& jobs = state_.jobs_of_flow[id];
    if (!jobs.empty()) latest.push_back(jobs.back());
    return List(call, latest, [&](const std::string& job) {
      return FamilyJson(state_.jobs.at(job));
    });
  }
  if (call.Is("GET", 3) && what == "errors") return FlowErrors(call, id);
  if (call.Is("GET", 4) && call.path[3] == "errors") {
    return StepErrors(call, id);
  }
  if (call.Is("GET", 3) && what == "lastexportdatetime") {
    const auto last = state_.last_export.find(id);
    Json body = Json::object();
    if (last != state_.last_export.end()) {
      body["lastExportDateTime"] = FormatInstant(last->second);
    }
    return JsonResponse(200, body);
  }
  if (call.Is("GET", 3) && what == "audit") return Audit(call, "flow", id);
  return NotFound();
}

std::optional<Response> Celigo::CheckEnable(const Json& stored,
                                            const Json& next) const {
  const bool enables = Flag(stored, "disabled") && !Flag(next, "disabled");
  const std::string& answer = switches_.Get("enable_flow");
  if (!enables || answer == "accepted") return std::nullopt;
  return Error(422, answer, "The licence does not allow to enable this flow.");
}

void Celigo::SetFlowDisabled(Json& flow, bool disabled, std::string_view source,
                             absl::Time now) {
  const bool starts = Flag(flow, "disabled") && !disabled &&
                      !Text(flow, "schedule").empty() &&
                      switches_.Is("enable_starts_run", "yes");
  Json next = flow;
  next["disabled"] = disabled;
  next["lastModified"] = FormatInstant(now);
  Record("flow", flow, next, source, now);
  flow = std::move(next);
  if (starts) StartJob(flow, "scheduler", now);
}

Response Celigo::PutFlow(Call& call, Json& stored) {
  if (!call.body.is_object() || Text(call.body, "name").empty()) {
    return Error(422, "missing_required_field",
                 "Expected field: name to be present.", "name");
  }
  if (std::optional<Response> refusal = CheckEnable(stored, call.body)) {
    return *refusal;
  }
  Json next = {{"_id", Text(stored, "_id")}};
  next.update(call.body);
  for (const std::string_view field : kServerFields) {
    const std::string name(field);
    if (stored.contains(name)) {
      next[name] = stored[name];
    } else {
      next.erase(name);
    }
  }
  const bool disabled = Flag(next, "disabled");
  next["disabled"] = Flag(stored, "disabled");
  Record("flow", stored, next, "api", call.now);
  stored = std::move(next);
  SetFlowDisabled(stored, disabled, "api", call.now);
  return Document(stored);
}

Response Celigo::PatchFlow(Call& call, Json& stored) {
  Json next = stored;
  if (std::optional<Response> refusal =
          ApplyPatch(call.body, IsPatchable, next)) {
    return *refusal;
  }
  const bool changes = Flag(next, "disabled") != Flag(stored, "disabled");
  if (changes && IsIa1(Text(stored, "_integrationId")) &&
      switches_.Is("ia1_flow_patch", "refused")) {
    return Error(422, "invalid_patch_path",
                 "Flows of this integration app are switched in its settings.",
                 "/disabled");
  }
  if (std::optional<Response> refusal = CheckEnable(stored, next)) {
    return *refusal;
  }
  const bool disabled = Flag(next, "disabled");
  next["disabled"] = Flag(stored, "disabled");
  Record("flow", stored, next, "api", call.now);
  stored = std::move(next);
  SetFlowDisabled(stored, disabled, "api", call.now);
  if (switches_.Is("flow_patch_answer", "200")) return Document(stored);
  return TextResponse(204, "application/json", "");
}

Response Celigo::RunFlow(Call& call, const Json& flow) {
  if (Flag(flow, "disabled")) {
    return Error(static_cast<int>(switches_.Count("run_disabled_status")),
                 "inactive_flow", "The flow is disabled.");
  }
  if (switches_.Is("run_offline", "refused")) {
    for (const std::string& id : ConnectionsOf(flow)) {
      const Json* connection = state_.connections.Find(id);
      if (connection != nullptr && Flag(*connection, "offline")) {
        return Error(422, "connection_offline", "A connection is offline.");
      }
    }
  }
  const std::string job = StartJob(flow, "user", call.now);
  return JsonResponse(switches_.Is("run_status", "200") ? 200 : 201,
                      {{"_jobId", job}});
}

Response Celigo::TestRun(Call& call, const Json& flow) {
  if (!Flag(flow, "disabled")) {
    return Error(403, "flow_enabled", "Disable the flow to test it.");
  }
  if (switches_.Is("test_run", "refused") &&
      IsIa1(Text(flow, "_integrationId"))) {
    return Error(422, "test_run_not_supported",
                 "The flow's steps do not run in test mode.");
  }
  const std::string export_id = Text(call.body, "_exportId");
  if (export_id.empty() || !HasExport(flow, export_id)) {
    return Error(422, "invalid_ref", "The export is not one of this flow.",
                 "_exportId");
  }
  if (!ParseInstant(Text(call.body, "triggeredAt"))) {
    return Error(422, "invalid_or_missing_field", "triggeredAt is no instant.",
                 "triggeredAt");
  }
  Job& job = AddJob(flow, "test", call.now);
  job.is_test = true;
  Start(job, call.now, call.now);
  if (job.status == "running" && switches_.Is("test_run_job", "finished")) {
    Complete(job, call.now);
  }
  if (switches_.Is("test_run_answer", "metadata")) {
    return JsonResponse(200, {{"metadata", {{"runId", job.id}}}});
  }
  Json children = Json::array();
  for (const std::string& child : job.children) {
    children.push_back(JobJson(state_.jobs.at(child)));
  }
  return JsonResponse(switches_.Is("test_run_status", "201") ? 201 : 200,
                      {{"metadata", {{"runId", job.id}}},
                       {"flowJob", JobJson(job)},
                       {"childJobs", std::move(children)}});
}

Response Celigo::TestRunDetail(const Call& call) {
  // flows/:id/test/run/:run/:step
  const auto job = state_.jobs.find(call.path[4]);
  if (job == state_.jobs.end() || !job->second.is_test) return NotFound();
  const Json body = {
      {"stages",
       Json::array({{{"name", "request"}, {"status", job->second.status}}})}};
  if (switches_.Is("test_run_detail", "base64")) {
    return JsonResponse(200, Json(Base64Encode(Dump(body))));
  }
  return JsonResponse(200, body);
}

Response Celigo::FlowErrors(const Call&, const std::string& flow) const {
  std::map<std::string, std::pair<int64_t, absl::Time>> steps;
  for (const FlowError& error : state_.errors) {
    if (error.flow != flow) continue;
    auto& [count, last] = steps[error.step];
    ++count;
    last = error.occurred;
  }
  Json entries = Json::array();
  for (const auto& [step, summary] : steps) {
    entries.push_back({{"_expOrImpId", step},
                       {"numError", summary.first},
                       {"lastErrorAt", FormatInstant(summary.second)}});
  }
  return JsonResponse(200, {{"flowErrors", entries}});
}

Response Celigo::StepErrors(const Call& call, const std::string& flow) const {
  const Request& request = call.request;
  const std::string job = request.Parameter("_flowJobId");
  const std::string source = request.Parameter("source");
  const std::optional<absl::Time> from =
      ParseInstant(request.Parameter("occurredAt_gte"));
  const std::optional<absl::Time> to =
      ParseInstant(request.Parameter("occurredAt_lte"));
  std::vector<Json> entries;
  for (const FlowError& error : state_.errors) {
    if (error.flow != flow || error.step != call.path[2] ||
        (!job.empty() && error.flow_job != job) ||
        (!source.empty() && error.source != source) ||
        (from && error.occurred < *from) || (to && error.occurred > *to)) {
      continue;
    }
    entries.push_back({{"errorId", error.id},
                       {"code", error.code},
                       {"message", error.message},
                       {"source", error.source},
                       {"occurredAt", FormatInstant(error.occurred)},
                       {"_flowJobId", error.flow_job}});
  }
  return ListInBody(call, "errors", entries);
}

}  // namespace keyturn::sandbox
