#include <map>
#include <utility>

#include "tests/sandbox/celigo.h"

// Row 21 of the contract: who changed what.
namespace keyturn::sandbox {
namespace {

constexpr size_t kAuditEntriesMax = 20000;

// "netsuite.authType" → value, for every leaf.
void Flatten(const Json& value, const std::string& path, bool mask,
             std::map<std::string, Json>& leaves) {
  if (!value.is_object()) {
    leaves[path] = value;
    return;
  }
  for (const auto& [key, member] : value.items()) {
    const std::string below = path.empty() ? key : path + "." + key;
    if (mask && member.is_string() && IsSecretField(key)) {
      // Different secrets must still show as a change.
      leaves[below] = std::string(kMask) +
                      HexEncode(Sha256(member.get_ref<const std::string&>()));
    } else {
      Flatten(member, below, mask, leaves);
    }
  }
}

Json Shown(const Json& value, bool mask) {
  if (mask && value.is_string() &&
      value.get_ref<const std::string&>().starts_with(kMask)) {
    return kMask;
  }
  return value;
}

Json Changes(const Json& before, const Json& after, bool mask) {
  std::map<std::string, Json> old_leaves;
  std::map<std::string, Json> new_leaves;
  Flatten(before, "", mask, old_leaves);
  Flatten(after, "", mask, new_leaves);
  Json changes = Json::array();
  for (const auto& [path, value] : old_leaves) {
    const auto found = new_leaves.find(path);
    if (found != new_leaves.end() && found->second == value) continue;
    Json change = {{"fieldPath", path}, {"oldValue", Shown(value, mask)}};
    if (found != new_leaves.end()) {
      change["newValue"] = Shown(found->second, mask);
    }
    changes.push_back(std::move(change));
  }
  for (const auto& [path, value] : new_leaves) {
    if (old_leaves.contains(path)) continue;
    changes.push_back({{"fieldPath", path}, {"newValue", Shown(value, mask)}});
  }
  return changes;
}

}  // namespace

void Celigo::Record(std::string_view type, const Json& before,
                    const Json& after, std::string_view source,
                    absl::Time now) {
  Json changes =
      Changes(before, after, switches_.Is("audit_masks_secrets", "yes"));
  if (changes.empty()) return;
  if (state_.audit.size() >= kAuditEntriesMax) state_.audit.pop_back();
  state_.audit.push_front(
      {{"_id", random_.Hex(24)},
       {"resourceType", type},
       {"_resourceId", Text(after, "_id")},
       {"source", source},
       {"event", before.empty() ? "create" : "update"},
       {"fieldChanges", std::move(changes)},
       {"byUser", {{"_id", state_.user_id}, {"email", state_.user_email}}},
       {"time", FormatInstant(now)}});
}

Response Celigo::Audit(const Call& call, const std::string& type,
                       const std::string& id) const {
  const Request& request = call.request;
  absl::Time from = absl::InfinitePast();
  absl::Time to = absl::InfiniteFuture();
  for (const auto& [name, bound] :
       {std::make_pair("from", &from), std::make_pair("to", &to)}) {
    const std::string text = request.Parameter(name);
    if (text.empty()) continue;
    const std::optional<absl::Time> time = ParseInstant(text);
    if (!time) return Error(400, "invalid_query", "from or to is no instant.");
    *bound = *time;
  }
  std::map<std::string, const Json*> by_id;
  std::vector<std::string> ids;
  for (const Json& entry : state_.audit) {
    const std::optional<absl::Time> time = ParseInstant(Text(entry, "time"));
    const bool wanted = (type.empty() || Text(entry, "resourceType") == type) &&
                        (id.empty() || Text(entry, "_resourceId") == id) &&
                        time >= from && time <= to;
    const std::string source = request.Parameter("source");
    const std::string resource = request.Parameter("_resourceId");
    if (!wanted || (!source.empty() && Text(entry, "source") != source) ||
        (!resource.empty() && Text(entry, "_resourceId") != resource)) {
      continue;
    }
    ids.push_back(Text(entry, "_id"));
    by_id[ids.back()] = &entry;
  }
  return List(call, ids,
              [&](const std::string& one) { return *by_id.at(one); });
}

}  // namespace keyturn::sandbox
