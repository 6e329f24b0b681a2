#include "daemon/rpc/pages.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "daemon/secret/digest.h"

namespace keyturn::rpc {
namespace {

// The first character of every token's content: its format.
constexpr char kFormat = '1';
constexpr size_t kDigestSize = 16;

std::string DigestOf(std::string_view list, std::string_view after) {
  return secret::Sha256Hex(absl::StrCat(base::ToAbsl(list),
                                        absl::string_view("\0", 1),
                                        base::ToAbsl(after)))
      .substr(0, kDigestSize);
}

}  // namespace

absl::StatusOr<int> ParsePageSize(int32_t size, int size_default) {
  if (size < 0) {
    return base::FieldError("page_size", "must not be negative");
  }
  return size == 0 ? size_default : std::min(size, kPageSizeMax);
}

std::string MakePageToken(std::string_view list, std::string_view after) {
  if (after.empty()) return "";
  std::string token;
  absl::WebSafeBase64Escape(
      absl::StrCat(std::string(1, kFormat), DigestOf(list, after),
                   base::ToAbsl(after)),
      &token);
  return token;
}

absl::StatusOr<std::string> ParsePageToken(std::string_view list,
                                           std::string_view token) {
  if (token.empty()) return std::string();
  std::string content;
  if (token.size() <= kPageTokenSizeMax &&
      absl::WebSafeBase64Unescape(base::ToAbsl(token), &content) &&
      content.size() > 1 + kDigestSize && content[0] == kFormat) {
    std::string after = content.substr(1 + kDigestSize);
    if (content.substr(1, kDigestSize) == DigestOf(list, after)) return after;
  }
  return base::FieldError("page_token",
                          "does not belong to this list; begin again without "
                          "it, and change no other field between two pages");
}

}  // namespace keyturn::rpc
