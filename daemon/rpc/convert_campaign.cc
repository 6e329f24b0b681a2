#include <string>

#include "daemon/migration/campaign.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/names.h"

namespace keyturn::rpc {
namespace {

using migration::CampaignPolicy;
using migration::CampaignState;
using migration::MemberState;

v1::Campaign::State StateToProto(CampaignState state) {
  switch (state) {
    case CampaignState::kRunning:
      return v1::Campaign::RUNNING;
    case CampaignState::kPaused:
      return v1::Campaign::PAUSED;
    case CampaignState::kStopped:
      return v1::Campaign::STOPPED;
    case CampaignState::kCancelled:
      return v1::Campaign::CANCELLED;
    case CampaignState::kFinished:
      return v1::Campaign::FINISHED;
  }
  return v1::Campaign::STATE_UNSPECIFIED;
}

v1::Campaign::Member::State StateToProto(MemberState state) {
  switch (state) {
    case MemberState::kWaiting:
      return v1::Campaign::Member::WAITING;
    case MemberState::kBegun:
      return v1::Campaign::Member::BEGUN;
    case MemberState::kRefused:
      return v1::Campaign::Member::REFUSED;
    case MemberState::kTakenOut:
      return v1::Campaign::Member::TAKEN_OUT;
  }
  return v1::Campaign::Member::STATE_UNSPECIFIED;
}

v1::Campaign::Policy PolicyToProto(const CampaignPolicy& policy) {
  v1::Campaign::Policy result;
  result.set_canary(policy.canary);
  result.set_wave(policy.wave);
  result.set_wave_percent(policy.wave_percent);
  result.set_max_running(policy.max_running);
  result.set_max_running_per_integrator_account(
      policy.max_running_per_integrator_account);
  result.set_max_running_per_erp_account(policy.max_running_per_erp_account);
  result.set_stop_after_failures(policy.stop_after_failures);
  return result;
}

v1::Campaign::Member MemberToProto(const migration::MemberStanding& standing) {
  const migration::CampaignMember& member = standing.member;
  v1::Campaign::Member result;
  result.set_number(member.number);
  *result.mutable_spec() = ToProto(member.spec);
  result.set_state(StateToProto(member.state));
  result.set_migration(FullName(kMigrationPrefix, member.migration_id));
  if (standing.migration.has_value()) {
    result.set_migration_state(ToProto(*standing.migration));
  }
  result.set_refusal_reason(member.refusal_reason);
  result.set_refusal(member.refusal);
  result.set_failure_accepted(member.failure_accepted);
  result.set_creator(member.creator);
  return result;
}

void FillProgress(const migration::CampaignProgress& progress,
                  v1::Campaign::Progress* out) {
  out->set_waiting(progress.waiting);
  out->set_running(progress.running);
  out->set_succeeded(progress.succeeded);
  out->set_failed(progress.failed);
  out->set_refused(progress.refused);
  out->set_taken_out(progress.taken_out);
  out->set_wave(progress.wave);
  out->set_waves(progress.waves);
}

}  // namespace

v1::Campaign ToProto(const store::StoredCampaign& stored) {
  const migration::Campaign& from = stored.campaign;
  v1::Campaign result;
  result.set_name(FullName(kCampaignPrefix, from.id));
  result.set_title(from.title);
  *result.mutable_policy() = PolicyToProto(from.policy);
  result.set_state(StateToProto(from.state));
  result.set_stop_reason(from.stop_reason);
  FillProgress(migration::ProgressOf(from.policy, stored.members),
               result.mutable_progress());
  const migration::CampaignDecision next =
      migration::Decide(from, stored.members);
  if (next.state == from.state) result.set_standing(next.reason);
  for (const migration::MemberStanding& standing : stored.members) {
    *result.add_members() = MemberToProto(standing);
  }
  result.set_creator(from.creator);
  *result.mutable_create_time() = ToProto(from.created_at);
  *result.mutable_update_time() = ToProto(from.updated_at);
  if (from.ended_at.has_value()) {
    *result.mutable_end_time() = ToProto(*from.ended_at);
  }
  if (!from.id.empty()) result.set_etag(EtagOf(from.revision));
  return result;
}

CampaignPolicy FromProto(const v1::Campaign::Policy& policy) {
  CampaignPolicy result;
  if (policy.has_canary()) result.canary = policy.canary();
  result.wave = policy.wave();
  result.wave_percent = policy.wave_percent();
  if (policy.max_running() != 0) result.max_running = policy.max_running();
  result.max_running_per_integrator_account =
      policy.max_running_per_integrator_account();
  result.max_running_per_erp_account = policy.max_running_per_erp_account();
  if (policy.stop_after_failures() != 0) {
    result.stop_after_failures = policy.stop_after_failures();
  }
  return result;
}

}  // namespace keyturn::rpc
