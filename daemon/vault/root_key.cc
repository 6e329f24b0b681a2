#include "daemon/vault/root_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/vault/sealing.h"

namespace keyturn::vault {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }

 private:
  const int number_;
};

absl::Status SystemError(const char* what, const std::string& path, int error) {
  return absl::UnavailableError(
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error)));
}

absl::Status SyncDirectoryOf(const std::string& path) {
  std::string directory = std::filesystem::path(path).parent_path();
  if (directory.empty()) directory = ".";
  const Descriptor opened(
      open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open() || fsync(opened.number()) != 0) {
    return SystemError("sync", directory, errno);
  }
  return absl::OkStatus();
}

absl::Status CheckFile(const std::string& path, const struct stat& found) {
  std::string trouble;
  if (!S_ISREG(found.st_mode)) {
    trouble = absl::StrCat("the root key ", path, " is not a regular file");
  } else if (found.st_uid != geteuid()) {
    trouble = absl::StrCat("the root key ", path, " belongs to user ",
                           found.st_uid, ", but we run as user ", geteuid(),
                           ": chown ", geteuid(), " ", path);
  } else if ((found.st_mode & (S_IXUSR | S_IRWXG | S_IRWXO)) != 0) {
    trouble = absl::StrCat("the root key ", path,
                           " is open to other users: chmod 0600 ", path);
  }
  if (!trouble.empty()) {
    return base::WithReason(absl::FailedPreconditionError(trouble),
                            "ROOT_KEY_PERMISSIONS");
  }
  if (found.st_size != static_cast<off_t>(kRootKeyBytes)) {
    return base::WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "the root key ", path, " has ", found.st_size, " bytes, not ",
            kRootKeyBytes, ": put the right file there (from a back-up)")),
        "ROOT_KEY_SIZE");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status GenerateRootKeyFile(const std::string& path) {
  const Descriptor file(open(path.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                             S_IRUSR | S_IWUSR));
  if (!file.is_open()) {
    if (errno != EEXIST) return SystemError("make", path, errno);
    return base::WithReason(
        absl::AlreadyExistsError(
            absl::StrCat("there is already a root key ", path,
                         ": keep it, since all stored credentials hang on it")),
        "ROOT_KEY_EXISTS");
  }
  const secret::Secret key = FreshKey();
  if (write(file.number(), key.Expose().data(), key.size()) !=
          static_cast<ssize_t>(key.size()) ||
      fsync(file.number()) != 0) {
    const absl::Status status = SystemError("write", path, errno);
    unlink(path.c_str());
    return status;
  }
  return SyncDirectoryOf(path);
}

absl::StatusOr<RootKey> ReadRootKeyFile(const std::string& path) {
  // Not blocking: somebody may have put a pipe there.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) {
    if (errno != ENOENT) return SystemError("open the root key", path, errno);
    return base::WithReason(
        absl::NotFoundError(absl::StrCat(
            "there is no root key ", path,
            ": put it there from a back-up; for a new store, keyturnd init "
            "makes one")),
        "ROOT_KEY_MISSING");
  }
  struct stat found;
  if (fstat(file.number(), &found) != 0) {
    return SystemError("look at", path, errno);
  }
  RETURN_IF_ERROR(CheckFile(path, found));
  RootKey root_key{secret::Secret::OfSize(kRootKeyBytes), path};
  if (read(file.number(), root_key.key.ExposeMutable(), kRootKeyBytes) !=
      static_cast<ssize_t>(kRootKeyBytes)) {
    return SystemError("read", path, errno);
  }
  return root_key;
}

}  // namespace keyturn::vault
