// Who may call what: one table, in policy.cc.
#ifndef KEYTURN_DAEMON_ACCESS_POLICY_H_
#define KEYTURN_DAEMON_ACCESS_POLICY_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "daemon/access/identity.h"

namespace keyturn::access {

// PermissionDenied with reason NOT_PERMITTED unless `identity` has a role that
// may call `rpc` ("keyturn.v1.Migrations/GetMigration"); Unauthenticated
// (NO_CERTIFICATE) for an anonymous caller, who may only enrol. An RPC without
// a row is refused to everybody. To be asked before anything is looked up, so
// that a caller without permission learns nothing about what there is.
absl::Status Authorize(const Identity& identity, std::string_view rpc);

// Internal, naming every RPC of `rpcs` that has no row and every row that
// stands for none of them: the daemon does not start with such a table.
absl::Status CheckComplete(const std::vector<std::string>& rpcs);

// The roles that may call `rpc`, for messages and tests; empty without a row.
Roles RolesFor(std::string_view rpc);

}  // namespace keyturn::access

#endif  // KEYTURN_DAEMON_ACCESS_POLICY_H_
