#include "tests/store/samples.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <utility>

#include "tests/support/status_matchers.h"

namespace keyturn::testing {

using migration::Migration;
using migration::Plan;
using migration::PlannedStep;
using migration::Spec;
using migration::State;
using migration::Step;
using migration::StepRecord;
using migration::StepState;
using migration::Task;

TemporaryDirectory::TemporaryDirectory()
    : path_(::testing::TempDir() + "/keyturn-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) {
    throw std::runtime_error("cannot make a temporary directory");
  }
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::Path(std::string_view name) const {
  return path_ + "/" + std::string(name);
}

absl::Time At(int seconds) {
  return absl::FromCivil(absl::CivilSecond(2026, 1, 1, 0, 0, 0),
                         absl::UTCTimeZone()) +
         absl::Seconds(seconds);
}

std::unique_ptr<store::Store> OpenStore(const std::string& path) {
  return OpenSealedStore(path, nullptr);
}

std::unique_ptr<store::Store> OpenSealedStore(const std::string& path,
                                              store::AuditSealer* sealer) {
  store::SqliteOptions options;
  options.path = path;
  options.audit_sealer = sealer;
  absl::StatusOr<std::unique_ptr<store::Store>> opened =
      store::OpenSqliteStore(std::move(options));
  EXPECT_THAT(opened, IsOk());
  return *std::move(opened);
}

namespace {

Spec FullSpec() {
  Spec spec;
  spec.recipe = "jira";
  spec.celigo = {"acme", "5f3a00000000000000000001",
                 "5f3a00000000000000000002"};
  spec.netsuite = {"acme-ns", "jira.integration@example.com"};
  spec.role = {"CeligoJiraTBA",
               "Celigo eTail SmartConnectors",
               {"ADMI_LOGIN_OAUTH", "LIST_FIND"}};
  spec.token = {"eTail Connectors", "vendor-pair"};
  spec.iclient = "NetSuite iClient";
  spec.old_login = "acme-old-login";
  spec.flows = {Spec::Flows::Test::kIds, {"flow-a", "flow-b"}, {"flow-c"}};
  spec.approvals = 2;
  spec.confirm_within = absl::Hours(2) + absl::Nanoseconds(5);
  spec.drain_within = absl::Hours(3) + absl::Nanoseconds(7);
  spec.adopt = true;
  return spec;
}

Plan FullPlan() {
  Plan plan;
  plan.hash = "0123abcd";
  plan.steps = {{Step::kCutOver, PlannedStep::Actor::kPerson, "switch it", true,
                 "switch it back"}};
  plan.changes = {{"netsuite.authType", "\"basic\"", "\"token\""}};
  plan.flows = {{"flow-d", "Orders", true, true, true}};
  plan.warnings = {"a warning"};
  plan.reversible_after_cut_over = true;
  plan.reversibility = "the old login is held";
  plan.findings = {{"connection", "NetSuite"}, {"tile", "Jira"}};
  return plan;
}

StepRecord FullStepRecord() {
  StepRecord record;
  record.state = StepState::kAwaitingTask;
  record.attempt = 3;
  record.failures = 2;
  record.waits = 7;
  record.started_at = At(1);
  record.ended_at = At(2);
  record.message = "a message";
  record.proofs = {{"netsuite.authType", "token"}};
  record.task_id = "task-of-step";
  return record;
}

}  // namespace

Migration FullMigration() {
  Migration migration;
  migration.id = "aaaaaaaaaaaaaaaa";
  migration.revision = 12;
  migration.turn = 9;
  migration.spec = FullSpec();
  migration.plan = FullPlan();
  migration.state = State::kNeedsAttention;
  migration.current = Step::kCutOver;
  migration.going_back = true;
  for (const Step step : migration::kAllSteps) {
    migration.record(step) = FullStepRecord();
    migration.record(step).attempt += static_cast<int>(step);
  }
  migration.wake_at = At(3) + absl::Nanoseconds(123456789);
  migration.start_requested = true;
  migration.pause_requested = true;
  migration.cancel_requested = true;
  migration.resume_to = State::kRunning;
  migration.attention = migration::Attention{
      "ROLE_MISSING", "administrator", "it is not there", {"make it", "stop"}};
  migration.approvals = {{"anna", At(4)}, {"berta", At(5)}};
  migration.confirmed = {"nora", At(5)};
  migration.task_expired = true;
  migration.left_to_do = {"retire the password"};
  migration.failure = "why it failed";
  migration.notes = R"({"employee":"17"})";
  migration.connection_key = "acme/5f3a00000000000000000001";
  migration.connection_name = "NetSuite connection";
  migration.creator = "olga";
  migration.created_at = At(6);
  migration.updated_at = At(7);
  migration.ended_at = absl::InfiniteFuture();
  return migration;
}

store::StoredEvent FullEvent() {
  store::StoredEvent event;
  event.migration_id = "aaaaaaaaaaaaaaaa";
  event.time = At(8);
  event.actor = "daemon";
  event.kind = "STEP_DONE";
  event.message = "the step is done";
  event.state = State::kNeedsAttention;
  event.step = Step::kIssueToken;
  event.record = FullStepRecord();
  event.wake_at = At(9);
  event.attention = migration::Attention{
      "REASON", "operator", "what is wrong", {"a way out"}};
  return event;
}

Task FullTask() {
  Task task;
  task.id = "tttttttttttttttt";
  task.migration_id = "aaaaaaaaaaaaaaaa";
  task.step = Step::kIssueToken;
  task.state = Task::State::kDone;
  task.answer = Task::Answer::kDoneOrToken;
  task.title = "Make a token";
  task.problem = "the former one was refused";
  task.instructions = {"open", "press"};
  task.menu_path = "Setup > Users/Roles > Access Tokens > New";
  task.deep_link = "https://1234567.app.netsuite.com/app/setup/token.nl";
  task.fields = {{"role_name", "ROLE", "CeligoJiraTBA"}};
  task.common_mistakes = {"the wrong role"};
  task.token_name = "keyturn-aaaa";
  task.blocking = true;
  task.created_at = At(10);
  task.expires_at = At(12);
  task.ended_at = At(11);
  task.completed_by = "nora";
  task.evidence = "done at noon";
  task.account = "acme-ns";
  return task;
}

store::Account FullAccount() {
  store::Account account;
  account.name = "acme";
  account.kind = store::AccountKind::kNetSuite;
  account.credential = "acme-tba";
  account.base_url = "https://127.0.0.1:8443";
  account.region = store::CeligoRegion::kEu;
  account.account_id = "1234567_SB1";
  account.ca_pem = "-----BEGIN CERTIFICATE-----";
  account.created_at = At(12);
  return account;
}

migration::Campaign FullCampaign() {
  migration::Campaign campaign;
  campaign.id = "cccccccccccccccc";
  campaign.revision = 3;
  campaign.title = "all of acme";
  campaign.policy = {2, 5, 10, 7, 4, 3, 6};
  campaign.state = migration::CampaignState::kFinished;
  campaign.stop_reason = "too many failed";
  campaign.creator = "carla";
  campaign.created_at = At(13);
  campaign.updated_at = At(14);
  campaign.ended_at = At(15);
  return campaign;
}

migration::CampaignMember FullMember() {
  migration::CampaignMember member;
  member.number = 4;
  member.spec = FullSpec();
  member.state = migration::MemberState::kTakenOut;
  member.migration_id = "aaaaaaaaaaaaaaaa";
  member.refusal_reason = "WRONG_TILE";
  member.refusal = "the tile is another one";
  member.failure_accepted = true;
  member.creator = "mona";
  return member;
}

Migration SmallMigration(const std::string& id, int created) {
  Migration migration;
  migration.id = id;
  migration.revision = 1;
  migration.state = State::kRunning;
  migration.created_at = At(created);
  return migration;
}

store::StoredEvent EventOf(const std::string& migration_id,
                           std::string_view kind) {
  store::StoredEvent event;
  event.migration_id = migration_id;
  event.kind = kind;
  event.time = At(0);
  return event;
}

Task TaskOf(const std::string& migration_id, const std::string& id,
            int created) {
  Task task;
  task.id = id;
  task.migration_id = migration_id;
  task.step = Step::kEnableTba;
  task.created_at = At(created);
  return task;
}

store::CredentialWrite CredentialOf(const std::string& name,
                                    store::VersionLabel label) {
  store::NewCredential write;
  write.name = name;
  write.kind = store::CredentialKind::kCeligoToken;
  write.version = {1, label, At(0), "olga"};
  write.sealed = "sealed 1";
  return write;
}

store::CredentialWrite VersionOf(const std::string& name, int number,
                                 store::VersionLabel label) {
  store::NewVersion write;
  write.name = name;
  write.version = {number, label, At(number), "olga"};
  write.sealed = "sealed " + std::to_string(number);
  return write;
}

store::RequestRecord RequestOf(const std::string& request_id,
                               const std::string& fingerprint, int created) {
  return {"olga", request_id, fingerprint, "answer to " + request_id,
          At(created)};
}

store::AuditRow AuditOf(const std::string& action) {
  store::AuditRow row;
  row.time = At(0);
  row.actor = "olga";
  row.transport = "tls";
  row.action = action;
  row.target = "migrations/aaaaaaaaaaaaaaaa";
  row.request_id = "request-1";
  row.result = "OK";
  row.detail = "detail";
  return row;
}

store::Batch NewBatch(const Migration& migration) {
  store::Batch batch;
  batch.migration = store::MigrationWrite{migration, 0};
  batch.events = {EventOf(migration.id, "CREATED")};
  return batch;
}

store::Batch NextBatch(Migration& migration) {
  store::Batch batch;
  const int64_t expected = migration.revision++;
  batch.migration = store::MigrationWrite{migration, expected};
  batch.events = {EventOf(migration.id)};
  return batch;
}

}  // namespace keyturn::testing
