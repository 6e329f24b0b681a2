// What Celigo's answers say, as far as the steps need it. What they hand on or
// write back stays a Document.
#ifndef KEYTURN_DAEMON_UPSTREAM_CELIGO_VALUES_H_
#define KEYTURN_DAEMON_UPSTREAM_CELIGO_VALUES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/upstream/http/json.h"

namespace keyturn::celigo {

using Document = http::Document;

// Whom a token stands for. `scope` is "*" for full access.
struct TokenInfo {
  std::string user_id;
  std::string scope;
};

// The outcome of a test of a connection.
struct PingResult {
  bool ok = false;
  // When not ok: Celigo's codes and NetSuite's as far as they are known, only
  // words of [A-Za-z0-9_-]; may be empty. See MeaningOf in errors.h.
  std::vector<std::string> codes;
  // The HTTP status: Celigo reports a failed login either as 200 with errors or
  // as 4xx.
  int status = 0;
};

struct IClient {
  std::string id;
  std::string name;
  // "netsuite"; may be empty in the list of a connection.
  std::string provider;
};

// Something that uses a connection: {"flows", "5f…", "Order to cash"}.
struct Dependency {
  std::string type;
  std::string id;
  std::string name;
};

enum class JobStatus {
  kUnknown,
  kQueued,
  kRunning,
  kRetrying,
  kCanceling,
  kCompleted,
  kFailed,
  kCanceled,
};

// Whether a job in this status will not change any more. An unknown status is
// not final: a running job must not be taken for an ended one (guarantee G8).
bool IsFinal(JobStatus status);

struct Job {
  std::string id;
  // "flow", "export", "import", "retry", "bulk_retry".
  std::string type;
  JobStatus status = JobStatus::kUnknown;
  std::string flow_id;
  std::string integration_id;
  std::string export_id;
  std::string import_id;
  // A completed job may still have errors.
  int64_t errors = 0;
  int64_t open_errors = 0;
  int64_t successes = 0;
  int64_t ignored = 0;
  // 0 in a failed job: its source, or the connection, failed.
  int64_t pages_generated = 0;
  std::string created_at;
  std::string ended_at;
  // Only from GetJobFamily.
  std::vector<Job> children;
};

struct JobFilter {
  std::vector<std::string> integration_ids;
  std::vector<std::string> flow_ids;
  // Celigo's words: "running", "queued", "retrying", "canceling"; empty: all.
  std::vector<std::string> statuses;
};

// How many open errors a step of a flow has.
struct FlowErrorCount {
  // The export or import.
  std::string step_id;
  int64_t count = 0;
  std::string last_at;
};

// Without its message, which may hold business data.
struct FlowError {
  std::string code;
  // "connection", "application", "internal", …
  std::string source;
  std::string occurred_at;
};

// The flow's own job, without an id where the answer does not name it, and its
// steps' jobs.
struct TestRun {
  Job flow_job;
  std::vector<Job> step_jobs;
};

// Reading them. Missing fields stay empty; DataLoss when `document` is no
// object or has no id where there must be one.
absl::StatusOr<Job> JobOf(const Document& document);
absl::StatusOr<std::vector<Job>> JobsOf(const std::vector<Document>& documents);
absl::StatusOr<IClient> IClientOf(const Document& document);
TestRun TestRunOf(const Document& document);
// Of the answer to a question for dependencies: arrays keyed by type.
std::vector<Dependency> DependenciesOf(const Document& document);
FlowErrorCount FlowErrorCountOf(const Document& document);
FlowError FlowErrorOf(const Document& document);

// Whether `text` can be an id of Celigo's: 1 to 64 characters [A-Za-z0-9_-].
// (They are 24 hex digits, to be treated as opaque: developer portal,
// "Conventions".)
bool IsCeligoId(std::string_view text);

}  // namespace keyturn::celigo

#endif  // KEYTURN_DAEMON_UPSTREAM_CELIGO_VALUES_H_
