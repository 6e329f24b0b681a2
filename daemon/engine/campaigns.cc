#include "daemon/engine/campaigns.h"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <exception>
#include <memory>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "daemon/base/id.h"
#include "daemon/base/status.h"
#include "daemon/engine/trail_rows.h"
#include "daemon/migration/spec.h"
#include "daemon/store/lists.h"

namespace keyturn::engine {
namespace {

using migration::Campaign;
using migration::CampaignDecision;
using migration::CampaignMember;
using migration::CampaignState;
using migration::MemberStanding;
using migration::MemberState;
using migration::Spec;
using store::StoredCampaign;

constexpr char kBeginAction[] = "campaign/begin";

std::string CampaignName(const std::string& id) {
  return absl::StrCat("campaigns/", id);
}

// Whether an error of Creation says something of the spec, rather than of the
// present moment.
bool IsRefusal(const absl::Status& status) {
  if (base::ReasonOf(status) == "SEALED") return false;
  return absl::IsInvalidArgument(status) || absl::IsNotFound(status) ||
         absl::IsFailedPrecondition(status) || absl::IsAlreadyExists(status) ||
         absl::IsPermissionDenied(status);
}

// Whether the member was changed while its migration was being made, which
// then was not stored.
bool IsOvertaken(const absl::Status& status) {
  const std::string reason = base::ReasonOf(status);
  return reason == "MEMBER_CHANGED" || reason == "CAMPAIGN_NOT_RUNNING";
}

absl::Status CheckSpecs(const std::vector<Spec>& specs, size_t others) {
  if (specs.empty()) {
    return base::FieldError("specs", "is empty; give at least one spec");
  }
  if (specs.size() + others > static_cast<size_t>(migration::kMembersMax)) {
    return base::FieldError(
        "specs",
        absl::StrCat("would make ", specs.size() + others, " members; ",
                     migration::kMembersMax, " are the most of a campaign"));
  }
  std::set<std::string> connections;
  for (size_t i = 0; i < specs.size(); ++i) {
    const Spec& spec = specs[i];
    const absl::Status status = migration::ValidateSpec(spec);
    // "spec.role.name" becomes "specs[3].role.name".
    if (!status.ok()) {
      std::string field = base::FieldOf(status);
      if (field.starts_with("spec")) field.erase(0, 4);
      return base::WithField(status, absl::StrCat("specs[", i, "]", field));
    }
    const std::string key = absl::StrCat(
        spec.celigo.account, "/", spec.celigo.connection, spec.celigo.tile);
    if (!connections.insert(key).second) {
      return base::FieldError(
          absl::StrCat("specs[", i, "]"),
          "names a connection that another spec of this request names");
    }
  }
  return absl::OkStatus();
}

void AddMembersTo(const std::string& id, std::vector<Spec> specs, int after,
                  const std::string& creator, store::Batch& batch) {
  for (Spec& spec : specs) {
    CampaignMember member;
    member.number = ++after;
    member.spec = std::move(spec);
    member.creator = creator;
    batch.members.push_back({id, std::move(member), std::nullopt});
  }
}

const MemberStanding* Find(const StoredCampaign& stored, int number) {
  const auto found = std::find_if(stored.members.begin(), stored.members.end(),
                                  [number](const MemberStanding& standing) {
                                    return standing.member.number == number;
                                  });
  return found == stored.members.end() ? nullptr : &*found;
}

// Puts into `batch` what makes the stored campaign the changed one.
class Changing {
 public:
  Changing(const StoredCampaign& stored, const std::string& actor,
           absl::Time now, store::Batch& batch)
      : stored_(stored), actor_(actor), now_(now), batch_(batch) {}

  absl::Status operator()(migration::CampaignCommand command) {
    ASSIGN_OR_RETURN(Campaign after,
                     migration::Apply(stored_.campaign, command, now_));
    Put(std::move(after));
    if (command != migration::CampaignCommand::kResume) {
      return absl::OkStatus();
    }
    for (CampaignMember& member : migration::AcceptFailures(stored_.members)) {
      const MemberState state = member.state;
      batch_.members.push_back({stored_.campaign.id, std::move(member), state});
    }
    return absl::OkStatus();
  }

  absl::Status operator()(const AddMembers& add) {
    RETURN_IF_ERROR(CheckLive("new members"));
    RETURN_IF_ERROR(CheckSpecs(add.specs, stored_.members.size()));
    Put(Touched());
    AddMembersTo(stored_.campaign.id, add.specs,
                 static_cast<int>(stored_.members.size()), actor_, batch_);
    return absl::OkStatus();
  }

  absl::Status operator()(const RemoveMember& remove) {
    RETURN_IF_ERROR(CheckLive("a change of its members"));
    const MemberStanding* const standing = Find(stored_, remove.number);
    if (standing == nullptr) {
      return store::NoSuch("member", absl::StrCat(remove.number),
                           "MEMBER_NOT_FOUND");
    }
    ASSIGN_OR_RETURN(CampaignMember out, migration::TakeOut(*standing));
    Put(Touched());
    batch_.members.push_back(
        {stored_.campaign.id, std::move(out), standing->member.state});
    return absl::OkStatus();
  }

 private:
  absl::Status CheckLive(std::string_view what) const {
    if (!migration::IsAtRest(stored_.campaign.state)) return absl::OkStatus();
    return base::WithReason(
        absl::FailedPreconditionError(
            absl::StrCat("campaign ", stored_.campaign.id, " is ",
                         base::ToAbsl(migration::Name(stored_.campaign.state)),
                         ": it does not take ", base::ToAbsl(what))),
        "ILLEGAL_TRANSITION");
  }
  Campaign Touched() const {
    Campaign after = stored_.campaign;
    ++after.revision;
    after.updated_at = now_;
    return after;
  }
  void Put(Campaign after) {
    batch_.campaign =
        store::CampaignWrite{std::move(after), stored_.campaign.revision};
  }

  const StoredCampaign& stored_;
  const std::string& actor_;
  const absl::Time now_;
  store::Batch& batch_;
};

}  // namespace

std::string ActionOf(const ChangeCampaignCommand& command) {
  constexpr char kService[] = "keyturn.v1.Campaigns/";
  if (std::holds_alternative<AddMembers>(command.change)) {
    return absl::StrCat(kService, "AddMembers");
  }
  if (std::holds_alternative<RemoveMember>(command.change)) {
    return absl::StrCat(kService, "RemoveMember");
  }
  switch (std::get<migration::CampaignCommand>(command.change)) {
    case migration::CampaignCommand::kPause:
      return absl::StrCat(kService, "PauseCampaign");
    case migration::CampaignCommand::kResume:
      return absl::StrCat(kService, "ResumeCampaign");
    case migration::CampaignCommand::kCancel:
      return absl::StrCat(kService, "CancelCampaign");
  }
  return "";
}

Campaigns::Campaigns(asio::io_context& context, const Engine::Options& options,
                     Ledger& ledger, Creation& creation,
                     std::function<void()> on_end)
    : context_(context),
      options_(options),
      ledger_(ledger),
      creation_(creation),
      on_end_(std::move(on_end)),
      alarm_(context, options.clock, [this] {
        for (const std::string& id : std::exchange(later_, {})) Wake(id);
      }) {}

absl::Status Campaigns::Start() {
  ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                   options_.store.ListLiveCampaigns());
  for (const std::string& id : ids) live_[id];
  parked_ = options_.vault.sealed();
  WakeAll();
  return absl::OkStatus();
}

void Campaigns::Note(const migration::Migration& migration) {
  if (live_.empty()) return;
  if (!migration::IsAtRest(migration.state) &&
      migration.state != migration::State::kNeedsAttention) {
    return;
  }
  const absl::StatusOr<std::optional<std::string>> id =
      options_.store.FindCampaignOf(migration.id);
  if (!id.ok()) {
    options_.log(absl::StrCat("campaigns: ", id.status().message()));
    return;
  }
  if (id->has_value()) Wake(**id);
}

void Campaigns::Stop() {
  stopping_ = true;
  alarm_.Stop();
}

void Campaigns::Unpark() {
  parked_ = false;
  WakeAll();
}

void Campaigns::Wake(const std::string& id) {
  const auto found = live_.find(id);
  if (found == live_.end() || stopping_ || parked_) return;
  Live& live = found->second;
  live.due = true;
  if (std::exchange(live.looking, true)) return;
  ++running_;
  asio::co_spawn(context_, Look(id), [this, id](std::exception_ptr thrown) {
    if (thrown != nullptr) ledger_.Break(absl::InternalError("a look threw"));
    --running_;
    Forget(id);
    on_end_();
  });
}

void Campaigns::WakeAll() {
  for (const auto& [id, live] : live_) Wake(id);
}

void Campaigns::WakeLater(const std::string& id) {
  if (stopping_) return;
  later_.insert(id);
  alarm_.Set(options_.clock.Now() + kBeginAgainWait);
}

void Campaigns::Forget(const std::string& id) {
  const auto found = live_.find(id);
  if (found == live_.end()) return;
  const Live& live = found->second;
  if (!live.ended || live.looking || live.callers > 0) return;
  if (live.beginning.empty()) live_.erase(found);
}

asio::awaitable<void> Campaigns::Look(std::string id) {
  Live& live = live_[id];
  while (live.due && !stopping_ && !parked_) {
    live.due = false;
    co_await live.turns.Take();
    co_await LookOnce(id, live);
    live.turns.Pass();
  }
  live.looking = false;
}

asio::awaitable<void> Campaigns::LookOnce(const std::string& id, Live& live) {
  absl::StatusOr<StoredCampaign> stored = options_.store.GetCampaign(id);
  if (!stored.ok()) {
    options_.log(absl::StrCat("campaign ", id,
                              " cannot be read: ", stored.status().message()));
    if (!absl::IsDataLoss(stored.status())) WakeLater(id);
    co_return;
  }
  if (migration::IsAtRest(stored->campaign.state)) {
    live.ended = true;
    co_return;
  }
  // Those whose migrations are being made count as if these were there.
  for (MemberStanding& standing : stored->members) {
    if (!live.beginning.contains(standing.member.number)) continue;
    if (standing.member.state != MemberState::kWaiting) continue;
    standing.member.state = MemberState::kBegun;
    standing.migration = migration::State::kPlanning;
  }
  const CampaignDecision decision =
      migration::Decide(stored->campaign, stored->members);
  if (decision.state == stored->campaign.state) {
    BeginAll(*stored, decision.begin, live);
    co_return;
  }
  co_await Settle(stored->campaign, decision, live);
}

asio::awaitable<void> Campaigns::Settle(const Campaign& campaign,
                                        const CampaignDecision& decision,
                                        Live& live) {
  const absl::Time now = options_.clock.Now();
  store::Batch batch;
  batch.campaign = store::CampaignWrite{
      migration::Become(campaign, decision, now), campaign.revision};
  Caller daemon;
  daemon.identity = "daemon";
  daemon.transport = "internal";
  const bool stops = decision.state == CampaignState::kStopped;
  batch.audit.push_back(RowOf(daemon,
                              stops ? "campaign/stop" : "campaign/finish",
                              CampaignName(campaign.id), "OK", now));
  batch.audit.back().detail = decision.reason;
  const absl::Status status = co_await ledger_.Commit(std::move(batch));
  if (!status.ok()) {
    options_.log(
        absl::StrCat("campaign ", campaign.id, ": ", status.message()));
    WakeLater(campaign.id);
    co_return;
  }
  live.ended = migration::IsAtRest(decision.state);
  options_.log(absl::StrCat("campaign ", campaign.id, " is ",
                            base::ToAbsl(migration::Name(decision.state)),
                            stops ? ": " : "", decision.reason));
}

void Campaigns::BeginAll(const StoredCampaign& stored,
                         const std::vector<int>& numbers, Live& live) {
  for (const int number : numbers) {
    if (beginning_ >= kBeginningMax) {
      crowded_ = true;
      return;
    }
    const MemberStanding* const standing = Find(stored, number);
    ++running_;
    ++beginning_;
    live.beginning.insert(number);
    const std::string& id = stored.campaign.id;
    asio::co_spawn(context_, Begin(id, standing->member),
                   [this, id, number](std::exception_ptr thrown) {
                     if (thrown != nullptr) {
                       ledger_.Break(absl::InternalError("a beginning threw"));
                     }
                     --running_;
                     --beginning_;
                     live_[id].beginning.erase(number);
                     Forget(id);
                     if (std::exchange(crowded_, false)) WakeAll();
                     on_end_();
                   });
  }
}

asio::awaitable<void> Campaigns::Begin(std::string id, CampaignMember member) {
  Request request;
  // In the name of who added it: nobody approves what is his own.
  request.caller.identity = member.creator;
  request.caller.transport = "internal";
  request.action = kBeginAction;
  request.target = CampaignName(id);
  request.openings = std::make_shared<vault::Openings>();
  CreateCommand command;
  command.spec = member.spec;
  command.start = true;
  command.member = store::MemberWrite{id, member, MemberState::kWaiting};
  const absl::StatusOr<migration::Migration> created =
      co_await creation_.Create(request, std::move(command));
  if (ledger_.broken()) co_return;
  if (created.ok()) {
    options_.log(absl::StrCat("campaign ", id, ": member ", member.number,
                              " began as migration ", created->id));
    // It may have come to a stop before it was known to be a member's.
    Wake(id);
    co_return;
  }
  co_await Refuse(request, id, std::move(member), created.status());
}

asio::awaitable<void> Campaigns::Refuse(const Request& request,
                                        const std::string& id,
                                        CampaignMember member,
                                        const absl::Status& why) {
  const absl::Time now = options_.clock.Now();
  store::Batch batch;
  batch.audit.push_back(
      RowOf(request.caller, request.action, request.target, why, now));
  batch.audit.back().detail =
      DetailOf(*request.openings, batch.audit.back().detail);
  bool refused = IsRefusal(why) && !IsOvertaken(why);
  // A seal lasts as long as an operator wants.
  const bool counts = !refused && !IsOvertaken(why) && !stopping_ && !parked_;
  if (counts && ++live_[id].tries[member.number] >= kBeginTriesMax) {
    refused = true;
  }
  if (refused) {
    member.state = MemberState::kRefused;
    member.refusal_reason = base::ReasonOf(why);
    member.refusal = base::MessageOf(why);
    batch.members.push_back({id, std::move(member), MemberState::kWaiting});
  }
  const absl::Status status = co_await ledger_.Commit(std::move(batch));
  if (refused && status.ok()) {
    Wake(id);
  } else if (!IsOvertaken(why)) {
    WakeLater(id);
  }
}

asio::awaitable<absl::StatusOr<StoredCampaign>> Campaigns::Create(
    Request request, CreateCampaignCommand command) {
  CO_RETURN_IF_ERROR(migration::ValidatePolicy(command.policy));
  if (command.title.size() > kTitleBytesMax) {
    co_return base::FieldError(
        "campaign.title",
        absl::StrCat("must be at most ", kTitleBytesMax, " bytes"));
  }
  CO_RETURN_IF_ERROR(CheckSpecs(command.specs, /*others=*/0));
  if (live_.size() >= static_cast<size_t>(kLiveCampaignsMax)) {
    co_return base::WithReason(
        absl::FailedPreconditionError(
            absl::StrCat(kLiveCampaignsMax,
                         " campaigns are not at rest, which are the most; let "
                         "one finish, or cancel one")),
        "TOO_MANY_CAMPAIGNS");
  }
  const absl::Time now = options_.clock.Now();
  Campaign campaign;
  campaign.id = command.validate_only ? "" : base::NewId();
  campaign.revision = 1;
  campaign.title = std::move(command.title);
  campaign.policy = command.policy;
  campaign.creator = request.caller.identity;
  campaign.created_at = now;
  campaign.updated_at = now;
  store::Batch batch;
  AddMembersTo(campaign.id, std::move(command.specs), /*after=*/0,
               campaign.creator, batch);
  if (command.validate_only) {
    StoredCampaign planned;
    planned.campaign = std::move(campaign);
    for (store::MemberWrite& write : batch.members) {
      planned.members.push_back({std::move(write.member), std::nullopt});
    }
    co_return planned;
  }
  request.target = CampaignName(campaign.id);
  Extras extras = ExtrasOf(request, request.target, now);
  batch.request = std::move(extras.request);
  batch.audit = std::move(extras.audit);
  const std::string id = campaign.id;
  batch.campaign = store::CampaignWrite{std::move(campaign), 0};
  const absl::Status status = co_await ledger_.Commit(std::move(batch));
  if (!status.ok()) co_return status;
  live_[id];
  Wake(id);
  co_return options_.store.GetCampaign(id);
}

asio::awaitable<absl::StatusOr<StoredCampaign>> Campaigns::Change(
    Request request, ChangeCampaignCommand command) {
  const std::string id = command.campaign_id;
  const auto found = live_.find(id);
  if (found == live_.end()) {
    // At rest, or not there: it says so, and nobody else changes it.
    co_return co_await ChangeInTurn(request, command);
  }
  Live& live = found->second;
  ++live.callers;
  co_await live.turns.Take();
  absl::StatusOr<StoredCampaign> changed =
      co_await ChangeInTurn(request, command);
  live.turns.Pass();
  --live.callers;
  if (changed.ok()) Wake(id);
  Forget(id);
  co_return changed;
}

asio::awaitable<absl::StatusOr<StoredCampaign>> Campaigns::ChangeInTurn(
    const Request& request, const ChangeCampaignCommand& command) {
  absl::StatusOr<StoredCampaign> stored =
      options_.store.GetCampaign(command.campaign_id);
  if (!stored.ok()) co_return stored.status();
  if (command.expected_revision.has_value() &&
      *command.expected_revision != stored->campaign.revision) {
    co_return base::WithReason(
        absl::AbortedError(absl::StrCat(
            "campaign ", command.campaign_id,
            " has changed since it was read; read it again and decide anew")),
        "ETAG_MISMATCH");
  }
  const absl::Time now = options_.clock.Now();
  Extras extras = ExtrasOf(request, request.target, now);
  store::Batch batch;
  batch.request = std::move(extras.request);
  batch.audit = std::move(extras.audit);
  Changing changing(*stored, request.caller.identity, now, batch);
  const absl::Status changed = std::visit(changing, command.change);
  if (!changed.ok()) co_return changed;
  const absl::Status status = co_await ledger_.Commit(std::move(batch));
  if (!status.ok()) co_return status;
  co_return options_.store.GetCampaign(command.campaign_id);
}

}  // namespace keyturn::engine
