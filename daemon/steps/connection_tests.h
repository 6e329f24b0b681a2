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
absl::StatusOr<secret::Secret> WithOldLogin(Context& context,
                                            const celigo::Document& document);

// "netsuite.wsdlVersion, name".
std::string Fields(const std::vector<celigo::Difference>& differences);

// A login with the token failed: finds out why, as far as it can, and asks a
// person to mend it or to hand in another token.
asio::awaitable<Outcome> AskToMend(Context& context,
                                   std::vector<std::string> codes);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_CONNECTION_TESTS_H_
