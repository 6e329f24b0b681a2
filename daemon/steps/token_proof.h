// The proof of a token before anybody logs in with it.
#ifndef KEYTURN_DAEMON_STEPS_TOKEN_PROOF_H_
#define KEYTURN_DAEMON_STEPS_TOKEN_PROOF_H_

#include <asio/awaitable.hpp>

#include "daemon/steps/outcome.h"
#include "daemon/steps/outside.h"
#include "daemon/steps/step.h"

namespace keyturn::steps {

// Looks whether the token in the vault has the form of one that was copied
// whole, and whether NetSuite lists it for the right application, user and
// role. Done, and noted as `token_proved`, also where neither can be seen:
// Celigo's own test is the gate. A task when something is wrong.
asio::awaitable<Outcome> ProveToken(Context& context, NetSuiteAccount account);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_TOKEN_PROOF_H_
