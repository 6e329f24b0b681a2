// The database's tables, and how older ones become the present ones.
#ifndef KEYTURN_DAEMON_STORE_SQLITE_SCHEMA_H_
#define KEYTURN_DAEMON_STORE_SQLITE_SCHEMA_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "daemon/store/sqlite/connection.h"

namespace keyturn::store::sqlite {

// "KyTn": marks the file as ours (PRAGMA application_id).
inline constexpr int64_t kApplicationId = 0x4B79546E;

// The statements that lead to version n from n - 1 stand at [n - 1]. A released
// line is never changed; a new format is a new line.
const std::vector<const char*>& SchemaSteps();

// Version of the tables that this daemon writes (PRAGMA user_version).
int SchemaVersion();

// Fails unless the file is empty or a store of Keyturn that is not newer than
// `steps`: FailedPrecondition (STORE_FOREIGN, STORE_NEWER). Writes nothing.
absl::Status CheckOrigin(Connection& connection, const std::string& path,
                         const std::vector<const char*>& steps);

// Brings the tables to the newest version, each step in a transaction of its
// own together with the new version's number. Nothing to do is no error.
absl::Status Upgrade(Connection& connection,
                     const std::vector<const char*>& steps);

}  // namespace keyturn::store::sqlite

#endif  // KEYTURN_DAEMON_STORE_SQLITE_SCHEMA_H_
