#include "daemon/store/sqlite/campaigns.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/store/codec.h"
#include "daemon/store/lists.h"
#include "daemon/store/sqlite/pages.h"

namespace keyturn::store::sqlite {
namespace {

using migration::Campaign;
using migration::CampaignMember;
using migration::CampaignState;
using migration::MemberStanding;
using migration::MemberState;

absl::Status OfAnotherRow(std::string_view table, std::string_view key) {
  return AtRow(absl::DataLossError("its record is that of another row"), table,
               key);
}

// Columns: id, revision, state, record.
absl::StatusOr<Campaign> CampaignAt(const Query& query) {
  const std::string id = query.TextAt(0);
  absl::StatusOr<Campaign> decoded = DecodeCampaign(query.BlobAt(3));
  if (!decoded.ok()) return AtRow(decoded.status(), "campaigns", id);
  if (decoded->id != id || decoded->revision != query.IntAt(1) ||
      static_cast<int>(decoded->state) != query.IntAt(2)) {
    return OfAnotherRow("campaigns", id);
  }
  return decoded;
}

// Columns: number, state, migration_id, record, the migration's state.
absl::StatusOr<MemberStanding> MemberAt(const Query& query,
                                        std::string_view campaign) {
  const std::string key =
      absl::StrCat(base::ToAbsl(campaign), "/", query.IntAt(0));
  absl::StatusOr<CampaignMember> decoded = DecodeMember(query.BlobAt(3));
  if (!decoded.ok()) return AtRow(decoded.status(), "campaign_members", key);
  if (static_cast<int>(decoded->state) != query.IntAt(1) ||
      decoded->migration_id != query.TextAt(2)) {
    return OfAnotherRow("campaign_members", key);
  }
  MemberStanding standing;
  standing.member = *std::move(decoded);
  standing.member.number = static_cast<int>(query.IntAt(0));
  const std::optional<int64_t> state = query.OptionalIntAt(4);
  if (!state.has_value()) return standing;
  standing.migration = static_cast<migration::State>(*state);
  if (std::find(migration::kAllStates.begin(), migration::kAllStates.end(),
                *standing.migration) == migration::kAllStates.end()) {
    return AtRow(absl::DataLossError(
                     absl::StrCat("its state has the unknown number ", *state)),
                 "migrations", standing.member.migration_id);
  }
  return standing;
}

absl::StatusOr<std::vector<MemberStanding>> ReadMembers(Connection& connection,
                                                        std::string_view id) {
  Query query(connection,
              "SELECT number, campaign_members.state, migration_id,"
              " campaign_members.record, migrations.state"
              " FROM campaign_members LEFT JOIN migrations"
              " ON migrations.id = migration_id"
              " WHERE campaign_id = ? ORDER BY number");
  query.Text(id);
  std::vector<MemberStanding> members;
  while (query.Next()) {
    ASSIGN_OR_RETURN(members.emplace_back(), MemberAt(query, id));
  }
  RETURN_IF_ERROR(query.status());
  return members;
}

// The campaign's stored state; none: there is no such campaign.
absl::StatusOr<std::optional<CampaignState>> StateOf(Connection& connection,
                                                     const std::string& id) {
  Query query(connection, "SELECT state FROM campaigns WHERE id = ?");
  if (query.Text(id).Next()) {
    return static_cast<CampaignState>(query.IntAt(0));
  }
  RETURN_IF_ERROR(query.status());
  return std::nullopt;
}

absl::Status CheckMember(Connection& connection, const MemberWrite& write) {
  ASSIGN_OR_RETURN(const std::optional<CampaignState> state,
                   StateOf(connection, write.campaign_id));
  if (!state.has_value()) {
    return NoSuch("campaign", write.campaign_id, "CAMPAIGN_NOT_FOUND");
  }
  if (write.member.state == MemberState::kBegun &&
      write.expected != MemberState::kBegun &&
      *state != CampaignState::kRunning) {
    return base::WithReason(absl::FailedPreconditionError(absl::StrCat(
                                "campaign ", write.campaign_id,
                                " does not run: none of its members begins")),
                            "CAMPAIGN_NOT_RUNNING");
  }
  Query query(connection,
              "SELECT state FROM campaign_members"
              " WHERE campaign_id = ? AND number = ?");
  query.Text(write.campaign_id).Int(write.member.number);
  std::optional<MemberState> stored;
  if (query.Next()) stored = static_cast<MemberState>(query.IntAt(0));
  RETURN_IF_ERROR(query.status());
  if (stored == write.expected) return absl::OkStatus();
  return base::WithReason(
      absl::AbortedError(absl::StrCat("member ", write.member.number,
                                      " of campaign ", write.campaign_id,
                                      " has changed meanwhile; look again")),
      "MEMBER_CHANGED");
}

}  // namespace

absl::StatusOr<StoredCampaign> ReadCampaign(Connection& connection,
                                            std::string_view id) {
  const Snapshot snapshot(connection);
  RETURN_IF_ERROR(snapshot.status());
  Query query(connection,
              "SELECT id, revision, state, record FROM campaigns WHERE id = ?");
  if (!query.Text(id).Next()) {
    RETURN_IF_ERROR(query.status());
    return NoSuch("campaign", id, "CAMPAIGN_NOT_FOUND");
  }
  StoredCampaign stored;
  ASSIGN_OR_RETURN(stored.campaign, CampaignAt(query));
  ASSIGN_OR_RETURN(stored.members, ReadMembers(connection, id));
  return stored;
}

absl::StatusOr<Page<StoredCampaign>> ReadCampaigns(Connection& connection,
                                                   const PageRequest& page) {
  const int limit = CutLimit(page.limit);
  const CreationCursor newest{std::numeric_limits<int64_t>::max(), "~"};
  ASSIGN_OR_RETURN(const CreationCursor after, ParseCursor(page.after, newest));
  const Snapshot snapshot(connection);
  RETURN_IF_ERROR(snapshot.status());
  Query query(connection,
              "SELECT id, revision, state, record FROM campaigns"
              " WHERE (created_at_ns, id) < (?, ?)"
              " ORDER BY created_at_ns DESC, id DESC LIMIT ?");
  query.Int(after.created_at_ns).Text(after.id).Int(limit + 1);
  std::vector<StoredCampaign> campaigns;
  while (query.Next()) {
    StoredCampaign& stored = campaigns.emplace_back();
    ASSIGN_OR_RETURN(stored.campaign, CampaignAt(query));
    ASSIGN_OR_RETURN(stored.members,
                     ReadMembers(connection, stored.campaign.id));
  }
  RETURN_IF_ERROR(query.status());
  return CutPage(std::move(campaigns), limit, [](const StoredCampaign& last) {
    return AfterItem(last.campaign.created_at, last.campaign.id);
  });
}

absl::StatusOr<std::vector<std::string>> ReadLiveCampaigns(
    Connection& connection) {
  Query query(connection, "SELECT id FROM campaigns WHERE live = 1");
  std::vector<std::string> ids;
  while (query.Next()) ids.push_back(query.TextAt(0));
  RETURN_IF_ERROR(query.status());
  return ids;
}

absl::StatusOr<std::optional<std::string>> ReadCampaignOf(
    Connection& connection, std::string_view migration_id) {
  Query query(connection,
              "SELECT campaign_id FROM campaign_members"
              " WHERE migration_id <> '' AND migration_id = ?");
  if (query.Text(migration_id).Next()) return query.TextAt(0);
  RETURN_IF_ERROR(query.status());
  return std::nullopt;
}

absl::Status WriteCampaign(Connection& connection, const CampaignWrite& write) {
  const Campaign& campaign = write.campaign;
  if (campaign.revision <= write.expected_revision) {
    return absl::InternalError(absl::StrCat(
        "campaign ", campaign.id, " is to be stored with revision ",
        campaign.revision, ", which is not above ", write.expected_revision));
  }
  Query find(connection, "SELECT revision FROM campaigns WHERE id = ?");
  const bool exists = find.Text(campaign.id).Next();
  RETURN_IF_ERROR(find.status());
  const int64_t revision = exists ? find.IntAt(0) : 0;
  if (revision != write.expected_revision) {
    return Conflict(absl::StrCat("campaign ", campaign.id, " is at revision ",
                                 revision, ", not ", write.expected_revision));
  }
  const std::string record = EncodeCampaign(campaign);
  RETURN_IF_ERROR(CheckSize(record));
  Query store(connection,
              exists ? "UPDATE campaigns SET revision = ?2, state = ?3,"
                       " live = ?4, created_at_ns = ?5, record = ?6"
                       " WHERE id = ?1"
                     : "INSERT INTO campaigns VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  return store.Text(campaign.id)
      .Int(campaign.revision)
      .Int(static_cast<int>(campaign.state))
      .Int(migration::IsAtRest(campaign.state) ? 0 : 1)
      .Int(EncodeTime(campaign.created_at))
      .Blob(record)
      .Run();
}

absl::Status WriteMember(Connection& connection, const MemberWrite& write) {
  RETURN_IF_ERROR(CheckMember(connection, write));
  const std::string record = EncodeMember(write.member);
  RETURN_IF_ERROR(CheckSize(record));
  Query store(connection,
              write.expected.has_value()
                  ? "UPDATE campaign_members SET state = ?3, migration_id = ?4,"
                    " record = ?5 WHERE campaign_id = ?1 AND number = ?2"
                  : "INSERT INTO campaign_members VALUES (?1, ?2, ?3, ?4, ?5)");
  return store.Text(write.campaign_id)
      .Int(write.member.number)
      .Int(static_cast<int>(write.member.state))
      .Text(write.member.migration_id)
      .Blob(record)
      .Run();
}

}  // namespace keyturn::store::sqlite
