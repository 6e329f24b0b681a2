// How long an outside system asks us to wait.
#ifndef KEYTURN_DAEMON_UPSTREAM_HTTP_RETRY_AFTER_H_
#define KEYTURN_DAEMON_UPSTREAM_HTTP_RETRY_AFTER_H_

#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace keyturn::http {

// What an outside system may make us wait at one time.
inline constexpr absl::Duration kRetryAfterMax = absl::Hours(1);

// Reads the value of a `Retry-After` header (RFC 9110, 10.2.3): whole seconds,
// or an HTTP date, which is compared with `now`. Between zero and
// kRetryAfterMax; empty for anything else.
std::optional<absl::Duration> ParseRetryAfter(std::string_view value,
                                              absl::Time now);

// Attaches the wait to an error, so that whoever schedules the next attempt can
// honour it. Nothing is attached to OK.
absl::Status WithRetryAfter(absl::Status status, absl::Duration wait);

// The wait attached by WithRetryAfter, if any.
std::optional<absl::Duration> RetryAfterOf(const absl::Status& status);

}  // namespace keyturn::http

#endif  // KEYTURN_DAEMON_UPSTREAM_HTTP_RETRY_AFTER_H_
