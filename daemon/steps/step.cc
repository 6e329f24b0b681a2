#include "daemon/steps/step.h"

#include "daemon/steps/adopt.h"
#include "daemon/steps/steps.h"

namespace keyturn::steps {
namespace {

using migration::Step;

asio::awaitable<Outcome> NotASteps(Step step) {
  co_return FromError(absl::InternalError(std::string(migration::Name(step))),
                      "running what is not the daemon's to run");
}

asio::awaitable<Outcome> LeftAsItIs() { co_return NothingToUndo(); }

}  // namespace

asio::awaitable<Outcome> Run(Step step, Context& context) {
  if (context.spec().adopt && WouldWrite(step)) return Adopt(step, context);
  switch (step) {
    case Step::kPreflight:
      return Preflight(context);
    case Step::kApprove:
      return NotASteps(step);
    case Step::kEnableTba:
      return EnableTba(context);
    case Step::kCreateRole:
      return CreateRole(context);
    case Step::kAssignRole:
      return AssignRole(context);
    case Step::kIssueToken:
      return IssueToken(context);
    case Step::kTestCandidate:
      return TestCandidate(context);
    case Step::kQuiesce:
      return Quiesce(context);
    case Step::kCutOver:
      return CutOver(context);
    case Step::kVerifyConnection:
      return VerifyConnection(context);
    case Step::kVerifyFlows:
      return VerifyFlows(context);
    case Step::kResumeFlows:
      return ResumeFlows(context);
    case Step::kProveTraffic:
      return ProveTraffic(context);
    case Step::kFinish:
      return Finish(context);
  }
  return NotASteps(step);
}

asio::awaitable<Outcome> Undo(Step step, Context& context) {
  if (context.spec().adopt) return LeftAsItIs();
  switch (step) {
    case Step::kAssignRole:
      return UndoAssignRole(context);
    case Step::kIssueToken:
      return UndoIssueToken(context);
    case Step::kQuiesce:
      return UndoQuiesce(context);
    case Step::kCutOver:
      return UndoCutOver(context);
    case Step::kResumeFlows:
      return UndoResumeFlows(context);
    case Step::kPreflight:
    case Step::kApprove:
    case Step::kEnableTba:
    case Step::kCreateRole:
    case Step::kTestCandidate:
    case Step::kVerifyConnection:
    case Step::kVerifyFlows:
    case Step::kProveTraffic:
    case Step::kFinish:
      break;
  }
  return NotASteps(step);
}

}  // namespace keyturn::steps
