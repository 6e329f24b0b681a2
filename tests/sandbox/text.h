#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

// Small helpers for text, written for the sandbox alone: it checks the daemon
// and so shares none of its code.
namespace keyturn::sandbox {

using NameValue = std::pair<std::string, std::string>;

// Abseil's string_view is another type than the standard's here.
inline absl::string_view View(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}

std::string Lower(std::string_view text);
std::string Upper(std::string_view text);
bool EqualsIgnoringCase(std::string_view left, std::string_view right);

// RFC 3986: all but unreserved characters become %XX, space %20.
std::string PercentEncode(std::string_view text);
// Undoes it. With `plus_is_space` also a form's '+'. A '%' that does not begin
// two hex digits stays as it is.
std::string PercentDecode(std::string_view text, bool plus_is_space = false);

// "a=1&b=2", each name and value decoded. A name without '=' has value "".
std::vector<NameValue> ParseQuery(std::string_view query);

std::string HexEncode(std::string_view bytes);
std::string Base64Encode(std::string_view bytes);
// Accepts both alphabets, with and without padding; nothing for other input.
std::optional<std::string> Base64Decode(std::string_view text);
std::string Base64UrlEncode(std::string_view bytes);

std::string HmacSha256(std::string_view key, std::string_view message);
std::string HmacSha1(std::string_view key, std::string_view message);
std::string Sha256(std::string_view message);

// "2026-11-23T17:20:00.123Z", as both systems print instants.
std::string FormatInstant(absl::Time time);
std::optional<absl::Time> ParseInstant(std::string_view text);
// "Mon, 23 Nov 2026 17:20:00 GMT", as in the header Date.
std::string FormatHttpDate(absl::Time time);

// Whether `text` matches `pattern`, in which `*` stands for any characters
// except '/', and `**` for any at all.
bool MatchesGlob(std::string_view pattern, std::string_view text);

}  // namespace keyturn::sandbox
