// What callers see when a call fails.
#ifndef KEYTURN_DAEMON_RPC_ERRORS_H_
#define KEYTURN_DAEMON_RPC_ERRORS_H_

#include <grpcpp/support/status.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace keyturn::rpc {

inline constexpr std::string_view kErrorDomain = "keyturn";
// How long to wait after UNAVAILABLE when nobody knows better.
inline constexpr absl::Duration kRetryDelayDefault = absl::Seconds(1);

// What the call was about.
struct ErrorContext {
  std::string_view rpc;
  // As the request named it, whole or by its id; empty: it named none.
  std::string_view resource;
};

struct CallError {
  grpc::Status status;
  // The reason in its ErrorInfo.
  std::string reason;
  // For kInternal and kUnknown: the id that the caller was given instead of the
  // message, which is for the log alone. Else empty.
  std::string internal_id;
};

// The error as it leaves the daemon. Its details are a google.rpc.Status with
// exactly one ErrorInfo: domain "keyturn", the reason given by
// base::WithReason or else one that follows from the code, and metadata `rpc`
// and, after WithLastSequence, `last_sequence`. Beside it, where they fit:
//   BadRequest           for a field named by base::WithField
//   PreconditionFailure  for FAILED_PRECONDITION
//   RetryInfo            for UNAVAILABLE, from Retry-After where there was one;
//                        for RESOURCE_EXHAUSTED where it is known
//   ResourceInfo         for NOT_FOUND and ALREADY_EXISTS
// `status` is not OK.
CallError ToCallError(const absl::Status& status, const ErrorContext& context);

// Tells a dropped watcher where to go on.
absl::Status WithLastSequence(absl::Status status, int64_t last_sequence);

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_ERRORS_H_
