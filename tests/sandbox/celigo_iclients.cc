#include <utility>

#include "tests/sandbox/celigo.h"

// Row 17 of the contract: the account's own iClients. Those of a connector are
// only seen through a connection of its tile.
namespace keyturn::sandbox {

Response Celigo::IClients(Call& call) {
  if (call.Is("GET", 1)) {
    std::vector<std::string> own;
    for (const std::string& id : state_.iclients.ids()) {
      if (Text(*state_.iclients.Find(id), "_connectorId").empty()) {
        own.push_back(id);
      }
    }
    return List(
        call, own,
        [&](const std::string& id) {
          return Masked(*state_.iclients.Find(id));
        },
        /*paged=*/false);
  }
  if (call.path.size() != 2) return NotFound();
  Response refusal;
  Json* iclient = Find(state_.iclients, call.path[1], refusal);
  if (iclient == nullptr) return refusal;
  if (!Text(*iclient, "_connectorId").empty()) return NotFound();
  if (call.method() == "GET") return Document(*iclient);
  if (call.method() == "PUT") return PutIClient(call, *iclient);
  return NotFound();
}

Response Celigo::PutIClient(Call& call, Json& stored) {
  if (!call.body.is_object() || Text(call.body, "name").empty()) {
    return Error(422, "missing_required_field",
                 "Expected field: name to be present.", "name");
  }
  Json next = call.body;
  next["_id"] = Text(stored, "_id");
  next["provider"] = Text(stored, "provider");
  next["lastModified"] = FormatInstant(call.now);
  if (switches_.Is("iclient_mask_in_put", "keep") &&
      Member(next, "netsuite").is_object()) {
    for (auto& [key, value] : next["netsuite"].items()) {
      if (HasMask(value)) value = Member(Member(stored, "netsuite"), key);
    }
  }
  Record("iClient", stored, next, "api", call.now);
  stored = std::move(next);
  return Document(stored);
}

}  // namespace keyturn::sandbox
