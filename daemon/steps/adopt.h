// Adoption (Spec::adopt): the connection was put on a token by somebody else.
// What the steps would have done is proved where it can be seen, and nothing
// outside is changed: no document is written, no flow switched, no token made,
// none stored. What only reads (preflight, verify_connection, prove_traffic)
// runs as in any migration.
#ifndef KEYTURN_DAEMON_STEPS_ADOPT_H_
#define KEYTURN_DAEMON_STEPS_ADOPT_H_

#include <asio/awaitable.hpp>
#include <optional>
#include <string>

#include "daemon/steps/outcome.h"
#include "daemon/steps/step.h"

namespace keyturn::steps {

// Whether an adoption runs Adopt in the place of the step: it would write.
bool WouldWrite(migration::Step step);

// One attempt at proving what `step`, one of those, would have done. What is
// not there is an operator's to decide (NEEDS_ATTENTION), or ends the
// migration, which then has changed nothing.
asio::awaitable<Outcome> Adopt(migration::Step step, Context& context);

// No step of an adoption changes anything, so none is undone.
Outcome NothingToUndo();

// What a look ends with whose NetSuite part cannot be seen. `what` names it:
// "the role".
Outcome AdoptUnseen(std::string_view what);

// The end of an adoption; `now` is the connection.
Outcome Adopted(const Context& context, const celigo::Document& now);

// How to go on after somebody else changed the connection into `now`.
std::string AfterTheirChange(const celigo::Document& now);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_ADOPT_H_
