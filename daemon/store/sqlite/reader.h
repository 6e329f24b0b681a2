// The reads of Store, each on a connection that nobody else uses meanwhile. See
// store.h for what they give and how they fail.
#ifndef KEYTURN_DAEMON_STORE_SQLITE_READER_H_
#define KEYTURN_DAEMON_STORE_SQLITE_READER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/store/sqlite/connection.h"
#include "daemon/store/store.h"

namespace keyturn::store::sqlite {

absl::StatusOr<StoredMigration> ReadMigration(Connection& connection,
                                              std::string_view id);
absl::StatusOr<Page<StoredMigration>> ReadMigrations(
    Connection& connection, const std::vector<migration::State>& states,
    const PageRequest& page);
absl::StatusOr<std::vector<UnfinishedMigration>> ReadUnfinished(
    Connection& connection);
absl::StatusOr<std::optional<std::string>> ReadLiveByConnection(
    Connection& connection, std::string_view connection_key);
absl::StatusOr<std::map<migration::State, int64_t>> ReadCounts(
    Connection& connection);
absl::StatusOr<std::vector<StoredEvent>> ReadEvents(
    Connection& connection, std::string_view migration_id,
    int64_t after_sequence, int limit);
absl::StatusOr<int64_t> ReadLastSequence(Connection& connection,
                                         std::string_view migration_id);
absl::StatusOr<migration::Task> ReadTask(Connection& connection,
                                         std::string_view id);
absl::StatusOr<Page<migration::Task>> ReadTasks(Connection& connection,
                                                std::string_view migration_id,
                                                bool open_only,
                                                const PageRequest& page);
absl::StatusOr<std::vector<std::string>> ReadOpenTaskIds(
    Connection& connection, std::string_view migration_id);
absl::StatusOr<Account> ReadAccount(Connection& connection,
                                    std::string_view name);
absl::StatusOr<Page<Account>> ReadAccounts(Connection& connection,
                                           const PageRequest& page);
absl::StatusOr<CredentialInfo> ReadCredential(Connection& connection,
                                              std::string_view name);
absl::StatusOr<Page<CredentialInfo>> ReadCredentials(Connection& connection,
                                                     const PageRequest& page);
absl::StatusOr<SealedVersion> ReadSealedVersion(Connection& connection,
                                                std::string_view name,
                                                VersionSelector version);
absl::StatusOr<CredentialRows> ReadRows(Connection& connection,
                                        std::string_view name);
// The same within a transaction that is open already.
absl::StatusOr<CredentialRows> ReadRowsInTransaction(Connection& connection,
                                                     std::string_view name);
absl::StatusOr<std::vector<SealedVersion>> ReadSealedUnder(
    Connection& connection, std::string_view data_key,
    const VersionPlace& place, int limit);
absl::StatusOr<std::vector<WrappedDataKey>> ReadAllDataKeys(
    Connection& connection);
absl::StatusOr<Certificate> ReadCertificate(Connection& connection,
                                            std::string_view serial);
absl::StatusOr<Invitation> ReadInvitation(Connection& connection,
                                          std::string_view hash);
absl::StatusOr<IdentityInfo> ReadIdentity(Connection& connection,
                                          std::string_view name);
absl::StatusOr<Page<IdentityInfo>> ReadIdentities(Connection& connection,
                                                  const PageRequest& page);
absl::StatusOr<std::optional<RequestRecord>> ReadRequest(
    Connection& connection, std::string_view caller,
    std::string_view request_id);
absl::StatusOr<std::vector<AuditRow>> ReadAuditRows(Connection& connection,
                                                    int64_t after_sequence,
                                                    int limit);
absl::StatusOr<Page<AuditRow>> ReadMatchingAuditRows(Connection& connection,
                                                     const AuditFilter& filter,
                                                     const PageRequest& page);

}  // namespace keyturn::store::sqlite

#endif  // KEYTURN_DAEMON_STORE_SQLITE_READER_H_
