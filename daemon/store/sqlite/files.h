// The files around the database: who may see them, and that only one process
// uses them.
#ifndef KEYTURN_DAEMON_STORE_SQLITE_FILES_H_
#define KEYTURN_DAEMON_STORE_SQLITE_FILES_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace keyturn::store::sqlite {

// The directory that holds `path`.
std::string DirectoryOf(const std::string& path);

// That the system refused to `what` the file with that errno: ResourceExhausted
// (DISK_FULL), FailedPrecondition (DISK_READ_ONLY, STORE_PERMISSIONS), else
// Unavailable (DISK_ERROR).
absl::Status SystemError(std::string_view what, const std::string& path,
                         int error);

// Makes the directory's entries durable.
absl::Status SyncDirectory(const std::string& directory);

// Makes the directory that holds `path` (mode 0700) or checks the one that is
// there. FailedPrecondition (STORE_PERMISSIONS) when others may enter it or it
// is not ours, with the command that mends it.
absl::Status PrepareDirectory(const std::string& path);

// Makes an empty file `path` (mode 0600), durably, or checks the one that is
// there, as above.
absl::Status PrepareFile(const std::string& path);

// Takes the database at `path` away, with what SQLite and FileLock keep beside
// it. Nothing to do is no error.
void RemoveDatabase(const std::string& path);

// Holds the lock on the database as long as it lives. The kernel frees it when
// the process ends in whatever way.
class FileLock {
 public:
  // Locks `path`.lock, a file of its own: SQLite's locks on the database would
  // be lost as soon as this process closed another descriptor of that file.
  // FailedPrecondition (STORE_LOCKED), with the holder's pid.
  static absl::StatusOr<std::unique_ptr<FileLock>> Take(
      const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}

  const int descriptor_;
};

}  // namespace keyturn::store::sqlite

#endif  // KEYTURN_DAEMON_STORE_SQLITE_FILES_H_
