#include "daemon/upstream/celigo/tile.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"
#include "daemon/upstream/celigo/values.h"

namespace keyturn::celigo {
namespace {

using base::WithReason;
using http::Document;
using http::StringAt;

const Document& Member(const Document& object, std::string_view name) {
  static const Document kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}

bool IsNonEmptyArray(const Document& value) {
  return value.is_array() && !value.empty();
}

bool BoolAt(const Document& object, std::string_view name) {
  const Document& value = Member(object, name);
  return value.is_boolean() && value.get<bool>();
}

std::set<std::string> ByIntegrationId(
    const Document& integration, const std::set<std::string>& netsuite,
    const std::vector<Document>& connections) {
  const std::string tile = StringAt(integration, "_id");
  std::set<std::string> ids;
  for (const Document& connection : connections) {
    const std::string id = StringAt(connection, "_id");
    if (!tile.empty() && netsuite.contains(id) &&
        StringAt(connection, "_integrationId") == tile) {
      ids.insert(id);
    }
  }
  return ids;
}

// Steps also name the connections of other applications.
std::set<std::string> ByInstallStep(const Document& integration,
                                    const std::set<std::string>& netsuite) {
  std::set<std::string> ids;
  const Document& steps = Member(integration, "install");
  if (!steps.is_array()) return ids;
  for (const Document& step : steps) {
    const std::string id = StringAt(step, "_connectionId");
    if (netsuite.contains(id)) ids.insert(id);
  }
  return ids;
}

// Does the section, or one below it, hold the flow?
bool SectionHolds(const Document& section, std::string_view flow_id) {
  const Document& flows = Member(section, "flows");
  if (flows.is_array()) {
    for (const Document& flow : flows) {
      if (flow.is_string() ? flow.get_ref<const std::string&>() == flow_id
                           : StringAt(flow, "_id") == flow_id) {
        return true;
      }
    }
  }
  const Document& sections = Member(section, "sections");
  return sections.is_array() &&
         std::any_of(sections.begin(), sections.end(),
                     [flow_id](const Document& inner) {
                       return SectionHolds(inner, flow_id);
                     });
}

std::string IdOf(const Document& section) {
  const Document& id = Member(section, "id");
  if (id.is_number_integer()) return std::to_string(id.get<int64_t>());
  return StringAt(section, "id");
}

}  // namespace

absl::StatusOr<TileConnection> FindNetSuiteConnection(
    const Document& integration, const std::vector<Document>& connections) {
  std::set<std::string> netsuite;
  for (const Document& connection : connections) {
    const std::string id = StringAt(connection, "_id");
    if (IsCeligoId(id) && StringAt(connection, "type") == "netsuite") {
      netsuite.insert(id);
    }
  }
  const std::set<std::string> by_integration =
      ByIntegrationId(integration, netsuite, connections);
  const std::set<std::string> by_install = ByInstallStep(integration, netsuite);
  std::string by_resources =
      StringAt(Member(Member(integration, "settings"), "commonresources"),
               "netsuiteConnectionId");
  if (!IsCeligoId(by_resources)) by_resources.clear();

  std::set<std::string> all = by_integration;
  all.insert(by_install.begin(), by_install.end());
  if (!by_resources.empty()) all.insert(by_resources);
  if (all.empty()) {
    return WithReason(
        absl::NotFoundError("the tile has no NetSuite connection; check that "
                            "it is installed, and its id"),
        "CONNECTION_NOT_FOUND");
  }
  if (all.size() > 1) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "the tile leads to more than one NetSuite connection (",
            absl::StrJoin(all, ", "),
            "); name the one to be changed in the spec as celigo.connection")),
        "CONNECTION_AMBIGUOUS");
  }
  TileConnection found;
  found.connection_id = *all.begin();
  found.by_integration_id = !by_integration.empty();
  found.by_common_resources = !by_resources.empty();
  found.by_install_step = !by_install.empty();
  return found;
}

IntegrationAppVersion IntegrationAppVersionOf(const Document& integration) {
  if (StringAt(integration, "_connectorId").empty()) {
    return IntegrationAppVersion::kNone;
  }
  return IsNonEmptyArray(Member(integration, "installSteps")) ||
                 IsNonEmptyArray(Member(integration, "uninstallSteps"))
             ? IntegrationAppVersion::k2
             : IntegrationAppVersion::k1;
}

bool IsMultiStore(const Document& integration) {
  return BoolAt(Member(integration, "settings"), "supportsMultiStore");
}

std::optional<std::string> StoreIdOf(const Document& integration,
                                     std::string_view flow_id) {
  if (!IsMultiStore(integration)) return std::nullopt;
  const Document& stores = Member(Member(integration, "settings"), "sections");
  if (!stores.is_array()) return std::nullopt;
  for (const Document& store : stores) {
    std::string id = IdOf(store);
    if (!id.empty() && SectionHolds(store, flow_id)) return id;
  }
  return std::nullopt;
}

bool UpdateInProgress(const Document& integration) {
  return BoolAt(integration, "updateInProgress");
}

std::vector<std::string> ExportIdsOf(const Document& flow) {
  std::vector<std::string> ids;
  const Document& generators = Member(flow, "pageGenerators");
  if (generators.is_array()) {
    for (const Document& generator : generators) {
      std::string id = StringAt(generator, "_exportId");
      if (!id.empty()) ids.push_back(std::move(id));
    }
  }
  if (ids.empty()) {
    std::string id = StringAt(flow, "_exportId");
    if (!id.empty()) ids.push_back(std::move(id));
  }
  return ids;
}

}  // namespace keyturn::celigo
