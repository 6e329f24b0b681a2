#include "cli/names.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace keyturn::cli {
namespace {

constexpr size_t kIdLengthMax = 63;
constexpr size_t kRequestIdBytes = 16;

bool IsIdCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

}  // namespace

absl::StatusOr<std::string> ResourceName(std::string_view collection,
                                         std::string_view text) {
  const std::string prefix = std::string(collection) + "/";
  std::string_view id = text;
  if (id.substr(0, prefix.size()) == prefix) id.remove_prefix(prefix.size());
  const bool well_formed = !id.empty() && id.size() <= kIdLengthMax &&
                           id.front() != '-' &&
                           std::all_of(id.begin(), id.end(), IsIdCharacter);
  if (!well_formed) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", absl::CHexEscape(std::string(text)),
        "\" is not a name: expected \"", prefix,
        "ID\" or just ID, of lower-case letters, digits and hyphens"));
  }
  return prefix + std::string(id);
}

std::string ShortId(std::string_view name) {
  const size_t slash = name.rfind('/');
  return std::string(slash == std::string_view::npos ? name
                                                     : name.substr(slash + 1));
}

std::string StepName(v1::Step::Name step) {
  return absl::AsciiStrToLower(v1::Step::Name_Name(step));
}

std::string StateName(v1::Migration::State state) {
  const std::string& name = v1::Migration::State_Name(state);
  return name.empty() ? absl::StrCat("STATE_", static_cast<int>(state)) : name;
}

std::string KindName(v1::Credential::Kind kind) {
  return absl::StrReplaceAll(
      absl::AsciiStrToLower(v1::Credential::Kind_Name(kind)), {{"_", "-"}});
}

bool AtRest(v1::Migration::State state) {
  return state == v1::Migration::SUCCEEDED ||
         state == v1::Migration::ROLLED_BACK ||
         state == v1::Migration::CANCELLED;
}

std::string NewRequestId() {
  std::array<char, kRequestIdBytes> bytes;
  if (getrandom(bytes.data(), bytes.size(), 0) !=
      static_cast<ssize_t>(bytes.size())) {
    std::abort();
  }
  return absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size()));
}

}  // namespace keyturn::cli
