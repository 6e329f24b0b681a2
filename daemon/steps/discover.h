// What there is to be migrated in a Celigo account.
#ifndef KEYTURN_DAEMON_STEPS_DISCOVER_H_
#define KEYTURN_DAEMON_STEPS_DISCOVER_H_

#include <asio/awaitable.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/upstream/celigo/client.h"

namespace keyturn::steps {

struct DiscoveredConnection {
  struct Flow {
    std::string id;
    std::string name;
    bool enabled = false;
  };
  std::string id;
  std::string name;
  std::string auth_type;
  std::string environment;
  std::string netsuite_account;
  bool offline = false;
  std::string tile;
  std::string tile_name;
  std::string recipe;
  std::vector<Flow> flows;
  bool migratable = false;
  std::vector<std::string> blockers;
  std::vector<std::string> needs;
};

// Every NetSuite connection of the account, by name. Only reads.
asio::awaitable<absl::StatusOr<std::vector<DiscoveredConnection>>> Discover(
    celigo::Client& celigo);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_DISCOVER_H_
