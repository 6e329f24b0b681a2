#include "daemon/steps/discover.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/recipes.h"
#include "daemon/upstream/celigo/document.h"

namespace keyturn::steps {
namespace {

using celigo::Document;

std::string NetSuiteField(const Document& connection, const char* key) {
  return connection.contains("netsuite") &&
                 connection.at("netsuite").is_object()
             ? http::StringAt(connection.at("netsuite"), key)
             : "";
}

void Judge(DiscoveredConnection& found, const Recipe* recipe,
           const Recipe* suggested) {
  if (found.auth_type == "token" || found.auth_type == "token-auto") {
    found.blockers.push_back(
        "logs in with a token already; a spec with `adopt: true` "
        "proves it");
    return;
  }
  if (found.auth_type != "basic") {
    found.blockers.push_back("does not say how it logs in");
    return;
  }
  found.migratable = true;
  if (recipe == nullptr) {
    found.needs.push_back(
        suggested == nullptr
            ? "a spec with role.from, token.application and iclient: no recipe "
              "is known for this tile"
            : absl::StrCat(
                  "a spec with recipe: ", base::ToAbsl(suggested->name),
                  ", which the tile's name suggests"));
    return;
  }
  found.needs.push_back(
      absl::StrCat("a role made from ", base::ToAbsl(recipe->source_role)));
  if (!recipe->application.empty()) {
    found.needs.push_back(absl::StrCat("an access token of the application ",
                                       base::ToAbsl(recipe->application)));
  }
  if (found.offline) {
    found.needs.push_back(
        "nothing more, but note: it is offline, its flows do not run now");
  }
}

DiscoveredConnection Describe(const Document& connection,
                              const std::map<std::string, Document>& tiles) {
  DiscoveredConnection found;
  found.id = http::StringAt(connection, "_id");
  found.name = http::StringAt(connection, "name");
  found.auth_type = celigo::AuthTypeOf(connection);
  found.environment = NetSuiteField(connection, "environment");
  if (found.environment.empty()) found.environment = "production";
  found.netsuite_account = NetSuiteField(connection, "account");
  found.offline =
      connection.contains("offline") && connection.at("offline") == true;
  found.tile = http::StringAt(connection, "_integrationId");
  const Recipe* recipe = nullptr;
  const Recipe* suggested = nullptr;
  const auto tile = tiles.find(found.tile);
  if (tile != tiles.end()) {
    found.tile_name = http::StringAt(tile->second, "name");
    recipe = RecipeOfConnector(http::StringAt(tile->second, "_connectorId"));
    suggested = RecipeSuggestedBy(found.tile_name);
    if (recipe != nullptr) found.recipe = std::string(recipe->name);
  }
  Judge(found, recipe, suggested);
  return found;
}

DiscoveredConnection::Flow FlowOf(const Document& flow) {
  const bool off = flow.contains("disabled") && flow.at("disabled") == true;
  return {http::StringAt(flow, "_id"), http::StringAt(flow, "name"), !off};
}

}  // namespace

asio::awaitable<absl::StatusOr<std::vector<DiscoveredConnection>>> Discover(
    celigo::Client& celigo) {
  CO_ASSIGN_OR_RETURN(const std::vector<Document> connections,
                      co_await celigo.ListConnections());
  CO_ASSIGN_OR_RETURN(const std::vector<Document> integrations,
                      co_await celigo.ListIntegrations());
  std::map<std::string, Document> tiles;
  for (const Document& integration : integrations) {
    tiles.emplace(http::StringAt(integration, "_id"), integration);
  }
  std::vector<DiscoveredConnection> found;
  for (const Document& connection : connections) {
    if (http::StringAt(connection, "type") != "netsuite") continue;
    found.push_back(Describe(connection, tiles));
  }
  // One list per tile, not one per connection.
  std::map<std::string, std::vector<DiscoveredConnection::Flow>> flows;
  for (DiscoveredConnection& connection : found) {
    if (connection.tile.empty()) continue;
    if (flows.count(connection.tile) == 0) {
      const absl::StatusOr<std::vector<Document>> listed =
          co_await celigo.IntegrationFlows(connection.tile);
      std::vector<DiscoveredConnection::Flow>& of_tile = flows[connection.tile];
      // A connection may outlive its tile, and a token may see the connection
      // but not the tile.
      const bool closed =
          absl::IsNotFound(listed.status()) ||
          base::ReasonOf(listed.status()) == "OUTSIDE_FORBIDDEN";
      if (!listed.ok() && !closed) co_return listed.status();
      if (closed) continue;
      for (const Document& flow : *listed) of_tile.push_back(FlowOf(flow));
    }
    connection.flows = flows[connection.tile];
  }
  std::sort(found.begin(), found.end(),
            [](const DiscoveredConnection& a, const DiscoveredConnection& b) {
              return std::tie(a.name, a.id) < std::tie(b.name, b.id);
            });
  co_return found;
}

}  // namespace keyturn::steps
