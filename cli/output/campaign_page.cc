#include "cli/output/campaign_page.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/names.h"
#include "cli/output/table.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

using State = v1::Campaign::State;

Color ColorOf(State state) {
  switch (state) {
    case v1::Campaign::FINISHED:
      return Color::kGreen;
    case v1::Campaign::STOPPED:
      return Color::kRed;
    case v1::Campaign::PAUSED:
    case v1::Campaign::CANCELLED:
      return Color::kYellow;
    default:  // Protobuf adds sentinel values to the enum.
      return Color::kPlain;
  }
}

int MembersOf(const v1::Campaign::Progress& progress) {
  return progress.waiting() + progress.running() + progress.succeeded() +
         progress.failed() + progress.refused();
}

std::string WaveOf(const v1::Campaign::Progress& progress) {
  return absl::StrCat(progress.wave(), " of ", progress.waves());
}

// "3 succeeded, 2 running, 5 waiting": what is there.
std::string CountsOf(const v1::Campaign::Progress& progress) {
  std::vector<std::string> counts;
  const auto add = [&counts](int count, const char* what) {
    if (count > 0) counts.push_back(absl::StrCat(count, " ", what));
  };
  add(progress.succeeded(), "succeeded");
  add(progress.running(), "running");
  add(progress.waiting(), "waiting");
  add(progress.failed(), "failed");
  add(progress.refused(), "refused");
  add(progress.taken_out(), "taken out");
  return absl::StrJoin(counts, ", ");
}

Cell MemberState(const v1::Campaign::Member& member) {
  if (member.state() != v1::Campaign::Member::BEGUN) {
    const bool refused = member.state() == v1::Campaign::Member::REFUSED;
    return {v1::Campaign::Member::State_Name(member.state()),
            refused ? Color::kRed : Color::kDim};
  }
  const v1::Migration::State state = member.migration_state();
  if (state == v1::Migration::SUCCEEDED) {
    return {StateName(state), Color::kGreen};
  }
  const bool failed = AtRest(state) || state == v1::Migration::NEEDS_ATTENTION;
  return {StateName(state), failed ? Color::kRed : Color::kPlain};
}

std::string ConnectionOf(const v1::Spec& spec) {
  const std::string& id = spec.celigo().connection().empty()
                              ? spec.celigo().tile()
                              : spec.celigo().connection();
  return absl::StrCat(spec.celigo().account(), "/", id);
}

std::string MemberTable(const v1::Campaign& campaign, const Style& style) {
  Table table({"MEMBER", "STATE", "CONNECTION", "NETSUITE", "MIGRATION"});
  for (const v1::Campaign::Member& member : campaign.members()) {
    table.Add({absl::StrCat(member.number()), MemberState(member),
               ConnectionOf(member.spec()), member.spec().netsuite().account(),
               member.refusal().empty() ? ShortId(member.migration())
                                        : member.refusal()});
  }
  return table.ToText(style, /*indent=*/2);
}

}  // namespace

std::string CampaignTable(const v1::ListCampaignsResponse& response,
                          const Style& style) {
  if (response.campaigns().empty()) return "There are no campaigns.\n";
  Table table({"ID", "STATE", "WAVE", "DONE", "FAILED", "TITLE"});
  for (const v1::Campaign& campaign : response.campaigns()) {
    const v1::Campaign::Progress& progress = campaign.progress();
    table.Add({ShortId(campaign.name()),
               {v1::Campaign::State_Name(campaign.state()),
                ColorOf(campaign.state())},
               WaveOf(progress),
               absl::StrCat(progress.succeeded(), "/", MembersOf(progress)),
               absl::StrCat(progress.failed() + progress.refused()),
               campaign.title()});
  }
  return table.ToText(style);
}

std::string CampaignPage(const v1::Campaign& campaign, const Style& style) {
  const v1::Campaign::Policy& policy = campaign.policy();
  std::string page = ToText(
      {{"campaign", campaign.name()},
       {"title", campaign.title()},
       {"state",
        {v1::Campaign::State_Name(campaign.state()),
         ColorOf(campaign.state())}},
       {"stopped", campaign.stop_reason()},
       {"wave", WaveOf(campaign.progress())},
       {"members", CountsOf(campaign.progress())},
       {"stands", campaign.standing()},
       {"at once", absl::StrCat("at most ", policy.max_running())},
       {"stops", absl::StrCat("with ", policy.stop_after_failures(),
                              policy.stop_after_failures() == 1 ? " failure"
                                                                : " failures")},
       {"creator", campaign.creator()},
       {"since", FormatInstant(campaign.create_time())},
       {"until",
        campaign.has_end_time() ? FormatInstant(campaign.end_time()) : ""}},
      style);
  return absl::StrCat(page, "\n", MemberTable(campaign, style));
}

}  // namespace keyturn::cli
