// What Celigo's refusals mean, in our words. The only place that reads its
// error bodies; their texts never leave it (they may repeat what was sent).
#ifndef KEYTURN_DAEMON_UPSTREAM_CELIGO_ERRORS_H_
#define KEYTURN_DAEMON_UPSTREAM_CELIGO_ERRORS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "daemon/upstream/http/json.h"
#include "daemon/upstream/http/transport.h"

namespace keyturn::celigo {

inline constexpr size_t kErrorEntriesMax = 20;

// One entry of an error body. `code` holds only [A-Za-z0-9_-], `field` dots as
// well, both at most 64 characters; empty when Celigo gave none or something
// else.
struct ErrorEntry {
  std::string code;
  std::string field;
};

// The entries of a body: the envelope {errors: [{code, message, field}]}
// (developer portal, "Errors"), and the other shapes that clients tolerate: an
// array of strings, errors that are one object or text instead of an array,
// {code, message}, {error}, text. A numeric code is given as its digits. Empty
// when the body tells of no error.
std::vector<ErrorEntry> ErrorEntriesOf(const http::Document& body);

// The error of a response whose status is not 2xx. `task` names what was tried
// ("reading connection 5f3a…").
//
//   401       FailedPrecondition, OUTSIDE_LOGIN_REFUSED
//   403       FailedPrecondition, OUTSIDE_FORBIDDEN
//   404       NotFound, OUTSIDE_NOT_FOUND
//   409       Aborted, OUTSIDE_CONFLICT
//   429, 408  Unavailable, OUTSIDE_BUSY, with the wait it asked for
//   (http::RetryAfterOf) 5xx       Unavailable, OUTSIDE_UNAVAILABLE 3xx
//   FailedPrecondition, OUTSIDE_REDIRECTED other 4xx FailedPrecondition, by
//   Celigo's code: WSDL_TBA_MANDATORY,
//             FLOW_INACTIVE, SUBSCRIPTION_REQUIRED, ENTITLEMENT_REACHED,
//             INVALID_REFERENCE, FEATURE_NOT_ENABLED, ACCESS_RESTRICTED,
//             INVALID_FIELD_OUTSIDE, INVALID_QUERY_OUTSIDE; any other:
//             OUTSIDE_REFUSED
//
// A 4xx other than 408 has http::Effect::kNone, everything else kUnknown.
absl::Status StatusOf(const http::Response& response, std::string_view task);

// The error of a response that says 2xx but tells of errors in its body.
absl::Status RefusalOf(const std::vector<ErrorEntry>& entries,
                       std::string_view task);

// Whether the entry says that the connection itself could not log in outside,
// rather than that Celigo refused something to us.
bool IsFailedLogin(const ErrorEntry& entry);

// What a refusal with this code means, as a clause for a sentence; for an
// unknown code the code itself.
std::string MeaningOf(const ErrorEntry& entry);

}  // namespace keyturn::celigo

#endif  // KEYTURN_DAEMON_UPSTREAM_CELIGO_ERRORS_H_
