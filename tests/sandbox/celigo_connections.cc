#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/sandbox/celigo.h"

// Rows 7 to 16, 18 to 20, 36 and 37 of the contract: connections.
namespace keyturn::sandbox {
namespace {

constexpr size_t kNameLengthMax = 100;
// Server-set: a PUT cannot change them.
constexpr std::array<std::string_view, 6> kServerFields = {
    "_id", "createdAt", "_connectorId", "_integrationId", "offline", "type"};
constexpr std::array<std::string_view, 4> kReadOnlyNetsuite = {
    "concurrencyLevelRESTlet", "concurrencyLevelWebServices",
    "suiteAppInstalled", "useSsoLogin"};
constexpr std::array<std::string_view, 4> kLoginFields = {
    "email", "password", "tokenId", "tokenSecret"};
constexpr std::array<std::string_view, 3> kComputedFields = {
    "queues", "queueSize", "needsAuthorization"};

// The member as stored before, or nothing.
void Keep(const Json* stored, std::string_view key, Json& next) {
  const std::string name(key);
  if (stored != nullptr && stored->contains(name)) {
    next[name] = (*stored)[name];
  } else {
    next.erase(name);
  }
}

// Puts the stored secret where `next` has a mask.
void RestoreMasked(const Json& stored, Json& next) {
  if (!next.is_object()) return;
  for (auto& [key, value] : next.items()) {
    const Json& before = Member(stored, key);
    if (value.is_object()) {
      RestoreMasked(before, value);
    } else if (value.is_string() && HasMask(value) && before.is_string()) {
      value = before;
    }
  }
}

}  // namespace

bool SameCredential(const Json& left, const Json& right) {
  const Json& a = Member(left, "netsuite");
  const Json& b = Member(right, "netsuite");
  for (const char* field :
       {"authType", "account", "environment", "email", "password", "tokenId",
        "tokenSecret", "_iClientId"}) {
    if (Member(a, field) != Member(b, field)) return false;
  }
  return Member(left, "http") == Member(right, "http");
}

Response Celigo::Connections(Call& call) {
  if (call.Is("GET", 1)) {
    return List(call, state_.connections.ids(), [&](const std::string& id) {
      return ConnectionView(*state_.connections.Find(id),
                            /*with_queue=*/false);
    });
  }
  if (call.Is("POST", 1)) return CreateConnection(call);
  if (call.Is("POST", 2) && call.path[1] == "ping") return PingUnsaved(call);
  if (call.path.size() < 2) return NotFound();
  Response refusal;
  Json* connection = Find(state_.connections, call.path[1], refusal);
  return connection == nullptr ? refusal : ConnectionCall(call, *connection);
}

Response Celigo::ConnectionCall(Call& call, Json& connection) {
  const std::string id = call.path[1];
  if (call.path.size() == 2) {
    if (call.method() == "GET") return Document(connection);
    if (call.method() == "PUT") return PutConnection(call, connection);
    if (call.method() == "PATCH") return PatchConnection(call, connection);
    return NotFound();
  }
  const std::string& what = call.path[2];
  if (what == "ping" && (call.method() == "POST" || call.method() == "GET")) {
    return Ping(connection, call.now);
  }
  if (what == "debug") return Debug(call, connection);
  if (call.method() != "GET" || call.path.size() != 3) return NotFound();
  if (what == "iclients") return ConnectionIClients(connection);
  if (what == "dependencies") return Dependencies(connection);
  if (what == "audit") return Audit(call, "connection", id);
  if (what == "jobs") {
    if (switches_.Is("connection_jobs_endpoint", "forbidden")) {
      return Error(403, "access_restricted", "You may not read this.");
    }
    if (switches_.Is("connection_jobs_endpoint", "missing")) return NotFound();
    std::vector<std::string> queued;
    for (const std::string& job_id : state_.active_jobs) {
      const Job& job = state_.jobs.at(job_id);
      if (job.status == "queued" &&
          std::find(job.connections.begin(), job.connections.end(), id) !=
              job.connections.end()) {
        queued.push_back(job_id);
      }
    }
    return List(call, queued, [&](const std::string& job_id) {
      return JobJson(state_.jobs.at(job_id));
    });
  }
  return NotFound();
}

int64_t Celigo::QueueSize(const std::string& connection) const {
  const auto extra = state_.queued_records.find(connection);
  int64_t size = extra == state_.queued_records.end() ? 0 : extra->second;
  for (const std::string& job_id : state_.active_jobs) {
    const Job& job = state_.jobs.at(job_id);
    if (job.status == "running" &&
        std::find(job.connections.begin(), job.connections.end(), connection) !=
            job.connections.end()) {
      size += job.records - job.success;
    }
  }
  return size;
}

Json Celigo::ConnectionView(const Json& connection, bool with_queue) const {
  Json view = Masked(connection);
  if (with_queue) {
    const std::string id = Text(connection, "_id");
    const int64_t size = QueueSize(id);
    if (switches_.Is("queue_fields", "both")) view["queueSize"] = size;
    view["queues"] = Json::array({{{"name", id}, {"size", size}}});
  }
  return view;
}

std::optional<Response> Celigo::CheckConnection(const Json& next,
                                                const Json* stored) {
  if (!next.is_object()) {
    return Error(400, "invalid_json", "The body must be an object.");
  }
  for (const char* field : {"name", "type"}) {
    if (Text(next, field).empty()) {
      return Error(422, "missing_required_field",
                   absl::StrCat("Expected field: ", field, " to be present."),
                   field);
    }
  }
  if (Text(next, "name").size() > kNameLengthMax) {
    return Error(422, "invalid_or_missing_field", "The name is too long.",
                 "name");
  }
  const Json& netsuite = Member(next, "netsuite");
  const bool basic = Lower(Text(netsuite, "authType")) == "basic";
  if (basic && (stored == nullptr || switches_.Is("put_basic", "refused"))) {
    return Error(422, "netsuite_wsdl_tba_mandatory",
                 "The available WSDL versions require token-based "
                 "authentication.",
                 "netsuite.authType");
  }
  const std::string iclient = Text(netsuite, "_iClientId");
  if (!iclient.empty() && switches_.Is("iclient_ref_check", "yes") &&
      state_.iclients.Find(iclient) == nullptr) {
    return Error(422, "invalid_ref", "The iClient does not exist.",
                 "netsuite._iClientId");
  }
  const std::string connector =
      stored == nullptr ? "" : Text(*stored, "_connectorId");
  if (!iclient.empty() && !connector.empty() &&
      switches_.Is("iclient_connector_check", "yes")) {
    const std::vector<std::string>& offered =
        state_.connector_iclients[connector];
    if (std::find(offered.begin(), offered.end(), iclient) == offered.end()) {
      return Error(422, "invalid_ref",
                   "The iClient is not offered by the connector.",
                   "netsuite._iClientId");
    }
  }
  return std::nullopt;
}

void Celigo::Normalise(Json& next, const Json* stored, absl::Time now) const {
  for (const std::string_view field : kComputedFields) {
    next.erase(std::string(field));
  }
  if (stored != nullptr) {
    for (const std::string_view field : kServerFields) {
      Keep(stored, field, next);
    }
  }
  next["lastModified"] = FormatInstant(now);
  if (!next.contains("netsuite") || !next["netsuite"].is_object()) return;
  Json& netsuite = next["netsuite"];
  const Json* before = stored != nullptr && stored->contains("netsuite")
                           ? &(*stored)["netsuite"]
                           : nullptr;
  const bool drops = switches_.Is("read_only_fields_in_put", "dropped");
  for (const std::string_view field : kReadOnlyNetsuite) {
    Keep(drops ? nullptr : before, field, netsuite);
  }
  if (before != nullptr && switches_.Is("omitted_login_in_put", "kept")) {
    for (const std::string_view field : kLoginFields) {
      if (!netsuite.contains(std::string(field))) Keep(before, field, netsuite);
    }
  }
  const bool fills =
      stored == nullptr || switches_.Is("put_defaults", "filled_in");
  if (stored != nullptr && fills && Text(netsuite, "environment").empty()) {
    netsuite["environment"] = "production";
  }
  if (netsuite.contains("authType")) {
    netsuite["authType"] = Lower(Text(netsuite, "authType"));
  }
  if (netsuite.contains("account")) {
    netsuite["account"] = Upper(Text(netsuite, "account"));
  }
  const bool same_account = before != nullptr && Text(*before, "account") ==
                                                     Text(netsuite, "account");
  Keep(same_account ? before : nullptr, "dataCenterURLs", netsuite);
  const std::string wsdl = Text(netsuite, "wsdlVersion");
  const bool known = wsdl == "latest" || wsdl == "next";
  if ((!wsdl.empty() || stored == nullptr) && !known &&
      switches_.Is("wsdl_normalised", "yes")) {
    netsuite["wsdlVersion"] = "latest";
  }
  const int64_t licence = std::min<int64_t>(
      50, std::max<int64_t>(1, switches_.Count("concurrency_licence")));
  if (Member(netsuite, "concurrencyLevel").is_number()) {
    netsuite["concurrencyLevel"] =
        std::clamp<int64_t>(Number(netsuite, "concurrencyLevel"), 1, licence);
  } else if (fills) {
    netsuite["concurrencyLevel"] = 5;
  }
}

Response Celigo::CreateConnection(Call& call) {
  if (std::optional<Response> refusal = CheckConnection(call.body, nullptr)) {
    return *refusal;
  }
  Json next = call.body;
  for (const std::string_view field : kServerFields) {
    if (field != "type") next.erase(std::string(field));
  }
  Normalise(next, nullptr, call.now);
  Json document = {{"_id", random_.Hex(24)},
                   {"createdAt", FormatInstant(call.now)}};
  document.update(next);
  const Json& stored = state_.connections.Add(std::move(document));
  Record("connection", Json::object(), stored, "api", call.now);
  Response response = Document(stored);
  response.status = 201;
  return response;
}

Response Celigo::PutConnection(Call& call, Json& stored) {
  if (std::optional<Response> refusal = CheckConnection(call.body, &stored)) {
    return *refusal;
  }
  if (!Text(stored, "_connectorId").empty() &&
      switches_.Is("connector_put", "refused")) {
    return Error(403, "access_restricted",
                 "This connection belongs to an integration app.");
  }
  Json next = call.body;
  if (HasMask(next)) {
    if (switches_.Is("mask_in_put", "refuse")) {
      return Error(422, "invalid_or_missing_field",
                   "A masked value cannot be saved.");
    }
    if (switches_.Is("mask_in_put", "keep")) RestoreMasked(stored, next);
  }
  Normalise(next, &stored, call.now);
  // The server keeps its own order of the fields that it sets.
  Json document = {{"_id", Text(stored, "_id")}};
  document.update(next);
  ReplaceConnection(stored, std::move(document), "api", call.now);
  if (switches_.Is("put_tests_connection", "yes")) TestSaved(stored, call.now);
  if (switches_.Is("put_answer", "document")) return Document(stored);
  return TextResponse(switches_.Is("put_answer", "empty_204") ? 204 : 200,
                      "application/json", "");
}

void Celigo::ReplaceConnection(Json& stored, Json next, std::string_view source,
                               absl::Time now) {
  const bool same = SameCredential(stored, next);
  Record("connection", stored, next, source, now);
  stored = std::move(next);
  if (!same) LoseWork(Text(stored, "_id"), now);
}

Response Celigo::PatchConnection(Call& call, Json& stored) {
  static const auto* const allowed =
      new std::set<std::string>({"/name", "/debugDate", "/debugUntil"});
  Json next = stored;
  std::optional<Response> refusal = ApplyPatch(
      call.body,
      [](const std::string& path) { return allowed->contains(path); }, next);
  if (refusal.has_value()) return *refusal;
  next["lastModified"] = FormatInstant(call.now);
  Record("connection", stored, next, "api", call.now);
  stored = std::move(next);
  if (switches_.Is("connection_patch_answer", "200")) return Document(stored);
  return TextResponse(204, "application/json", "");
}

Response Celigo::PingAnswer(const LoginTest& test) const {
  Response response;
  if (!test.ok) {
    if (switches_.Is("ping_failure", "envelope_4xx")) {
      response = Error(static_cast<int>(switches_.Count("ping_failure_status")),
                       test.code, test.message);
    } else {
      Json entry = {{"code", test.code}, {"message", test.message}};
      if (switches_.Is("ping_error_code", "number")) entry["code"] = 401;
      response = JsonResponse(200, {{"errors", Json::array({entry})}});
    }
  } else if (switches_.Is("ping_success", "empty_200")) {
    response = TextResponse(200, "application/json", "");
  } else if (switches_.Is("ping_success", "empty_204")) {
    response = TextResponse(204, "application/json", "");
  } else {
    response = JsonResponse(200, {{"code", 200}});
  }
  response.delay = absl::Milliseconds(switches_.Count("ping_delay_ms"));
  return response;
}

Response Celigo::Ping(Json& stored, absl::Time now) {
  return PingAnswer(TestSaved(stored, now));
}

Response Celigo::PingUnsaved(Call& call) {
  if (Text(call.body, "type").empty()) {
    return Error(422, "missing_required_field",
                 "Expected field: type to be present.", "type");
  }
  Json document = call.body;
  Normalise(document, nullptr, call.now);
  return PingAnswer(TestLogin(document, call.now));
}

Response Celigo::ConnectionIClients(const Json& connection) const {
  if (switches_.Is("iclients_endpoint", "forbidden")) {
    return Error(403, "access_restricted", "You may not read this.");
  }
  if (switches_.Is("iclients_endpoint", "missing")) return NotFound();
  if (switches_.Is("iclients_endpoint", "empty")) {
    return JsonResponse(200, {{"iclients", Json::array()}});
  }
  std::vector<std::string> ids;
  std::string connector = Text(connection, "_connectorId");
  const Json* tile =
      state_.integrations.Find(Text(connection, "_integrationId"));
  if (connector.empty() && tile != nullptr) {
    connector = Text(*tile, "_connectorId");
  }
  const auto offered = state_.connector_iclients.find(connector);
  if (offered != state_.connector_iclients.end()) {
    ids = offered->second;
  } else {
    for (const std::string& id : state_.iclients.ids()) {
      if (Text(*state_.iclients.Find(id), "_connectorId").empty()) {
        ids.push_back(id);
      }
    }
  }
  Json entries = Json::array();
  for (const std::string& id : ids) {
    const Json* iclient = state_.iclients.Find(id);
    if (iclient == nullptr || Text(*iclient, "provider") != "netsuite")
      continue;
    entries.push_back({{"_id", id},
                       {"name", Text(*iclient, "name")},
                       {"provider", "netsuite"}});
  }
  return JsonResponse(200, {{"iclients", entries}});
}

Response Celigo::Dependencies(const Json& connection) const {
  const std::string id = Text(connection, "_id");
  const auto entry = [](const Json& document) -> Json {
    return {{"id", Text(document, "_id")},
            {"name", Text(document, "name")},
            {"paths", Json::array()},
            {"accessLevel", "owner"}};
  };
  Json all = Json::object();
  const std::string integration = Text(connection, "_integrationId");
  // What an integration app owns is used by its own documents only.
  const auto candidates = [&](const Documents& documents) {
    return integration.empty() ? documents.ids()
                               : documents.OfIntegration(integration);
  };
  const auto add = [&](const char* key, const Documents& documents) {
    for (const std::string& one : candidates(documents)) {
      const Json& document = *documents.Find(one);
      if (Text(document, "_connectionId") == id) {
        all[key].push_back(entry(document));
      }
    }
  };
  for (const std::string& flow_id : candidates(state_.flows)) {
    const Json& flow = *state_.flows.Find(flow_id);
    const std::vector<std::string> used = ConnectionsOf(flow);
    if (std::find(used.begin(), used.end(), id) != used.end()) {
      all["flows"].push_back(entry(flow));
    }
  }
  add("exports", state_.exports);
  add("imports", state_.imports);
  return JsonResponse(200, all);
}

Response Celigo::Debug(Call& call, const Json& connection) {
  std::string& log = state_.debug_logs[Text(connection, "_id")];
  if (call.Is("GET", 3)) return TextResponse(200, "text/plain", log);
  if (call.Is("DELETE", 3)) {
    log.clear();
    return TextResponse(204, "application/json", "");
  }
  return NotFound();
}

Response Celigo::Metadata(Call& call) {
  // netsuite/metadata/suitescript/connections/:id/recordTypes
  if (call.method() != "GET" || call.path.size() != 6 ||
      call.path[1] != "metadata" || call.path[3] != "connections" ||
      (call.path[5] != "recordtypes" && call.path[5] != "savedsearches")) {
    return NotFound();
  }
  Response refusal;
  const Json* connection = Find(state_.connections, call.path[4], refusal);
  if (connection == nullptr) return refusal;
  const LoginTest test = TestLogin(*connection, call.now);
  if (!test.ok) {
    if (switches_.Is("metadata_failure", "errors_200")) {
      return JsonResponse(
          200,
          {{"errors",
            Json::array({{{"code", test.code}, {"message", test.message}}})}});
    }
    return Error(422, test.code, test.message);
  }
  Json entries = Json::array();
  if (call.path[5] == "recordtypes") {
    for (const char* name : {"customer", "employee", "job", "projecttask",
                             "salesorder", "timebill"}) {
      entries.push_back({{"id", name}, {"name", name}, {"scriptId", name}});
    }
  } else {
    entries.push_back({{"id", "101"}, {"name", "Celigo Jira - Time Entries"}});
  }
  return JsonResponse(200, entries);
}

Response Celigo::AuthorizationUrl(Call& call) {
  if (!call.Is("GET", 3) || call.path[2] != "oauth2") return NotFound();
  Response refusal;
  const Json* connection = Find(state_.connections, call.path[1], refusal);
  if (connection == nullptr) return refusal;
  if (Text(Member(*connection, "netsuite"), "authType") != "token-auto") {
    return Error(422, "invalid_or_missing_field",
                 "The connection is not authorised in a browser.",
                 "netsuite.authType");
  }
  return JsonResponse(
      200, {{"authorizationURL",
             BaseUrl(call.request) + "/app/login/secure/authorizetoken.nl"}});
}

}  // namespace keyturn::sandbox
