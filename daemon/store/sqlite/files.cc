#include "daemon/store/sqlite/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::store::sqlite {
namespace {

constexpr mode_t kOthers = S_IRWXG | S_IRWXO;

absl::Status PermissionError(std::string text) {
  return base::WithReason(absl::FailedPreconditionError(text),
                          "STORE_PERMISSIONS");
}

absl::Status CheckOurs(const std::string& path, const struct stat& found,
                       std::string_view mode) {
  if (found.st_uid != geteuid()) {
    return PermissionError(absl::StrCat(path, " belongs to user ", found.st_uid,
                                        ", but we run as user ", geteuid(),
                                        ": chown ", geteuid(), " ", path));
  }
  if ((found.st_mode & kOthers) != 0) {
    return PermissionError(absl::StrCat(path, " is open to other users: chmod ",
                                        base::ToAbsl(mode), " ", path));
  }
  return absl::OkStatus();
}

std::string ReadHolder(int descriptor) {
  std::array<char, 32> text;
  const ssize_t size = pread(descriptor, text.data(), text.size(), 0);
  if (size <= 0) return "of unknown pid";
  return absl::StrCat("with pid ", absl::StripAsciiWhitespace(
                                       absl::string_view(text.data(), size)));
}

absl::Status WriteHolder(int descriptor, const std::string& path) {
  const std::string text = absl::StrCat(getpid(), "\n");
  if (ftruncate(descriptor, 0) != 0) return SystemError("write", path, errno);
  const ssize_t written = pwrite(descriptor, text.data(), text.size(), 0);
  if (written == static_cast<ssize_t>(text.size())) return absl::OkStatus();
  // What took only a part has no room.
  return SystemError("write", path, written < 0 ? errno : ENOSPC);
}

}  // namespace

std::string DirectoryOf(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path();
  return directory.empty() ? "." : directory;
}

absl::Status SystemError(std::string_view what, const std::string& path,
                         int error) {
  const std::string text = absl::StrCat("cannot ", base::ToAbsl(what), " ",
                                        path, ": ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) {
    return base::WithReason(absl::ResourceExhaustedError(text), "DISK_FULL");
  }
  if (error == EROFS) {
    return base::WithReason(absl::FailedPreconditionError(text),
                            "DISK_READ_ONLY");
  }
  if (error == ENOENT || error == EACCES || error == ENOTDIR ||
      error == ELOOP) {
    return base::WithReason(absl::FailedPreconditionError(text),
                            "STORE_PERMISSIONS");
  }
  return base::WithReason(absl::UnavailableError(text), "DISK_ERROR");
}

absl::Status SyncDirectory(const std::string& directory) {
  const int descriptor =
      open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return SystemError("open", directory, errno);
  const int result = fsync(descriptor);
  const int error = errno;
  close(descriptor);
  return result == 0 ? absl::OkStatus() : SystemError("sync", directory, error);
}

absl::Status PrepareDirectory(const std::string& path) {
  const std::string directory = DirectoryOf(path);
  if (mkdir(directory.c_str(), S_IRWXU) == 0) {
    return SyncDirectory(DirectoryOf(directory));
  }
  if (errno != EEXIST) return SystemError("make directory", directory, errno);
  struct stat found;
  if (stat(directory.c_str(), &found) != 0) {
    return SystemError("look at", directory, errno);
  }
  if (!S_ISDIR(found.st_mode)) {
    return PermissionError(absl::StrCat(directory, " is not a directory"));
  }
  return CheckOurs(directory, found, "0700");
}

absl::Status PrepareFile(const std::string& path) {
  const int descriptor =
      open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
           S_IRUSR | S_IWUSR);
  if (descriptor >= 0) {
    close(descriptor);
    return SyncDirectory(DirectoryOf(path));
  }
  if (errno != EEXIST) return SystemError("make file", path, errno);
  struct stat found;
  if (lstat(path.c_str(), &found) != 0) {
    return SystemError("look at", path, errno);
  }
  if (!S_ISREG(found.st_mode)) {
    return PermissionError(absl::StrCat(path, " is not a regular file"));
  }
  return CheckOurs(path, found, "0600");
}

void RemoveDatabase(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal", ".lock"}) {
    unlink(absl::StrCat(path, suffix).c_str());
  }
}

absl::StatusOr<std::unique_ptr<FileLock>> FileLock::Take(
    const std::string& path) {
  const std::string lock_path = absl::StrCat(path, ".lock");
  const int descriptor =
      open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
           S_IRUSR | S_IWUSR);
  if (descriptor < 0) return SystemError("open", lock_path, errno);
  std::unique_ptr<FileLock> lock(new FileLock(descriptor));
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError("lock", lock_path, errno);
    return base::WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "another keyturnd, ", ReadHolder(descriptor), ", has ", path,
            " open: stop it first, or give this one its own data directory")),
        "STORE_LOCKED");
  }
  RETURN_IF_ERROR(WriteHolder(descriptor, lock_path));
  return lock;
}

FileLock::~FileLock() { close(descriptor_); }

}  // namespace keyturn::store::sqlite
