// Copies of a running store.
#ifndef KEYTURN_DAEMON_STORE_SQLITE_SNAPSHOT_H_
#define KEYTURN_DAEMON_STORE_SQLITE_SNAPSHOT_H_

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/store/store.h"

namespace keyturn::store::sqlite {

// Where the copy of the store at `path` lies while somebody reads it.
std::string SnapshotPath(const std::string& path);

// Copies the store at `path`, see Store::TakeSnapshot. `taken` says whether
// there is a snapshot; it outlives the result.
absl::StatusOr<std::unique_ptr<Snapshot>> TakeSnapshot(
    const std::string& path, const std::string& vfs, std::atomic<bool>& taken);

}  // namespace keyturn::store::sqlite

#endif  // KEYTURN_DAEMON_STORE_SQLITE_SNAPSHOT_H_
