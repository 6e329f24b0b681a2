// Small helpers around absl::Status: the macros and conversions that this
// version of Abseil does not have.
//
// House conventions, stated once for all rooms of the daemon:
//  - Functions that can fail return absl::Status or absl::StatusOr. Nothing of
//    ours throws; a library's exception is caught where the library is called.
//  - The code says what the caller should do: kUnavailable (try again later),
//    kFailedPrecondition (change something first), kInvalidArgument (the
//    request can never succeed), kAborted (read again, then retry), kDataLoss
//    (stored bytes cannot be trusted), kInternal (a bug of ours).
//  - A message is a sentence for the person who must act, says what to do
//    next, and never holds a secret or an outside system's text as it came.
//  - A class without a remark on thread safety belongs to one thread.
#ifndef KEYTURN_DAEMON_BASE_STATUS_H_
#define KEYTURN_DAEMON_BASE_STATUS_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace keyturn::base {

// absl::string_view is a type of its own in this version of Abseil.
inline absl::string_view ToAbsl(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}
inline std::string_view ToStd(absl::string_view text) {
  return std::string_view(text.data(), text.size());
}

// The message without the copy that `std::string(status.message())` hides.
inline std::string MessageOf(const absl::Status& status) {
  return std::string(status.message());
}

// `status` with `context` and a colon before its message; payloads are kept.
absl::Status Annotate(const absl::Status& status, std::string_view context);

// Attaches a stable, UPPER_SNAKE_CASE cause that travels to the caller as the
// `reason` of google.rpc.ErrorInfo. A later reason replaces an earlier one.
absl::Status WithReason(absl::Status status, std::string_view reason);

// The reason given by WithReason, or empty.
std::string ReasonOf(const absl::Status& status);

// Names the field of the request that is wrong ("spec.celigo.connection"); it
// travels to the caller as a field violation of google.rpc.BadRequest.
absl::Status WithField(absl::Status status, std::string_view field);

// The field given by WithField, or empty.
std::string FieldOf(const absl::Status& status);

// InvalidArgument with reason INVALID_FIELD, for `field`.
absl::Status FieldError(std::string_view field, std::string_view message);

}  // namespace keyturn::base

#define KEYTURN_CONCAT_INNER_(a, b) a##b
#define KEYTURN_CONCAT_(a, b) KEYTURN_CONCAT_INNER_(a, b)

// Returns from the function when `expression` is not OK. In a coroutine use the
// CO_ twin.
#define RETURN_IF_ERROR(expression)                                         \
  do {                                                                      \
    if (absl::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

#define CO_RETURN_IF_ERROR(expression)    \
  do {                                    \
    absl::Status status_ = (expression);  \
    if (!status_.ok()) co_return status_; \
  } while (false)

// `ASSIGN_OR_RETURN(auto value, Function());`
#define ASSIGN_OR_RETURN(declaration, expression)                            \
  ASSIGN_OR_RETURN_IMPL_(KEYTURN_CONCAT_(status_or_, __LINE__), declaration, \
                         expression, return )
#define CO_ASSIGN_OR_RETURN(declaration, expression)                         \
  ASSIGN_OR_RETURN_IMPL_(KEYTURN_CONCAT_(status_or_, __LINE__), declaration, \
                         expression, co_return )
#define ASSIGN_OR_RETURN_IMPL_(variable, declaration, expression, leave) \
  auto variable = (expression);                                          \
  if (!variable.ok()) leave std::move(variable).status();                \
  declaration = *std::move(variable)

#endif  // KEYTURN_DAEMON_BASE_STATUS_H_
