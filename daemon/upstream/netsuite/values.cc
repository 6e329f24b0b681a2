#include "daemon/upstream/netsuite/values.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::netsuite {
namespace {

constexpr size_t kInternalIdSizeMax = 15;

bool IsDigit(char c) {
  return absl::ascii_isdigit(static_cast<unsigned char>(c));
}

bool IsControl(char c) {
  return absl::ascii_iscntrl(static_cast<unsigned char>(c));
}

}  // namespace

absl::Status CheckInternalId(std::string_view id, std::string_view of) {
  const std::string_view digits = id.starts_with('-') ? id.substr(1) : id;
  if (!digits.empty() && digits.size() <= kInternalIdSizeMax &&
      std::all_of(digits.begin(), digits.end(), IsDigit)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the internal id of ", base::ToAbsl(of),
                   " in NetSuite must be a whole number, for instance 1042"));
}

bool IsPlainText(std::string_view text) {
  const http::Document document = std::string(text);
  return std::none_of(text.begin(), text.end(), IsControl) &&
         http::SerializeJson(document).ok();
}

std::string ToText(const http::Document& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "T" : "F";
  return value.is_number() ? value.dump() : std::string();
}

}  // namespace keyturn::netsuite
