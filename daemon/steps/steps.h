// The functions behind Run and Undo, one file each.
#ifndef KEYTURN_DAEMON_STEPS_STEPS_H_
#define KEYTURN_DAEMON_STEPS_STEPS_H_

#include <asio/awaitable.hpp>

#include "daemon/steps/outcome.h"
#include "daemon/steps/step.h"

namespace keyturn::steps {

asio::awaitable<Outcome> Preflight(Context& context);
asio::awaitable<Outcome> EnableTba(Context& context);
asio::awaitable<Outcome> CreateRole(Context& context);
asio::awaitable<Outcome> AssignRole(Context& context);
asio::awaitable<Outcome> IssueToken(Context& context);
asio::awaitable<Outcome> TestCandidate(Context& context);
asio::awaitable<Outcome> Quiesce(Context& context);
asio::awaitable<Outcome> CutOver(Context& context);
asio::awaitable<Outcome> VerifyConnection(Context& context);
asio::awaitable<Outcome> VerifyFlows(Context& context);
asio::awaitable<Outcome> ResumeFlows(Context& context);
asio::awaitable<Outcome> ProveTraffic(Context& context);
asio::awaitable<Outcome> Finish(Context& context);

asio::awaitable<Outcome> UndoAssignRole(Context& context);
asio::awaitable<Outcome> UndoIssueToken(Context& context);
asio::awaitable<Outcome> UndoQuiesce(Context& context);
asio::awaitable<Outcome> UndoCutOver(Context& context);
asio::awaitable<Outcome> UndoResumeFlows(Context& context);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_STEPS_H_
