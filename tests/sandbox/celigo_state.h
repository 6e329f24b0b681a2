#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/time/time.h"
#include "tests/sandbox/json.h"

// What a Celigo account holds. Plain data; the world's mutex guards it.
namespace keyturn::sandbox {

inline constexpr std::string_view kMask = "******";

// Documents of one kind, in the order they were made, with their true secrets.
class Documents {
 public:
  // `document` must hold `_id`.
  Json& Add(Json document);
  // Null when there is none. The pointer stays valid.
  Json* Find(const std::string& id);
  const Json* Find(const std::string& id) const;
  const std::vector<std::string>& ids() const { return ids_; }
  // Those whose `_integrationId` is `integration`.
  const std::vector<std::string>& OfIntegration(
      const std::string& integration) const;

 private:
  std::vector<std::string> ids_;
  std::unordered_map<std::string, Json> by_id_;
  std::unordered_map<std::string, std::vector<std::string>> by_integration_;
};

struct ApiToken {
  std::string name;
  std::string user;
  // "*" for full access.
  std::string scope = "*";
  bool revoked = false;
  absl::Time expires = absl::InfiniteFuture();
};

struct Job {
  std::string id;
  // "flow", "export" or "import".
  std::string type = "flow";
  std::string flow;
  std::string integration;
  // Of a step's job: the flow's job, and the step.
  std::string flow_job;
  std::string step;
  std::string status = "queued";
  std::string triggered_by;
  absl::Time created;
  absl::Time not_before = absl::InfinitePast();
  absl::Time started = absl::InfinitePast();
  absl::Time ended = absl::InfinitePast();
  int64_t records = 0;
  int64_t success = 0;
  int64_t errors = 0;
  int64_t pages = 0;
  bool is_test = false;
  std::vector<std::string> children;
  // Every connection the flow's steps use.
  std::vector<std::string> connections;

  bool IsActive() const {
    return status == "queued" || status == "running" || status == "canceling";
  }
};

// An error in a flow's step.
struct FlowError {
  std::string id;
  std::string flow;
  std::string step;
  std::string flow_job;
  std::string code;
  std::string message;
  std::string source;
  absl::Time occurred;
};

struct CeligoState {
  std::string user_id;
  std::string user_email;
  // By the token's value.
  std::map<std::string, ApiToken> tokens;
  Documents integrations;
  Documents connections;
  // Also those of connectors, which only /connections/:id/iclients shows.
  Documents iclients;
  Documents flows;
  Documents exports;
  Documents imports;
  // What a connector's publisher offers to its connections.
  std::map<std::string, std::vector<std::string>> connector_iclients;
  // Used where a token connection names none.
  std::string own_iclient;

  std::unordered_map<std::string, Job> jobs;
  std::unordered_map<std::string, std::vector<std::string>> jobs_of_flow;
  // Ended flow jobs, oldest first, so that old ones can be forgotten.
  std::deque<std::string> ended_jobs;
  std::vector<std::string> active_jobs;
  std::deque<FlowError> errors;
  std::deque<Json> audit;
  std::unordered_map<std::string, absl::Time> last_start;
  std::unordered_map<std::string, absl::Time> last_export;
  // Records waiting on a connection beyond those of running jobs.
  std::unordered_map<std::string, int64_t> queued_records;
  // Offline connections and when they were tested last.
  std::map<std::string, absl::Time> offline_since;
  // Connections of other applications that do not answer.
  std::set<std::string> broken_connections;
  std::unordered_map<std::string, std::string> debug_logs;
  // Records that were under way when a credential changed under them.
  int64_t lost_records = 0;

  double bucket = 0;
  absl::Time bucket_filled = absl::InfinitePast();
};

// Whether `key` names a secret that Celigo masks on reading.
bool IsSecretField(std::string_view key);

// A copy with every secret as ******.
Json Masked(const Json& document);

// Whether some string in the document consists of asterisks only.
bool HasMask(const Json& document);

}  // namespace keyturn::sandbox
