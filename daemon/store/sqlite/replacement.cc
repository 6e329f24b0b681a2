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

std::string HeldPath(const std::string& path) {
  return absl::StrCat(path, ".held");
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

// How many items `list(page)` gives, page by page.
template <typename List>
absl::StatusOr<int64_t> Count(const List& list) {
  int64_t all = 0;
  PageRequest page;
  do {
    ASSIGN_OR_RETURN(const auto found, list(page));
    all += static_cast<int64_t>(found.items.size());
    page.after = found.next;
  } while (!page.after.empty());
  return all;
}

// What was acknowledged between a replacement's commit and the daemon's end is
// not to be lost.
absl::Status CheckEmpty(const std::string& path) {
  SqliteOptions options;
  options.path = path;
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store,
                   OpenSqliteStore(std::move(options)));
  ASSIGN_OR_RETURN(const Holdings holdings, HoldingsOf(*store));
  if (holdings.none()) return absl::OkStatus();
  return base::WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          path, " holds ", Describe(holdings),
          ", stored while a back-up came back, which waits as ",
          CommittedPath(path), ": move the one away that is not wanted")),
      "STORE_NOT_EMPTY");
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

absl::StatusOr<Store*> Replacement::Open(AuditSealer* audit_sealer) {
  const int synced = fsync(descriptor_);
  const int error = errno;
  close(descriptor_);
  descriptor_ = -1;
  if (synced != 0) {
    return sqlite::SystemError("sync", ComingPath(path_), error);
  }
  SqliteOptions options;
  options.path = ComingPath(path_);
  options.audit_sealer = audit_sealer;
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

bool ReplacementWaits(const std::string& path) {
  return IsThere(CommittedPath(path));
}

absl::Status TakeUpReplacement(const std::string& path) {
  RETURN_IF_ERROR(sqlite::PrepareDirectory(path));
  const std::string committed = CommittedPath(path);
  if (IsThere(committed) && IsThere(path)) RETURN_IF_ERROR(CheckEmpty(path));
  // Nobody may have the store open meanwhile.
  ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::FileLock> lock,
                   sqlite::FileLock::Take(path));
  sqlite::RemoveDatabase(ComingPath(path));
  sqlite::RemoveDatabase(sqlite::SnapshotPath(path));
  if (!IsThere(committed)) return absl::OkStatus();
  RETURN_IF_ERROR(sqlite::PrepareFile(HeldPath(path)));
  // The log goes with its database, or it would be played into the new one.
  for (const char* suffix : {"", "-wal", "-shm"}) {
    RETURN_IF_ERROR(Rename(absl::StrCat(path, suffix),
                           absl::StrCat(ReplacedPath(path), suffix)));
  }
  RETURN_IF_ERROR(sqlite::SyncDirectory(sqlite::DirectoryOf(path)));
  RETURN_IF_ERROR(Rename(committed, path));
  return sqlite::SyncDirectory(sqlite::DirectoryOf(path));
}

bool IsHeld(const std::string& path) { return IsThere(HeldPath(path)); }

absl::Status Release(const std::string& path) {
  const std::string held = HeldPath(path);
  if (unlink(held.c_str()) != 0) {
    return errno == ENOENT ? absl::OkStatus()
                           : sqlite::SystemError("remove", held, errno);
  }
  return sqlite::SyncDirectory(sqlite::DirectoryOf(path));
}

absl::StatusOr<Holdings> HoldingsOf(Store& store) {
  Holdings holdings;
  ASSIGN_OR_RETURN(const auto counts, store.CountByState());
  for (const auto& [state, count] : counts) holdings.migrations += count;
  ASSIGN_OR_RETURN(holdings.credentials, Count([&](const PageRequest& page) {
                     return store.ListCredentials(page);
                   }));
  ASSIGN_OR_RETURN(holdings.accounts, Count([&](const PageRequest& page) {
                     return store.ListAccounts(page);
                   }));
  return holdings;
}

std::string Describe(const Holdings& holdings) {
  return absl::StrCat(holdings.migrations, " migrations, ",
                      holdings.credentials, " credentials and ",
                      holdings.accounts, " accounts");
}

}  // namespace keyturn::store
