#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/sandbox/json.h"
#include "tests/sandbox/world.h"

namespace keyturn::sandbox {

struct SeedOptions {
  // Number of tiles, each with its NetSuite connection, user and flows. The
  // first is the Jira – NetSuite tile of the seed document.
  int connections = 1;
  // NetSuite accounts they are spread over.
  int accounts = 1;
  // Token-based authentication is on from the beginning, so that an access
  // token for the daemon itself can be used.
  bool netsuite_access = false;
  // Flows with a schedule start again and again, as in a business that goes on.
  bool schedules = true;
};

// A file that a client needs, relative to the data directory.
struct SeedFile {
  std::string path;
  std::string content;
};

struct Seeded {
  // What goes into sandbox.json, without what the server adds.
  Json info;
  std::vector<SeedFile> files;
};

// Fills an empty world. InvalidArgument for numbers out of range (connections 1
// to kConnectionsMax, accounts 1 to connections).
absl::StatusOr<Seeded> SeedWorld(const SeedOptions& options, World* world);

}  // namespace keyturn::sandbox
