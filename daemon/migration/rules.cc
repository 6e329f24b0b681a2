// What the transition table does not say: names, limits, which steps undo.
#include <array>

#include "daemon/migration/transition.h"

namespace keyturn::migration {
namespace {

struct StepRules {
  Step step;
  bool has_undo;
  RetryPolicy policy;
};

constexpr absl::Duration kAttempt = absl::Minutes(2);
// A ping may take long; test runs and drains talk to many flows.
constexpr absl::Duration kLongAttempt = absl::Minutes(10);
// Test runs of all flows, one after the other.
constexpr absl::Duration kTestRunsAttempt = absl::Minutes(35);

const StepRules& RulesOf(Step step) {
  static const std::array<StepRules, kAllSteps.size()> kRules = {{
      {Step::kPreflight,
       false,
       {8, absl::Seconds(1), absl::Minutes(1), kLongAttempt}},
      {Step::kApprove,
       false,
       {1, absl::Seconds(1), absl::Seconds(1), kAttempt}},
      {Step::kEnableTba,
       false,
       {8, absl::Seconds(1), absl::Minutes(5), kAttempt}},
      {Step::kCreateRole,
       false,
       {8, absl::Seconds(1), absl::Minutes(5), kAttempt}},
      {Step::kAssignRole,
       true,
       {8, absl::Seconds(1), absl::Minutes(5), kAttempt}},
      {Step::kIssueToken,
       true,
       {8, absl::Seconds(1), absl::Minutes(5), kAttempt}},
      {Step::kTestCandidate,
       false,
       {8, absl::Seconds(1), absl::Minutes(5), kLongAttempt}},
      // From here to resume_flows the business stands still: try often.
      {Step::kQuiesce,
       true,
       {12, absl::Seconds(1), absl::Minutes(1), kLongAttempt}},
      {Step::kCutOver,
       true,
       {12, absl::Seconds(1), absl::Minutes(1), kAttempt}},
      {Step::kVerifyConnection,
       false,
       {12, absl::Seconds(1), absl::Minutes(1), kLongAttempt}},
      {Step::kVerifyFlows,
       false,
       {8, absl::Seconds(1), absl::Minutes(1), kTestRunsAttempt}},
      {Step::kResumeFlows,
       true,
       {12, absl::Seconds(1), absl::Minutes(1), kLongAttempt}},
      {Step::kProveTraffic,
       false,
       {8, absl::Seconds(1), absl::Minutes(1), kLongAttempt}},
      {Step::kFinish, false, {8, absl::Seconds(1), absl::Minutes(1), kAttempt}},
  }};
  return kRules[static_cast<int>(step) - 1];
}

}  // namespace

std::string_view Name(EventKind kind) {
  switch (kind) {
    case EventKind::kStart:
      return "start";
    case EventKind::kApprove:
      return "approve";
    case EventKind::kReject:
      return "reject";
    case EventKind::kPause:
      return "pause";
    case EventKind::kResume:
      return "resume";
    case EventKind::kCancel:
      return "cancel";
    case EventKind::kRetry:
      return "retry";
    case EventKind::kRollBack:
      return "roll_back";
    case EventKind::kTaskDone:
      return "task_done";
    case EventKind::kTokenSubmitted:
      return "token_submitted";
    case EventKind::kPlanMade:
      return "plan_made";
    case EventKind::kStepDone:
      return "step_done";
    case EventKind::kStepProgress:
      return "step_progress";
    case EventKind::kStepWait:
      return "step_wait";
    case EventKind::kStepRetry:
      return "step_retry";
    case EventKind::kTaskNeeded:
      return "task_needed";
    case EventKind::kStepFailed:
      return "step_failed";
    case EventKind::kStepBlocked:
      return "step_blocked";
    case EventKind::kTurnForward:
      return "turn_forward";
    case EventKind::kSettle:
      return "settle";
  }
  return "unknown";
}

const RetryPolicy& PolicyOf(Step step) { return RulesOf(step).policy; }

bool HasUndo(Step step) { return RulesOf(step).has_undo; }

}  // namespace keyturn::migration
