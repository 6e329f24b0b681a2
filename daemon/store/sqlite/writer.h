// Writes groups of batches: one transaction for the group, one savepoint for
// each batch.
#ifndef KEYTURN_DAEMON_STORE_SQLITE_WRITER_H_
#define KEYTURN_DAEMON_STORE_SQLITE_WRITER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/store/records.h"
#include "daemon/store/sqlite/binding_book.h"
#include "daemon/store/sqlite/census.h"
#include "daemon/store/sqlite/connection.h"
#include "daemon/store/store.h"

namespace keyturn::store::sqlite {

// Begin, any number of Apply, then Commit or Rollback. When a call fails with
// disk trouble (see IsDiskTrouble), Rollback follows. Belongs to one thread.
class GroupWriter {
 public:
  // All outlive this object. `sealer` null: audit rows get no seal.
  GroupWriter(Connection& connection, AuditSealer* sealer, BindingBook& book)
      : connection_(connection), sealer_(sealer), census_(connection, book) {}

  // Reads the counters and the audit chain's head. Once, before the first
  // group.
  absl::Status Load();

  // `binder` is that of the group; null: rows are not bound.
  absl::Status Begin(std::shared_ptr<const RowBinder> binder);
  // Adds `batch` to the open transaction, or nothing of it. Errors as of
  // Store::Commit.
  absl::StatusOr<CommitResult> Apply(const Batch& batch);
  // See Store::TakeCensus; in the place of an Apply.
  absl::StatusOr<CensusReport> TakeCensus();
  // Durable when this returns OK.
  absl::Status Commit();
  absl::Status Rollback();

  // Sequence of the last event that is durable.
  int64_t last_sequence() const { return durable_.event; }
  // The same of audit rows.
  int64_t last_audit_sequence() const { return durable_.audit; }

 private:
  // The last numbers that were given, and where the audit chain stands.
  struct Counters {
    int64_t event = 0;
    int64_t audit = 0;
    std::string audit_head;
    // Instant of the trail's last row, and sequence of its last census.
    int64_t audit_time_ns = 0;
    int64_t census = 0;
  };

  absl::StatusOr<CommitResult> Write(const Batch& batch);
  absl::Status WriteRequest(const RequestRecord& request);
  absl::Status WriteMigration(const MigrationWrite& write, size_t events);
  absl::Status CheckConnectionFree(const migration::Migration& migration);
  absl::Status WriteUses(const migration::Migration& migration, bool live);
  absl::StatusOr<CommitResult> WriteEvents(const Batch& batch);
  absl::Status OpenTask(const migration::Task& task);
  absl::Status CloseTask(const TaskClosing& closing);
  absl::Status WriteCredentials(const Batch& batch);
  absl::Status WriteCredential(const NewCredential& write);
  absl::Status WriteCredential(const NewVersion& write);
  absl::Status WriteCredential(const ResealVersion& write);
  absl::Status WriteCredential(const RelabelVersion& write);
  absl::Status WriteCredential(const DeleteCredential& write);
  absl::Status WriteCredential(const BindCredential& write);
  absl::Status InsertVersion(const std::string& name,
                             const CredentialInfo::Version& version,
                             const std::string& sealed,
                             const std::string& data_key);
  absl::Status CountSeal(const std::string& data_key);
  absl::Status DemoteCurrent(const std::string& name);
  absl::Status CheckCredentialUnused(const std::string& name);
  absl::Status WriteAccount(const CreateAccount& write);
  absl::Status WriteAccount(const DeleteAccount& write);
  absl::Status WriteIdentity(const AddInvitation& write);
  absl::Status WriteIdentity(const AddCertificate& write);
  absl::Status WriteIdentity(const RevokeIdentity& write);
  absl::Status WriteIdentity(const NoteCertificateUse& write);
  absl::Status TakeInvitation(const AddCertificate& write);
  absl::Status CheckPredecessor(const AddCertificate& write);
  absl::Status WriteDataKey(const WrappedDataKey& data_key);
  absl::StatusOr<std::string> ReadAuditHead();
  absl::Status WriteAudit(const AuditRow& row);
  absl::Status InsertAudit(AuditRow row);
  absl::Status WriteCensus(int64_t time_ns, const std::string& changes);
  absl::Status PurgeRequests();
  absl::Status WriteCounters();

  Connection& connection_;
  AuditSealer* const sealer_;
  CensusTaker census_;
  Counters durable_;
  // Those of the open transaction.
  Counters given_;
  // Newest request of the group: what "now" is for forgetting old ones.
  std::optional<absl::Time> newest_request_;
};

}  // namespace keyturn::store::sqlite

#endif  // KEYTURN_DAEMON_STORE_SQLITE_WRITER_H_
