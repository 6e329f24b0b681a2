#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "tests/sandbox/json.h"

namespace keyturn::sandbox {

inline constexpr size_t kAnswersMax = 5;

// One open question of the fact sheets and the answers the sandbox can play.
struct SwitchRow {
  std::string_view name;
  // The first answer is the default; unused places are empty. "number" for a
  // count, whose default is `number`.
  std::array<std::string_view, kAnswersMax> answers;
  int64_t number = 0;
  // What it decides, and where the fact sheets leave it open.
  std::string_view meaning;
};

// Every switch. The table of README.md says the same; a test compares them.
const std::vector<SwitchRow>& SwitchTable();

// The present answers. Not thread-safe: part of the world's state. Asking for a
// name that is not in the table is a bug and ends the program.
class Switches {
 public:
  Switches();

  bool Is(std::string_view name, std::string_view answer) const;
  const std::string& Get(std::string_view name) const;
  int64_t Count(std::string_view name) const;

  // InvalidArgument for an unknown name or an answer the table does not list;
  // the message lists what is allowed. Numbers must not be negative.
  absl::Status Set(const std::string& name, const std::string& answer);

  Json ToJson() const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace keyturn::sandbox
