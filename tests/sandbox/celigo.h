#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "tests/sandbox/celigo_state.h"
#include "tests/sandbox/http.h"
#include "tests/sandbox/netsuite.h"
#include "tests/sandbox/random.h"
#include "tests/sandbox/switches.h"

namespace keyturn::sandbox {

// The simulated integrator.io: all 38 rows of the fact sheet's contract and its
// state rules a to e. It logs in to the simulated NetSuite with what a
// connection's document holds, so a connection is good only if everything fits.
//
// Not thread-safe: part of the world, under its mutex.
class Celigo {
 public:
  Celigo(const Switches& switches, Random& random, Netsuite& netsuite)
      : switches_(switches), random_(random), netsuite_(netsuite) {}
  Celigo(const Celigo&) = delete;
  Celigo& operator=(const Celigo&) = delete;

  // Answers a call to /v1/….
  Response Handle(const Request& request, absl::Time now);

  // Lets time pass: jobs start, end, and start the flows chained to them;
  // schedules come due; offline connections are tested again every hour.
  void Advance(absl::Time now);

  CeligoState& state() { return state_; }

  // What a write through the API does to the stored document, also used by the
  // control interface: jobs running over the connection notice that its
  // credential changed and fail, and what they had under way is lost.
  void ReplaceConnection(Json& stored, Json next, std::string_view source,
                         absl::Time now);
  void SetFlowDisabled(Json& flow, bool disabled, std::string_view source,
                       absl::Time now);
  // Starts a run whatever the flow's state; returns the job's id.
  std::string StartJob(const Json& flow, std::string_view triggered_by,
                       absl::Time now);

  // The truth without masks, for GET /control/state.
  Json ToJson() const;

 private:
  struct Call {
    const Request& request;
    // Lower case, without "v1".
    std::vector<std::string> path;
    Json body;
    absl::Time now;
    const ApiToken& token;

    const std::string& method() const { return request.method; }
    bool Is(std::string_view method, size_t segments) const {
      return request.method == method && path.size() == segments;
    }
  };
  struct LoginTest {
    bool ok = true;
    std::string code;
    std::string message;
  };
  using View = std::function<Json(const std::string& id)>;

  // celigo.cc
  Response Route(Call& call);
  Response Error(int status, std::string_view code, std::string_view message,
                 std::string_view field = "") const;
  Response NotFound() const;
  Response Document(const Json& document) const;
  // A page of `ids` with projection, Link header and 204 for none.
  Response List(const Call& call, const std::vector<std::string>& ids,
                const View& view, bool paged = true) const;
  // The same in the body: {key: […], nextPageURL}.
  Response ListInBody(const Call& call, std::string_view key,
                      const std::vector<Json>& entries) const;
  std::string OwnUrl(const Call& call) const;
  bool TakeFromBucket(absl::Time now);
  std::optional<Response> CheckProjection(const Call& call) const;
  // The document, or the answer for an unknown or malformed id.
  Json* Find(Documents& documents, const std::string& id, Response& refusal);
  Response Misc(Call& call);
  // Applies a JSON Patch to the paths that `allowed` takes; the refusal, or
  // nothing when it was applied.
  std::optional<Response> ApplyPatch(
      const Json& patch, const std::function<bool(const std::string&)>& allowed,
      Json& document) const;

  // celigo_connections.cc
  Response Connections(Call& call);
  Response ConnectionCall(Call& call, Json& connection);
  Response CreateConnection(Call& call);
  Response PutConnection(Call& call, Json& stored);
  Response PatchConnection(Call& call, Json& stored);
  Response Ping(Json& stored, absl::Time now);
  Response PingUnsaved(Call& call);
  Response PingAnswer(const LoginTest& test) const;
  Response ConnectionIClients(const Json& connection) const;
  Response Dependencies(const Json& connection) const;
  Response Debug(Call& call, const Json& connection);
  Response Metadata(Call& call);
  Response AuthorizationUrl(Call& call);
  std::optional<Response> CheckConnection(const Json& next, const Json* stored);
  void Normalise(Json& next, const Json* stored, absl::Time now) const;
  Json ConnectionView(const Json& connection, bool with_queue) const;
  int64_t QueueSize(const std::string& connection) const;

  // celigo_login.cc
  LoginTest TestLogin(const Json& connection, absl::Time now);
  LoginTest TestToken(const Json& connection, absl::Time now);
  // Tests the saved document and sets `offline` by it.
  LoginTest TestSaved(Json& stored, absl::Time now);
  void SetOffline(Json& stored, bool offline, absl::Time now);

  // celigo_iclients.cc
  Response IClients(Call& call);
  Response PutIClient(Call& call, Json& stored);

  // celigo_integrations.cc
  Response Integrations(Call& call);
  Response IntegrationCall(Call& call, Json& integration);
  Response PersistSettings(Call& call, const Json& integration);
  Response IntegrationErrors(const Call& call, const std::string& id) const;

  // celigo_flows.cc
  Response Flows(Call& call);
  Response FlowCall(Call& call, Json& flow);
  Response PutFlow(Call& call, Json& stored);
  Response PatchFlow(Call& call, Json& stored);
  Response RunFlow(Call& call, const Json& flow);
  Response TestRun(Call& call, const Json& flow);
  Response TestRunDetail(const Call& call);
  Response FlowErrors(const Call& call, const std::string& flow) const;
  Response StepErrors(const Call& call, const std::string& flow) const;
  std::optional<Response> CheckEnable(const Json& stored,
                                      const Json& next) const;
  bool IsIa1(const std::string& integration) const;

  // celigo_jobs.cc
  Response Jobs(Call& call);
  Response QueryJobs(const Call& call) const;
  Response CurrentJobs(Call& call);
  Response RunStats(const Call& call) const;
  Response CancelJob(Job& job, absl::Time now);
  Json JobJson(const Job& job) const;
  Json FamilyJson(const Job& job) const;
  std::optional<Response> JobFilter(const Call& call,
                                    std::vector<std::string>& flows,
                                    std::vector<std::string>& statuses) const;
  void Poll(const std::string& id, absl::Time now);

  // celigo_runs.cc
  bool Step(Job& job, bool by_poll, absl::Time now);
  void Start(Job& job, absl::Time at, absl::Time now);
  void Complete(Job& job, absl::Time at);
  void Fail(Job& job, std::string_view code, std::string_view message,
            absl::Time at);
  void End(Job& job, std::string_view status, absl::Time at);
  void LoseWork(const std::string& connection, absl::Time now);
  void RunSchedules(absl::Time now);
  void Retest(absl::Time now);
  std::vector<std::string> ConnectionsOf(const Json& flow) const;
  std::vector<std::string> StepsOf(const Json& flow) const;
  Job& AddJob(const Json& flow, std::string_view triggered_by, absl::Time now);
  bool OtherRunOfFlow(const Job& job) const;
  void Forget();

  // celigo_audit.cc
  Response Audit(const Call& call, const std::string& type,
                 const std::string& id) const;
  void Record(std::string_view type, const Json& before, const Json& after,
              std::string_view source, absl::Time now);

  const Switches& switches_;
  Random& random_;
  Netsuite& netsuite_;
  CeligoState state_;
};

// Whether two connection documents hold the same credential.
bool SameCredential(const Json& left, const Json& right);

}  // namespace keyturn::sandbox
