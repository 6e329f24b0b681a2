#include "tests/cli/samples.h"

#include <cstdint>

namespace keyturn::cli {
namespace {

constexpr int64_t kStart = 1795428000;

google::protobuf::Timestamp After(int64_t seconds) {
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(kStart + seconds);
  return timestamp;
}

void AddPlanned(v1::Plan& plan, v1::Step::Name step,
                v1::Plan::PlannedStep::Actor actor, const std::string& what,
                bool reversible, const std::string& undo) {
  v1::Plan::PlannedStep& planned = *plan.add_steps();
  planned.set_step(step);
  planned.set_actor(actor);
  planned.set_what(what);
  planned.set_reversible(reversible);
  planned.set_undo(undo);
}

void FillSteps(v1::Plan& plan) {
  using Planned = v1::Plan::PlannedStep;
  AddPlanned(plan, v1::Step::PREFLIGHT, Planned::NOBODY,
             "Was done for this plan", true, "");
  AddPlanned(plan, v1::Step::ENABLE_TBA, Planned::NOBODY,
             "Token-Based Authentication is on", false, "The feature stays on");
  AddPlanned(plan, v1::Step::CREATE_ROLE, Planned::DAEMON,
             "Make the role CeligoJiraTBA from Celigo Jira Connector, with "
             "ADMI_LOGIN_OAUTH added",
             false, "The role stays; nothing uses it");
  AddPlanned(plan, v1::Step::ISSUE_TOKEN, Planned::PERSON,
             "A person makes the token keyturn-k3q7n2x5 in NetSuite", true,
             "A person revokes the token");
  AddPlanned(plan, v1::Step::CUT_OVER, Planned::DAEMON,
             "Write the connection with the new token", false,
             "Celigo does not take a password for a new login");
}

void FillPlan(v1::Plan& plan) {
  plan.set_hash(
      "9f2b6c1d4e8a7035c6d1e2f3a4b5968778695a4b3c2d1e0f9f2b6c1d4e8a7035");
  FillSteps(plan);
  v1::Plan::Change& type = *plan.add_changes();
  type.set_field("netsuite.authType");
  type.set_before("\"basic\"");
  type.set_after("\"token\"");
  v1::Plan::Change& token = *plan.add_changes();
  token.set_field("netsuite.tokenId");
  token.set_after("(secret)");
  v1::Plan::FlowPlan& flow = *plan.add_flows();
  flow.set_id("5f3b00000000000000000001");
  flow.set_name("Jira issues to NetSuite projects");
  flow.set_enabled(true);
  flow.set_test(true);
  plan.add_warnings(
      "After cut_over there is no way back: Celigo has refused new password "
      "logins since 2021.");
  plan.set_reversibility(
      "The old login is not among the daemon's credentials.");
  auto& findings = *plan.mutable_findings();
  findings["connection"] = "Jira NetSuite (5f3a00000000000000000001)";
  findings["tile"] = "Jira - NetSuite (5f3c00000000000000000001)";
  findings["recipe"] = "jira";
}

// Brings all steps before `name` to DONE and gives back the one of that name.
v1::Step& DoneUpTo(v1::Migration& migration, v1::Step::Name name) {
  int64_t seconds = 0;
  for (v1::Step& step : *migration.mutable_steps()) {
    *step.mutable_start_time() = After(seconds);
    step.set_attempt(1);
    if (step.name() == name) {
      migration.set_current_step(name);
      return step;
    }
    step.set_state(v1::Step::DONE);
    step.set_message("As it should be");
    seconds += 2;
    *step.mutable_end_time() = After(seconds);
  }
  return *migration.mutable_steps()->rbegin();
}

}  // namespace

absl::Time SampleTime() { return absl::FromUnixSeconds(kStart); }

v1::Migration SampleMigration() {
  v1::Migration migration;
  migration.set_name(kSampleName);
  migration.set_state(v1::Migration::PLANNED);
  migration.set_current_step(v1::Step::APPROVE);
  migration.set_creator("anna");
  migration.set_etag("e1");
  *migration.mutable_create_time() = After(0);
  v1::Spec& spec = *migration.mutable_spec();
  spec.mutable_celigo()->set_account("acme");
  spec.mutable_celigo()->set_connection("5f3a00000000000000000001");
  spec.mutable_netsuite()->set_account("acme-ns");
  spec.mutable_netsuite()->set_user("jira.integration@example.com");
  spec.mutable_role()->set_name("CeligoJiraTBA");
  for (int name = v1::Step::PREFLIGHT; name <= v1::Step::FINISH; ++name) {
    v1::Step& step = *migration.add_steps();
    step.set_name(static_cast<v1::Step::Name>(name));
    step.set_state(v1::Step::PENDING);
  }
  FillPlan(*migration.mutable_plan());
  return migration;
}

v1::Migration RunningMigration() {
  v1::Migration migration = SampleMigration();
  migration.set_state(v1::Migration::RUNNING);
  v1::Step& step = DoneUpTo(migration, v1::Step::CREATE_ROLE);
  step.set_state(v1::Step::RUNNING);
  step.set_attempt(2);
  step.set_message(
      "Reading the permissions of Celigo Jira Connector page by page, to copy "
      "them into CeligoJiraTBA");
  return migration;
}

v1::Migration AwaitingMigration() {
  v1::Migration migration = SampleMigration();
  migration.set_state(v1::Migration::AWAITING_TASK);
  v1::Step& step = DoneUpTo(migration, v1::Step::ISSUE_TOKEN);
  step.set_state(v1::Step::AWAITING_TASK);
  step.set_message("A person makes the token in NetSuite and hands it in");
  step.set_task(kSampleTask);
  migration.add_open_tasks(kSampleTask);
  return migration;
}

v1::Migration StuckMigration() {
  v1::Migration migration = SampleMigration();
  migration.set_state(v1::Migration::NEEDS_ATTENTION);
  v1::Step& step = DoneUpTo(migration, v1::Step::CUT_OVER);
  step.set_state(v1::Step::FAILED);
  step.set_attempt(8);
  step.set_message("Somebody changed the connection in Celigo since the plan");
  *step.mutable_end_time() = After(60);
  v1::Migration::Attention& attention = *migration.mutable_attention();
  attention.set_reason("DOCUMENT_CHANGED");
  attention.set_owner("operator");
  attention.set_message(
      "The connection's document is not the one that the plan was made for.");
  attention.add_ways_out("Look in Celigo who changed it and why.");
  attention.add_ways_out("keyturn retry k3q7n2x5a4bcdefg plans anew.");
  return migration;
}

v1::Migration SucceededMigration() {
  v1::Migration migration = SampleMigration();
  migration.set_state(v1::Migration::SUCCEEDED);
  v1::Step& step = DoneUpTo(migration, v1::Step::FINISH);
  step.set_state(v1::Step::DONE);
  step.set_message("Moved to a token");
  *step.mutable_end_time() = After(130);
  *migration.mutable_end_time() = After(130);
  v1::Step& cut_over = *migration.mutable_steps(v1::Step::CUT_OVER - 1);
  v1::Step::Proof& proof = *cut_over.add_proofs();
  proof.set_what("netsuite.authType");
  proof.set_value("token");
  migration.add_left_to_do(
      "Retire the password of jira.integration@example.com in NetSuite.");
  return migration;
}

v1::Task TokenTask() {
  v1::Task task;
  task.set_name(kSampleTask);
  task.set_migration(kSampleName);
  task.set_step(v1::Step::ISSUE_TOKEN);
  task.set_state(v1::Task::OPEN);
  task.set_answer(v1::Task::TOKEN);
  task.set_blocking(true);
  task.set_account("acme-ns");
  task.set_title("Make an access token for the integration's user");
  task.set_problem("The token that was handed in is of another role.");
  task.add_instructions("Log into NetSuite as an administrator.");
  task.add_instructions(
      "Open Setup > Users/Roles > Access Tokens > New and fill in exactly what "
      "stands below.");
  task.add_instructions("Save, and copy the token id and secret at once.");
  task.set_menu_path("Setup > Users/Roles > Access Tokens > New");
  task.set_deep_link(
      "https://1234567.app.netsuite.com/app/setup/accesstoken.nl");
  v1::Task::Field& application = *task.add_fields();
  application.set_name("application_name");
  application.set_label("APPLICATION NAME");
  application.set_value("High Tech Connectors Token-based Auth");
  v1::Task::Field& token = *task.add_fields();
  token.set_name("token_name");
  token.set_label("TOKEN NAME");
  token.set_value("keyturn-k3q7n2x5a4bcdefg");
  task.set_token_name("keyturn-k3q7n2x5a4bcdefg");
  task.add_common_mistakes(
      "The secret is shown once. Whoever leaves the page without it makes a "
      "new "
      "token.");
  *task.mutable_create_time() = After(10);
  return task;
}

v1::Event SampleEvent(int64_t sequence, const std::string& kind,
                      v1::Step::Name step, v1::Step::State step_state,
                      v1::Migration::State state, const std::string& message) {
  v1::Event event;
  event.set_sequence(sequence);
  event.set_migration(kSampleName);
  *event.mutable_time() = After(sequence);
  event.set_actor("daemon");
  event.set_kind(kind);
  event.set_message(message);
  event.set_state(state);
  event.mutable_step()->set_name(step);
  event.mutable_step()->set_state(step_state);
  event.mutable_step()->set_attempt(1);
  *event.mutable_step()->mutable_start_time() = After(sequence);
  return event;
}

std::string SampleSpec() {
  return R"(recipe: jira
celigo:   {account: acme, connection: 5f3a00000000000000000001}
netsuite: {account: acme-ns, user: jira.integration@example.com}
role:
  name: CeligoJiraTBA
  addPermissions: [ADMI_LOGIN_OAUTH]
oldLogin: acme-old-login
flows:
  test: all
  run: []
approvals: 0
)";
}

}  // namespace keyturn::cli
