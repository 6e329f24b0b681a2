#include "daemon/store/sqlite/writer.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"
#include "daemon/store/codec.h"
#include "daemon/store/lists.h"
#include "daemon/store/sqlite/campaigns.h"
#include "daemon/store/sqlite/pages.h"
#include "daemon/store/sqlite/reader.h"

namespace keyturn::store::sqlite {
namespace {

using migration::Migration;
using migration::Task;

// Kinds of table `live_uses`. Never renumber: the numbers are stored.
constexpr int kUsesAccount = 1;
constexpr int kUsesCredential = 2;

struct Use {
  int kind;
  const std::string& name;
};

std::array<Use, 4> UsesOf(const Migration& migration) {
  const migration::Spec& spec = migration.spec;
  return {Use{kUsesAccount, spec.celigo.account},
          Use{kUsesAccount, spec.netsuite.account},
          Use{kUsesCredential, spec.old_login},
          Use{kUsesCredential, spec.token.consumer}};
}

absl::Status InUse(std::string_view what, const std::string& name,
                   std::string user, std::string_view reason) {
  return base::WithReason(
      absl::FailedPreconditionError(
          absl::StrCat(base::ToAbsl(what), " ", name, " is used by ", user)),
      reason);
}

}  // namespace

absl::Status GroupWriter::Load() {
  ASSIGN_OR_RETURN(durable_.event,
                   connection_.ReadNumber(
                       "SELECT last FROM counters WHERE name = 'events'"));
  ASSIGN_OR_RETURN(
      durable_.audit,
      connection_.ReadNumber("SELECT last FROM counters WHERE name = 'audit'"));
  ASSIGN_OR_RETURN(durable_.audit_head, ReadAuditHead());
  ASSIGN_OR_RETURN(
      durable_.audit_time_ns,
      connection_.ReadNumber("SELECT IFNULL((SELECT time_ns FROM audit"
                             " ORDER BY sequence DESC LIMIT 1), 0)"));
  given_ = durable_;
  return absl::OkStatus();
}

absl::Status GroupWriter::Begin(std::shared_ptr<const RowBinder> binder) {
  census_.BeginGroup(std::move(binder));
  given_ = durable_;
  newest_request_.reset();
  return Query(connection_, "BEGIN IMMEDIATE").Run();
}

absl::StatusOr<CommitResult> GroupWriter::Apply(const Batch& batch) {
  const Counters before = given_;
  census_.BeginBatch();
  RETURN_IF_ERROR(Query(connection_, "SAVEPOINT batch").Run());
  absl::StatusOr<CommitResult> result = Write(batch);
  if (IsDiskTrouble(result.status())) return result;
  if (!result.ok()) {
    given_ = before;
    census_.UndoBatch();
    RETURN_IF_ERROR(Query(connection_, "ROLLBACK TO batch").Run());
  }
  RETURN_IF_ERROR(Query(connection_, "RELEASE batch").Run());
  return result;
}

absl::StatusOr<CensusReport> GroupWriter::TakeCensus() {
  census_.BeginBatch();
  ASSIGN_OR_RETURN(CensusReport report, census_.Compare());
  if (report.fits) given_.census = report.told->sequence;
  return report;
}

absl::Status GroupWriter::Commit() {
  RETURN_IF_ERROR(PurgeRequests());
  RETURN_IF_ERROR(WriteCounters());
  census_.Propose();
  const absl::Status committed = Query(connection_, "COMMIT").Run();
  census_.EndGroup(committed.ok());
  RETURN_IF_ERROR(committed);
  durable_ = given_;
  return absl::OkStatus();
}

absl::Status GroupWriter::Rollback() {
  given_ = durable_;
  census_.EndGroup(/*committed=*/false);
  if (!connection_.in_transaction()) return absl::OkStatus();
  return Query(connection_, "ROLLBACK").Run();
}

absl::StatusOr<CommitResult> GroupWriter::Write(const Batch& batch) {
  if (batch.request) RETURN_IF_ERROR(WriteRequest(*batch.request));
  if (batch.migration) {
    RETURN_IF_ERROR(WriteMigration(*batch.migration, batch.events.size()));
  }
  if (batch.campaign) {
    RETURN_IF_ERROR(WriteCampaign(connection_, *batch.campaign));
  }
  for (const MemberWrite& write : batch.members) {
    RETURN_IF_ERROR(WriteMember(connection_, write));
  }
  ASSIGN_OR_RETURN(const CommitResult result, WriteEvents(batch));
  for (const Task& task : batch.opened_tasks) RETURN_IF_ERROR(OpenTask(task));
  for (const TaskClosing& closing : batch.closed_tasks) {
    RETURN_IF_ERROR(CloseTask(closing));
  }
  RETURN_IF_ERROR(WriteCredentials(batch));
  for (const AccountWrite& write : batch.accounts) {
    RETURN_IF_ERROR(std::visit(
        [this](const auto& one) { return WriteAccount(one); }, write));
  }
  for (const IdentityWrite& write : batch.identities) {
    RETURN_IF_ERROR(std::visit(
        [this](const auto& one) { return WriteIdentity(one); }, write));
  }
  for (const WrappedDataKey& data_key : batch.data_keys) {
    RETURN_IF_ERROR(WriteDataKey(data_key));
  }
  for (const AuditRow& row : batch.audit) RETURN_IF_ERROR(WriteAudit(row));
  return result;
}

absl::Status GroupWriter::WriteRequest(const RequestRecord& request) {
  Query find(connection_,
             "SELECT fingerprint FROM requests"
             " WHERE caller = ? AND request_id = ?");
  find.Text(request.caller).Text(request.request_id);
  if (find.Next()) {
    if (find.BlobAt(0) == request.fingerprint) {
      return base::WithReason(
          absl::AlreadyExistsError(absl::StrCat("request ", request.request_id,
                                                " was carried out before")),
          "REQUEST_REPEATED");
    }
    return base::WithReason(
        absl::AlreadyExistsError(absl::StrCat(
            "request id ", request.request_id,
            " was used for another request: give each request its own id")),
        "REQUEST_ID_REUSED");
  }
  RETURN_IF_ERROR(find.status());
  RETURN_IF_ERROR(CheckSize(request.answer));
  newest_request_ = std::max(newest_request_.value_or(absl::InfinitePast()),
                             request.created_at);
  Query insert(connection_, "INSERT INTO requests VALUES (?, ?, ?, ?, ?)");
  insert.Text(request.caller)
      .Text(request.request_id)
      .Blob(request.fingerprint)
      .Blob(request.answer)
      .Int(EncodeTime(request.created_at));
  return insert.Run();
}

absl::Status GroupWriter::WriteMigration(const MigrationWrite& write,
                                         size_t events) {
  const Migration& migration = write.migration;
  if (migration.revision <= write.expected_revision) {
    return absl::InternalError(absl::StrCat(
        "migration ", migration.id, " is to be stored with revision ",
        migration.revision, ", which is not above ", write.expected_revision));
  }
  Query find(connection_,
             "SELECT revision, live, last_sequence FROM migrations"
             " WHERE id = ?");
  find.Text(migration.id);
  const bool exists = find.Next();
  RETURN_IF_ERROR(find.status());
  const int64_t revision = exists ? find.IntAt(0) : 0;
  const bool was_live = exists && find.IntAt(1) != 0;
  int64_t last_sequence = exists ? find.IntAt(2) : 0;
  if (revision != write.expected_revision) {
    return Conflict(absl::StrCat("migration ", migration.id, " is at revision ",
                                 revision, ", not ", write.expected_revision));
  }
  if (events > 0) last_sequence = given_.event + static_cast<int64_t>(events);

  const bool live = !migration::IsAtRest(migration.state);
  if (live) RETURN_IF_ERROR(CheckConnectionFree(migration));
  if (live != was_live) RETURN_IF_ERROR(WriteUses(migration, live));
  const std::string record = EncodeMigration(migration);
  RETURN_IF_ERROR(CheckSize(record));
  std::optional<int64_t> wake_at_ns;
  if (migration.wake_at) wake_at_ns = EncodeTime(*migration.wake_at);
  Query store(connection_,
              exists ? "UPDATE migrations SET revision = ?2, state = ?3,"
                       " live = ?4, wake_at_ns = ?5, created_at_ns = ?6,"
                       " connection_key = ?7, last_sequence = ?8, record = ?9"
                       " WHERE id = ?1"
                     : "INSERT INTO migrations"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
  store.Text(migration.id)
      .Int(migration.revision)
      .Int(static_cast<int>(migration.state))
      .Int(live ? 1 : 0)
      .Int(wake_at_ns)
      .Int(EncodeTime(migration.created_at))
      .Text(migration.connection_key)
      .Int(last_sequence)
      .Blob(record);
  return store.Run();
}

absl::Status GroupWriter::CheckConnectionFree(const Migration& migration) {
  if (migration.connection_key.empty()) return absl::OkStatus();
  Query other(connection_,
              "SELECT id FROM migrations WHERE live = 1"
              " AND connection_key <> '' AND connection_key = ? AND id <> ?");
  other.Text(migration.connection_key).Text(migration.id);
  if (!other.Next()) return other.status();
  return base::WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "migration ", other.TextAt(0),
          " already works on this connection: wait until it has ended, or "
          "cancel it")),
      "LIVE_MIGRATION");
}

absl::Status GroupWriter::WriteUses(const Migration& migration, bool live) {
  for (const Use& use : UsesOf(migration)) {
    if (use.name.empty()) continue;
    Query store(connection_,
                live ? "INSERT OR IGNORE INTO live_uses VALUES (?, ?, ?)"
                     : "DELETE FROM live_uses"
                       " WHERE kind = ? AND name = ? AND migration_id = ?");
    RETURN_IF_ERROR(
        store.Int(use.kind).Text(use.name).Text(migration.id).Run());
  }
  return absl::OkStatus();
}

absl::StatusOr<CommitResult> GroupWriter::WriteEvents(const Batch& batch) {
  if (batch.events.empty()) return CommitResult();
  CommitResult result;
  result.first_sequence = given_.event + 1;
  const std::string& migration_id = batch.events.front().migration_id;
  for (const StoredEvent& event : batch.events) {
    if (event.migration_id != migration_id ||
        (batch.migration && batch.migration->migration.id != migration_id)) {
      return absl::InternalError("a batch holds events of several migrations");
    }
    const std::string record = EncodeEvent(event);
    RETURN_IF_ERROR(CheckSize(record));
    Query insert(connection_, "INSERT INTO events VALUES (?, ?, ?)");
    RETURN_IF_ERROR(
        insert.Int(++given_.event).Text(migration_id).Blob(record).Run());
  }
  result.last_sequence = given_.event;
  if (batch.migration) return result;
  Query update(connection_,
               "UPDATE migrations SET last_sequence = ? WHERE id = ?");
  RETURN_IF_ERROR(update.Int(given_.event).Text(migration_id).Run());
  return result;
}

absl::Status GroupWriter::OpenTask(const Task& task) {
  const std::string record = EncodeTask(task);
  RETURN_IF_ERROR(CheckSize(record));
  Query insert(connection_, "INSERT INTO tasks VALUES (?, ?, ?, ?, ?)");
  insert.Text(task.id)
      .Text(task.migration_id)
      .Int(task.state == Task::State::kOpen ? 1 : 0)
      .Int(EncodeTime(task.created_at))
      .Blob(record);
  return insert.Run();
}

absl::Status GroupWriter::CloseTask(const TaskClosing& closing) {
  Query find(connection_, "SELECT record FROM tasks WHERE id = ?");
  find.Text(closing.task.id);
  if (!find.Next()) {
    RETURN_IF_ERROR(find.status());
    return NoSuch("task", closing.task.id, "TASK_NOT_FOUND");
  }
  absl::StatusOr<Task> task = DecodeTask(find.BlobAt(0));
  if (!task.ok()) return AtRow(task.status(), "tasks", closing.task.id);
  if (task->state != Task::State::kOpen) {
    return base::WithReason(absl::FailedPreconditionError(absl::StrCat(
                                "task ", task->id, " was closed before")),
                            "TASK_CLOSED");
  }
  if (closing.task.state == Task::State::kOpen) {
    return absl::InternalError(
        absl::StrCat("task ", task->id, " is to be closed as open"));
  }
  task->state = closing.task.state;
  task->ended_at = closing.at;
  task->completed_by = closing.task.by;
  task->evidence = closing.task.evidence;
  const std::string record = EncodeTask(*task);
  RETURN_IF_ERROR(CheckSize(record));
  Query update(connection_,
               "UPDATE tasks SET open = 0, record = ? WHERE id = ?");
  return update.Blob(record).Text(task->id).Run();
}

absl::Status GroupWriter::WriteCredentials(const Batch& batch) {
  RETURN_IF_ERROR(census_.CheckBefore(batch.credentials));
  for (const CredentialWrite& write : batch.credentials) {
    RETURN_IF_ERROR(std::visit(
        [this](const auto& one) { return WriteCredential(one); }, write));
  }
  ASSIGN_OR_RETURN(std::optional<std::string> changes,
                   census_.BindAfter(batch.credentials));
  if (batch.census_at.has_value()) {
    RETURN_IF_ERROR(census_.Recount());
    return WriteCensus(EncodeTime(*batch.census_at), "");
  }
  if (!changes.has_value()) return absl::OkStatus();
  const int64_t time_ns = batch.audit.empty()
                              ? given_.audit_time_ns
                              : EncodeTime(batch.audit.front().time);
  return WriteCensus(time_ns, *changes);
}

absl::Status GroupWriter::WriteCredential(const NewCredential& write) {
  if (write.version.number != 1) {
    return absl::InternalError("a credential's first version has number 1");
  }
  Query insert(connection_,
               "INSERT OR IGNORE INTO credentials (name, kind, migration_id)"
               " VALUES (?, ?, ?)");
  insert.Text(write.name)
      .Int(static_cast<int>(write.kind))
      .Text(write.migration_id);
  RETURN_IF_ERROR(insert.Run());
  if (connection_.changes() == 0) {
    return base::WithReason(absl::AlreadyExistsError(absl::StrCat(
                                "there is already a credential ", write.name,
                                ": choose another name, or rotate that one")),
                            "CREDENTIAL_EXISTS");
  }
  return InsertVersion(write.name, write.version, write.sealed, write.data_key);
}

absl::Status GroupWriter::WriteCredential(const NewVersion& write) {
  Query find(connection_,
             "SELECT (SELECT MAX(number) FROM credential_versions"
             " WHERE name = ?1) FROM credentials WHERE name = ?1");
  find.Text(write.name);
  if (!find.Next()) {
    RETURN_IF_ERROR(find.status());
    return NoSuch("credential", write.name, "CREDENTIAL_NOT_FOUND");
  }
  if (write.version.number != find.IntAt(0) + 1) {
    return Conflict(
        absl::StrCat("credential ", write.name, " has ", find.IntAt(0),
                     " versions; the next cannot be ", write.version.number));
  }
  return InsertVersion(write.name, write.version, write.sealed, write.data_key);
}

absl::Status GroupWriter::WriteCredential(const ResealVersion& write) {
  RETURN_IF_ERROR(CheckSize(write.sealed));
  Query update(connection_,
               "UPDATE credential_versions SET sealed = ?, data_key = ?"
               " WHERE name = ? AND number = ? AND data_key = ?");
  update.Blob(write.sealed)
      .Text(write.data_key)
      .Text(write.name)
      .Int(write.number)
      .Text(write.former_data_key);
  RETURN_IF_ERROR(update.Run());
  if (connection_.changes() > 0) return CountSeal(write.data_key);
  return Conflict(absl::StrCat("version ", write.number, " of credential ",
                               write.name, " is not sealed under the data key ",
                               write.former_data_key, " any more"));
}

absl::Status GroupWriter::WriteCredential(const RelabelVersion& write) {
  if (write.label == VersionLabel::kCurrent) {
    RETURN_IF_ERROR(DemoteCurrent(write.name));
  }
  Query update(connection_,
               "UPDATE credential_versions SET label = ?"
               " WHERE name = ? AND number = ?");
  update.Int(static_cast<int>(write.label)).Text(write.name).Int(write.number);
  RETURN_IF_ERROR(update.Run());
  if (connection_.changes() > 0) return absl::OkStatus();
  return NoSuch("credential version",
                absl::StrCat(write.name, "/", write.number),
                "CREDENTIAL_NOT_FOUND");
}

absl::Status GroupWriter::WriteCredential(const DeleteCredential& write) {
  RETURN_IF_ERROR(CheckCredentialUnused(write.name));
  Query remove(connection_, "DELETE FROM credentials WHERE name = ?");
  RETURN_IF_ERROR(remove.Text(write.name).Run());
  if (connection_.changes() > 0) return absl::OkStatus();
  return NoSuch("credential", write.name, "CREDENTIAL_NOT_FOUND");
}

absl::Status GroupWriter::WriteCredential(const BindCredential&) {
  return absl::OkStatus();
}

absl::Status GroupWriter::InsertVersion(const std::string& name,
                                        const CredentialInfo::Version& version,
                                        const std::string& sealed,
                                        const std::string& data_key) {
  RETURN_IF_ERROR(CheckSize(sealed));
  if (version.label == VersionLabel::kCurrent) {
    RETURN_IF_ERROR(DemoteCurrent(name));
  }
  Query insert(connection_,
               "INSERT INTO credential_versions"
               " VALUES (?, ?, ?, ?, ?, ?, ?)");
  insert.Text(name)
      .Int(version.number)
      .Int(static_cast<int>(version.label))
      .Int(EncodeTime(version.created_at))
      .Text(version.creator)
      .Blob(sealed)
      .Text(data_key);
  RETURN_IF_ERROR(insert.Run());
  return CountSeal(data_key);
}

absl::Status GroupWriter::CountSeal(const std::string& data_key) {
  Query update(connection_,
               "UPDATE data_keys SET seals = seals + 1 WHERE id = ?");
  return update.Text(data_key).Run();
}

absl::Status GroupWriter::DemoteCurrent(const std::string& name) {
  Query update(connection_,
               "UPDATE credential_versions SET label = ?"
               " WHERE name = ? AND label = ?");
  return update.Int(static_cast<int>(VersionLabel::kPrevious))
      .Text(name)
      .Int(static_cast<int>(VersionLabel::kCurrent))
      .Run();
}

absl::Status GroupWriter::CheckCredentialUnused(const std::string& name) {
  Query account(connection_,
                "SELECT name FROM accounts WHERE credential = ? LIMIT 1");
  if (account.Text(name).Next()) {
    return InUse("credential", name,
                 absl::StrCat("account ", account.TextAt(0),
                              ": remove that account first"),
                 "CREDENTIAL_IN_USE");
  }
  RETURN_IF_ERROR(account.status());
  Query migration(connection_,
                  "SELECT migration_id FROM live_uses"
                  " WHERE kind = ?1 AND name = ?2"
                  " UNION ALL"
                  " SELECT migrations.id FROM credentials JOIN migrations"
                  " ON migrations.id = credentials.migration_id"
                  " WHERE credentials.name = ?2 AND migrations.live = 1"
                  " LIMIT 1");
  if (migration.Int(kUsesCredential).Text(name).Next()) {
    return InUse("credential", name,
                 absl::StrCat("migration ", migration.TextAt(0),
                              ", which has not ended"),
                 "CREDENTIAL_IN_USE");
  }
  return migration.status();
}

absl::Status GroupWriter::WriteAccount(const CreateAccount& write) {
  const Account& account = write.account;
  if (!account.credential.empty()) {
    Query find(connection_, "SELECT 1 FROM credentials WHERE name = ?");
    const bool exists = find.Text(account.credential).Next();
    RETURN_IF_ERROR(find.status());
    if (!exists) {
      return NoSuch("credential", account.credential, "CREDENTIAL_NOT_FOUND");
    }
  }
  const std::string record = EncodeAccount(account);
  RETURN_IF_ERROR(CheckSize(record));
  Query insert(connection_, "INSERT OR IGNORE INTO accounts VALUES (?, ?, ?)");
  insert.Text(account.name).Text(account.credential).Blob(record);
  RETURN_IF_ERROR(insert.Run());
  if (connection_.changes() > 0) return absl::OkStatus();
  return base::WithReason(absl::AlreadyExistsError(absl::StrCat(
                              "there is already an account ", account.name,
                              ": choose another name")),
                          "ACCOUNT_EXISTS");
}

absl::Status GroupWriter::WriteAccount(const DeleteAccount& write) {
  Query migration(connection_,
                  "SELECT migration_id FROM live_uses"
                  " WHERE kind = ? AND name = ? LIMIT 1");
  if (migration.Int(kUsesAccount).Text(write.name).Next()) {
    return InUse("account", write.name,
                 absl::StrCat("migration ", migration.TextAt(0),
                              ", which has not ended"),
                 "ACCOUNT_IN_USE");
  }
  RETURN_IF_ERROR(migration.status());
  Query remove(connection_, "DELETE FROM accounts WHERE name = ?");
  RETURN_IF_ERROR(remove.Text(write.name).Run());
  if (connection_.changes() > 0) return absl::OkStatus();
  return NoSuch("account", write.name, "ACCOUNT_NOT_FOUND");
}

absl::Status GroupWriter::WriteIdentity(const AddInvitation& write) {
  const Invitation& invitation = write.invitation;
  // Nobody invites for longer than that, so these have expired.
  Query purge(connection_,
              "DELETE FROM invitations WHERE expires_at_ns < ?"
              " OR uses_left <= 0");
  RETURN_IF_ERROR(
      purge.Int(EncodeTime(invitation.expires_at - kRequestRetention)).Run());
  Query insert(connection_,
               "INSERT OR IGNORE INTO invitations"
               " VALUES (?, ?, ?, ?, ?, ?, ?)");
  insert.Text(invitation.hash)
      .Text(invitation.identity)
      .Text(absl::StrJoin(invitation.roles, ","))
      .Int(EncodeTime(invitation.expires_at))
      .Text(invitation.creator)
      .Int(invitation.uses_left)
      .Text(absl::StrJoin(invitation.accounts, ","));
  RETURN_IF_ERROR(insert.Run());
  if (connection_.changes() > 0) return absl::OkStatus();
  return base::WithReason(absl::AlreadyExistsError(
                              "there is already an invitation with this token"),
                          "INVITATION_EXISTS");
}

absl::Status GroupWriter::WriteIdentity(const AddCertificate& write) {
  const Certificate& certificate = write.certificate;
  if (!write.invitation_hash.empty()) RETURN_IF_ERROR(TakeInvitation(write));
  if (!write.predecessor.empty()) RETURN_IF_ERROR(CheckPredecessor(write));
  Query purge(connection_, "DELETE FROM certificates WHERE expires_at_ns < ?");
  RETURN_IF_ERROR(
      purge.Int(EncodeTime(certificate.issued_at - kCertificateRetention))
          .Run());
  Query insert(connection_,
               "INSERT INTO certificates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  return insert.Text(certificate.serial)
      .Text(certificate.identity)
      .Text(absl::StrJoin(certificate.roles, ","))
      .Int(EncodeTime(certificate.issued_at))
      .Int(EncodeTime(certificate.expires_at))
      .Text(certificate.creator)
      .Int(std::optional<int64_t>())
      .Int(std::optional<int64_t>())
      .Text(absl::StrJoin(certificate.accounts, ","))
      .Run();
}

absl::Status GroupWriter::TakeInvitation(const AddCertificate& write) {
  Query take(connection_,
             "UPDATE invitations SET uses_left = uses_left - 1"
             " WHERE hash = ? AND identity = ? AND uses_left > 0"
             " AND expires_at_ns > ?");
  take.Text(write.invitation_hash)
      .Text(write.certificate.identity)
      .Int(EncodeTime(write.certificate.issued_at));
  RETURN_IF_ERROR(take.Run());
  if (connection_.changes() > 0) return absl::OkStatus();
  return NoSuch("open invitation for", write.certificate.identity,
                "INVITATION_NOT_FOUND");
}

absl::Status GroupWriter::CheckPredecessor(const AddCertificate& write) {
  Query find(connection_,
             "SELECT 1 FROM certificates WHERE serial = ? AND identity = ?"
             " AND revoked_at_ns IS NULL");
  const bool found =
      find.Text(write.predecessor).Text(write.certificate.identity).Next();
  RETURN_IF_ERROR(find.status());
  if (found) return absl::OkStatus();
  return NoSuch("valid certificate", write.predecessor,
                "CERTIFICATE_NOT_FOUND");
}

absl::Status GroupWriter::WriteIdentity(const RevokeIdentity& write) {
  Query revoke(connection_,
               "UPDATE certificates SET revoked_at_ns = ?"
               " WHERE identity = ? AND revoked_at_ns IS NULL");
  RETURN_IF_ERROR(revoke.Int(EncodeTime(write.at)).Text(write.identity).Run());
  const int revoked = connection_.changes();
  Query withdraw(connection_, "DELETE FROM invitations WHERE identity = ?");
  RETURN_IF_ERROR(withdraw.Text(write.identity).Run());
  if (revoked > 0 || connection_.changes() > 0) return absl::OkStatus();
  Query known(connection_, "SELECT 1 FROM certificates WHERE identity = ?");
  const bool found = known.Text(write.identity).Next();
  RETURN_IF_ERROR(known.status());
  if (found) return absl::OkStatus();
  return NoSuch("identity", write.identity, "IDENTITY_NOT_FOUND");
}

absl::Status GroupWriter::WriteIdentity(const NoteCertificateUse& write) {
  Query note(connection_,
             "UPDATE certificates SET used_at_ns = ?1"
             " WHERE serial = ?2 AND IFNULL(used_at_ns, 0) < ?1");
  return note.Int(EncodeTime(write.at)).Text(write.serial).Run();
}

absl::Status GroupWriter::WriteDataKey(const WrappedDataKey& data_key) {
  RETURN_IF_ERROR(CheckSize(data_key.wrapped));
  Query insert(connection_,
               "INSERT INTO data_keys (id, created_at_ns, wrapped)"
               " VALUES (?, ?, ?) ON CONFLICT (id)"
               " DO UPDATE SET wrapped = excluded.wrapped");
  return insert.Text(data_key.id)
      .Int(EncodeTime(data_key.created_at))
      .Blob(data_key.wrapped)
      .Run();
}

absl::StatusOr<std::string> GroupWriter::ReadAuditHead() {
  std::string head;
  if (sealer_ == nullptr) return head;
  // A seal carries the head before it; what was stored without one is read
  // again from the last seal on.
  Query last(connection_,
             "SELECT sequence FROM audit WHERE length(seal) > 0"
             " ORDER BY sequence DESC LIMIT 1");
  int64_t after = last.Next() ? last.IntAt(0) - 1 : 0;
  RETURN_IF_ERROR(last.status());
  for (;;) {
    ASSIGN_OR_RETURN(const std::vector<AuditRow> rows,
                     ReadAuditRows(connection_, after, kPageItemsMax));
    if (rows.empty()) return head;
    for (const AuditRow& row : rows) head = sealer_->HeadAfter(row, head);
    after = rows.back().sequence;
  }
}

absl::Status GroupWriter::WriteCensus(int64_t time_ns,
                                      const std::string& changes) {
  AuditRow row = census_.RowOf(given_.audit + 1, changes);
  row.time = DecodeTime(time_ns);
  given_.census = given_.audit + 1;
  return WriteAudit(row);
}

absl::Status GroupWriter::WriteAudit(const AuditRow& row) {
  RETURN_IF_ERROR(CheckSize(row.detail));
  if (census_.counts() && given_.audit - given_.census >= kCensusRowsMax) {
    RETURN_IF_ERROR(WriteCensus(EncodeTime(row.time), ""));
  }
  const absl::Status status = InsertAudit(row);
  if (status.ok() || IsDiskTrouble(status)) return status;
  return base::WithReason(
      absl::DataLossError(absl::StrCat("the audit trail cannot be written: ",
                                       status.message())),
      kAuditUnwritable);
}

absl::Status GroupWriter::InsertAudit(AuditRow row) {
  row.sequence = ++given_.audit;
  // As it is read back: what is finer than the stored instant is gone.
  given_.audit_time_ns = EncodeTime(row.time);
  row.time = DecodeTime(given_.audit_time_ns);
  row.seal.clear();
  if (sealer_ != nullptr) {
    ASSIGN_OR_RETURN(row.seal, sealer_->Seal(row, given_.audit_head));
    given_.audit_head = sealer_->HeadAfter(row, given_.audit_head);
  }
  Query insert(connection_,
               "INSERT INTO audit (sequence, time_ns, actor, transport,"
               " subject, serial, peer, action, target, request_id, digest,"
               " result, detail, seal)"
               " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  return insert.Int(row.sequence)
      .Int(EncodeTime(row.time))
      .Text(row.actor)
      .Text(row.transport)
      .Text(row.subject)
      .Text(row.serial)
      .Text(row.peer)
      .Text(row.action)
      .Text(row.target)
      .Text(row.request_id)
      .Text(row.digest)
      .Text(row.result)
      .Text(row.detail)
      .Blob(row.seal)
      .Run();
}

absl::Status GroupWriter::PurgeRequests() {
  if (!newest_request_) return absl::OkStatus();
  Query purge(connection_,
              "DELETE FROM requests WHERE rowid IN"
              " (SELECT rowid FROM requests WHERE created_at_ns < ?"
              " ORDER BY created_at_ns LIMIT ?)");
  return purge.Int(EncodeTime(*newest_request_ - kRequestRetention))
      .Int(kPurgedRequestsMax)
      .Run();
}

absl::Status GroupWriter::WriteCounters() {
  if (given_.event == durable_.event && given_.audit == durable_.audit) {
    return absl::OkStatus();
  }
  Query update(connection_,
               "UPDATE counters SET last ="
               " CASE name WHEN 'events' THEN ? ELSE ? END");
  return update.Int(given_.event).Int(given_.audit).Run();
}

}  // namespace keyturn::store::sqlite
