#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace keyturn::sandbox {

// Writes `content` with mode 0600, whole or not at all; makes the directories
// above (0700). Unavailable with the reason when the disk refuses.
absl::Status WritePrivateFile(const std::string& path,
                              const std::string& content);

// NotFound when there is none; InvalidArgument above kFileBytesMax.
absl::StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace keyturn::sandbox
