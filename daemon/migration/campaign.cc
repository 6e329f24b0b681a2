#include "daemon/migration/campaign.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::migration {
namespace {

constexpr int kPercentMax = 100;

struct CommandEdge {
  CampaignState from;
  CampaignCommand command;
  CampaignState to;
};

// What callers may do. A pair that is not listed is refused.
constexpr auto kCommandEdges = std::to_array<CommandEdge>({
    {CampaignState::kRunning, CampaignCommand::kPause, CampaignState::kPaused},
    {CampaignState::kPaused, CampaignCommand::kResume, CampaignState::kRunning},
    {CampaignState::kStopped, CampaignCommand::kResume,
     CampaignState::kRunning},
    {CampaignState::kRunning, CampaignCommand::kCancel,
     CampaignState::kCancelled},
    {CampaignState::kPaused, CampaignCommand::kCancel,
     CampaignState::kCancelled},
    {CampaignState::kStopped, CampaignCommand::kCancel,
     CampaignState::kCancelled},
});

absl::Status CheckRange(std::string_view field, int value, int min, int max) {
  if (value >= min && value <= max) return absl::OkStatus();
  return base::FieldError(absl::StrCat("campaign.policy.", base::ToAbsl(field)),
                          absl::StrCat("must be ", min, " to ", max));
}

bool Counts(const MemberStanding& standing) {
  return standing.member.state != MemberState::kTakenOut;
}

bool Waits(const MemberStanding& standing) {
  return standing.member.state == MemberState::kWaiting;
}

// Whether its migration is not at rest.
bool IsLive(const MemberStanding& standing) {
  return standing.member.state == MemberState::kBegun &&
         standing.migration.has_value() && !IsAtRest(*standing.migration);
}

bool HasSucceeded(const MemberStanding& standing) {
  return standing.migration == State::kSucceeded;
}

// Which of the members that count belong to which wave.
class Waves {
 public:
  Waves(const CampaignPolicy& policy, int members)
      : canary_(std::min(policy.canary, members)), members_(members) {
    size_ = std::max(1, members - canary_);
    if (policy.wave > 0) size_ = policy.wave;
    if (policy.wave_percent > 0) {
      size_ = (members * policy.wave_percent + kPercentMax - 1) / kPercentMax;
    }
    size_ = std::max(1, size_);
  }

  int Of(int position) const {
    if (position < canary_) return 1;
    return (canary_ > 0 ? 2 : 1) + (position - canary_) / size_;
  }
  int count() const { return members_ == 0 ? 0 : Of(members_ - 1); }
  bool IsCanary(int wave) const { return wave == 1 && canary_ > 0; }

 private:
  int canary_;
  int members_;
  int size_ = 1;
};

struct Wave {
  int number = 0;
  bool canary = false;
  std::vector<const MemberStanding*> members;
  // Those that keep the next wave from beginning.
  int open = 0;
};

bool KeepsOpen(const MemberStanding& standing, bool canary) {
  if (canary) return !HasSucceeded(standing);
  return Waits(standing) || (IsLive(standing) && !HasFailed(standing));
}

std::vector<Wave> WavesOf(const CampaignPolicy& policy,
                          const std::vector<MemberStanding>& members) {
  const auto counted =
      static_cast<int>(std::count_if(members.begin(), members.end(), Counts));
  const Waves plan(policy, counted);
  std::vector<Wave> waves(plan.count());
  int position = 0;
  for (const MemberStanding& standing : members) {
    if (!Counts(standing)) continue;
    const int number = plan.Of(position++);
    Wave& wave = waves[number - 1];
    wave.number = number;
    wave.canary = plan.IsCanary(number);
    wave.members.push_back(&standing);
    if (KeepsOpen(standing, wave.canary)) ++wave.open;
  }
  return waves;
}

// The first wave that has not passed; null: all have.
const Wave* CurrentWave(const std::vector<Wave>& waves) {
  const auto wave = std::find_if(waves.begin(), waves.end(),
                                 [](const Wave& w) { return w.open > 0; });
  return wave == waves.end() ? nullptr : &*wave;
}

// Counts what runs and says whether one more may.
class Room {
 public:
  Room(const CampaignPolicy& policy, const std::vector<MemberStanding>& members)
      : policy_(policy) {
    for (const MemberStanding& standing : members) {
      if (IsLive(standing)) Take(standing.member.spec);
    }
  }

  void Take(const Spec& spec) {
    ++running_;
    ++by_account_[spec.celigo.account];
    ++by_account_[spec.netsuite.account];
  }

  // Why one more with this spec may not begin; empty: it may.
  std::string Lacks(const Spec& spec) {
    if (running_ >= policy_.max_running) {
      return absl::StrCat(running_, " run, and max_running is ",
                          policy_.max_running);
    }
    std::string full = LacksAt(spec.celigo.account,
                               policy_.max_running_per_integrator_account);
    if (!full.empty()) return full;
    return LacksAt(spec.netsuite.account, policy_.max_running_per_erp_account);
  }

 private:
  std::string LacksAt(const std::string& account, int max) {
    const int running = by_account_[account];
    if (max == 0 || running < max) return "";
    return absl::StrCat(running, " run on account ", account, ", and ", max,
                        " are the most there");
  }

  const CampaignPolicy& policy_;
  int running_ = 0;
  // All accounts share one space of names.
  std::map<std::string, int> by_account_;
};

std::string WhyWaveStands(const Wave& wave) {
  if (!wave.canary) {
    return absl::StrCat("wave ", wave.number, " waits for ", wave.open,
                        " of its migrations");
  }
  for (const MemberStanding* standing : wave.members) {
    if (!HasFailed(*standing)) continue;
    return absl::StrCat("member ", standing->member.number,
                        " of the canary wave has not succeeded; mend it, or "
                        "take it out, and the next member takes its place");
  }
  return absl::StrCat("the canary wave waits for ", wave.open,
                      " of its migrations to succeed");
}

int NewFailures(const std::vector<MemberStanding>& members) {
  return static_cast<int>(std::count_if(
      members.begin(), members.end(), [](const MemberStanding& standing) {
        return HasFailed(standing) && !standing.member.failure_accepted;
      }));
}

bool IsOver(const std::vector<MemberStanding>& members) {
  return std::none_of(members.begin(), members.end(),
                      [](const MemberStanding& standing) {
                        return Waits(standing) || IsLive(standing);
                      });
}

void BeginWithin(const Wave& wave, Room room, CampaignDecision& decision) {
  std::string lack;
  for (const MemberStanding* standing : wave.members) {
    if (!Waits(*standing)) continue;
    const Spec& spec = standing->member.spec;
    const std::string lacks = room.Lacks(spec);
    if (!lacks.empty()) {
      if (lack.empty()) lack = lacks;
      continue;
    }
    room.Take(spec);
    decision.begin.push_back(standing->member.number);
  }
  if (decision.begin.empty()) {
    decision.reason = lack.empty() ? WhyWaveStands(wave) : lack;
  }
}

absl::Status Refuse(std::string_view reason, int number, std::string_view why) {
  return base::WithReason(absl::FailedPreconditionError(absl::StrCat(
                              "member ", number, " ", base::ToAbsl(why))),
                          reason);
}

}  // namespace

std::string_view Name(CampaignState state) {
  switch (state) {
    case CampaignState::kRunning:
      return "RUNNING";
    case CampaignState::kPaused:
      return "PAUSED";
    case CampaignState::kStopped:
      return "STOPPED";
    case CampaignState::kCancelled:
      return "CANCELLED";
    case CampaignState::kFinished:
      return "FINISHED";
  }
  return "";
}

bool IsAtRest(CampaignState state) {
  return state == CampaignState::kCancelled ||
         state == CampaignState::kFinished;
}

std::string_view Name(MemberState state) {
  switch (state) {
    case MemberState::kWaiting:
      return "WAITING";
    case MemberState::kBegun:
      return "BEGUN";
    case MemberState::kRefused:
      return "REFUSED";
    case MemberState::kTakenOut:
      return "TAKEN_OUT";
  }
  return "";
}

std::string_view Name(CampaignCommand command) {
  switch (command) {
    case CampaignCommand::kPause:
      return "pause";
    case CampaignCommand::kResume:
      return "resume";
    case CampaignCommand::kCancel:
      return "cancel";
  }
  return "";
}

absl::Status ValidatePolicy(const CampaignPolicy& policy) {
  RETURN_IF_ERROR(CheckRange("canary", policy.canary, 0, kMembersMax));
  RETURN_IF_ERROR(CheckRange("wave", policy.wave, 0, kMembersMax));
  RETURN_IF_ERROR(
      CheckRange("wave_percent", policy.wave_percent, 0, kPercentMax));
  if (policy.wave > 0 && policy.wave_percent > 0) {
    return base::FieldError("campaign.policy.wave_percent",
                            "goes not together with wave; give one of them");
  }
  RETURN_IF_ERROR(
      CheckRange("max_running", policy.max_running, 1, kCampaignRunningMax));
  RETURN_IF_ERROR(CheckRange("max_running_per_integrator_account",
                             policy.max_running_per_integrator_account, 0,
                             kCampaignRunningMax));
  RETURN_IF_ERROR(CheckRange("max_running_per_erp_account",
                             policy.max_running_per_erp_account, 0,
                             kCampaignRunningMax));
  return CheckRange("stop_after_failures", policy.stop_after_failures, 1,
                    kMembersMax);
}

bool HasFailed(const MemberStanding& standing) {
  switch (standing.member.state) {
    case MemberState::kRefused:
      return true;
    case MemberState::kBegun:
      return standing.migration == State::kRolledBack ||
             standing.migration == State::kCancelled ||
             standing.migration == State::kNeedsAttention;
    case MemberState::kWaiting:
    case MemberState::kTakenOut:
      return false;
  }
  return false;
}

CampaignProgress ProgressOf(const CampaignPolicy& policy,
                            const std::vector<MemberStanding>& members) {
  CampaignProgress progress;
  for (const MemberStanding& standing : members) {
    switch (standing.member.state) {
      case MemberState::kWaiting:
        ++progress.waiting;
        break;
      case MemberState::kRefused:
        ++progress.refused;
        break;
      case MemberState::kTakenOut:
        ++progress.taken_out;
        break;
      case MemberState::kBegun:
        if (HasSucceeded(standing)) {
          ++progress.succeeded;
        } else if (HasFailed(standing)) {
          ++progress.failed;
        } else {
          ++progress.running;
        }
        break;
    }
  }
  const std::vector<Wave> waves = WavesOf(policy, members);
  const Wave* const current = CurrentWave(waves);
  progress.waves = static_cast<int>(waves.size());
  progress.wave = current == nullptr ? progress.waves : current->number;
  return progress;
}

CampaignDecision Decide(const Campaign& campaign,
                        const std::vector<MemberStanding>& members) {
  CampaignDecision decision;
  decision.state = campaign.state;
  if (campaign.state != CampaignState::kRunning) return decision;
  const int failures = NewFailures(members);
  if (failures >= campaign.policy.stop_after_failures) {
    decision.state = CampaignState::kStopped;
    decision.reason = absl::StrCat(failures, " of its members failed, and ",
                                   "stop_after_failures is ",
                                   campaign.policy.stop_after_failures);
    return decision;
  }
  if (IsOver(members)) {
    decision.state = CampaignState::kFinished;
    return decision;
  }
  const std::vector<Wave> waves = WavesOf(campaign.policy, members);
  const Wave* const current = CurrentWave(waves);
  if (current == nullptr) {
    decision.reason = "waits for the migrations that need attention";
    return decision;
  }
  BeginWithin(*current, Room(campaign.policy, members), decision);
  return decision;
}

absl::StatusOr<Campaign> Apply(const Campaign& campaign,
                               CampaignCommand command, absl::Time now) {
  const auto edge =
      std::find_if(kCommandEdges.begin(), kCommandEdges.end(),
                   [&campaign, command](const CommandEdge& e) {
                     return e.from == campaign.state && e.command == command;
                   });
  if (edge == kCommandEdges.end()) {
    return base::WithReason(
        absl::FailedPreconditionError(
            absl::StrCat("campaign ", campaign.id, " is ",
                         base::ToAbsl(Name(campaign.state)),
                         ": it does not take ", base::ToAbsl(Name(command)))),
        "ILLEGAL_TRANSITION");
  }
  CampaignDecision decision;
  decision.state = edge->to;
  return Become(campaign, decision, now);
}

Campaign Become(const Campaign& campaign, const CampaignDecision& decision,
                absl::Time now) {
  Campaign after = campaign;
  ++after.revision;
  after.state = decision.state;
  after.stop_reason =
      decision.state == CampaignState::kStopped ? decision.reason : "";
  after.updated_at = now;
  if (IsAtRest(after.state)) after.ended_at = now;
  return after;
}

std::vector<CampaignMember> AcceptFailures(
    const std::vector<MemberStanding>& members) {
  std::vector<CampaignMember> accepted;
  for (const MemberStanding& standing : members) {
    if (!HasFailed(standing) || standing.member.failure_accepted) continue;
    accepted.push_back(standing.member);
    accepted.back().failure_accepted = true;
  }
  return accepted;
}

absl::StatusOr<CampaignMember> TakeOut(const MemberStanding& standing) {
  const int number = standing.member.number;
  if (standing.member.state == MemberState::kTakenOut) {
    return Refuse("MEMBER_TAKEN_OUT", number, "was taken out already");
  }
  if (IsLive(standing)) {
    return Refuse(
        "MEMBER_RUNNING", number,
        absl::StrCat("is at work as migration ", standing.member.migration_id,
                     ": let it end, or cancel that migration"));
  }
  if (HasSucceeded(standing)) {
    return Refuse("MEMBER_SUCCEEDED", number, "has succeeded");
  }
  CampaignMember out = standing.member;
  out.state = MemberState::kTakenOut;
  return out;
}

}  // namespace keyturn::migration
