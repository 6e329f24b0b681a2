// Celigo's integration documents ("tiles"): which connection and which kind of
// integration app they stand for. Pure functions.
#ifndef KEYTURN_DAEMON_UPSTREAM_CELIGO_TILE_H_
#define KEYTURN_DAEMON_UPSTREAM_CELIGO_TILE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/upstream/http/json.h"

namespace keyturn::celigo {

// Where a tile's NetSuite connection was found. An empty way found nothing,
// which is allowed as long as another way did.
struct TileConnection {
  std::string connection_id;
  bool by_integration_id = false;
  bool by_common_resources = false;
  bool by_install_step = false;
};

// Finds the NetSuite connection of an integration app three ways that must
// agree: the connection of type netsuite whose _integrationId is the tile;
// settings.commonresources.netsuiteConnectionId; install[]._connectionId.
// `connections` are the account's or the tile's. What cannot be an id
// (IsCeligoId) names nothing.
//
// NotFound with reason CONNECTION_NOT_FOUND when no way leads to one;
// FailedPrecondition with reason CONNECTION_AMBIGUOUS when two ways lead to
// different ones, or one way to several; the message names them.
absl::StatusOr<TileConnection> FindNetSuiteConnection(
    const http::Document& integration,
    const std::vector<http::Document>& connections);

enum class IntegrationAppVersion {
  kNone,  // not an integration app: it has no connector
  k1,     // flows are switched through persistSettings
  k2,     // has install or uninstall steps; flows are patched
};
IntegrationAppVersion IntegrationAppVersionOf(
    const http::Document& integration);

// Whether the integration app serves several stores, each with flows of its
// own. Then persistSettings wants the store's id.
bool IsMultiStore(const http::Document& integration);

// The store to which a flow belongs, looked up in settings.sections. Empty when
// the app is not multi-store or no section names the flow.
std::optional<std::string> StoreIdOf(const http::Document& integration,
                                     std::string_view flow_id);

// Whether an update of the app is under way; its settings must then be left
// alone.
bool UpdateInProgress(const http::Document& integration);

// The ids of a flow's exports, which is what a test run starts from: its page
// generators, or the one export of an old flow.
std::vector<std::string> ExportIdsOf(const http::Document& flow);

}  // namespace keyturn::celigo

#endif  // KEYTURN_DAEMON_UPSTREAM_CELIGO_TILE_H_
