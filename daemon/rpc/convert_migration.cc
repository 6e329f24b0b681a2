#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/migration/spec.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/names.h"

namespace keyturn::rpc {
namespace {

using migration::PlannedStep;
using migration::Spec;

template <typename Range, typename Repeated>
void Copy(const Range& from, Repeated* to) {
  to->Assign(from.begin(), from.end());
}

void SetTime(const std::optional<absl::Time>& time,
             google::protobuf::Timestamp* (*mutable_field)(v1::Step*),
             v1::Step* step) {
  if (time.has_value()) *mutable_field(step) = ToProto(*time);
}

v1::Plan::PlannedStep::Actor ActorToProto(PlannedStep::Actor actor) {
  switch (actor) {
    case PlannedStep::Actor::kDaemon:
      return v1::Plan::PlannedStep::DAEMON;
    case PlannedStep::Actor::kPerson:
      return v1::Plan::PlannedStep::PERSON;
    case PlannedStep::Actor::kNobody:
      return v1::Plan::PlannedStep::NOBODY;
  }
  return v1::Plan::PlannedStep::ACTOR_UNSPECIFIED;
}

v1::Step StepToProto(migration::Step name, const migration::StepRecord& record,
                     const std::optional<absl::Time>& wake_at) {
  v1::Step step;
  step.set_name(ToProto(name));
  step.set_state(ToProto(record.state));
  step.set_attempt(record.attempt);
  SetTime(
      record.started_at, [](v1::Step* s) { return s->mutable_start_time(); },
      &step);
  SetTime(
      record.ended_at, [](v1::Step* s) { return s->mutable_end_time(); },
      &step);
  if (record.state == migration::StepState::kWaiting) {
    SetTime(
        wake_at, [](v1::Step* s) { return s->mutable_next_attempt_time(); },
        &step);
  }
  step.set_message(record.message);
  for (const migration::Proof& proof : record.proofs) {
    v1::Step::Proof* added = step.add_proofs();
    added->set_what(proof.what);
    added->set_value(proof.value);
  }
  if (record.state == migration::StepState::kAwaitingTask) {
    step.set_task(FullName(kTaskPrefix, record.task_id));
  }
  return step;
}

v1::Migration::Attention AttentionToProto(
    const migration::Attention& attention) {
  v1::Migration::Attention result;
  result.set_reason(attention.reason);
  result.set_owner(attention.owner);
  result.set_message(attention.message);
  Copy(attention.ways_out, result.mutable_ways_out());
  return result;
}

std::string_view TestName(Spec::Flows::Test test) {
  switch (test) {
    case Spec::Flows::Test::kAll:
      return "all";
    case Spec::Flows::Test::kNone:
      return "none";
    case Spec::Flows::Test::kIds:
      return "ids";
  }
  return "";
}

absl::StatusOr<Spec::Flows::Test> ParseTest(std::string_view test) {
  if (test.empty()) return Spec::Flows::Test::kAll;
  for (const auto candidate :
       {Spec::Flows::Test::kAll, Spec::Flows::Test::kNone,
        Spec::Flows::Test::kIds}) {
    if (TestName(candidate) == test) return candidate;
  }
  return base::FieldError("spec.flows.test", "must be all, none or ids");
}

// The name that stands in a spec: both "acme" and "accounts/acme" are "acme".
std::string ShortName(std::string_view prefix, std::string_view name) {
  if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  return std::string(name);
}

}  // namespace

google::protobuf::Timestamp ToProto(absl::Time time) {
  // The years that a Timestamp may have.
  static const absl::Time kFirst =
      absl::FromCivil(absl::CivilSecond(1, 1, 1), absl::UTCTimeZone());
  static const absl::Time kLast = absl::FromCivil(
      absl::CivilSecond(9999, 12, 31, 23, 59, 59), absl::UTCTimeZone());
  time = std::clamp(time, kFirst, kLast);
  google::protobuf::Timestamp result;
  result.set_seconds(absl::ToUnixSeconds(time));
  result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(
      time - absl::FromUnixSeconds(result.seconds()))));
  return result;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration result;
  absl::Duration rest;
  result.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return result;
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) +
         absl::Nanoseconds(duration.nanos());
}

v1::Migration::State ToProto(migration::State state) {
  switch (state) {
    case migration::State::kPlanning:
      return v1::Migration::PLANNING;
    case migration::State::kPlanned:
      return v1::Migration::PLANNED;
    case migration::State::kAwaitingApproval:
      return v1::Migration::AWAITING_APPROVAL;
    case migration::State::kRunning:
      return v1::Migration::RUNNING;
    case migration::State::kAwaitingTask:
      return v1::Migration::AWAITING_TASK;
    case migration::State::kPaused:
      return v1::Migration::PAUSED;
    case migration::State::kRollingBack:
      return v1::Migration::ROLLING_BACK;
    case migration::State::kNeedsAttention:
      return v1::Migration::NEEDS_ATTENTION;
    case migration::State::kSucceeded:
      return v1::Migration::SUCCEEDED;
    case migration::State::kRolledBack:
      return v1::Migration::ROLLED_BACK;
    case migration::State::kCancelled:
      return v1::Migration::CANCELLED;
  }
  return v1::Migration::STATE_UNSPECIFIED;
}

v1::Step::Name ToProto(migration::Step step) {
  switch (step) {
    case migration::Step::kPreflight:
      return v1::Step::PREFLIGHT;
    case migration::Step::kApprove:
      return v1::Step::APPROVE;
    case migration::Step::kEnableTba:
      return v1::Step::ENABLE_TBA;
    case migration::Step::kCreateRole:
      return v1::Step::CREATE_ROLE;
    case migration::Step::kAssignRole:
      return v1::Step::ASSIGN_ROLE;
    case migration::Step::kIssueToken:
      return v1::Step::ISSUE_TOKEN;
    case migration::Step::kTestCandidate:
      return v1::Step::TEST_CANDIDATE;
    case migration::Step::kQuiesce:
      return v1::Step::QUIESCE;
    case migration::Step::kCutOver:
      return v1::Step::CUT_OVER;
    case migration::Step::kVerifyConnection:
      return v1::Step::VERIFY_CONNECTION;
    case migration::Step::kVerifyFlows:
      return v1::Step::VERIFY_FLOWS;
    case migration::Step::kResumeFlows:
      return v1::Step::RESUME_FLOWS;
    case migration::Step::kProveTraffic:
      return v1::Step::PROVE_TRAFFIC;
    case migration::Step::kFinish:
      return v1::Step::FINISH;
  }
  return v1::Step::NAME_UNSPECIFIED;
}

v1::Step::State ToProto(migration::StepState state) {
  switch (state) {
    case migration::StepState::kPending:
      return v1::Step::PENDING;
    case migration::StepState::kRunning:
      return v1::Step::RUNNING;
    case migration::StepState::kWaiting:
      return v1::Step::WAITING;
    case migration::StepState::kAwaitingTask:
      return v1::Step::AWAITING_TASK;
    case migration::StepState::kDone:
      return v1::Step::DONE;
    case migration::StepState::kFailed:
      return v1::Step::FAILED;
    case migration::StepState::kUndone:
      return v1::Step::UNDONE;
  }
  return v1::Step::STATE_UNSPECIFIED;
}

v1::Spec ToProto(const Spec& spec) {
  v1::Spec result;
  result.set_recipe(spec.recipe);
  result.mutable_celigo()->set_account(spec.celigo.account);
  result.mutable_celigo()->set_connection(spec.celigo.connection);
  result.mutable_celigo()->set_tile(spec.celigo.tile);
  result.mutable_netsuite()->set_account(spec.netsuite.account);
  result.mutable_netsuite()->set_user(spec.netsuite.user);
  result.mutable_role()->set_name(spec.role.name);
  result.mutable_role()->set_from(spec.role.from);
  Copy(spec.role.add_permissions,
       result.mutable_role()->mutable_add_permissions());
  result.mutable_token()->set_application(spec.token.application);
  result.mutable_token()->set_consumer(spec.token.consumer);
  result.set_iclient(spec.iclient);
  result.set_old_login(spec.old_login);
  result.mutable_flows()->set_test(std::string(TestName(spec.flows.test)));
  Copy(spec.flows.test_ids, result.mutable_flows()->mutable_test_ids());
  Copy(spec.flows.run_ids, result.mutable_flows()->mutable_run_ids());
  result.set_approvals(spec.approvals);
  if (spec.confirm_within != absl::ZeroDuration()) {
    *result.mutable_confirm_within() = ToProto(spec.confirm_within);
  }
  if (spec.drain_within != absl::ZeroDuration()) {
    *result.mutable_drain_within() = ToProto(spec.drain_within);
  }
  result.set_adopt(spec.adopt);
  return result;
}

v1::Plan ToProto(const migration::Plan& plan) {
  v1::Plan result;
  result.set_hash(plan.hash);
  for (const PlannedStep& step : plan.steps) {
    v1::Plan::PlannedStep* added = result.add_steps();
    added->set_step(ToProto(step.step));
    added->set_actor(ActorToProto(step.actor));
    added->set_what(step.what);
    added->set_reversible(step.reversible);
    added->set_undo(step.undo);
  }
  for (const migration::Plan::Change& change : plan.changes) {
    v1::Plan::Change* added = result.add_changes();
    added->set_field(change.field);
    added->set_before(change.before);
    added->set_after(change.after);
  }
  for (const migration::Plan::Flow& flow : plan.flows) {
    v1::Plan::FlowPlan* added = result.add_flows();
    added->set_id(flow.id);
    added->set_name(flow.name);
    added->set_enabled(flow.enabled);
    added->set_test(flow.test);
    added->set_run(flow.run);
  }
  Copy(plan.warnings, result.mutable_warnings());
  result.set_reversible_after_cut_over(plan.reversible_after_cut_over);
  result.set_reversibility(plan.reversibility);
  for (const auto& [key, value] : plan.findings) {
    (*result.mutable_findings())[key] = value;
  }
  return result;
}

v1::Migration ToProto(const store::StoredMigration& stored) {
  const migration::Migration& from = stored.migration;
  v1::Migration result;
  result.set_name(FullName(kMigrationPrefix, from.id));
  *result.mutable_spec() = ToProto(from.spec);
  result.set_state(ToProto(from.state));
  result.set_current_step(ToProto(from.current));
  if (from.plan.has_value()) *result.mutable_plan() = ToProto(*from.plan);
  for (const migration::Step step : migration::kAllSteps) {
    *result.add_steps() = StepToProto(step, from.record(step), from.wake_at);
  }
  if (from.attention.has_value()) {
    *result.mutable_attention() = AttentionToProto(*from.attention);
  }
  for (const std::string& id : stored.open_task_ids) {
    result.add_open_tasks(FullName(kTaskPrefix, id));
  }
  for (const migration::Approval& approval : from.approvals) {
    v1::Migration::Approval* added = result.add_approvals();
    added->set_by(approval.by);
    *added->mutable_time() = ToProto(approval.at);
  }
  if (from.confirmed.has_value()) {
    result.mutable_confirmation()->set_by(from.confirmed->by);
    *result.mutable_confirmation()->mutable_time() =
        ToProto(from.confirmed->at);
  }
  Copy(from.left_to_do, result.mutable_left_to_do());
  result.set_creator(from.creator);
  *result.mutable_create_time() = ToProto(from.created_at);
  *result.mutable_update_time() = ToProto(from.updated_at);
  if (from.ended_at.has_value()) {
    *result.mutable_end_time() = ToProto(*from.ended_at);
  }
  result.set_etag(EtagOf(from.revision));
  result.set_last_sequence(stored.last_sequence);
  result.set_pause_requested(from.pause_requested);
  result.set_cancel_requested(from.cancel_requested);
  result.set_failure(from.failure);
  return result;
}

v1::Event ToProto(const store::StoredEvent& event) {
  v1::Event result;
  result.set_sequence(event.sequence);
  result.set_migration(FullName(kMigrationPrefix, event.migration_id));
  *result.mutable_time() = ToProto(event.time);
  result.set_actor(event.actor);
  result.set_kind(event.kind);
  result.set_message(event.message);
  result.set_state(ToProto(event.state));
  if (event.step.has_value() && event.record.has_value()) {
    *result.mutable_step() =
        StepToProto(*event.step, *event.record, event.wake_at);
  }
  if (event.attention.has_value()) {
    *result.mutable_attention() = AttentionToProto(*event.attention);
  }
  return result;
}

absl::StatusOr<migration::State> FromProto(v1::Migration::State state) {
  for (const migration::State candidate : migration::kAllStates) {
    if (ToProto(candidate) == state) return candidate;
  }
  return base::FieldError("states",
                          absl::StrCat("holds ", static_cast<int>(state),
                                       ", which is no state of a migration"));
}

absl::StatusOr<Spec> FromProto(const v1::Spec& spec) {
  Spec result;
  result.recipe = spec.recipe();
  result.celigo.account = ShortName(kAccountPrefix, spec.celigo().account());
  result.celigo.connection = spec.celigo().connection();
  result.celigo.tile = spec.celigo().tile();
  result.netsuite.account =
      ShortName(kAccountPrefix, spec.netsuite().account());
  result.netsuite.user = spec.netsuite().user();
  result.role.name = spec.role().name();
  result.role.from = spec.role().from();
  result.role.add_permissions.assign(spec.role().add_permissions().begin(),
                                     spec.role().add_permissions().end());
  result.token.application = spec.token().application();
  result.token.consumer = ShortName(kCredentialPrefix, spec.token().consumer());
  result.iclient = spec.iclient();
  result.old_login = ShortName(kCredentialPrefix, spec.old_login());
  ASSIGN_OR_RETURN(result.flows.test, ParseTest(spec.flows().test()));
  result.flows.test_ids.assign(spec.flows().test_ids().begin(),
                               spec.flows().test_ids().end());
  result.flows.run_ids.assign(spec.flows().run_ids().begin(),
                              spec.flows().run_ids().end());
  result.approvals = spec.approvals();
  result.confirm_within = FromProto(spec.confirm_within());
  result.drain_within = FromProto(spec.drain_within());
  result.adopt = spec.adopt();
  RETURN_IF_ERROR(migration::ValidateSpec(result));
  return result;
}

}  // namespace keyturn::rpc
