#include "daemon/store/replacement.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/store/sqlite/files.h"
#include "daemon/store/sqlite/snapshot.h"

namespace keyturn::store {
namespace {

std::string ComingPath(const std::string& path) {
  return absl::StrCat(path, ".coming");
}
std::string CommittedPath(const std::string& path) {
  return absl::StrCat(path, ".restored");
}
std::string ReplacedPath(const std::string& path) {
  return absl::StrCat(path, ".replaced");
}

bool IsThere(const std::string& path) {
  struct stat found;
  return lstat(path.c_str(), &found) == 0;
}

// What is not there stays away.
absl::Status Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) == 0 || errno == ENOENT) {
    return absl::OkStatus();
  }
  return sqlite::SystemError("rename", from, errno);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Replacement>> Replacement::Begin(
    const std::string& path) {
  const std::string coming = ComingPath(path);
  sqlite::RemoveDatabase(coming);
  const int descriptor =
      open(coming.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
           S_IRUSR | S_IWUSR);
  if (descriptor < 0) return sqlite::SystemError("make file", coming, errno);
  return std::unique_ptr<Replacement>(new Replacement(path, descriptor));
}

Replacement::~Replacement() {
  store_ = nullptr;
  if (descriptor_ >= 0) close(descriptor_);
  if (!committed_) sqlite::RemoveDatabase(ComingPath(path_));
}

absl::Status Replacement::Add(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      return sqlite::SystemError("write", ComingPath(path_), errno);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Store*> Replacement::Open() {
  const int synced = fsync(descriptor_);
  const int error = errno;
  close(descriptor_);
  descriptor_ = -1;
  if (synced != 0) {
    return sqlite::SystemError("sync", ComingPath(path_), error);
  }
  SqliteOptions options;
  options.path = ComingPath(path_);
  ASSIGN_OR_RETURN(store_, OpenSqliteStore(std::move(options)));
  return store_.get();
}

absl::Status Replacement::Commit() {
  // Moves the log's pages into the one file that is left.
  store_ = nullptr;
  const std::string coming = ComingPath(path_);
  if (IsThere(absl::StrCat(coming, "-wal"))) {
    return base::WithReason(
        absl::UnavailableError(absl::StrCat(
            coming,
            " could not be closed; see the system's log for the disk's "
            "trouble")),
        "DISK_ERROR");
  }
  unlink(absl::StrCat(coming, ".lock").c_str());
  RETURN_IF_ERROR(Rename(coming, CommittedPath(path_)));
  committed_ = true;
  return sqlite::SyncDirectory(sqlite::DirectoryOf(path_));
}

absl::StatusOr<bool> TakeUpReplacement(const std::string& path) {
  RETURN_IF_ERROR(sqlite::PrepareDirectory(path));
  // Nobody may have the store open meanwhile.
  ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::FileLock> lock,
                   sqlite::FileLock::Take(path));
  sqlite::RemoveDatabase(ComingPath(path));
  sqlite::RemoveDatabase(sqlite::SnapshotPath(path));
  const std::string committed = CommittedPath(path);
  if (!IsThere(committed)) return false;
  // The log goes with its database, or it would be played into the new one.
  for (const char* suffix : {"", "-wal", "-shm"}) {
    RETURN_IF_ERROR(Rename(absl::StrCat(path, suffix),
                           absl::StrCat(ReplacedPath(path), suffix)));
  }
  RETURN_IF_ERROR(sqlite::SyncDirectory(sqlite::DirectoryOf(path)));
  RETURN_IF_ERROR(Rename(committed, path));
  RETURN_IF_ERROR(sqlite::SyncDirectory(sqlite::DirectoryOf(path)));
  return true;
}

}  // namespace keyturn::store
