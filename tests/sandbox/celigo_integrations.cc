#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/sandbox/celigo.h"

// Rows 2 to 6 of the contract: tiles and what belongs to them.
namespace keyturn::sandbox {

Response Celigo::Integrations(Call& call) {
  if (call.Is("GET", 1)) {
    return List(call, state_.integrations.ids(), [&](const std::string& id) {
      return Masked(*state_.integrations.Find(id));
    });
  }
  if (call.path.size() < 2) return NotFound();
  Response refusal;
  Json* integration = Find(state_.integrations, call.path[1], refusal);
  return integration == nullptr ? refusal : IntegrationCall(call, *integration);
}

Response Celigo::IntegrationCall(Call& call, Json& integration) {
  const std::string id = call.path[1];
  if (call.Is("GET", 2)) return Document(integration);
  if (call.Is("PUT", 4) && call.path[2] == "settings" &&
      call.path[3] == "persistsettings") {
    return PersistSettings(call, integration);
  }
  if (!call.Is("GET", 3)) return NotFound();
  const std::string& what = call.path[2];
  if (what == "connections") {
    const bool with_queue = call.request.Parameter("fetchQueueSize") == "true";
    const bool none =
        switches_.Is("tile_connections", "registered") && IsIa1(id);
    const std::vector<std::string> ids =
        none ? std::vector<std::string>()
             : state_.connections.OfIntegration(id);
    return List(call, ids, [&](const std::string& one) {
      return ConnectionView(*state_.connections.Find(one), with_queue);
    });
  }
  if (what == "flows" || what == "exports" || what == "imports") {
    const Documents& documents = what == "flows"     ? state_.flows
                                 : what == "exports" ? state_.exports
                                                     : state_.imports;
    return List(call, documents.OfIntegration(id), [&](const std::string& one) {
      return Masked(*documents.Find(one));
    });
  }
  if (what == "errors") return IntegrationErrors(call, id);
  if (what == "audit") return Audit(call, "integration", id);
  return NotFound();
}

Response Celigo::IntegrationErrors(const Call& call,
                                   const std::string& id) const {
  const std::vector<std::string>& flows = state_.flows.OfIntegration(id);
  return List(call, flows, [&](const std::string& flow) -> Json {
    int64_t count = 0;
    absl::Time last = absl::InfinitePast();
    for (const FlowError& error : state_.errors) {
      if (error.flow != flow) continue;
      ++count;
      last = error.occurred;
    }
    Json entry = {{"_flowId", flow}, {"numError", count}};
    if (count > 0) entry["lastErrorAt"] = FormatInstant(last);
    return entry;
  });
}

Response Celigo::PersistSettings(Call& call, const Json& integration) {
  if (switches_.Is("persist_settings", "forbidden")) {
    return Error(403, "access_restricted", "Not by a bearer token.");
  }
  if (switches_.Is("persist_settings", "refused") ||
      Flag(integration, "updateInProgress")) {
    return Error(422, "update_in_progress",
                 "Settings cannot be changed at the moment.");
  }
  const Json* pending = &Member(call.body, "pending");
  if (pending->is_object() && !pending->contains("flowId") &&
      pending->size() == 1 && pending->begin()->is_object()) {
    pending = &*pending->begin();
  }
  const std::string flow_id = Text(*pending, "flowId");
  Json* flow = state_.flows.Find(flow_id);
  if (flow == nullptr ||
      Text(*flow, "_integrationId") != Text(integration, "_id") ||
      !Member(*pending, "disabled").is_boolean()) {
    return Error(422, "invalid_ref", "The flow is not one of this integration.",
                 "pending.flowId");
  }
  if (switches_.Is("persist_settings", "changes")) {
    Json next = *flow;
    next["disabled"] = Flag(*pending, "disabled");
    if (std::optional<Response> refusal = CheckEnable(*flow, next)) {
      return *refusal;
    }
    SetFlowDisabled(*flow, Flag(*pending, "disabled"), "connector", call.now);
  }
  return JsonResponse(200, {{"success", true}, {"pending", Json::object()}});
}

}  // namespace keyturn::sandbox
