// Keeps us from locking a user out by repeating a login that does not work.
#ifndef KEYTURN_DAEMON_UPSTREAM_HTTP_LOGIN_GUARD_H_
#define KEYTURN_DAEMON_UPSTREAM_HTTP_LOGIN_GUARD_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "daemon/upstream/http/transport.h"

namespace keyturn::http {

// Counts the login failures (401) of one account's credential. NetSuite locks a
// user for 30 minutes after five wrong logins (help centre, "Authentication
// overview", subsect_156935170194); we stop after kFailuresMax in a row, so
// that a person's own slips still fit.
//
// Belongs to the executor of its transports.
class LoginGuard {
 public:
  static constexpr int kFailuresMax = 2;

  // `account` is the name that people gave it; it appears in messages.
  explicit LoginGuard(std::string account) : account_(std::move(account)) {}

  // FailedPrecondition with reason LOGIN_BLOCKED once kFailuresMax logins in a
  // row were refused; the message tells how to go on.
  absl::Status Check() const;

  // 401 continues the row, 2xx ends it; anything else does not prove that a
  // login came before.
  void Observe(int status);

  // To be called when the credential was replaced, or a person asks to try.
  void Reset() { failures_ = 0; }

  int failures() const { return failures_; }

 private:
  const std::string account_;
  int failures_ = 0;
};

// Asks `guard` before each exchange and tells it the outcome. A refused request
// has Effect::kNone. Exchanges that are under way when a login fails still
// count outside: kFailuresMax and the account's concurrent_max together stay
// below five.
std::unique_ptr<Transport> NewGuardedTransport(
    std::unique_ptr<Transport> inner, std::shared_ptr<LoginGuard> guard);

}  // namespace keyturn::http

#endif  // KEYTURN_DAEMON_UPSTREAM_HTTP_LOGIN_GUARD_H_
