#include "daemon/app/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::app {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kOthersMask = 077;
constexpr mode_t kOthersWriteMask = 022;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  const int fd_;
};

absl::Status SystemError(std::string_view what, const std::string& path) {
  const int code = errno;
  const std::string message = absl::StrCat("cannot ", base::ToAbsl(what), " ",
                                           path, ": ", std::strerror(code));
  switch (code) {
    case ENOENT:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(message);
    case EEXIST:
      return absl::AlreadyExistsError(message);
    default:
      return absl::UnavailableError(message);
  }
}

std::string DirectoryOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path();
  return parent.empty() ? "." : parent;
}

absl::StatusOr<secret::Secret> ReadAll(int fd, size_t size,
                                       const std::string& path) {
  secret::Secret content = secret::Secret::OfSize(size);
  size_t done = 0;
  while (done < size) {
    const ssize_t count = read(fd, content.ExposeMutable() + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError("read", path);
    if (count == 0) {
      return absl::UnavailableError(
          absl::StrCat(path, " changed while it was read; try again"));
    }
    done += static_cast<size_t>(count);
  }
  return content;
}

absl::StatusOr<secret::Secret> Read(const std::string& path, bool is_private) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!file.ok() || fstat(file.get(), &info) != 0) {
    return SystemError("read", path);
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(path + " is not a file");
  }
  if (is_private && (info.st_mode & kOthersMask) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, " holds a key and is open to others; run: chmod 600 ", path));
  }
  if (static_cast<size_t>(info.st_size) > kSmallFileSizeMax) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is larger than ", kSmallFileSizeMax, " bytes"));
  }
  return ReadAll(file.get(), static_cast<size_t>(info.st_size), path);
}

absl::Status WriteAll(int fd, std::string_view content,
                      const std::string& path) {
  while (!content.empty()) {
    const ssize_t count = write(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError("write", path);
    content.remove_prefix(static_cast<size_t>(count));
  }
  return fsync(fd) == 0 ? absl::OkStatus() : SystemError("write", path);
}

}  // namespace

absl::Status RefuseIfOthersMayWrite(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 ||
      (info.st_mode & kOthersWriteMask) == 0) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      path, " can be changed by other users; run: chmod go-w ", path));
}

absl::StatusOr<secret::Secret> ReadFile(const std::string& path) {
  return Read(path, /*is_private=*/false);
}

absl::StatusOr<secret::Secret> ReadPrivateFile(const std::string& path) {
  return Read(path, /*is_private=*/true);
}

absl::Status WriteNewFile(const std::string& path, std::string_view content) {
  absl::Status written;
  {
    const Descriptor file(
        open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
    if (!file.ok()) return SystemError("make", path);
    written = WriteAll(file.get(), content, path);
  }
  if (written.ok()) written = SyncDirectory(DirectoryOf(path));
  if (!written.ok()) unlink(path.c_str());
  return written;
}

absl::Status ReplaceFile(const std::string& path, std::string_view content) {
  std::string temporary = path + ".XXXXXX";
  absl::Status written;
  {
    const Descriptor file(mkostemp(temporary.data(), O_CLOEXEC));
    if (!file.ok()) return SystemError("write", path);
    written = WriteAll(file.get(), content, path);
  }
  if (written.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    written = SystemError("write", path);
  }
  if (!written.ok()) {
    unlink(temporary.c_str());
    return written;
  }
  return SyncDirectory(DirectoryOf(path));
}

absl::Status MakeDirectories(const std::string& path) {
  if (mkdir(path.c_str(), kDirectoryMode) == 0) {
    return SyncDirectory(DirectoryOf(path));
  }
  if (errno == ENOENT && DirectoryOf(path) != path) {
    RETURN_IF_ERROR(MakeDirectories(DirectoryOf(path)));
    return mkdir(path.c_str(), kDirectoryMode) == 0
               ? SyncDirectory(DirectoryOf(path))
               : SystemError("make", path);
  }
  struct stat info {};
  if (errno == EEXIST && stat(path.c_str(), &info) == 0 &&
      S_ISDIR(info.st_mode)) {
    return absl::OkStatus();
  }
  return SystemError("make", path);
}

absl::Status SyncDirectory(const std::string& path) {
  const Descriptor directory(
      open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.ok() || fsync(directory.get()) != 0) {
    return SystemError("make durable", path);
  }
  return absl::OkStatus();
}

}  // namespace keyturn::app
