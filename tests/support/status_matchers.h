// Matchers for absl::Status and absl::StatusOr whose failure prints the
// message.
#ifndef KEYTURN_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define KEYTURN_TESTS_SUPPORT_STATUS_MATCHERS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/base/status.h"

namespace absl {

// How GoogleTest shows a StatusOr when a matcher fails; found by the namespace.
template <typename T>
void PrintTo(const StatusOr<T>& value, std::ostream* stream) {
  *stream << value.status();
}

}  // namespace absl

namespace keyturn::testing {
namespace internal {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& value) {
  return value.status();
}

inline std::string Explain(const absl::Status& status) {
  const std::string reason = base::ReasonOf(status);
  return "which is " + status.ToString() +
         (reason.empty() ? "" : " with reason " + reason);
}

}  // namespace internal

// EXPECT_THAT(DoIt(), IsOk());
MATCHER(IsOk, negation ? "is an error" : "is OK") {
  *result_listener << internal::Explain(internal::StatusOf(arg));
  return arg.ok();
}

// EXPECT_THAT(Count(), IsOkAndHolds(3)); or with a matcher for the value.
MATCHER_P(IsOkAndHolds, value,
          std::string(negation ? "is an error or does not hold "
                               : "is OK and holds ") +
              ::testing::PrintToString(value)) {
  if (!arg.ok()) {
    *result_listener << internal::Explain(internal::StatusOf(arg));
    return false;
  }
  return ::testing::ExplainMatchResult(value, *arg, result_listener);
}

// EXPECT_THAT(DoIt(), HasCode(absl::StatusCode::kAborted));
MATCHER_P(HasCode, code,
          std::string(negation ? "does not have code " : "has code ") +
              absl::StatusCodeToString(code)) {
  *result_listener << internal::Explain(internal::StatusOf(arg));
  return internal::StatusOf(arg).code() == code;
}

// EXPECT_THAT(DoIt(), HasReason("HOST_NOT_ALLOWED"));
MATCHER_P(HasReason, reason,
          std::string(negation ? "does not have reason " : "has reason ") +
              reason) {
  *result_listener << internal::Explain(internal::StatusOf(arg));
  return base::ReasonOf(internal::StatusOf(arg)) == reason;
}

// EXPECT_THAT(DoIt(), MessageIs(HasSubstr("rotate")));
MATCHER_P(MessageIs, matcher, "has a fitting message") {
  *result_listener << internal::Explain(internal::StatusOf(arg));
  return ::testing::Matches(matcher)(base::MessageOf(internal::StatusOf(arg)));
}

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_SUPPORT_STATUS_MATCHERS_H_
