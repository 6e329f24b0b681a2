#include "tests/migration/walk.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::migration::testing {
namespace {

using base::ToAbsl;

std::string Say(const Migration& migration) {
  return absl::StrCat(ToAbsl(Name(migration.state)), " at ",
                      ToAbsl(Name(migration.current)));
}

// Collects what does not hold.
class Finder {
 public:
  explicit Finder(std::string where) : where_(std::move(where)) {}

  void Must(bool holds, std::string_view what) {
    if (!holds) flaws_.push_back(absl::StrCat(where_, ": ", ToAbsl(what)));
  }
  std::vector<std::string> Take() { return std::move(flaws_); }

 private:
  std::string where_;
  std::vector<std::string> flaws_;
};

bool IsOneOf(State state, std::initializer_list<State> states) {
  return std::find(states.begin(), states.end(), state) != states.end();
}

void CheckFlags(Finder& find, const Migration& migration) {
  const State state = migration.state;
  find.Must(!migration.cancel_requested ||
                IsOneOf(state, {State::kPlanning, State::kRunning}),
            "a cancel waits where no attempt can be under way");
  find.Must(!migration.pause_requested ||
                IsOneOf(state, {State::kPlanning, State::kRunning,
                                State::kRollingBack, State::kAwaitingApproval}),
            "a pause waits where no attempt can be under way");
  find.Must(!migration.going_back ||
                IsOneOf(state, {State::kRollingBack, State::kAwaitingTask,
                                State::kPaused, State::kNeedsAttention}),
            "goes back in a state that does not");
  find.Must(state != State::kRollingBack || migration.going_back,
            "is rolling back without going back");
  find.Must(
      migration.attention.has_value() == (state == State::kNeedsAttention),
      "bears an attention iff it needs attention");
  find.Must(migration.plan.has_value() || !migration.going_back,
            "goes back without a plan");
  find.Must(migration.plan.has_value() ||
                IsOneOf(state, {State::kPlanning, State::kPaused,
                                State::kNeedsAttention, State::kCancelled}),
            "has got on without a plan");
}

void CheckAtRest(Finder& find, const Migration& migration) {
  find.Must(migration.ended_at.has_value(), "at rest without an end");
  find.Must(!migration.wake_at.has_value(), "at rest with a timer");
  for (const Step step : kAllSteps) {
    const StepRecord& record = migration.record(step);
    find.Must(record.state != StepState::kRunning &&
                  record.state != StepState::kWaiting &&
                  record.state != StepState::kAwaitingTask,
              absl::StrCat("at rest, but ", ToAbsl(Name(step)), " is ",
                           ToAbsl(Name(record.state))));
  }
  if (migration.state == State::kSucceeded) {
    find.Must(migration.failure.empty(), "succeeded with a failure");
    for (const Step step : kAllSteps) {
      find.Must(migration.record(step).state == StepState::kDone,
                absl::StrCat("succeeded, but ", ToAbsl(Name(step)), " is ",
                             ToAbsl(Name(migration.record(step).state))));
    }
  } else {
    find.Must(!migration.failure.empty(), "went back and does not say why");
    find.Must(!IsCutOver(migration), "went back, but is switched");
  }
  for (const Step step : kAllSteps) {
    const StepRecord& record = migration.record(step);
    find.Must(migration.state != State::kRolledBack || !HasUndo(step) ||
                  record.attempt == 0 || record.state == StepState::kUndone,
              absl::StrCat("rolled back, but ", ToAbsl(Name(step)),
                           " was not undone"));
    find.Must(
        migration.state != State::kCancelled || step <= Step::kApprove ||
            record.attempt == 0,
        absl::StrCat("cancelled, but ", ToAbsl(Name(step)), " had begun"));
  }
}

// Guarantee G11: somebody must act, and it says who.
void CheckWaiting(Finder& find, const Migration& migration) {
  const StepRecord& record = migration.record(migration.current);
  switch (migration.state) {
    case State::kPlanned:
      find.Must(!migration.start_requested, "waits to be started twice");
      break;
    case State::kAwaitingApproval:
      find.Must(static_cast<int>(migration.approvals.size()) <
                    migration.spec.approvals,
                "waits for an approval that it has");
      break;
    case State::kAwaitingTask:
      find.Must(
          record.state == StepState::kAwaitingTask && !record.task_id.empty(),
          "waits for a task that it does not name");
      break;
    case State::kPaused:
      find.Must(IsOneOf(migration.resume_to,
                        {State::kPlanning, State::kRunning,
                         State::kAwaitingTask, State::kRollingBack}),
                "paused with no way on");
      break;
    case State::kNeedsAttention: {
      const Attention attention = migration.attention.value_or(Attention{});
      find.Must(!attention.reason.empty() && !attention.owner.empty() &&
                    !attention.message.empty() && !attention.ways_out.empty(),
                "needs attention and does not say whose, why or what for");
      find.Must(IsOneOf(migration.resume_to, {State::kPlanning, State::kRunning,
                                              State::kRollingBack}),
                "needs attention with no way on");
      break;
    }
    case State::kPlanning:
    case State::kRunning:
    case State::kRollingBack:
    case State::kSucceeded:
    case State::kRolledBack:
    case State::kCancelled:
      find.Must(false, "has no action and waits for nobody");
  }
}

void CheckRecords(Finder& find, const Migration& migration) {
  const bool asked = migration.state == State::kAwaitingTask ||
                     (migration.state == State::kPaused &&
                      migration.resume_to == State::kAwaitingTask);
  for (const Step step : kAllSteps) {
    const StepRecord& record = migration.record(step);
    const bool here = step == migration.current;
    find.Must(
        (record.state == StepState::kAwaitingTask) == (asked && here),
        absl::StrCat(ToAbsl(Name(step)), " is ", ToAbsl(Name(record.state)),
                     ", which does not fit the migration"));
    find.Must(
        here || (record.state != StepState::kRunning &&
                 record.state != StepState::kWaiting),
        absl::StrCat(ToAbsl(Name(step)), " is under way, but not current"));
    find.Must((record.attempt == 0) == (record.state == StepState::kPending &&
                                        !record.started_at.has_value()),
              absl::StrCat(ToAbsl(Name(step)), " has the wrong attempt"));
    find.Must(record.failures < PolicyOf(step).attempts_max ||
                  record.state == StepState::kFailed,
              absl::StrCat(ToAbsl(Name(step)), " is tried beyond its limit"));
  }
}

bool EndsAttempt(EventKind kind) {
  return IsDaemons(kind) && kind != EventKind::kSettle &&
         kind != EventKind::kStepProgress;
}

}  // namespace

absl::Time Epoch() { return absl::FromUnixSeconds(1'750'000'000); }

Spec MakeSpec(int approvals) {
  Spec spec;
  spec.recipe = "jira";
  spec.celigo = {
      .account = "acme", .connection = "5f3a5f3a5f3a5f3a5f3a5f3a", .tile = ""};
  spec.netsuite = {.account = "acme-ns", .user = "jira@example.com"};
  spec.role = {.name = "CeligoJiraTBA",
               .from = "",
               .add_permissions = {"ADMI_LOGIN_OAUTH"}};
  spec.approvals = approvals;
  return spec;
}

Plan MakePlan(bool reversible) {
  Plan plan;
  plan.hash = std::string(kPlanHash);
  plan.reversible_after_cut_over = reversible;
  plan.reversibility =
      reversible ? "the old login is held" : "the old login is not held";
  return plan;
}

Event MakeEvent(const Migration& migration, EventKind kind, bool reversible) {
  Event event{.kind = kind, .at = migration.updated_at};
  event.turn = migration.turn;
  event.message = std::string(Name(kind));
  event.task_id = migration.record(migration.current).task_id;
  switch (kind) {
    case EventKind::kApprove:
      event.plan_hash = std::string(kPlanHash);
      event.actor = absl::StrCat("approver-", migration.approvals.size() + 1);
      break;
    case EventKind::kPlanMade:
      event.plan = MakePlan(reversible);
      event.connection_key = "acme/5f3a5f3a5f3a5f3a5f3a5f3a";
      break;
    case EventKind::kStepDone:
      event.proofs = {{"seen", "yes"}};
      break;
    case EventKind::kTaskNeeded:
      event.task = Task{.id = absl::StrCat("task-", migration.revision),
                        .migration_id = migration.id,
                        .step = migration.current};
      if (migration.current == Step::kFinish) {
        event.task->expires_at = event.at + kTaskLife;
      }
      break;
    case EventKind::kStart:
    case EventKind::kReject:
    case EventKind::kPause:
    case EventKind::kResume:
    case EventKind::kCancel:
    case EventKind::kRetry:
    case EventKind::kRollBack:
    case EventKind::kTaskDone:
    case EventKind::kTokenSubmitted:
    case EventKind::kStepProgress:
    case EventKind::kStepWait:
    case EventKind::kStepRetry:
    case EventKind::kStepFailed:
    case EventKind::kStepBlocked:
    case EventKind::kTurnForward:
    case EventKind::kSettle:
      break;
  }
  if (!IsDaemons(kind) && kind != EventKind::kApprove) {
    event.actor = std::string(kCreator);
  }
  return event;
}

bool IsDaemons(EventKind kind) { return kind >= EventKind::kPlanMade; }

std::vector<std::string> Flaws(const Migration& migration) {
  Finder find(Say(migration));
  CheckFlags(find, migration);
  CheckRecords(find, migration);
  const Action action = NextAction(migration, migration.updated_at);
  if (IsAtRest(migration.state)) {
    find.Must(action.kind == Action::Kind::kNone, "acts at rest");
    CheckAtRest(find, migration);
  } else if (action.kind == Action::Kind::kNone) {
    find.Must(!migration.ended_at.has_value(), "has ended and is not at rest");
    CheckWaiting(find, migration);
  } else if (migration.state == State::kAwaitingTask) {
    find.Must(action.kind == Action::Kind::kWait ||
                  action.kind == Action::Kind::kSettle,
              "acts while it waits for a person");
    find.Must(MayExpire(migration), "its task expires and must not");
    CheckWaiting(find, migration);
  } else {
    find.Must(IsOneOf(migration.state,
                      {State::kPlanning, State::kRunning, State::kRollingBack}),
              "acts while it waits for a person");
    find.Must(action.step == migration.current, "acts on another step");
  }
  return find.Take();
}

std::vector<std::string> Flaws(const Migration& before, const Event& event,
                               const Transition& transition) {
  const Migration& after = transition.migration;
  Finder find(absl::StrCat(Say(before), ", ", ToAbsl(Name(event.kind)), ", ",
                           Say(after)));
  find.Must(after.revision == before.revision + 1,
            "revision is not one higher");
  find.Must(after.updated_at == event.at, "does not say when it changed");
  find.Must(after.turn >= before.turn, "turn went back");
  find.Must(!EndsAttempt(event.kind) || after.turn > before.turn,
            "an attempt ended and its turn did not");
  find.Must(event.kind != EventKind::kStepProgress || after.turn == before.turn,
            "the attempt goes on and its turn does not");
  find.Must(after.id == before.id && after.spec == before.spec &&
                after.creator == before.creator &&
                after.created_at == before.created_at,
            "changed what never changes");
  find.Must(!before.plan.has_value() || (after.plan.has_value() &&
                                         after.plan->hash == before.plan->hash),
            "changed the plan");
  find.Must(after.state == before.state || !transition.happenings.empty(),
            "changed its state and left no line in the history");
  for (const Happening& happening : transition.happenings) {
    find.Must(!happening.kind.empty(), "left a nameless line in the history");
  }
  std::vector<std::string> flaws = find.Take();
  for (std::string& flaw : Flaws(after)) {
    flaws.push_back(
        absl::StrCat("after ", ToAbsl(Name(event.kind)), ": ", flaw));
  }
  return flaws;
}

Walk::Walk(const Variant& variant)
    : variant_(variant),
      migration_(NewMigration("m1", MakeSpec(variant.approvals),
                              std::string(kCreator), variant.start, Epoch())),
      now_(Epoch()),
      flaws_(Flaws(migration_)) {}

Event Walk::Make(EventKind kind) const {
  Event event = MakeEvent(migration_, kind, variant_.reversible);
  event.at = now_;
  if (kind == EventKind::kSettle && migration_.state == State::kAwaitingTask) {
    event.at = std::max(now_, migration_.wake_at.value_or(now_));
  }
  return event;
}

absl::StatusOr<Transition> Walk::Send(Event event) {
  absl::StatusOr<Transition> transition = Apply(migration_, event);
  if (!transition.ok()) return transition;
  const Migration before = std::exchange(migration_, transition->migration);
  Book(before, event, *transition);
  return transition;
}

void Walk::Book(const Migration& before, const Event& event,
                const Transition& transition) {
  for (std::string& flaw : Flaws(before, event, transition)) {
    flaws_.push_back(std::move(flaw));
  }
  for (const Transition::ClosedTask& closed : transition.closed_tasks) {
    if (open_tasks_.erase(closed.id) == 0) {
      flaws_.push_back(
          absl::StrCat("closed a task that is not open: ", closed.id));
    }
  }
  for (const Task& task : transition.opened_tasks) {
    if (task.blocking) open_tasks_.insert(task.id);
  }
  const StepRecord& record = migration_.record(migration_.current);
  const std::set<std::string> due = record.state == StepState::kAwaitingTask
                                        ? std::set<std::string>{record.task_id}
                                        : std::set<std::string>{};
  if (open_tasks_ != due) {
    flaws_.push_back(absl::StrCat(
        Say(migration_), " after ", ToAbsl(Name(event.kind)), ": ",
        open_tasks_.size(), " blocking tasks open, ", due.size(), " due"));
  }
  if (!before.going_back && migration_.going_back) undone_.clear();
  if (before.going_back && event.kind == EventKind::kStepDone) {
    undone_.push_back(before.current);
  }
}

bool Walk::Act(EventKind outcome) {
  if (migration_.state == State::kAwaitingTask) return false;
  Action action = Next();
  if (action.kind == Action::Kind::kWait) {
    now_ = action.at;
    action = Next();
  }
  switch (action.kind) {
    case Action::Kind::kNone:
    case Action::Kind::kWait:
      return false;
    case Action::Kind::kSettle:
      return Send(EventKind::kSettle).ok();
    case Action::Kind::kRun:
    case Action::Kind::kUndo:
      return Send(outcome).ok();
  }
  return false;
}

EventKind Walk::Success() const {
  return migration_.state == State::kPlanning ? EventKind::kPlanMade
                                              : EventKind::kStepDone;
}

bool Walk::GoTo(Step step) {
  while (migration_.current != step ||
         migration_.record(step).state == StepState::kDone) {
    if (!Act(Success())) return false;
  }
  return true;
}

bool Walk::Help() {
  switch (migration_.state) {
    case State::kPlanned:
      return Send(EventKind::kStart).ok();
    case State::kAwaitingApproval:
      return Send(EventKind::kApprove).ok();
    case State::kAwaitingTask:
      return Send(EventKind::kTaskDone).ok();
    case State::kPaused:
      return Send(EventKind::kResume).ok();
    case State::kNeedsAttention:
      return Send(EventKind::kRetry).ok();
    case State::kPlanning:
    case State::kRunning:
    case State::kRollingBack:
    case State::kSucceeded:
    case State::kRolledBack:
    case State::kCancelled:
      return false;
  }
  return false;
}

}  // namespace keyturn::migration::testing
