#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace keyturn::sandbox {

struct Finished {
  // 128 + signal when a signal ended it.
  int exit_code = 0;
  std::string output;
};

// Runs a program with `input` on its standard input and waits for it. Its
// standard error is ours. Unavailable when it cannot be started; 127 is the
// exit code when the program is not there. Thread-safe.
absl::StatusOr<Finished> RunProgram(const std::vector<std::string>& arguments,
                                    const std::string& input);

}  // namespace keyturn::sandbox
