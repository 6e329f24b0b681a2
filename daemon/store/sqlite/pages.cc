#include "daemon/store/sqlite/pages.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::store::sqlite {

int CutLimit(int limit) { return std::clamp(limit, 1, kPageItemsMax); }

absl::Status BadPageToken() {
  return base::FieldError(
      "page_token", "it must be the next_page_token of this list, unchanged");
}

absl::StatusOr<CreationCursor> ParseCursor(const std::string& text,
                                           CreationCursor first) {
  if (text.empty()) return first;
  const size_t dot = text.find('.');
  CreationCursor cursor;
  if (dot == std::string::npos ||
      !absl::SimpleAtoi(text.substr(0, dot), &cursor.created_at_ns)) {
    return BadPageToken();
  }
  cursor.id = text.substr(dot + 1);
  return cursor;
}

absl::Status CheckSize(std::string_view record) {
  if (record.size() <= kRecordBytesMax) return absl::OkStatus();
  return base::WithReason(
      absl::ResourceExhaustedError(
          absl::StrCat("a record of ", record.size(), " bytes is too large; ",
                       kRecordBytesMax, " are the most")),
      "RECORD_TOO_LARGE");
}

absl::Status Conflict(std::string text) {
  return base::WithReason(absl::AbortedError(text), "REVISION_CONFLICT");
}

}  // namespace keyturn::store::sqlite
