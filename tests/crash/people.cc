#include "tests/crash/people.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/base/status.h"
#include "daemon/secret/secret.h"

namespace keyturn::crash {
namespace {

using migration::EventKind;
using migration::Migration;
using migration::State;
using migration::Step;
using migration::Task;
using sandbox::Json;

// Of a migration on trial.
constexpr absl::Duration kConfirmWithin = absl::Hours(2);
constexpr char kOperator[] = "anna";
constexpr char kApprover[] = "olga";
constexpr char kAdministrator[] = "bob";
// Then the operator leaves it.
constexpr int kCreationsMax = 5;

std::string FieldOf(const Task& task, std::string_view name) {
  for (const Task::Field& field : task.fields) {
    if (field.name == name) return field.value;
  }
  return "";
}

std::vector<std::string> SplitList(const std::string& text) {
  std::vector<std::string> parts;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    part = absl::StripAsciiWhitespace(part);
    if (!part.empty()) parts.emplace_back(part);
  }
  return parts;
}

bool TakesAway(const Task& task) {
  return absl::StartsWith(task.title, "Take ") ||
         absl::StartsWith(task.title, "Revoke ");
}

// "Home > Jira - NetSuite > Flows"
std::string TileOf(const Task& task) {
  const std::vector<std::string> parts = absl::StrSplit(task.menu_path, " > ");
  return parts.size() < 2 ? "" : parts[1];
}

// Whether asking again may give another answer.
bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsAborted(status);
}

}  // namespace

People::People(const Scenario& scenario, Outside& outside, Hooks hooks)
    : scenario_(scenario), outside_(outside), hooks_(std::move(hooks)) {
  AskToCreate(absl::StrCat("create ", ++creations_), "");
}

migration::Spec People::Spec() const {
  const Json& flows = sandbox::Member(outside_.info(), "flows");
  migration::Spec spec;
  spec.recipe = "jira";
  spec.celigo.account = "acme";
  spec.celigo.connection = outside_.connection();
  spec.netsuite.account = "acme-ns";
  spec.netsuite.user = outside_.user();
  spec.role.name = "CeligoJiraTBA";
  spec.role.add_permissions = {"ADMI_LOGIN_OAUTH"};
  spec.flows.run_ids = {flows[2].get<std::string>()};
  spec.approvals = scenario_.approvals;
  if (scenario_.way == Scenario::Way::kSilence) {
    spec.confirm_within = kConfirmWithin;
  }
  if (scenario_.old_login) spec.old_login = "old-login";
  if (scenario_.issues_token) {
    spec.token.consumer = "consumer";
    spec.role.add_permissions.push_back("ADMI_MANAGE_OWN_OAUTH_TOKENS");
  }
  return spec;
}

bool People::Act(engine::Engine& engine, store::Store& store, absl::Time now) {
  now_ = now;
  if (Send(engine)) return true;
  if (migration_id_.empty()) {
    // What was refused is asked for once more, as a new request.
    if (busy() || creations_ == kCreationsMax) return false;
    AskToCreate(absl::StrCat("create ", ++creations_), "");
    return true;
  }
  const absl::StatusOr<store::StoredMigration> stored =
      store.GetMigration(migration_id_);
  if (!stored.ok()) return false;
  if (Command(stored->migration)) return true;
  return Answer(store, now);
}

bool People::Send(engine::Engine& engine) {
  for (Asked& asked : asked_) {
    if (asked.under_way || asked.answered) continue;
    asked.under_way = true;
    ++asked.times_sent;
    hooks_.tell(absl::StrCat(asked.caller.identity, " asks to ", asked.what));
    engine::Caller caller = asked.caller;
    asked.send(engine, std::move(caller),
               [this, &asked](absl::Status status, std::string made) {
                 Receive(asked, std::move(status), std::move(made));
               });
    return true;
  }
  return false;
}

void People::Receive(Asked& asked, absl::Status status, std::string made) {
  asked.under_way = false;
  asked.answered = !MayPass(status);
  asked.answered_at = now_;
  asked.answer = std::move(status);
  hooks_.tell(
      absl::StrCat(asked.what, ": ",
                   asked.answer.ok() ? made : base::ReasonOf(asked.answer)));
  if (!asked.answer.ok()) return;
  if (migration_id_.empty()) migration_id_ = made;
  asked.made = std::move(made);
}

void People::NoteCrash() {
  for (Asked& asked : asked_) asked.under_way = false;
}

std::optional<absl::Time> People::next() const {
  std::optional<absl::Time> next = approves_at_;
  for (const auto& [id, when] : tasks_) {
    if (when == absl::InfinitePast() || when == absl::InfiniteFuture()) {
      continue;
    }
    next = std::min(next.value_or(when), when);
  }
  return next;
}

bool People::busy() const {
  return std::any_of(asked_.begin(), asked_.end(),
                     [](const Asked& asked) { return !asked.answered; });
}

void People::RepeatAll(absl::Time since) {
  for (Asked& asked : asked_) {
    if (asked.answer.ok() && asked.answered_at >= since) asked.answered = false;
  }
}

bool People::Approve(const Migration& migration) {
  if (migration.state == State::kCancelled &&
      said_.contains("approve another plan") &&
      said_.insert("approve what is cancelled").second) {
    AskTo("approve what is cancelled", EventKind::kApprove, kApprover,
          migration.plan->hash, "G12");
    return true;
  }
  if (migration.state != State::kAwaitingApproval) return false;
  if (said_.insert("approve another plan").second) {
    const std::string other =
        hooks_.takes_any_plan ? migration.plan->hash : "0000";
    AskTo("approve another plan", EventKind::kApprove, kApprover, other, "G12");
    if (hooks_.approval_delay < absl::InfiniteDuration()) {
      approves_at_ = now_ + hooks_.approval_delay;
    }
    return true;
  }
  if (hooks_.gives_up) {
    if (!said_.insert("give up").second) return false;
    AskTo("give up", EventKind::kCancel, kOperator, "");
    return true;
  }
  if (!approves_at_.has_value() || *approves_at_ > now_) return false;
  approves_at_.reset();
  AskTo("approve the plan", EventKind::kApprove, kApprover,
        migration.plan->hash);
  return true;
}

bool People::Command(const Migration& migration) {
  if (Approve(migration)) return true;
  if (migration.current >= Step::kAssignRole && !IsAtRest(migration.state) &&
      scenario_.way == Scenario::Way::kForward &&
      said_.insert("create another").second) {
    AskToCreate("create another", "G9");
    return true;
  }
  if (migration.state == State::kNeedsAttention && retries_ < hooks_.retries) {
    AskTo(absl::StrCat("retry ", ++retries_), EventKind::kRetry, kOperator, "");
    return true;
  }
  if (migration.state != State::kRunning) return false;
  if (scenario_.way == Scenario::Way::kCancel &&
      migration.current == Step::kQuiesce && said_.insert("cancel").second) {
    AskTo("cancel", EventKind::kCancel, kOperator, "");
    return true;
  }
  if (scenario_.way == Scenario::Way::kRollBack &&
      migration.current >= Step::kVerifyFlows &&
      said_.insert("roll back").second) {
    AskTo("roll back", EventKind::kRollBack, kOperator, "");
    return true;
  }
  return false;
}

bool People::Answer(store::Store& store, absl::Time now) {
  const absl::StatusOr<std::vector<std::string>> open =
      store.ListOpenTaskIds(migration_id_);
  if (!open.ok()) return false;
  for (const std::string& id : *open) {
    const auto [known, fresh] = tasks_.emplace(id, now);
    if (fresh && hooks_.delay != nullptr) known->second += hooks_.delay();
    if (known->second == absl::InfinitePast() || known->second > now) continue;
    known->second = absl::InfinitePast();
    const absl::StatusOr<Task> task = store.GetTask(id);
    if (!task.ok()) continue;
    const bool trial = task->step == Step::kFinish && task->blocking;
    if (trial && scenario_.way == Scenario::Way::kSilence) continue;
    Perform(*task);
    return true;
  }
  return false;
}

void People::Perform(const Task& task) {
  const std::string user = FieldOf(task, "user");
  const std::string role = FieldOf(task, "role_name");
  const bool by_hand = task.answer != Task::Answer::kToken;
  if (by_hand && hooks_.errs != nullptr && hooks_.errs()) {
    AskToComplete(task.id);
    return;
  }
  const std::vector<std::string> flows = SplitList(FieldOf(task, "flows"));
  for (const std::string& name : flows) {
    Do("edit-flow",
       {{"tile", TileOf(task)},
        {"name", name},
        {"set", {{"disabled", absl::StrContains(task.title, " off ")}}}});
  }
  if (task.answer == Task::Answer::kToken) {
    AskToSubmit(task.id, TokenFor(task));
    return;
  }
  if (flows.empty() && task.step == Step::kEnableTba) {
    Do("enable-feature", Json::object());
  } else if (flows.empty() && task.step == Step::kCreateRole) {
    const std::vector<std::string> permissions =
        SplitList(FieldOf(task, "permissions"));
    if (!FieldOf(task, "source_role").empty()) {
      Do("clone-role", {{"from", FieldOf(task, "source_role")},
                        {"name", role},
                        {"add_permissions", permissions}});
    }
    Do("edit-role",
       {{"role", role}, {"inactive", false}, {"add_permissions", permissions}});
  } else if (flows.empty() && task.step == Step::kAssignRole) {
    Do(TakesAway(task) ? "unassign-role" : "assign-role",
       {{"user", user}, {"role", role}});
  } else if (TakesAway(task)) {
    Do("revoke-token", {{"name", task.token_name}});
  } else if (task.answer == Task::Answer::kDoneOrToken) {
    // Looks at everything once more.
    Do("enable-feature", Json::object());
    Do("assign-role", {{"user", user}, {"role", role}});
    Do("revoke-token", {{"name", task.token_name}});
    AskToSubmit(task.id, TokenFor(task));
    return;
  }
  AskToComplete(task.id);
}

Json People::TokenFor(const Task& task) {
  std::string application = FieldOf(task, "application_name");
  const absl::StatusOr<Json> token =
      outside_.Act("create-token", {{"application", application},
                                    {"user", FieldOf(task, "user")},
                                    {"role", FieldOf(task, "role_name")},
                                    {"name", task.token_name}});
  if (!token.ok()) {
    hooks_.tell(absl::StrCat("create-token: ", token.status().message()));
    return Json::object();
  }
  hooks_.tell(absl::StrCat("made the token ", task.token_name));
  tokens_in_hand_.insert(sandbox::Text(*token, "tokenId"));
  return *token;
}

void People::Do(const std::string& act, const Json& arguments) {
  const absl::StatusOr<Json> shown = outside_.Act(act, arguments);
  hooks_.tell(absl::StrCat(act, ": ", shown.status().ToString()));
}

Asked& People::Ask(std::string what, std::string identity) {
  Asked& asked = asked_.emplace_back();
  asked.caller.identity = std::move(identity);
  asked.caller.transport = "tls";
  asked.caller.request_id = what;
  asked.caller.fingerprint = what;
  asked.what = std::move(what);
  return asked;
}

void People::AskToCreate(std::string request_id, std::string must_be_refused) {
  Asked& asked = Ask(std::move(request_id), kOperator);
  asked.must_be_refused = std::move(must_be_refused);
  asked.send = [this](engine::Engine& engine, engine::Caller caller,
                      Asked::Done done) {
    engine::CreateCommand command;
    command.spec = Spec();
    command.start = true;
    engine.Create(std::move(caller), std::move(command),
                  [done = std::move(done)](absl::StatusOr<Migration> made) {
                    done(made.status(), made.ok() ? made->id : "");
                  });
  };
}

void People::AskTo(std::string what, EventKind kind, std::string identity,
                   std::string plan_hash, std::string must_be_refused) {
  Asked& asked = Ask(std::move(what), std::move(identity));
  asked.must_be_refused = std::move(must_be_refused);
  asked.send = [this, kind, plan_hash = std::move(plan_hash)](
                   engine::Engine& engine, engine::Caller caller,
                   Asked::Done done) {
    engine::MigrationCommand command;
    command.migration_id = migration_id_;
    command.kind = kind;
    command.reason = "as agreed";
    command.plan_hash = plan_hash;
    engine.Command(std::move(caller), std::move(command),
                   [done = std::move(done)](absl::StatusOr<Migration> made) {
                     done(made.status(), made.ok() ? made->id : "");
                   });
  };
}

void People::AskToComplete(const std::string& task_id) {
  Asked& asked = Ask(absl::StrCat("complete task ", task_id), kAdministrator);
  asked.send = [task_id](engine::Engine& engine, engine::Caller caller,
                         Asked::Done done) {
    engine.CompleteTask(std::move(caller), task_id, "ticket 17",
                        [done = std::move(done)](absl::StatusOr<Task> task) {
                          done(task.status(), task.ok() ? task->id : "");
                        });
  };
}

void People::AskToSubmit(const std::string& task_id, const Json& token) {
  Asked& asked = Ask(absl::StrCat("submit task ", task_id), kAdministrator);
  const std::string id = sandbox::Text(token, "tokenId");
  const std::string value = sandbox::Text(token, "tokenSecret");
  asked.send = [this, task_id, id, value](engine::Engine& engine,
                                          engine::Caller caller,
                                          Asked::Done done) {
    engine.SubmitToken(
        std::move(caller), task_id, secret::Secret(id), secret::Secret(value),
        [this, id, done = std::move(done)](absl::StatusOr<Task> task) {
          if (task.ok()) tokens_in_hand_.erase(id);
          done(task.status(), task.ok() ? task->id : "");
        });
  };
}

}  // namespace keyturn::crash
