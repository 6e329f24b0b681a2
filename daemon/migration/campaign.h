// Campaigns: sets of specs that are migrated in waves. Pure: what a campaign
// does next follows from its policy, its members and the states of their
// migrations.
#ifndef KEYTURN_DAEMON_MIGRATION_CAMPAIGN_H_
#define KEYTURN_DAEMON_MIGRATION_CAMPAIGN_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/migration/model.h"

namespace keyturn::migration {

// Members of one campaign, those included that were taken out.
inline constexpr int kMembersMax = 2000;
// The most that a policy may let run at once.
inline constexpr int kCampaignRunningMax = 500;

// Never renumber: the numbers are stored.
enum class CampaignState : int {
  kRunning = 1,
  // An operator holds it.
  kPaused = 2,
  // Too many of its members failed.
  kStopped = 3,
  kCancelled = 4,
  kFinished = 5,
};

inline constexpr std::array kAllCampaignStates = {
    CampaignState::kRunning, CampaignState::kPaused, CampaignState::kStopped,
    CampaignState::kCancelled, CampaignState::kFinished};

// "RUNNING", "PAUSED", ...
std::string_view Name(CampaignState state);

// Whether nothing will ever begin again: CANCELLED, FINISHED.
bool IsAtRest(CampaignState state);

// Never renumber: the numbers are stored.
enum class MemberState : int {
  kWaiting = 1,
  // Its migration is there, and tells how it goes on.
  kBegun = 2,
  // No migration could be made of its spec.
  kRefused = 3,
  // Does not count any more.
  kTakenOut = 4,
};

inline constexpr std::array kAllMemberStates = {
    MemberState::kWaiting, MemberState::kBegun, MemberState::kRefused,
    MemberState::kTakenOut};

// "WAITING", "BEGUN", ...
std::string_view Name(MemberState state);

struct CampaignPolicy {
  // The first wave: so many must succeed before anything else begins. 0: there
  // is no such wave.
  int canary = 1;
  // Members of each later wave: a number, or a share of all members in percent.
  // Both 0: the rest is one wave.
  int wave = 0;
  int wave_percent = 0;
  // Migrations of this campaign that are not at rest.
  int max_running = 10;
  // The same at one account where the connections are, and at one that they log
  // in to, whose own traffic shares what that account can take. 0: only
  // max_running counts.
  int max_running_per_integrator_account = 0;
  int max_running_per_erp_account = 0;
  // With so many failures it stops by itself.
  int stop_after_failures = 1;
  bool operator==(const CampaignPolicy&) const = default;
};

struct CampaignMember {
  // From 1, in the order in which they begin; never used twice.
  int number = 0;
  Spec spec;
  MemberState state = MemberState::kWaiting;
  // Empty before it has begun.
  std::string migration_id;
  // Why it was refused.
  std::string refusal_reason;
  std::string refusal;
  // An operator knows of its failure and let the campaign go on.
  bool failure_accepted = false;
  // Who added it: its migration's creator.
  std::string creator;
};

struct Campaign {
  std::string id;
  // One higher with every change that is stored.
  int64_t revision = 0;
  // For people.
  std::string title;
  CampaignPolicy policy;
  CampaignState state = CampaignState::kRunning;
  // Why it is STOPPED.
  std::string stop_reason;
  std::string creator;
  absl::Time created_at;
  absl::Time updated_at;
  std::optional<absl::Time> ended_at;
};

// A member together with how its migration stands.
struct MemberStanding {
  CampaignMember member;
  // None before it has begun.
  std::optional<State> migration;
};

// How many members stand where; each counts once.
struct CampaignProgress {
  int waiting = 0;
  // Not at rest, and nobody has to look after them as failures.
  int running = 0;
  int succeeded = 0;
  // ROLLED_BACK, CANCELLED, NEEDS_ATTENTION.
  int failed = 0;
  int refused = 0;
  int taken_out = 0;
  // The wave that is at work, from 1; all of them. 0: there are no members.
  int wave = 0;
  int waves = 0;
};

struct CampaignDecision {
  // Numbers of the members that begin now, in their order.
  std::vector<int> begin;
  // What the campaign becomes: as it is, kStopped or kFinished.
  CampaignState state = CampaignState::kRunning;
  // Why it stops, or why nothing begins though members wait; else empty.
  std::string reason;
};

// Checks the form of a policy. The error is InvalidArgument and names the field
// ("campaign.policy.wave_percent").
absl::Status ValidatePolicy(const CampaignPolicy& policy);

// Whether its failure counts: REFUSED, or its migration is ROLLED_BACK,
// CANCELLED or NEEDS_ATTENTION.
bool HasFailed(const MemberStanding& standing);

CampaignProgress ProgressOf(const CampaignPolicy& policy,
                            const std::vector<MemberStanding>& members);

// What `campaign` does next. `members` in the order of their numbers.
//
// A wave begins when the one before has passed: of the canary wave every member
// has succeeded, of any other none waits or runs. What was taken out belongs to
// no wave; the next ones move up.
CampaignDecision Decide(const Campaign& campaign,
                        const std::vector<MemberStanding>& members);

// What callers ask of a campaign.
enum class CampaignCommand { kPause, kResume, kCancel };
std::string_view Name(CampaignCommand command);

// The campaign after `command`. FailedPrecondition (ILLEGAL_TRANSITION) naming
// the present state.
absl::StatusOr<Campaign> Apply(const Campaign& campaign,
                               CampaignCommand command, absl::Time now);

// The campaign after the daemon's own decision.
Campaign Become(const Campaign& campaign, const CampaignDecision& decision,
                absl::Time now);

// The members whose failures a Resume accepts, changed accordingly.
std::vector<CampaignMember> AcceptFailures(
    const std::vector<MemberStanding>& members);

// The member, taken out. FailedPrecondition: (MEMBER_RUNNING) its migration is
// not at rest; (MEMBER_SUCCEEDED); (MEMBER_TAKEN_OUT).
absl::StatusOr<CampaignMember> TakeOut(const MemberStanding& standing);

}  // namespace keyturn::migration

#endif  // KEYTURN_DAEMON_MIGRATION_CAMPAIGN_H_
