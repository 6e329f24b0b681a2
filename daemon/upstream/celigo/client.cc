#include "daemon/upstream/celigo/client.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/upstream/celigo/errors.h"
#include "daemon/upstream/celigo/paging.h"
#include "daemon/upstream/http/url.h"

namespace keyturn::celigo {
namespace {

using base::ToAbsl;
using base::WithReason;
using http::Method;

std::string Iso8601(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

absl::Status CheckId(std::string_view id, std::string_view what) {
  if (IsCeligoId(id)) return absl::OkStatus();
  return http::WithEffect(
      WithReason(absl::InvalidArgumentError(absl::StrCat(
                     "the ", ToAbsl(what),
                     "'s id has a form that no id of Celigo's has; ids are 24 "
                     "hexadecimal digits")),
                 "INVALID_ID"),
      http::Effect::kNone);
}

secret::Secret TextOf(const Document& body) {
  // Only ids, words and instants of ours, all of them valid UTF-8.
  return *http::SerializeJson(body);
}

bool IsSuccess(int status) { return status >= 200 && status < 300; }

absl::Status Unreadable(const absl::Status& cause, std::string_view task) {
  return http::WithEffect(
      WithReason(base::Annotate(cause, task), "OUTSIDE_ANSWER_MALFORMED"),
      http::Effect::kUnknown);
}

absl::StatusOr<Document> ObjectIn(const http::Response& response,
                                  std::string_view task) {
  absl::StatusOr<Document> body = http::ParseJson(response.body.Expose());
  if (!body.ok()) return Unreadable(body.status(), task);
  if (!body->is_object()) {
    return Unreadable(absl::DataLossError("Celigo's answer is not an object"),
                      task);
  }
  return body;
}

// The items of one page, moved out of `body`.
absl::StatusOr<std::vector<Document>> ItemsIn(Document& body,
                                              const std::string& member,
                                              std::string_view task) {
  Document* items = &body;
  if (body.is_object()) {
    const std::vector<ErrorEntry> errors =
        member == "errors" ? std::vector<ErrorEntry>() : ErrorEntriesOf(body);
    if (!errors.empty()) return RefusalOf(errors, task);
    if (member.empty()) {
      return Unreadable(absl::DataLossError("Celigo's answer is not a list"),
                        task);
    }
    if (!body.contains(member) || body[member].is_null()) {
      return std::vector<Document>();
    }
    items = &body[member];
  }
  if (!items->is_array()) {
    return Unreadable(absl::DataLossError("Celigo's answer is not a list"),
                      task);
  }
  std::vector<Document> found;
  found.reserve(items->size());
  for (Document& item : *items) {
    if (!item.is_object()) {
      return Unreadable(absl::DataLossError(
                            "Celigo's list holds something else than objects"),
                        task);
    }
    found.push_back(std::move(item));
  }
  return found;
}

// The errors that a good answer tells of; OK: none.
absl::Status RefusalIn(const Document& body, std::string_view task) {
  const std::vector<ErrorEntry> errors = ErrorEntriesOf(body);
  // A job or a flow has members of these names too; a real document has an id.
  if (errors.empty() || body.contains("_id")) return absl::OkStatus();
  return RefusalOf(errors, task);
}

PingResult PingFailure(const std::vector<ErrorEntry>& entries, int status) {
  PingResult result;
  result.status = status;
  for (const ErrorEntry& entry : entries) {
    if (!entry.code.empty()) result.codes.push_back(entry.code);
  }
  return result;
}

// A ping is answered with 4xx by a failed login of the connection, and by a
// refusal to ping at all. These statuses are the latter, unless the body speaks
// of the connection's login.
bool IsRefusalToPing(int status, const std::vector<ErrorEntry>& errors) {
  if (status == 408 || status == 429 || status < 400 || status >= 500) {
    return true;
  }
  return (status == 403 || status == 404) &&
         std::none_of(errors.begin(), errors.end(), IsFailedLogin);
}

}  // namespace

struct Client::Call {
  Method method = Method::kGet;
  // With the query, from "/v1/" on.
  std::string path;
  // Begins the messages of errors: "reading connection 5f…".
  std::string task;
  secret::Secret body;
  bool repeatable = false;
  absl::Duration timeout = kCallTimeout;

  static Call Get(std::string path, std::string task) {
    Call call;
    call.path = std::move(path);
    call.task = std::move(task);
    return call;
  }
  static Call Write(Method method, std::string path, std::string task,
                    secret::Secret body) {
    Call call = Get(std::move(path), std::move(task));
    call.method = method;
    call.body = std::move(body);
    return call;
  }
};

http::RateLimitOptions AccountRateLimit() {
  http::RateLimitOptions options;
  options.burst = 1000;
  options.per_second = 300;
  return options;
}

Client::Client(http::Transport& transport, std::string base_url,
               TokenSource token)
    : transport_(transport),
      base_url_(std::move(base_url)),
      token_(std::move(token)) {}

asio::awaitable<absl::StatusOr<http::Response>> Client::Exchange(
    const Call& call) {
  absl::StatusOr<secret::Secret> token = token_();
  if (!token.ok()) {
    co_return http::WithEffect(base::Annotate(token.status(), call.task),
                               http::Effect::kNone);
  }
  http::Request request;
  request.method = call.method;
  request.url = absl::StrCat(base_url_, call.path);
  request.headers.push_back({"Accept", "application/json"});
  if (!call.body.empty()) {
    request.headers.push_back({"Content-Type", "application/json"});
  }
  std::string authorization;
  authorization.reserve(token->size() + 7);
  authorization.append("Bearer ").append(token->Expose());
  request.authorization = secret::Secret::Take(authorization);
  request.body = call.body.Clone();
  request.repeatable = call.repeatable;
  request.timeout = call.timeout;
  absl::StatusOr<http::Response> response =
      co_await transport_.Send(std::move(request));
  if (!response.ok()) {
    co_return base::Annotate(response.status(), call.task);
  }
  co_return response;
}

asio::awaitable<absl::StatusOr<http::Response>> Client::Send(Call call) {
  absl::StatusOr<http::Response> response = co_await Exchange(call);
  if (response.ok() && !IsSuccess(response->status)) {
    co_return StatusOf(*response, call.task);
  }
  co_return response;
}

asio::awaitable<absl::StatusOr<Document>> Client::SendForObject(Call call) {
  const std::string task = call.task;
  absl::StatusOr<http::Response> response = co_await Send(std::move(call));
  if (!response.ok()) co_return response.status();
  absl::StatusOr<Document> body = ObjectIn(*response, task);
  if (!body.ok()) co_return body.status();
  CO_RETURN_IF_ERROR(RefusalIn(*body, task));
  co_return body;
}

asio::awaitable<absl::StatusOr<std::vector<Document>>> Client::List(
    Call call, std::string member) {
  std::vector<Document> items;
  std::set<std::string> seen;
  for (int page = 0; page < kPagesMax; ++page) {
    absl::StatusOr<http::Response> response = co_await Exchange(call);
    if (!response.ok()) co_return response.status();
    if (!IsSuccess(response->status)) co_return StatusOf(*response, call.task);
    if (response->body.empty()) co_return items;
    absl::StatusOr<Document> body = http::ParseJson(response->body.Expose());
    if (!body.ok()) co_return Unreadable(body.status(), call.task);
    absl::StatusOr<std::string> next = NextPage(*response, *body);
    absl::StatusOr<std::vector<Document>> found =
        ItemsIn(*body, member, call.task);
    if (!found.ok()) co_return found.status();
    for (Document& item : *found) items.push_back(std::move(item));
    if (items.size() > kListItemsMax) break;
    if (!next.ok()) co_return Unreadable(next.status(), call.task);
    if (next->empty()) co_return items;
    seen.insert(call.path);
    if (seen.contains(*next)) {
      absl::Status circle =
          absl::DataLossError("the pages of Celigo's list lead in a circle");
      co_return Unreadable(circle, call.task);
    }
    call.path = *std::move(next);
  }
  co_return absl::ResourceExhaustedError(
      absl::StrCat(call.task, ": the list has more than ", kPagesMax,
                   " pages or ", kListItemsMax, " entries"));
}

asio::awaitable<absl::StatusOr<std::vector<Job>>> Client::ListJobs(
    Call call, std::string member) {
  const std::string task = call.task;
  absl::StatusOr<std::vector<Document>> documents =
      co_await List(std::move(call), std::move(member));
  if (!documents.ok()) co_return documents.status();
  absl::StatusOr<std::vector<Job>> jobs = JobsOf(*documents);
  if (!jobs.ok()) co_return Unreadable(jobs.status(), task);
  co_return jobs;
}

asio::awaitable<absl::StatusOr<PingResult>> Client::Ping(Call call) {
  call.timeout = kSlowCallTimeout;
  absl::StatusOr<http::Response> response = co_await Exchange(call);
  if (!response.ok()) co_return response.status();
  PingResult good;
  good.ok = true;
  good.status = response->status;
  if (IsSuccess(response->status)) {
    if (response->body.empty()) co_return good;
    absl::StatusOr<Document> body = ObjectIn(*response, call.task);
    if (!body.ok()) co_return body.status();
    const std::vector<ErrorEntry> errors = ErrorEntriesOf(*body);
    if (errors.empty()) co_return good;
    co_return PingFailure(errors, response->status);
  }
  absl::StatusOr<Document> body = http::ParseJson(response->body.Expose());
  std::vector<ErrorEntry> errors;
  if (body.ok()) errors = ErrorEntriesOf(*body);
  if (IsRefusalToPing(response->status, errors)) {
    co_return StatusOf(*response, call.task);
  }
  if (response->status == 401) {
    // Ours or the connection's login: whether our token works tells.
    absl::StatusOr<TokenInfo> ours = co_await GetTokenInfo();
    if (!ours.ok()) co_return ours.status();
  }
  co_return PingFailure(errors, response->status);
}

asio::awaitable<absl::StatusOr<TokenInfo>> Client::GetTokenInfo() {
  Call call =
      Call::Get("/v1/tokenInfo", "asking whom the API token stands for");
  absl::StatusOr<Document> body = co_await SendForObject(std::move(call));
  if (!body.ok()) co_return body.status();
  TokenInfo info;
  info.user_id = http::StringAt(*body, "_userId");
  info.scope = http::StringAt(*body, "scope");
  co_return info;
}

asio::awaitable<absl::StatusOr<std::vector<Document>>>
Client::ListIntegrations() {
  Call call = Call::Get("/v1/integrations", "listing the integrations");
  co_return co_await List(std::move(call), "");
}

asio::awaitable<absl::StatusOr<Document>> Client::GetIntegration(
    std::string id) {
  CO_RETURN_IF_ERROR(CheckId(id, "integration"));
  Call call = Call::Get(absl::StrCat("/v1/integrations/", id),
                        absl::StrCat("reading integration ", id));
  co_return co_await SendForObject(std::move(call));
}

asio::awaitable<absl::StatusOr<std::vector<Document>>>
Client::IntegrationConnections(std::string integration_id,
                               bool fetch_queue_size) {
  CO_RETURN_IF_ERROR(CheckId(integration_id, "integration"));
  std::string path =
      absl::StrCat("/v1/integrations/", integration_id, "/connections");
  if (fetch_queue_size) path += "?fetchQueueSize=true";
  Call call = Call::Get(
      std::move(path),
      absl::StrCat("listing the connections of integration ", integration_id));
  co_return co_await List(std::move(call), "");
}

asio::awaitable<absl::StatusOr<std::vector<Document>>> Client::IntegrationFlows(
    std::string integration_id) {
  CO_RETURN_IF_ERROR(CheckId(integration_id, "integration"));
  Call call = Call::Get(
      absl::StrCat("/v1/integrations/", integration_id, "/flows"),
      absl::StrCat("listing the flows of integration ", integration_id));
  co_return co_await List(std::move(call), "");
}

asio::awaitable<absl::StatusOr<std::vector<Document>>>
Client::ListConnections() {
  Call call = Call::Get("/v1/connections", "listing the connections");
  co_return co_await List(std::move(call), "");
}

asio::awaitable<absl::StatusOr<Document>> Client::GetConnection(
    std::string id) {
  CO_RETURN_IF_ERROR(CheckId(id, "connection"));
  Call call = Call::Get(absl::StrCat("/v1/connections/", id),
                        absl::StrCat("reading connection ", id));
  co_return co_await SendForObject(std::move(call));
}

asio::awaitable<absl::Status> Client::PutConnection(std::string id,
                                                    secret::Secret document) {
  CO_RETURN_IF_ERROR(CheckId(id, "connection"));
  Call call =
      Call::Write(Method::kPut, absl::StrCat("/v1/connections/", id),
                  absl::StrCat("writing connection ", id), std::move(document));
  const std::string task = call.task;
  absl::StatusOr<http::Response> response = co_await Send(std::move(call));
  if (!response.ok()) co_return response.status();
  if (response->body.empty()) co_return absl::OkStatus();
  const absl::StatusOr<Document> body = ObjectIn(*response, task);
  if (!body.ok()) co_return body.status();
  co_return RefusalIn(*body, task);
}

asio::awaitable<absl::StatusOr<PingResult>> Client::PingConnection(
    std::string id) {
  CO_RETURN_IF_ERROR(CheckId(id, "connection"));
  secret::Secret nothing = TextOf(Document::object());
  Call call =
      Call::Write(Method::kPost, absl::StrCat("/v1/connections/", id, "/ping"),
                  absl::StrCat("testing connection ", id), std::move(nothing));
  co_return co_await Ping(std::move(call));
}

asio::awaitable<absl::StatusOr<PingResult>> Client::PingCandidate(
    secret::Secret document) {
  Call call = Call::Write(Method::kPost, "/v1/connections/ping",
                          "testing the new login", std::move(document));
  co_return co_await Ping(std::move(call));
}

asio::awaitable<absl::StatusOr<std::vector<IClient>>>
Client::ListConnectionIClients(std::string connection_id) {
  CO_RETURN_IF_ERROR(CheckId(connection_id, "connection"));
  Call call = Call::Get(
      absl::StrCat("/v1/connections/", connection_id, "/iclients"),
      absl::StrCat("listing the iClients of connection ", connection_id));
  co_return co_await ListIClientsOf(std::move(call));
}

asio::awaitable<absl::StatusOr<std::vector<IClient>>> Client::ListIClients() {
  Call call = Call::Get("/v1/iclients", "listing the account's iClients");
  co_return co_await ListIClientsOf(std::move(call));
}

asio::awaitable<absl::StatusOr<std::vector<IClient>>> Client::ListIClientsOf(
    Call call) {
  const std::string task = call.task;
  absl::StatusOr<std::vector<Document>> documents =
      co_await List(std::move(call), "iclients");
  if (!documents.ok()) co_return documents.status();
  std::vector<IClient> iclients;
  for (const Document& document : *documents) {
    absl::StatusOr<IClient> iclient = IClientOf(document);
    if (!iclient.ok()) co_return Unreadable(iclient.status(), task);
    iclients.push_back(*std::move(iclient));
  }
  co_return iclients;
}

asio::awaitable<absl::StatusOr<std::vector<Dependency>>>
Client::ConnectionDependencies(std::string connection_id) {
  CO_RETURN_IF_ERROR(CheckId(connection_id, "connection"));
  Call call = Call::Get(
      absl::StrCat("/v1/connections/", connection_id, "/dependencies"),
      absl::StrCat("asking what uses connection ", connection_id));
  const std::string task = call.task;
  absl::StatusOr<http::Response> response = co_await Send(std::move(call));
  if (!response.ok()) co_return response.status();
  if (response->body.empty()) co_return std::vector<Dependency>();
  absl::StatusOr<Document> body = ObjectIn(*response, task);
  if (!body.ok()) co_return body.status();
  const std::vector<ErrorEntry> errors = ErrorEntriesOf(*body);
  if (!errors.empty()) co_return RefusalOf(errors, task);
  co_return DependenciesOf(*body);
}

asio::awaitable<absl::StatusOr<std::vector<Job>>> Client::ConnectionJobs(
    std::string connection_id) {
  CO_RETURN_IF_ERROR(CheckId(connection_id, "connection"));
  Call call = Call::Get(
      absl::StrCat("/v1/connections/", connection_id, "/jobs"),
      absl::StrCat("listing the queued jobs of connection ", connection_id));
  co_return co_await ListJobs(std::move(call), "jobs");
}

asio::awaitable<absl::StatusOr<std::vector<Document>>> Client::ConnectionAudit(
    std::string connection_id, absl::Time from) {
  CO_RETURN_IF_ERROR(CheckId(connection_id, "connection"));
  Call call = Call::Get(
      absl::StrCat("/v1/connections/", connection_id,
                   "/audit?from=", http::PercentEncode(Iso8601(from))),
      absl::StrCat("reading the audit trail of connection ", connection_id));
  co_return co_await List(std::move(call), "");
}

asio::awaitable<absl::StatusOr<size_t>> Client::CountRecordTypes(
    std::string connection_id) {
  CO_RETURN_IF_ERROR(CheckId(connection_id, "connection"));
  Call call = Call::Get(
      absl::StrCat("/v1/netsuite/metadata/suitescript/connections/",
                   connection_id, "/recordTypes?refreshCache=true"),
      absl::StrCat("reading NetSuite's record types through connection ",
                   connection_id));
  call.timeout = kSlowCallTimeout;
  const std::string task = call.task;
  absl::StatusOr<http::Response> response = co_await Send(std::move(call));
  if (!response.ok()) co_return response.status();
  if (response->body.empty()) co_return size_t{0};
  const absl::StatusOr<Document> body =
      http::ParseJson(response->body.Expose());
  if (!body.ok()) co_return Unreadable(body.status(), task);
  CO_RETURN_IF_ERROR(RefusalIn(*body, task));
  if (body->is_array()) co_return body->size();
  size_t count = 0;
  if (body->is_object()) {
    for (const Document& member : *body) {
      if (member.is_array()) count += member.size();
    }
  }
  co_return count;
}

asio::awaitable<absl::StatusOr<Document>> Client::GetFlow(std::string id) {
  CO_RETURN_IF_ERROR(CheckId(id, "flow"));
  Call call = Call::Get(absl::StrCat("/v1/flows/", id),
                        absl::StrCat("reading flow ", id));
  co_return co_await SendForObject(std::move(call));
}

asio::awaitable<absl::Status> Client::PatchFlowDisabled(std::string flow_id,
                                                        bool disabled) {
  CO_RETURN_IF_ERROR(CheckId(flow_id, "flow"));
  Document operation;
  operation["op"] = "replace";
  operation["path"] = "/disabled";
  operation["value"] = disabled;
  Document patch = Document::array();
  patch.push_back(std::move(operation));
  secret::Secret body = TextOf(patch);
  Call call = Call::Write(
      Method::kPatch, absl::StrCat("/v1/flows/", flow_id),
      absl::StrCat(disabled ? "disabling flow " : "enabling flow ", flow_id),
      std::move(body));
  call.repeatable = true;
  absl::StatusOr<http::Response> response = co_await Send(std::move(call));
  co_return response.status();
}

asio::awaitable<absl::Status> Client::PersistSettings(
    std::string integration_id, std::optional<std::string> store_id,
    std::string flow_id, bool disabled) {
  CO_RETURN_IF_ERROR(CheckId(integration_id, "integration"));
  CO_RETURN_IF_ERROR(CheckId(flow_id, "flow"));
  if (store_id.has_value()) CO_RETURN_IF_ERROR(CheckId(*store_id, "store"));
  Document change;
  change["flowId"] = flow_id;
  change["disabled"] = disabled;
  Document settings;
  if (store_id.has_value()) {
    settings["pending"][*store_id] = std::move(change);
  } else {
    settings["pending"] = std::move(change);
  }
  secret::Secret body = TextOf(settings);
  Call call = Call::Write(
      Method::kPut,
      absl::StrCat("/v1/integrations/", integration_id,
                   "/settings/persistSettings"),
      absl::StrCat(disabled ? "disabling flow " : "enabling flow ", flow_id),
      std::move(body));
  call.repeatable = true;
  const std::string task = call.task;
  absl::StatusOr<http::Response> response = co_await Send(std::move(call));
  if (!response.ok()) co_return response.status();
  if (response->body.empty()) co_return absl::OkStatus();
  absl::StatusOr<Document> answer = ObjectIn(*response, task);
  if (!answer.ok()) co_return answer.status();
  const auto success = answer->find("success");
  if (success != answer->end() && *success == true) co_return absl::OkStatus();
  co_return WithReason(absl::FailedPreconditionError(absl::StrCat(
                           task,
                           ": the integration app does not accept the "
                           "change of its settings")),
                       "SETTINGS_REFUSED");
}

asio::awaitable<absl::StatusOr<std::string>> Client::RunFlow(
    std::string flow_id) {
  CO_RETURN_IF_ERROR(CheckId(flow_id, "flow"));
  secret::Secret nothing = TextOf(Document::object());
  Call call =
      Call::Write(Method::kPost, absl::StrCat("/v1/flows/", flow_id, "/run"),
                  absl::StrCat("running flow ", flow_id), std::move(nothing));
  const std::string task = call.task;
  absl::StatusOr<Document> body = co_await SendForObject(std::move(call));
  if (!body.ok()) co_return body.status();
  std::string job_id = http::StringAt(*body, "_jobId");
  if (!IsCeligoId(job_id)) {
    absl::Status nameless = absl::DataLossError("Celigo's answer names no job");
    co_return Unreadable(nameless, task);
  }
  co_return job_id;
}

asio::awaitable<absl::StatusOr<TestRun>> Client::TestRunFlow(
    std::string flow_id, std::string export_id, absl::Time now) {
  CO_RETURN_IF_ERROR(CheckId(flow_id, "flow"));
  CO_RETURN_IF_ERROR(CheckId(export_id, "export"));
  Document order;
  order["triggeredAt"] = Iso8601(now);
  order["_exportId"] = export_id;
  secret::Secret text = TextOf(order);
  Call call = Call::Write(
      Method::kPost, absl::StrCat("/v1/flows/", flow_id, "/test/run"),
      absl::StrCat("test-running flow ", flow_id), std::move(text));
  call.timeout = kSlowCallTimeout;
  absl::StatusOr<Document> body = co_await SendForObject(std::move(call));
  if (!body.ok()) co_return body.status();
  co_return TestRunOf(*body);
}

asio::awaitable<absl::StatusOr<std::optional<std::string>>>
Client::LastExportDateTime(std::string flow_id) {
  CO_RETURN_IF_ERROR(CheckId(flow_id, "flow"));
  Call call =
      Call::Get(absl::StrCat("/v1/flows/", flow_id, "/lastExportDateTime"),
                absl::StrCat("reading the checkpoint of flow ", flow_id));
  const std::string task = call.task;
  absl::StatusOr<http::Response> response = co_await Send(std::move(call));
  if (!response.ok()) co_return response.status();
  std::optional<std::string> none;
  if (response->body.empty()) co_return none;
  absl::StatusOr<Document> body = ObjectIn(*response, task);
  if (!body.ok()) co_return body.status();
  for (const Document& value : *body) {
    if (value.is_string()) {
      co_return std::optional<std::string>(value.get<std::string>());
    }
  }
  co_return none;
}

asio::awaitable<absl::StatusOr<Job>> Client::GetJob(std::string id) {
  CO_RETURN_IF_ERROR(CheckId(id, "job"));
  Call call = Call::Get(absl::StrCat("/v1/jobs/", id),
                        absl::StrCat("reading job ", id));
  co_return co_await SendForJob(std::move(call));
}

asio::awaitable<absl::StatusOr<Job>> Client::GetJobFamily(std::string id) {
  CO_RETURN_IF_ERROR(CheckId(id, "job"));
  Call call = Call::Get(absl::StrCat("/v1/jobs/", id, "/family"),
                        absl::StrCat("reading job ", id, " and its steps"));
  co_return co_await SendForJob(std::move(call));
}

asio::awaitable<absl::StatusOr<Job>> Client::SendForJob(Call call) {
  const std::string task = call.task;
  absl::StatusOr<Document> body = co_await SendForObject(std::move(call));
  if (!body.ok()) co_return body.status();
  absl::StatusOr<Job> job = JobOf(*body);
  if (!job.ok()) co_return Unreadable(job.status(), task);
  co_return job;
}

asio::awaitable<absl::StatusOr<std::vector<Job>>> Client::CurrentJobs(
    JobFilter filter) {
  Document question = Document::object();
  if (!filter.integration_ids.empty()) {
    question["_integrationIds"] = filter.integration_ids;
  }
  if (!filter.flow_ids.empty()) question["_flowIds"] = filter.flow_ids;
  if (!filter.statuses.empty()) question["status"] = filter.statuses;
  absl::StatusOr<secret::Secret> text = http::SerializeJson(question);
  if (!text.ok()) co_return text.status();
  Call call = Call::Write(Method::kPost, "/v1/jobs/current",
                          "listing the jobs under way", *std::move(text));
  // A question, although it is asked with POST.
  call.repeatable = true;
  co_return co_await ListJobs(std::move(call), "jobs");
}

// Celigo ignores page numbers here. The next page begins at the creation time
// of the last row, inclusive, since several jobs may share it. How many rows a
// full page has is not known for sure, so the end is where nothing new comes; a
// page of one row could not go on.
asio::awaitable<absl::StatusOr<std::vector<Job>>> Client::ListFlowJobs(
    std::string flow_id, absl::Time since) {
  CO_RETURN_IF_ERROR(CheckId(flow_id, "flow"));
  const std::string path =
      absl::StrCat("/v1/jobs?type=flow&_flowId=", flow_id,
                   "&createdAt_gte=", http::PercentEncode(Iso8601(since)));
  std::vector<Job> jobs;
  std::set<std::string> seen;
  std::string until;
  for (int page = 0; page < kPagesMax; ++page) {
    std::string page_path = path;
    if (!until.empty()) {
      page_path += "&createdAt_lte=" + http::PercentEncode(until);
    }
    Call call = Call::Get(std::move(page_path),
                          absl::StrCat("listing the jobs of flow ", flow_id));
    absl::StatusOr<std::vector<Job>> found =
        co_await ListJobs(std::move(call), "");
    if (!found.ok()) co_return found.status();
    const size_t known = jobs.size();
    for (Job& job : *found) {
      until = job.created_at;
      if (seen.insert(job.id).second) jobs.push_back(std::move(job));
    }
    const bool last =
        found->size() < 2 || until.empty() || jobs.size() == known;
    if (last) co_return jobs;
    if (jobs.size() > kListItemsMax) break;
  }
  co_return absl::ResourceExhaustedError(
      absl::StrCat("flow ", flow_id, " has had too many jobs to list them"));
}

asio::awaitable<absl::StatusOr<std::vector<FlowErrorCount>>> Client::FlowErrors(
    std::string flow_id) {
  CO_RETURN_IF_ERROR(CheckId(flow_id, "flow"));
  Call call = Call::Get(absl::StrCat("/v1/flows/", flow_id, "/errors"),
                        absl::StrCat("counting the errors of flow ", flow_id));
  absl::StatusOr<std::vector<Document>> documents =
      co_await List(std::move(call), "flowErrors");
  if (!documents.ok()) co_return documents.status();
  std::vector<FlowErrorCount> counts;
  for (const Document& document : *documents) {
    counts.push_back(FlowErrorCountOf(document));
  }
  co_return counts;
}

asio::awaitable<absl::StatusOr<std::vector<FlowError>>> Client::StepErrors(
    std::string flow_id, std::string step_id,
    std::optional<std::string> flow_job_id) {
  CO_RETURN_IF_ERROR(CheckId(flow_id, "flow"));
  CO_RETURN_IF_ERROR(CheckId(step_id, "step"));
  std::string path =
      absl::StrCat("/v1/flows/", flow_id, "/", step_id, "/errors");
  if (flow_job_id.has_value()) {
    CO_RETURN_IF_ERROR(CheckId(*flow_job_id, "job"));
    absl::StrAppend(&path, "?_flowJobId=", *flow_job_id);
  }
  Call call = Call::Get(std::move(path),
                        absl::StrCat("reading the errors of flow ", flow_id));
  absl::StatusOr<std::vector<Document>> documents =
      co_await List(std::move(call), "errors");
  if (!documents.ok()) co_return documents.status();
  std::vector<FlowError> errors;
  for (const Document& document : *documents) {
    errors.push_back(FlowErrorOf(document));
  }
  co_return errors;
}

}  // namespace keyturn::celigo
