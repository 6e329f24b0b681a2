#include "daemon/store/codec.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "keyturn/store/v1/records.pb.h"

namespace keyturn::store {
namespace {

namespace pb = keyturn::store::v1;

using migration::Migration;
using migration::Plan;
using migration::PlannedStep;
using migration::Spec;
using migration::StepRecord;
using migration::StepState;
using migration::Task;

constexpr std::array kAllStepStates = {
    StepState::kPending,      StepState::kRunning, StepState::kWaiting,
    StepState::kAwaitingTask, StepState::kDone,    StepState::kFailed,
    StepState::kUndone};
constexpr std::array kAllActors = {PlannedStep::Actor::kDaemon,
                                   PlannedStep::Actor::kPerson,
                                   PlannedStep::Actor::kNobody};
constexpr std::array kAllTests = {
    Spec::Flows::Test::kAll, Spec::Flows::Test::kNone, Spec::Flows::Test::kIds};
constexpr std::array kAllTaskStates = {Task::State::kOpen, Task::State::kDone,
                                       Task::State::kWithdrawn};
constexpr std::array kAllAnswers = {Task::Answer::kDoneByHand,
                                    Task::Answer::kToken,
                                    Task::Answer::kDoneOrToken};
constexpr std::array kAllAccountKinds = {AccountKind::kCeligo,
                                         AccountKind::kNetSuite};
constexpr std::array kAllRegions = {CeligoRegion::kNone, CeligoRegion::kUs,
                                    CeligoRegion::kEu, CeligoRegion::kAu,
                                    CeligoRegion::kCa};

// Turns stored numbers into enums and remembers the first that has no meaning.
class Numbers {
 public:
  template <typename Enum, size_t kSize>
  Enum Read(int number, const std::array<Enum, kSize>& all, const char* field) {
    const auto value = static_cast<Enum>(number);
    if (std::find(all.begin(), all.end(), value) != all.end()) return value;
    if (status_.ok()) {
      status_ = absl::DataLossError(
          absl::StrCat("its ", field, " has the unknown number ", number));
    }
    return all.front();
  }
  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

template <typename Message>
absl::StatusOr<Message> Parse(std::string_view bytes) {
  Message message;
  if (bytes.size() > std::numeric_limits<int>::max() ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError("it is not a record of its kind");
  }
  return message;
}

template <typename Field>
void EncodeTexts(const std::vector<std::string>& texts, Field* field) {
  for (const std::string& text : texts) *field->Add() = text;
}

template <typename Field>
std::vector<std::string> DecodeTexts(const Field& field) {
  return std::vector<std::string>(field.begin(), field.end());
}

void EncodeSpec(const Spec& spec, pb::Spec* out) {
  out->set_recipe(spec.recipe);
  out->mutable_celigo()->set_account(spec.celigo.account);
  out->mutable_celigo()->set_connection(spec.celigo.connection);
  out->mutable_celigo()->set_tile(spec.celigo.tile);
  out->mutable_netsuite()->set_account(spec.netsuite.account);
  out->mutable_netsuite()->set_user(spec.netsuite.user);
  out->mutable_role()->set_name(spec.role.name);
  out->mutable_role()->set_from(spec.role.from);
  EncodeTexts(spec.role.add_permissions,
              out->mutable_role()->mutable_add_permissions());
  out->mutable_token()->set_application(spec.token.application);
  out->mutable_token()->set_consumer(spec.token.consumer);
  out->set_iclient(spec.iclient);
  out->set_old_login(spec.old_login);
  out->mutable_flows()->set_test(static_cast<int>(spec.flows.test));
  EncodeTexts(spec.flows.test_ids, out->mutable_flows()->mutable_test_ids());
  EncodeTexts(spec.flows.run_ids, out->mutable_flows()->mutable_run_ids());
  out->set_approvals(spec.approvals);
  out->set_confirm_within_ns(absl::ToInt64Nanoseconds(spec.confirm_within));
  out->set_drain_within_ns(absl::ToInt64Nanoseconds(spec.drain_within));
  out->set_adopt(spec.adopt);
}

Spec DecodeSpec(const pb::Spec& in, Numbers& numbers) {
  Spec spec;
  spec.recipe = in.recipe();
  spec.celigo = {in.celigo().account(), in.celigo().connection(),
                 in.celigo().tile()};
  spec.netsuite = {in.netsuite().account(), in.netsuite().user()};
  spec.role = {in.role().name(), in.role().from(),
               DecodeTexts(in.role().add_permissions())};
  spec.token = {in.token().application(), in.token().consumer()};
  spec.iclient = in.iclient();
  spec.old_login = in.old_login();
  spec.flows = {numbers.Read(in.flows().test(), kAllTests, "spec.flows.test"),
                DecodeTexts(in.flows().test_ids()),
                DecodeTexts(in.flows().run_ids())};
  spec.approvals = in.approvals();
  spec.confirm_within = absl::Nanoseconds(in.confirm_within_ns());
  spec.drain_within = absl::Nanoseconds(in.drain_within_ns());
  spec.adopt = in.adopt();
  return spec;
}

void EncodePlan(const Plan& plan, pb::Plan* out) {
  out->set_hash(plan.hash);
  for (const PlannedStep& step : plan.steps) {
    pb::Plan::PlannedStep* planned = out->add_steps();
    planned->set_step(static_cast<int>(step.step));
    planned->set_actor(static_cast<int>(step.actor));
    planned->set_what(step.what);
    planned->set_reversible(step.reversible);
    planned->set_undo(step.undo);
  }
  for (const Plan::Change& change : plan.changes) {
    pb::Plan::Change* changed = out->add_changes();
    changed->set_field(change.field);
    changed->set_before(change.before);
    changed->set_after(change.after);
  }
  for (const Plan::Flow& flow : plan.flows) {
    pb::Plan::Flow* planned = out->add_flows();
    planned->set_id(flow.id);
    planned->set_name(flow.name);
    planned->set_enabled(flow.enabled);
    planned->set_test(flow.test);
    planned->set_run(flow.run);
  }
  EncodeTexts(plan.warnings, out->mutable_warnings());
  out->set_reversible_after_cut_over(plan.reversible_after_cut_over);
  out->set_reversibility(plan.reversibility);
  for (const auto& [key, value] : plan.findings) {
    pb::Plan::Finding* finding = out->add_findings();
    finding->set_key(key);
    finding->set_value(value);
  }
}

Plan DecodePlan(const pb::Plan& in, Numbers& numbers) {
  Plan plan;
  plan.hash = in.hash();
  for (const pb::Plan::PlannedStep& step : in.steps()) {
    plan.steps.push_back(
        {numbers.Read(step.step(), migration::kAllSteps, "plan.steps.step"),
         numbers.Read(step.actor(), kAllActors, "plan.steps.actor"),
         step.what(), step.reversible(), step.undo()});
  }
  for (const pb::Plan::Change& change : in.changes()) {
    plan.changes.push_back({change.field(), change.before(), change.after()});
  }
  for (const pb::Plan::Flow& flow : in.flows()) {
    plan.flows.push_back(
        {flow.id(), flow.name(), flow.enabled(), flow.test(), flow.run()});
  }
  plan.warnings = DecodeTexts(in.warnings());
  plan.reversible_after_cut_over = in.reversible_after_cut_over();
  plan.reversibility = in.reversibility();
  for (const pb::Plan::Finding& finding : in.findings()) {
    plan.findings.emplace_back(finding.key(), finding.value());
  }
  return plan;
}

void EncodeStepRecord(migration::Step step, const StepRecord& record,
                      pb::StepRecord* out) {
  out->set_step(static_cast<int>(step));
  out->set_state(static_cast<int>(record.state));
  out->set_attempt(record.attempt);
  out->set_failures(record.failures);
  out->set_waits(record.waits);
  if (record.started_at) out->set_started_at_ns(EncodeTime(*record.started_at));
  if (record.ended_at) out->set_ended_at_ns(EncodeTime(*record.ended_at));
  out->set_message(record.message);
  for (const migration::Proof& proof : record.proofs) {
    pb::StepRecord::Proof* proved = out->add_proofs();
    proved->set_what(proof.what);
    proved->set_value(proof.value);
  }
  out->set_task_id(record.task_id);
}

StepRecord DecodeStepRecord(const pb::StepRecord& in, Numbers& numbers) {
  StepRecord record;
  record.state = numbers.Read(in.state(), kAllStepStates, "step's state");
  record.attempt = in.attempt();
  record.failures = in.failures();
  record.waits = in.waits();
  if (in.has_started_at_ns())
    record.started_at = DecodeTime(in.started_at_ns());
  if (in.has_ended_at_ns()) record.ended_at = DecodeTime(in.ended_at_ns());
  record.message = in.message();
  for (const pb::StepRecord::Proof& proof : in.proofs()) {
    record.proofs.push_back({proof.what(), proof.value()});
  }
  record.task_id = in.task_id();
  return record;
}

void EncodeAttention(const migration::Attention& attention,
                     pb::Attention* out) {
  out->set_reason(attention.reason);
  out->set_owner(attention.owner);
  out->set_message(attention.message);
  EncodeTexts(attention.ways_out, out->mutable_ways_out());
}

migration::Attention DecodeAttention(const pb::Attention& in) {
  return {in.reason(), in.owner(), in.message(), DecodeTexts(in.ways_out())};
}

void DecodeProgress(const pb::Migration& in, Numbers& numbers,
                    Migration& migration) {
  migration.state = numbers.Read(in.state(), migration::kAllStates, "state");
  migration.current =
      numbers.Read(in.current(), migration::kAllSteps, "current step");
  migration.going_back = in.going_back();
  for (const pb::StepRecord& record : in.steps()) {
    const migration::Step step =
        numbers.Read(record.step(), migration::kAllSteps, "step");
    migration.record(step) = DecodeStepRecord(record, numbers);
  }
  if (in.has_wake_at_ns()) migration.wake_at = DecodeTime(in.wake_at_ns());
  migration.start_requested = in.start_requested();
  migration.pause_requested = in.pause_requested();
  migration.cancel_requested = in.cancel_requested();
  migration.resume_to =
      numbers.Read(in.resume_to(), migration::kAllStates, "resume_to");
  if (in.has_attention()) migration.attention = DecodeAttention(in.attention());
  for (const pb::Approval& approval : in.approvals()) {
    migration.approvals.push_back(
        {approval.by(), DecodeTime(approval.at_ns())});
  }
  if (in.has_confirmed()) {
    migration.confirmed = {in.confirmed().by(),
                           DecodeTime(in.confirmed().at_ns())};
  }
  migration.task_expired = in.task_expired();
}

}  // namespace

std::string EncodeMigration(const Migration& migration) {
  pb::Migration out;
  out.set_id(migration.id);
  out.set_revision(migration.revision);
  out.set_turn(migration.turn);
  EncodeSpec(migration.spec, out.mutable_spec());
  if (migration.plan) EncodePlan(*migration.plan, out.mutable_plan());
  out.set_state(static_cast<int>(migration.state));
  out.set_current(static_cast<int>(migration.current));
  out.set_going_back(migration.going_back);
  for (const migration::Step step : migration::kAllSteps) {
    EncodeStepRecord(step, migration.record(step), out.add_steps());
  }
  if (migration.wake_at) out.set_wake_at_ns(EncodeTime(*migration.wake_at));
  out.set_start_requested(migration.start_requested);
  out.set_pause_requested(migration.pause_requested);
  out.set_cancel_requested(migration.cancel_requested);
  out.set_resume_to(static_cast<int>(migration.resume_to));
  if (migration.attention) {
    EncodeAttention(*migration.attention, out.mutable_attention());
  }
  for (const migration::Approval& approval : migration.approvals) {
    pb::Approval* approved = out.add_approvals();
    approved->set_by(approval.by);
    approved->set_at_ns(EncodeTime(approval.at));
  }
  if (migration.confirmed) {
    out.mutable_confirmed()->set_by(migration.confirmed->by);
    out.mutable_confirmed()->set_at_ns(EncodeTime(migration.confirmed->at));
  }
  out.set_task_expired(migration.task_expired);
  EncodeTexts(migration.left_to_do, out.mutable_left_to_do());
  out.set_failure(migration.failure);
  out.set_notes(migration.notes);
  out.set_connection_key(migration.connection_key);
  out.set_connection_name(migration.connection_name);
  out.set_creator(migration.creator);
  out.set_created_at_ns(EncodeTime(migration.created_at));
  out.set_updated_at_ns(EncodeTime(migration.updated_at));
  if (migration.ended_at) out.set_ended_at_ns(EncodeTime(*migration.ended_at));
  return out.SerializeAsString();
}

absl::StatusOr<Migration> DecodeMigration(std::string_view bytes) {
  ASSIGN_OR_RETURN(const pb::Migration in, Parse<pb::Migration>(bytes));
  Numbers numbers;
  Migration migration;
  migration.id = in.id();
  migration.revision = in.revision();
  migration.turn = in.turn();
  migration.spec = DecodeSpec(in.spec(), numbers);
  if (in.has_plan()) migration.plan = DecodePlan(in.plan(), numbers);
  DecodeProgress(in, numbers, migration);
  migration.left_to_do = DecodeTexts(in.left_to_do());
  migration.failure = in.failure();
  migration.notes = in.notes();
  migration.connection_key = in.connection_key();
  migration.connection_name = in.connection_name();
  migration.creator = in.creator();
  migration.created_at = DecodeTime(in.created_at_ns());
  migration.updated_at = DecodeTime(in.updated_at_ns());
  if (in.has_ended_at_ns()) migration.ended_at = DecodeTime(in.ended_at_ns());
  RETURN_IF_ERROR(numbers.status());
  return migration;
}

std::string EncodeEvent(const StoredEvent& event) {
  pb::Event out;
  out.set_migration_id(event.migration_id);
  out.set_time_ns(EncodeTime(event.time));
  out.set_actor(event.actor);
  out.set_kind(event.kind);
  out.set_message(event.message);
  out.set_state(static_cast<int>(event.state));
  if (event.step && event.record) {
    EncodeStepRecord(*event.step, *event.record, out.mutable_step());
  }
  if (event.wake_at) out.set_wake_at_ns(EncodeTime(*event.wake_at));
  if (event.attention) {
    EncodeAttention(*event.attention, out.mutable_attention());
  }
  return out.SerializeAsString();
}

absl::StatusOr<StoredEvent> DecodeEvent(std::string_view bytes) {
  ASSIGN_OR_RETURN(const pb::Event in, Parse<pb::Event>(bytes));
  Numbers numbers;
  StoredEvent event;
  event.migration_id = in.migration_id();
  event.time = DecodeTime(in.time_ns());
  event.actor = in.actor();
  event.kind = in.kind();
  event.message = in.message();
  event.state = numbers.Read(in.state(), migration::kAllStates, "state");
  if (in.has_step()) {
    event.step = numbers.Read(in.step().step(), migration::kAllSteps, "step");
    event.record = DecodeStepRecord(in.step(), numbers);
  }
  if (in.has_wake_at_ns()) event.wake_at = DecodeTime(in.wake_at_ns());
  if (in.has_attention()) event.attention = DecodeAttention(in.attention());
  RETURN_IF_ERROR(numbers.status());
  return event;
}

std::string EncodeTask(const Task& task) {
  pb::Task out;
  out.set_id(task.id);
  out.set_migration_id(task.migration_id);
  out.set_step(static_cast<int>(task.step));
  out.set_state(static_cast<int>(task.state));
  out.set_answer(static_cast<int>(task.answer));
  out.set_title(task.title);
  out.set_problem(task.problem);
  EncodeTexts(task.instructions, out.mutable_instructions());
  out.set_menu_path(task.menu_path);
  out.set_deep_link(task.deep_link);
  for (const Task::Field& field : task.fields) {
    pb::Task::Field* filled = out.add_fields();
    filled->set_name(field.name);
    filled->set_label(field.label);
    filled->set_value(field.value);
  }
  EncodeTexts(task.common_mistakes, out.mutable_common_mistakes());
  out.set_token_name(task.token_name);
  out.set_blocking(task.blocking);
  out.set_created_at_ns(EncodeTime(task.created_at));
  if (task.expires_at) out.set_expires_at_ns(EncodeTime(*task.expires_at));
  if (task.ended_at) out.set_ended_at_ns(EncodeTime(*task.ended_at));
  out.set_completed_by(task.completed_by);
  out.set_evidence(task.evidence);
  out.set_account(task.account);
  return out.SerializeAsString();
}

absl::StatusOr<Task> DecodeTask(std::string_view bytes) {
  ASSIGN_OR_RETURN(const pb::Task in, Parse<pb::Task>(bytes));
  Numbers numbers;
  Task task;
  task.id = in.id();
  task.migration_id = in.migration_id();
  task.step = numbers.Read(in.step(), migration::kAllSteps, "step");
  task.state = numbers.Read(in.state(), kAllTaskStates, "state");
  task.answer = numbers.Read(in.answer(), kAllAnswers, "answer");
  task.title = in.title();
  task.problem = in.problem();
  task.instructions = DecodeTexts(in.instructions());
  task.menu_path = in.menu_path();
  task.deep_link = in.deep_link();
  for (const pb::Task::Field& field : in.fields()) {
    task.fields.push_back({field.name(), field.label(), field.value()});
  }
  task.common_mistakes = DecodeTexts(in.common_mistakes());
  task.token_name = in.token_name();
  task.blocking = in.blocking();
  task.created_at = DecodeTime(in.created_at_ns());
  if (in.has_expires_at_ns()) task.expires_at = DecodeTime(in.expires_at_ns());
  if (in.has_ended_at_ns()) task.ended_at = DecodeTime(in.ended_at_ns());
  task.completed_by = in.completed_by();
  task.evidence = in.evidence();
  task.account = in.account();
  RETURN_IF_ERROR(numbers.status());
  return task;
}

std::string EncodeAccount(const Account& account) {
  pb::Account out;
  out.set_name(account.name);
  out.set_kind(static_cast<int>(account.kind));
  out.set_credential(account.credential);
  out.set_base_url(account.base_url);
  out.set_region(static_cast<int>(account.region));
  out.set_account_id(account.account_id);
  out.set_ca_pem(account.ca_pem);
  out.set_created_at_ns(EncodeTime(account.created_at));
  return out.SerializeAsString();
}

absl::StatusOr<Account> DecodeAccount(std::string_view bytes) {
  ASSIGN_OR_RETURN(const pb::Account in, Parse<pb::Account>(bytes));
  Numbers numbers;
  Account account;
  account.name = in.name();
  account.kind = numbers.Read(in.kind(), kAllAccountKinds, "kind");
  account.credential = in.credential();
  account.base_url = in.base_url();
  account.region = numbers.Read(in.region(), kAllRegions, "region");
  account.account_id = in.account_id();
  account.ca_pem = in.ca_pem();
  account.created_at = DecodeTime(in.created_at_ns());
  RETURN_IF_ERROR(numbers.status());
  return account;
}

std::string EncodeCampaign(const migration::Campaign& campaign) {
  pb::Campaign out;
  out.set_id(campaign.id);
  out.set_revision(campaign.revision);
  out.set_title(campaign.title);
  const migration::CampaignPolicy& policy = campaign.policy;
  pb::Campaign::Policy* kept = out.mutable_policy();
  kept->set_canary(policy.canary);
  kept->set_wave(policy.wave);
  kept->set_wave_percent(policy.wave_percent);
  kept->set_max_running(policy.max_running);
  kept->set_max_running_per_integrator_account(
      policy.max_running_per_integrator_account);
  kept->set_max_running_per_erp_account(policy.max_running_per_erp_account);
  kept->set_stop_after_failures(policy.stop_after_failures);
  out.set_state(static_cast<int>(campaign.state));
  out.set_stop_reason(campaign.stop_reason);
  out.set_creator(campaign.creator);
  out.set_created_at_ns(EncodeTime(campaign.created_at));
  out.set_updated_at_ns(EncodeTime(campaign.updated_at));
  if (campaign.ended_at) out.set_ended_at_ns(EncodeTime(*campaign.ended_at));
  return out.SerializeAsString();
}

absl::StatusOr<migration::Campaign> DecodeCampaign(std::string_view bytes) {
  ASSIGN_OR_RETURN(const pb::Campaign in, Parse<pb::Campaign>(bytes));
  Numbers numbers;
  migration::Campaign campaign;
  campaign.id = in.id();
  campaign.revision = in.revision();
  campaign.title = in.title();
  const pb::Campaign::Policy& policy = in.policy();
  campaign.policy = {policy.canary(),
                     policy.wave(),
                     policy.wave_percent(),
                     policy.max_running(),
                     policy.max_running_per_integrator_account(),
                     policy.max_running_per_erp_account(),
                     policy.stop_after_failures()};
  campaign.state =
      numbers.Read(in.state(), migration::kAllCampaignStates, "state");
  campaign.stop_reason = in.stop_reason();
  campaign.creator = in.creator();
  campaign.created_at = DecodeTime(in.created_at_ns());
  campaign.updated_at = DecodeTime(in.updated_at_ns());
  if (in.has_ended_at_ns()) campaign.ended_at = DecodeTime(in.ended_at_ns());
  RETURN_IF_ERROR(numbers.status());
  return campaign;
}

std::string EncodeMember(const migration::CampaignMember& member) {
  pb::CampaignMember out;
  EncodeSpec(member.spec, out.mutable_spec());
  out.set_state(static_cast<int>(member.state));
  out.set_migration_id(member.migration_id);
  out.set_refusal_reason(member.refusal_reason);
  out.set_refusal(member.refusal);
  out.set_failure_accepted(member.failure_accepted);
  out.set_creator(member.creator);
  return out.SerializeAsString();
}

absl::StatusOr<migration::CampaignMember> DecodeMember(std::string_view bytes) {
  ASSIGN_OR_RETURN(const pb::CampaignMember in,
                   Parse<pb::CampaignMember>(bytes));
  Numbers numbers;
  migration::CampaignMember member;
  member.spec = DecodeSpec(in.spec(), numbers);
  member.state = numbers.Read(in.state(), migration::kAllMemberStates, "state");
  member.migration_id = in.migration_id();
  member.refusal_reason = in.refusal_reason();
  member.refusal = in.refusal();
  member.failure_accepted = in.failure_accepted();
  member.creator = in.creator();
  RETURN_IF_ERROR(numbers.status());
  return member;
}

int64_t EncodeTime(absl::Time time) {
  if (time == absl::InfiniteFuture())
    return std::numeric_limits<int64_t>::max();
  if (time == absl::InfinitePast()) return std::numeric_limits<int64_t>::min();
  return absl::ToUnixNanos(time);
}

absl::Time DecodeTime(int64_t nanoseconds) {
  if (nanoseconds == std::numeric_limits<int64_t>::max()) {
    return absl::InfiniteFuture();
  }
  if (nanoseconds == std::numeric_limits<int64_t>::min()) {
    return absl::InfinitePast();
  }
  return absl::FromUnixNanos(nanoseconds);
}

}  // namespace keyturn::store
