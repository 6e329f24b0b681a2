#include "daemon/migration/model.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace keyturn::migration {
namespace {

// Length first, so that no text can pass for two.
void Append(std::string& text, std::string_view value) {
  absl::StrAppend(&text, value.size(), ":");
  text.append(value);
}

void Append(std::string& text, bool value) {
  Append(text, std::string_view(value ? "1" : "0"));
}

}  // namespace

std::string_view Name(Step step) {
  switch (step) {
    case Step::kPreflight:
      return "preflight";
    case Step::kApprove:
      return "approve";
    case Step::kEnableTba:
      return "enable_tba";
    case Step::kCreateRole:
      return "create_role";
    case Step::kAssignRole:
      return "assign_role";
    case Step::kIssueToken:
      return "issue_token";
    case Step::kTestCandidate:
      return "test_candidate";
    case Step::kQuiesce:
      return "quiesce";
    case Step::kCutOver:
      return "cut_over";
    case Step::kVerifyConnection:
      return "verify_connection";
    case Step::kVerifyFlows:
      return "verify_flows";
    case Step::kResumeFlows:
      return "resume_flows";
    case Step::kProveTraffic:
      return "prove_traffic";
    case Step::kFinish:
      return "finish";
  }
  return "unknown";
}

std::optional<Step> StepFromName(std::string_view name) {
  const auto step =
      std::find_if(kAllSteps.begin(), kAllSteps.end(),
                   [name](Step candidate) { return Name(candidate) == name; });
  if (step == kAllSteps.end()) return std::nullopt;
  return *step;
}

std::string_view Name(State state) {
  switch (state) {
    case State::kPlanning:
      return "PLANNING";
    case State::kPlanned:
      return "PLANNED";
    case State::kAwaitingApproval:
      return "AWAITING_APPROVAL";
    case State::kRunning:
      return "RUNNING";
    case State::kAwaitingTask:
      return "AWAITING_TASK";
    case State::kPaused:
      return "PAUSED";
    case State::kRollingBack:
      return "ROLLING_BACK";
    case State::kNeedsAttention:
      return "NEEDS_ATTENTION";
    case State::kSucceeded:
      return "SUCCEEDED";
    case State::kRolledBack:
      return "ROLLED_BACK";
    case State::kCancelled:
      return "CANCELLED";
  }
  return "UNKNOWN";
}

bool IsAtRest(State state) {
  return state == State::kSucceeded || state == State::kRolledBack ||
         state == State::kCancelled;
}

std::string_view Name(StepState state) {
  switch (state) {
    case StepState::kPending:
      return "PENDING";
    case StepState::kRunning:
      return "RUNNING";
    case StepState::kWaiting:
      return "WAITING";
    case StepState::kAwaitingTask:
      return "AWAITING_TASK";
    case StepState::kDone:
      return "DONE";
    case StepState::kFailed:
      return "FAILED";
    case StepState::kUndone:
      return "UNDONE";
  }
  return "UNKNOWN";
}

std::string PlanText(const Plan& plan) {
  std::string text = "keyturn plan 1;";
  for (const PlannedStep& step : plan.steps) {
    Append(text, Name(step.step));
    Append(text, absl::StrCat(static_cast<int>(step.actor)));
    Append(text, step.what);
    Append(text, step.reversible);
    Append(text, step.undo);
  }
  text.push_back(';');
  for (const Plan::Change& change : plan.changes) {
    Append(text, change.field);
    Append(text, change.before);
    Append(text, change.after);
  }
  text.push_back(';');
  for (const Plan::Flow& flow : plan.flows) {
    Append(text, flow.id);
    Append(text, flow.name);
    Append(text, flow.enabled);
    Append(text, flow.test);
    Append(text, flow.run);
  }
  text.push_back(';');
  for (const std::string& warning : plan.warnings) Append(text, warning);
  text.push_back(';');
  Append(text, plan.reversible_after_cut_over);
  Append(text, plan.reversibility);
  for (const auto& [key, value] : plan.findings) {
    Append(text, key);
    Append(text, value);
  }
  return text;
}

}  // namespace keyturn::migration
