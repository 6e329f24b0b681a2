#include "daemon/store/sqlite/snapshot.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/store/sqlite/connection.h"
#include "daemon/store/sqlite/files.h"

namespace keyturn::store::sqlite {
namespace {

// A copy in a file of its own, which goes with it.
class FileSnapshot final : public Snapshot {
 public:
  // `taken` was just set.
  FileSnapshot(std::string path, std::atomic<bool>& taken)
      : path_(std::move(path)), taken_(taken) {}
  ~FileSnapshot() override {
    if (descriptor_ >= 0) close(descriptor_);
    RemoveDatabase(path_);
    taken_ = false;
  }

  absl::Status Copy(const std::string& from, const std::string& vfs) {
    RemoveDatabase(path_);
    RETURN_IF_ERROR(PrepareFile(path_));
    ASSIGN_OR_RETURN(const std::unique_ptr<Connection> source,
                     Connection::Open(from, Connection::Mode::kReadOnly, vfs));
    ASSIGN_OR_RETURN(
        const std::unique_ptr<Connection> copy,
        Connection::Open(path_, Connection::Mode::kReadWrite, vfs));
    return source->CopyTo(*copy);
  }

  absl::Status Open() {
    descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return descriptor_ >= 0 ? absl::OkStatus()
                            : SystemError("open", path_, errno);
  }

  absl::StatusOr<std::string> Read(size_t limit) override {
    std::string bytes(limit, '\0');
    ssize_t size = 0;
    do {
      size = read(descriptor_, bytes.data(), limit);
    } while (size < 0 && errno == EINTR);
    if (size < 0) return SystemError("read", path_, errno);
    bytes.resize(static_cast<size_t>(size));
    return bytes;
  }

 private:
  const std::string path_;
  std::atomic<bool>& taken_;
  int descriptor_ = -1;
};

}  // namespace

std::string SnapshotPath(const std::string& path) {
  return absl::StrCat(path, ".copy");
}

absl::StatusOr<std::unique_ptr<Snapshot>> TakeSnapshot(
    const std::string& path, const std::string& vfs, std::atomic<bool>& taken) {
  if (taken.exchange(true)) {
    return base::WithReason(
        absl::ResourceExhaustedError(
            "another copy of the store is made already; try again when it is "
            "done"),
        "BUSY");
  }
  auto snapshot = std::make_unique<FileSnapshot>(SnapshotPath(path), taken);
  RETURN_IF_ERROR(snapshot->Copy(path, vfs));
  RETURN_IF_ERROR(snapshot->Open());
  return snapshot;
}

}  // namespace keyturn::store::sqlite
