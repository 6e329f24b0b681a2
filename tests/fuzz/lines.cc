#include "tests/fuzz/lines.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/base/status.h"
#include "tests/fuzz/require.h"

namespace keyturn::fuzz {
namespace {

constexpr size_t kMistakesToldMax = 20;

bool IsControl(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

}  // namespace

void RequireLineOfEach(const absl::Status& refusal, std::string_view file,
                       std::string_view text) {
  const std::string message = base::MessageOf(refusal);
  Require(absl::IsInvalidArgument(refusal), "a refusal is InvalidArgument",
          refusal.ToString());
  std::vector<std::string> told = absl::StrSplit(message, '\n');
  if (told.size() > 1 && absl::StartsWith(told.back(), "and ")) told.pop_back();
  Require(told.size() <= kMistakesToldMax, "few mistakes are told", message);
  const std::string begin = absl::StrCat(base::ToAbsl(file), ":");
  // A carriage return ends a line of YAML too, and what is missing at the end
  // is told of the line after it.
  const auto lines = 2 + std::count_if(text.begin(), text.end(), [](char c) {
                       return c == '\n' || c == '\r';
                     });
  for (const std::string& line : told) {
    Require(absl::StartsWith(line, begin), "each mistake names its file",
            message);
    const size_t end = line.find(": ", begin.size());
    int number = 0;
    Require(end != std::string::npos &&
                absl::SimpleAtoi(line.substr(begin.size(), end - begin.size()),
                                 &number) &&
                number >= 1 && number <= lines,
            "each mistake names a line that is there", message);
    Require(std::none_of(line.begin(), line.end(), IsControl),
            "a mistake is told without control characters", message);
  }
}

}  // namespace keyturn::fuzz
