#include "cli/new_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace keyturn::cli {

absl::StatusOr<std::unique_ptr<NewFile>> NewFile::Make(
    const std::string& path) {
  const int descriptor =
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor >= 0) {
    return std::unique_ptr<NewFile>(new NewFile(path, descriptor));
  }
  if (errno == EEXIST) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is there already; name another file"));
  }
  return absl::InternalError(
      absl::StrCat("cannot make ", path, ": ", std::strerror(errno)));
}

NewFile::NewFile(std::string path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {}

NewFile::~NewFile() {
  close(descriptor_);
  if (!kept_) unlink(path_.c_str());
}

absl::Status NewFile::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      return Failed();
    }
  }
  return absl::OkStatus();
}

absl::Status NewFile::Keep() {
  if (fsync(descriptor_) != 0) return Failed();
  kept_ = true;
  return absl::OkStatus();
}

absl::Status NewFile::Failed() const {
  return absl::InternalError(
      absl::StrCat("cannot write ", path_, ": ", std::strerror(errno)));
}

}  // namespace keyturn::cli
