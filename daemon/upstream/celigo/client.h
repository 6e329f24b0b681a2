// What we ask of Celigo integrator.io, in its own words.
#ifndef KEYTURN_DAEMON_UPSTREAM_CELIGO_CLIENT_H_
#define KEYTURN_DAEMON_UPSTREAM_CELIGO_CLIENT_H_

#include <asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/secret/secret.h"
#include "daemon/upstream/celigo/values.h"
#include "daemon/upstream/http/json.h"
#include "daemon/upstream/http/rate_limit_transport.h"
#include "daemon/upstream/http/transport.h"

namespace keyturn::celigo {

inline constexpr int kPagesMax = 200;
inline constexpr size_t kListItemsMax = 100'000;
// Under the 30 seconds that Celigo's own client allows most calls, and its 360
// for those that make the outside system work.
inline constexpr absl::Duration kCallTimeout = absl::Seconds(30);
inline constexpr absl::Duration kSlowCallTimeout = absl::Minutes(6);

// 1,000 requests, refilled at 300 a second, per account (developer portal,
// "Rate limits").
http::RateLimitOptions AccountRateLimit();

// One Celigo account. Every method is one call (a list: one call per page), on
// the transport's executor; methods may run side by side. The client outlives
// the calls.
//
// Errors of every method: those of http::Transport, those of celigo::StatusOf
// (errors.h), the token source's own, InvalidArgument for an id that has
// characters no id of Celigo's has, and DataLoss when the answer is not of the
// documented shape. Those that say no outcome (Unavailable, DataLoss) carry an
// http::Effect; for a write only reading tells then.
//
// An empty list comes as 204 without a body (developer portal, "Pagination")
// and is returned as an empty vector.
class Client {
 public:
  // Gives the account's API token, for each call anew, so that a rotated token
  // is used at once.
  using TokenSource = std::function<absl::StatusOr<secret::Secret>()>;

  // `base_url` as http::NormalizeBaseUrl gives it
  // ("https://api.integrator.io"). `transport` outlives the client.
  Client(http::Transport& transport, std::string base_url, TokenSource token);

  asio::awaitable<absl::StatusOr<TokenInfo>> GetTokenInfo();

  asio::awaitable<absl::StatusOr<std::vector<Document>>> ListIntegrations();
  asio::awaitable<absl::StatusOr<Document>> GetIntegration(std::string id);
  // With `fetch_queue_size` each document has queueSize and queues.
  asio::awaitable<absl::StatusOr<std::vector<Document>>> IntegrationConnections(
      std::string integration_id, bool fetch_queue_size);
  asio::awaitable<absl::StatusOr<std::vector<Document>>> IntegrationFlows(
      std::string integration_id);

  asio::awaitable<absl::StatusOr<std::vector<Document>>> ListConnections();
  // Secrets are masked with asterisks.
  asio::awaitable<absl::StatusOr<Document>> GetConnection(std::string id);
  // Replaces the whole document: what is left out is erased. Celigo does not
  // check the login and leaves `offline` as it is. Never repeated on its own:
  // when the outcome is unknown, read. OK means accepted; what was made of it,
  // only reading tells.
  asio::awaitable<absl::Status> PutConnection(std::string id,
                                              secret::Secret document);
  // Tests the saved connection; Celigo then updates its `offline`. A test may
  // be a refused login in NetSuite, five of which lock the user out, so neither
  // kind of test is repeated on its own.
  asio::awaitable<absl::StatusOr<PingResult>> PingConnection(std::string id);
  // Tests a whole document that is not saved; changes nothing.
  asio::awaitable<absl::StatusOr<PingResult>> PingCandidate(
      secret::Secret document);
  // The iClients offered for this connection, those of its connector's
  // publisher included. FailedPrecondition with reason OUTSIDE_FORBIDDEN where
  // the account's token may not ask: then only an explicit id helps.
  asio::awaitable<absl::StatusOr<std::vector<IClient>>> ListConnectionIClients(
      std::string connection_id);
  // The account's own iClients.
  asio::awaitable<absl::StatusOr<std::vector<IClient>>> ListIClients();
  // What uses the connection: the blast radius.
  asio::awaitable<absl::StatusOr<std::vector<Dependency>>>
  ConnectionDependencies(std::string connection_id);
  // Jobs that are queued on the connection.
  asio::awaitable<absl::StatusOr<std::vector<Job>>> ConnectionJobs(
      std::string connection_id);
  // Audit entries since `from`, newest first.
  asio::awaitable<absl::StatusOr<std::vector<Document>>> ConnectionAudit(
      std::string connection_id, absl::Time from);
  // How many record types NetSuite tells through this connection (on the first
  // page): proof that it works. Never from Celigo's cache. What an entry looks
  // like plays no part.
  asio::awaitable<absl::StatusOr<size_t>> CountRecordTypes(
      std::string connection_id);

  asio::awaitable<absl::StatusOr<Document>> GetFlow(std::string id);
  // Flows outside integration apps and of apps of version 2.
  asio::awaitable<absl::Status> PatchFlowDisabled(std::string flow_id,
                                                  bool disabled);
  // Flows of apps of version 1. OK means accepted, not done: read the flow, and
  // patch it where it did not change. FailedPrecondition with reason
  // SETTINGS_REFUSED when Celigo answers without success.
  asio::awaitable<absl::Status> PersistSettings(
      std::string integration_id, std::optional<std::string> store_id,
      std::string flow_id, bool disabled);
  // Starts a run and returns the job's id. The flow must be enabled. Never
  // repeated on its own.
  asio::awaitable<absl::StatusOr<std::string>> RunFlow(std::string flow_id);
  // Runs one page without submitting imports or moving the delta. The flow must
  // be disabled; otherwise FailedPrecondition with reason OUTSIDE_FORBIDDEN.
  asio::awaitable<absl::StatusOr<TestRun>> TestRunFlow(std::string flow_id,
                                                       std::string export_id,
                                                       absl::Time now);
  // The delta's checkpoint as Celigo tells it; unset when the flow has none.
  asio::awaitable<absl::StatusOr<std::optional<std::string>>>
  LastExportDateTime(std::string flow_id);

  asio::awaitable<absl::StatusOr<Job>> GetJob(std::string id);
  asio::awaitable<absl::StatusOr<Job>> GetJobFamily(std::string id);
  // Jobs under way, all pages.
  asio::awaitable<absl::StatusOr<std::vector<Job>>> CurrentJobs(
      JobFilter filter);
  // A flow's jobs of any status created at `since` or later, newest first.
  asio::awaitable<absl::StatusOr<std::vector<Job>>> ListFlowJobs(
      std::string flow_id, absl::Time since);

  asio::awaitable<absl::StatusOr<std::vector<FlowErrorCount>>> FlowErrors(
      std::string flow_id);
  // Open errors of one step; of one run when `flow_job_id` is given.
  asio::awaitable<absl::StatusOr<std::vector<FlowError>>> StepErrors(
      std::string flow_id, std::string step_id,
      std::optional<std::string> flow_job_id);

 private:
  struct Call;

  // Any 2xx response; everything else is an error.
  asio::awaitable<absl::StatusOr<http::Response>> Send(Call call);
  asio::awaitable<absl::StatusOr<http::Response>> Exchange(const Call& call);
  asio::awaitable<absl::StatusOr<Document>> SendForObject(Call call);
  asio::awaitable<absl::StatusOr<PingResult>> Ping(Call call);
  // All pages, following `Link` and `nextPageURL` on our own origin. `member`
  // is where the items are when the body is an object.
  asio::awaitable<absl::StatusOr<std::vector<Document>>> List(
      Call call, std::string member);
  asio::awaitable<absl::StatusOr<std::vector<Job>>> ListJobs(
      Call call, std::string member);
  asio::awaitable<absl::StatusOr<Job>> SendForJob(Call call);
  asio::awaitable<absl::StatusOr<std::vector<IClient>>> ListIClientsOf(
      Call call);

  http::Transport& transport_;
  const std::string base_url_;
  const TokenSource token_;
};

}  // namespace keyturn::celigo

#endif  // KEYTURN_DAEMON_UPSTREAM_CELIGO_CLIENT_H_
