// Small files, read and written with care.
#ifndef KEYTURN_DAEMON_APP_FILES_H_
#define KEYTURN_DAEMON_APP_FILES_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/secret/secret.h"

namespace keyturn::app {

// Configuration, certificates, keys, contexts.
inline constexpr size_t kSmallFileSizeMax = 1024 * 1024;

// Every error names the path and what the system says: NotFound,
// PermissionDenied, AlreadyExists, else Unavailable.

// FailedPrecondition for a file over kSmallFileSizeMax.
absl::StatusOr<secret::Secret> ReadFile(const std::string& path);

// As ReadFile; FailedPrecondition, with the command that mends it, when others
// than its owner can read the file.
absl::StatusOr<secret::Secret> ReadPrivateFile(const std::string& path);

// FailedPrecondition, with the command that mends it, when others than its
// owner can write to the file or directory: who can decides what the daemon
// does. OK when there is none.
absl::Status RefuseIfOthersMayWrite(const std::string& path);

// Makes a file that must not be there yet, mode 0600, durable on return.
absl::Status WriteNewFile(const std::string& path, std::string_view content);

// Writes the file anew as a whole, mode 0600, durable on return: afterwards it
// is the old one or the new one, whatever happens.
absl::Status ReplaceFile(const std::string& path, std::string_view content);

// Makes `path` and what is missing above it, mode 0700. OK when it is there.
absl::Status MakeDirectories(const std::string& path);

// Makes the directory's entries durable.
absl::Status SyncDirectory(const std::string& path);

}  // namespace keyturn::app

#endif  // KEYTURN_DAEMON_APP_FILES_H_
