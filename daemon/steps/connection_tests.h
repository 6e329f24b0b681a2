// What cut_over, test_candidate and verify_connection share: the connection's
// document, and what is asked of people when the new token does not work.
#ifndef KEYTURN_DAEMON_STEPS_CONNECTION_TESTS_H_
#define KEYTURN_DAEMON_STEPS_CONNECTION_TESTS_H_

#include <asio/awaitable.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/steps/outcome.h"
#include "daemon/steps/step.h"
#include "daemon/upstream/celigo/document.h"

namespace keyturn::steps {

// `document` with the migration's token from the vault in it.
absl::StatusOr<secret::Secret> WithToken(Context& context,
                                         const celigo::Document& document);

// The way back: `document` with the old login from the vault in it.
// FailedPrecondition (NO_OLD_LOGIN) when the spec names none.
struct OldLogin {
  secret::Secret document;
  // The credential's version.
  int version = 0;
};
absl::StatusOr<OldLogin> WithOldLogin(Context& context,
                                      const celigo::Document& document);

// So many tests in a row may end without an answer; then a person decides. With
// the two that may be answered and refused they stay below the five refused
// logins that lock a user out.
inline constexpr int kTestsLostMax = 2;

// A test of a login ended with `status` instead of a result. Where Celigo may
// have tried the login all the same, that may have been one of the five refused
// logins that lock a user out (NetSuite help subsect_156935170194), so it is
// not repeated without end. Counted in notes.tests_lost, which whoever gets a
// result sets to 0.
Outcome TestLost(Context& context, const absl::Status& status,
                 std::string_view doing);

// Whether the connection logs in with a token by now. In a roll-back that is
// somebody else's doing, and the token may be the one of this migration, with
// its role: whoever moves a connection by hand follows the same tasks. Taking
// either away would then stop the connection. False where the connection is
// gone or Celigo does not let us look; Unavailable, Cancelled and the like:
// look again.
asio::awaitable<absl::StatusOr<bool>> RunsOnAToken(Context& context);

// "netsuite.wsdlVersion, name".
std::string Fields(const std::vector<celigo::Difference>& differences);

// A login with the token failed: finds out why, as far as it can, and asks a
// person to mend it or to hand in another token.
asio::awaitable<Outcome> AskToMend(Context& context,
                                   std::vector<std::string> codes);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_CONNECTION_TESTS_H_
