#include <string>

#include "daemon/rpc/convert.h"
#include "daemon/rpc/names.h"

namespace keyturn::rpc {

v1::DiscoverResponse ToProto(
    const std::vector<steps::DiscoveredConnection>& connections) {
  v1::DiscoverResponse result;
  for (const steps::DiscoveredConnection& from : connections) {
    v1::DiscoveredConnection* added = result.add_connections();
    added->set_id(from.id);
    added->set_name(from.name);
    added->set_auth_type(from.auth_type);
    added->set_environment(from.environment);
    added->set_netsuite_account(from.netsuite_account);
    added->set_offline(from.offline);
    added->set_tile(from.tile);
    added->set_tile_name(from.tile_name);
    added->set_recipe(from.recipe);
    for (const steps::DiscoveredConnection::Flow& flow : from.flows) {
      v1::DiscoveredConnection::Flow* added_flow = added->add_flows();
      added_flow->set_id(flow.id);
      added_flow->set_name(flow.name);
      added_flow->set_enabled(flow.enabled);
    }
    added->set_migratable(from.migratable);
    for (const std::string& blocker : from.blockers) {
      added->add_blockers(blocker);
    }
    for (const std::string& need : from.needs) added->add_needs(need);
  }
  return result;
}

}  // namespace keyturn::rpc
