#include "tests/sandbox/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace keyturn::sandbox {
namespace {

constexpr size_t kFileBytesMax = 16 * 1024 * 1024;

absl::Status Failed(const std::string& path) {
  return absl::UnavailableError(
      absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
}

}  // namespace

absl::Status WritePrivateFile(const std::string& path,
                              const std::string& content) {
  const std::filesystem::path directory =
      std::filesystem::path(path).parent_path();
  if (!directory.empty() && !std::filesystem::exists(directory)) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) {
      return absl::UnavailableError(absl::StrCat(
          "cannot make ", directory.string(), ": ", error.message()));
    }
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all,
                                 error);
  }
  const std::string draft = path + ".new";
  const int file =
      ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Failed(draft);
  ::fchmod(file, 0600);
  size_t written = 0;
  while (written < content.size()) {
    const ssize_t done =
        ::write(file, content.data() + written, content.size() - written);
    if (done < 0) {
      ::close(file);
      return Failed(draft);
    }
    written += static_cast<size_t>(done);
  }
  ::close(file);
  if (::rename(draft.c_str(), path.c_str()) != 0) return Failed(path);
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  std::ostringstream content;
  content << stream.rdbuf();
  if (content.str().size() > kFileBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is too large"));
  }
  return content.str();
}

}  // namespace keyturn::sandbox
