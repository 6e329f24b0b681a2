// Campaigns and their members: the reads and writes of Store.
#ifndef KEYTURN_DAEMON_STORE_SQLITE_CAMPAIGNS_H_
#define KEYTURN_DAEMON_STORE_SQLITE_CAMPAIGNS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/store/sqlite/connection.h"
#include "daemon/store/store.h"

namespace keyturn::store::sqlite {

absl::StatusOr<StoredCampaign> ReadCampaign(Connection& connection,
                                            std::string_view id);
absl::StatusOr<Page<StoredCampaign>> ReadCampaigns(Connection& connection,
                                                   const PageRequest& page);
absl::StatusOr<std::vector<std::string>> ReadLiveCampaigns(
    Connection& connection);
absl::StatusOr<std::optional<std::string>> ReadCampaignOf(
    Connection& connection, std::string_view migration_id);

// Within the transaction of a batch; errors as of Store::Commit.
absl::Status WriteCampaign(Connection& connection, const CampaignWrite& write);
absl::Status WriteMember(Connection& connection, const MemberWrite& write);

}  // namespace keyturn::store::sqlite

#endif  // KEYTURN_DAEMON_STORE_SQLITE_CAMPAIGNS_H_
