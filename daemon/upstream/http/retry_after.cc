#include "daemon/upstream/http/retry_after.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "daemon/base/status.h"

namespace keyturn::http {
namespace {

constexpr char kRetryAfterPayload[] = "keyturn/retry-after-ms";
constexpr size_t kDigitsMax = 9;
// RFC 9110, 5.6.7: the form that must be sent, and the two obsolete ones.
constexpr const char* kDateFormats[] = {
    "%a, %d %b %Y %H:%M:%S", "%A, %d-%b-%y %H:%M:%S", "%a %b %e %H:%M:%S %Y"};

std::optional<absl::Time> ParseHttpDate(std::string_view value) {
  absl::string_view text = base::ToAbsl(value);
  if (absl::EndsWith(text, " GMT")) text.remove_suffix(4);
  for (const char* format : kDateFormats) {
    absl::Time time;
    if (absl::ParseTime(format, text, absl::UTCTimeZone(), &time, nullptr)) {
      return time;
    }
  }
  return std::nullopt;
}

absl::Duration Clamp(absl::Duration wait) {
  return std::clamp(wait, absl::ZeroDuration(), kRetryAfterMax);
}

}  // namespace

std::optional<absl::Duration> ParseRetryAfter(std::string_view value,
                                              absl::Time now) {
  const std::string_view text =
      base::ToStd(absl::StripAsciiWhitespace(base::ToAbsl(value)));
  if (text.empty()) return std::nullopt;
  if (std::all_of(text.begin(), text.end(),
                  [](unsigned char c) { return absl::ascii_isdigit(c); })) {
    int64_t seconds = 0;
    if (text.size() > kDigitsMax) return kRetryAfterMax;
    if (!absl::SimpleAtoi(base::ToAbsl(text), &seconds)) return std::nullopt;
    return Clamp(absl::Seconds(seconds));
  }
  const std::optional<absl::Time> instant = ParseHttpDate(text);
  if (!instant.has_value()) return std::nullopt;
  return Clamp(*instant - now);
}

absl::Status WithRetryAfter(absl::Status status, absl::Duration wait) {
  if (status.ok()) return status;
  status.SetPayload(
      kRetryAfterPayload,
      absl::Cord(std::to_string(absl::ToInt64Milliseconds(Clamp(wait)))));
  return status;
}

std::optional<absl::Duration> RetryAfterOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload =
      status.GetPayload(kRetryAfterPayload);
  if (!payload.has_value()) return std::nullopt;
  int64_t milliseconds = 0;
  if (!absl::SimpleAtoi(std::string(*payload), &milliseconds)) {
    return std::nullopt;
  }
  return absl::Milliseconds(milliseconds);
}

}  // namespace keyturn::http
