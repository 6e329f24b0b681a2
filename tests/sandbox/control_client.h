#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tests/sandbox/json.h"

namespace keyturn::sandbox {

// Talks to a running sandbox's /control, found through the data directory's
// sandbox.json. Thread-safe: every call makes its own connection.
class ControlClient {
 public:
  // NotFound when there is no sandbox.json.
  static absl::StatusOr<ControlClient> Open(const std::string& data_directory);

  // What sandbox.json says.
  const Json& info() const { return info_; }

  // Unavailable when the sandbox does not answer; otherwise the sandbox's own
  // reason as FailedPrecondition.
  absl::StatusOr<Json> Call(const std::string& method, const std::string& path,
                            const Json& body) const;
  absl::StatusOr<Json> Act(const std::string& act, const Json& arguments) const;

 private:
  explicit ControlClient(Json info) : info_(std::move(info)) {}

  Json info_;
};

}  // namespace keyturn::sandbox
