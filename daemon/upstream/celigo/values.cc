#include "daemon/upstream/celigo/values.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "daemon/base/status.h"

namespace keyturn::celigo {
namespace {

using http::StringAt;

constexpr size_t kIdSizeMax = 64;

constexpr std::array<std::pair<std::string_view, JobStatus>, 7> kJobStatuses = {
    {{"queued", JobStatus::kQueued},
     {"running", JobStatus::kRunning},
     {"retrying", JobStatus::kRetrying},
     {"canceling", JobStatus::kCanceling},
     {"completed", JobStatus::kCompleted},
     {"failed", JobStatus::kFailed},
     {"canceled", JobStatus::kCanceled}}};

JobStatus JobStatusOf(const std::string& word) {
  const auto known =
      std::find_if(kJobStatuses.begin(), kJobStatuses.end(),
                   [&word](const auto& entry) { return entry.first == word; });
  return known == kJobStatuses.end() ? JobStatus::kUnknown : known->second;
}

int64_t CountAt(const Document& object, std::string_view name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer()
             ? found->get<int64_t>()
             : 0;
}

absl::Status Malformed(std::string_view what) {
  return absl::DataLossError("Celigo's answer has a malformed " +
                             std::string(what));
}

}  // namespace

bool IsFinal(JobStatus status) {
  switch (status) {
    case JobStatus::kCompleted:
    case JobStatus::kFailed:
    case JobStatus::kCanceled:
      return true;
    case JobStatus::kUnknown:
    case JobStatus::kQueued:
    case JobStatus::kRunning:
    case JobStatus::kRetrying:
    case JobStatus::kCanceling:
      return false;
  }
  return false;
}

absl::StatusOr<Job> JobOf(const Document& document) {
  Job job;
  job.id = StringAt(document, "_id");
  if (job.id.empty()) return Malformed("job");
  job.type = StringAt(document, "type");
  job.status = JobStatusOf(StringAt(document, "status"));
  job.flow_id = StringAt(document, "_flowId");
  job.integration_id = StringAt(document, "_integrationId");
  job.export_id = StringAt(document, "_exportId");
  job.import_id = StringAt(document, "_importId");
  job.errors = CountAt(document, "numError");
  job.open_errors = CountAt(document, "numOpenError");
  job.successes = CountAt(document, "numSuccess");
  job.ignored = CountAt(document, "numIgnore");
  job.pages_generated = CountAt(document, "numPagesGenerated");
  job.created_at = StringAt(document, "createdAt");
  job.ended_at = StringAt(document, "endedAt");
  const auto children = document.find("children");
  if (children != document.end() && children->is_array()) {
    for (const Document& child : *children) {
      ASSIGN_OR_RETURN(Job child_job, JobOf(child));
      job.children.push_back(std::move(child_job));
    }
  }
  return job;
}

absl::StatusOr<std::vector<Job>> JobsOf(
    const std::vector<Document>& documents) {
  std::vector<Job> jobs;
  jobs.reserve(documents.size());
  for (const Document& document : documents) {
    ASSIGN_OR_RETURN(Job job, JobOf(document));
    jobs.push_back(std::move(job));
  }
  return jobs;
}

absl::StatusOr<IClient> IClientOf(const Document& document) {
  IClient iclient;
  iclient.id = StringAt(document, "_id");
  if (!IsCeligoId(iclient.id)) return Malformed("iClient");
  iclient.name = StringAt(document, "name");
  iclient.provider = StringAt(document, "provider");
  return iclient;
}

TestRun TestRunOf(const Document& document) {
  TestRun run;
  const auto flow_job = document.find("flowJob");
  if (flow_job != document.end()) {
    run.flow_job = JobOf(*flow_job).value_or(Job());
  }
  const auto step_jobs = document.find("childJobs");
  if (step_jobs != document.end() && step_jobs->is_array()) {
    for (const Document& step_job : *step_jobs) {
      absl::StatusOr<Job> job = JobOf(step_job);
      if (job.ok()) run.step_jobs.push_back(*std::move(job));
    }
  }
  return run;
}

std::vector<Dependency> DependenciesOf(const Document& document) {
  std::vector<Dependency> dependencies;
  if (!document.is_object()) return dependencies;
  for (const auto& [type, elements] : document.items()) {
    if (!elements.is_array()) continue;
    for (const Document& element : elements) {
      Dependency dependency;
      dependency.type = type;
      dependency.id = StringAt(element, "id");
      if (dependency.id.empty()) dependency.id = StringAt(element, "_id");
      dependency.name = StringAt(element, "name");
      dependencies.push_back(std::move(dependency));
    }
  }
  return dependencies;
}

FlowErrorCount FlowErrorCountOf(const Document& document) {
  FlowErrorCount count;
  count.step_id = StringAt(document, "_expOrImpId");
  count.count = CountAt(document, "numError");
  count.last_at = StringAt(document, "lastErrorAt");
  return count;
}

FlowError FlowErrorOf(const Document& document) {
  FlowError error;
  error.code = StringAt(document, "code");
  error.source = StringAt(document, "source");
  error.occurred_at = StringAt(document, "occurredAt");
  return error;
}

bool IsCeligoId(std::string_view text) {
  return !text.empty() && text.size() <= kIdSizeMax &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '-';
         });
}

}  // namespace keyturn::celigo
