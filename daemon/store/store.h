// Everything that survives a crash: migrations, events, tasks, sealed
// credentials, accounts, the audit trail, request ids.
//
// What is written together is one Batch (guarantee G5); what Commit reported is
// on disk (guarantee G4). Nothing here is secret in clear: credentials and data
// keys come sealed from the vault.
#ifndef KEYTURN_DAEMON_STORE_STORE_H_
#define KEYTURN_DAEMON_STORE_STORE_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/store/records.h"

namespace keyturn::store {

// Batches that wait for the disk; one more is refused.
inline constexpr size_t kQueuedBatchesMax = 8192;
// Batches that one transaction takes together.
inline constexpr size_t kGroupBatchesMax = 1024;
// One stored record, encoded.
inline constexpr size_t kRecordBytesMax = 8 * 1024 * 1024;
// Items of one page of a list.
inline constexpr int kPageItemsMax = 1000;
// How long a request id is remembered, counted from RequestRecord::created_at.
inline constexpr absl::Duration kRequestRetention = absl::Hours(7 * 24);
// Forgotten request ids that one transaction removes.
inline constexpr int kPurgedRequestsMax = 64;
// How long a certificate is remembered after it has expired.
inline constexpr absl::Duration kCertificateRetention = absl::Hours(90 * 24);

struct CommitResult {
  // The sequences that the batch's events got; both 0 when it had none.
  int64_t first_sequence = 0;
  int64_t last_sequence = 0;
};

struct Stats {
  // Durable transactions (each costs one sync), and the batches in them.
  int64_t transactions = 0;
  int64_t batches = 0;
};

// Which part of a list. `after` is the `next` of the page before; empty: from
// the beginning. It is printable and holds no secret, so it may serve as a page
// token; it is not bound to the list's other arguments.
struct PageRequest {
  // 1 to kPageItemsMax; what is beyond is cut.
  int limit = kPageItemsMax;
  std::string after;
};

template <typename T>
struct Page {
  std::vector<T> items;
  // Empty: there is nothing more.
  std::string next;
};

// Which version of a credential: the newest with a label, or a number.
using VersionSelector = std::variant<VersionLabel, int>;

// Authenticates what is stored of credentials, whose labels and names anybody
// with the file in hand could change otherwise. The key for that is the
// vault's.
//
// Thread-safe. Called on the store's thread, inside the transaction; must be
// quick and must not call the store.
class RowBinder {
 public:
  virtual ~RowBinder() = default;

  // What is stored beside these rows and fits no others. `rows.binding` is not
  // looked at.
  virtual std::string Bind(const CredentialRows& rows) const = 0;
  // What a credential adds to Census::sum whose binding begins with `mark`, see
  // kBindingMarkBytes: as good as random to who has not the key.
  virtual std::array<uint64_t, 4> Weigh(std::string_view name,
                                        std::string_view mark) const = 0;
  // What proves that the trail's row `sequence` told of `census` with these
  // words.
  virtual std::string Prove(int64_t sequence, const Census& census,
                            std::string_view detail) const = 0;
};

// What the trail is told of all credentials together, so that rows which fit
// each other, but are an old copy of themselves, or are gone, show: with each
// batch that changes a credential one row, whose detail is
//
//   12 credentials; acme 1f3a5c7e90ab12cd, old-login removed
//
// with the beginning of each new binding, and whose digest is RowBinder's
// proof; and one without names after every kCensusRowsMax rows, so that the
// newest is found fast.
inline constexpr std::string_view kCensusAction = "vault/census";
inline constexpr int64_t kCensusRowsMax = 1000;
// How much of a binding is told and remembered.
inline constexpr size_t kBindingMarkBytes = 16;

// How the credentials stand against what the trail says of them.
struct CensusReport {
  Census counted;
  // The trail's newest row on them; empty: there is none.
  std::optional<AuditRow> told;
  // Whether they are those that the row tells of.
  bool fits = false;
};

// While it lives, the subscriber is called. Destroying it waits for a call that
// is under way; not to be destroyed inside that call. Must not outlive the
// store.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

// Chains the audit rows in the order in which they are stored, so that a row
// that was changed, moved or taken out shows later. The store knows nothing of
// how: a head is what the chain has come to after a row, empty before the
// first. Called on the store's thread, within the transaction; must be quick.
class AuditSealer {
 public:
  virtual ~AuditSealer() = default;
  // The seal of `row`, whose sequence is given, as the one that follows `head`.
  // An error stops the store: what cannot be written to the trail is not done.
  virtual absl::StatusOr<std::string> Seal(const AuditRow& row,
                                           std::string_view head) = 0;
  // The head after `row` as it is stored, with its seal or without.
  virtual std::string HeadAfter(const AuditRow& row, std::string_view head) = 0;
};

// Everything that is stored, as it stood at one instant, as the bytes of a file
// that OpenSqliteStore opens. Belongs to one thread at a time; must not outlive
// the store.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  // The next bytes, at most `limit`; empty: there are no more.
  virtual absl::StatusOr<std::string> Read(size_t limit) = 0;
};

// Thread-safe. Reads see what is durable, never wait for a write, and may be
// made from any thread, a callback of the store included.
//
// Every read may return Unavailable when the disk refuses, and DataLoss naming
// table and row when what is stored cannot be read; only the other errors are
// listed below. A list whose `after` was not made by that list: InvalidArgument
// naming the field `page_token`.
class Store {
 public:
  using CommitCallback = std::function<void(absl::StatusOr<CommitResult>)>;

  // Commits what waits, then closes. No callback runs afterwards.
  virtual ~Store() = default;

  // Stores all of `batch` or nothing, together with other batches that wait,
  // and calls `done` once, on the store's thread, after the disk has
  // acknowledged it. Batches are stored in the order in which Commit was
  // called. `done` must be quick and must not wait for another commit.
  //
  // A batch that is refused does not touch the others. Refusals, in this order:
  //  - ResourceExhausted (STORE_QUEUE_FULL): try again later. In this case
  //  alone
  //    `done` is called on the caller's thread, before Commit returns.
  //  - AlreadyExists (REQUEST_REPEATED): the same request was stored before,
  //    see FindRequest for its answer; (REQUEST_ID_REUSED): another request of
  //    this caller has that id.
  //  - Aborted (REVISION_CONFLICT): the migration's stored revision is not the
  //    expected one. FailedPrecondition (LIVE_MIGRATION), naming the other one:
  //    a migration that is not at rest holds the same connection_key.
  //  - Aborted (REVISION_CONFLICT), likewise, for a campaign; (MEMBER_CHANGED):
  //    a member's stored state is not the expected one. FailedPrecondition
  //    (CAMPAIGN_NOT_RUNNING): a member is to begin, and its campaign does not
  //    run.
  //  - FailedPrecondition (TASK_CLOSED): a task to be closed is not open;
  //    NotFound (TASK_NOT_FOUND).
  //  - AlreadyExists (CREDENTIAL_EXISTS); NotFound (CREDENTIAL_NOT_FOUND), also
  //    for an account that names it; Aborted (REVISION_CONFLICT): a new version
  //    has not the next number; FailedPrecondition (CREDENTIAL_IN_USE): an
  //    account, or a migration that is not at rest, names what is to be
  //    deleted; (CREDENTIAL_ALTERED): the rows that are to be changed are not
  //    those that were stored last, see TakeCensus.
  //  - AlreadyExists (ACCOUNT_EXISTS); NotFound (ACCOUNT_NOT_FOUND);
  //    FailedPrecondition (ACCOUNT_IN_USE), as above.
  //  - AlreadyExists (INVITATION_EXISTS); NotFound (INVITATION_NOT_FOUND):
  //  there
  //    is no such invitation for that name, or it is expired or used up;
  //    NotFound (CERTIFICATE_NOT_FOUND): the predecessor is not there, or
  //    revoked; NotFound (IDENTITY_NOT_FOUND): nothing to revoke.
  //  - ResourceExhausted (RECORD_TOO_LARGE) for a record over kRecordBytesMax.
  //  - Internal: the batch contradicts itself or what is stored (a bug of the
  //    caller).
  // Troubles of the disk fail the whole group:
  //  - ResourceExhausted (DISK_FULL): nothing was stored; make room, try again.
  //  - Unavailable: another program keeps the database locked.
  //  - DataLoss (STORE_BROKEN): a sync or write failed, so that nobody knows
  //    what is on disk. Every later Commit fails in the same way, until the
  //    daemon was restarted and has read what is really there.
  //  - DataLoss (AUDIT_UNWRITABLE): an audit row could not be written. Nothing
  //    of the group was stored, and later commits fail likewise.
  virtual void Commit(Batch batch, CommitCallback done) = 0;

  // Like Commit, but waits. For start-up and tests; never on the store's
  // thread, nor where waiting stops others.
  absl::StatusOr<CommitResult> CommitAndWait(Batch batch);

  // From now on `subscriber` is called on the store's thread after each durable
  // group that held events, with the last sequence that is durable; all events
  // up to it can be read. It must be cheap: it delays the next group.
  [[nodiscard]] virtual std::unique_ptr<Subscription> Subscribe(
      std::function<void(int64_t last_sequence)> subscriber) = 0;
  // The same for audit rows and their own sequence.
  [[nodiscard]] virtual std::unique_ptr<Subscription> SubscribeAudit(
      std::function<void(int64_t last_sequence)> subscriber) = 0;

  // NotFound (MIGRATION_NOT_FOUND).
  virtual absl::StatusOr<StoredMigration> GetMigration(std::string_view id) = 0;
  // Newest first. `states` empty: all.
  virtual absl::StatusOr<Page<StoredMigration>> ListMigrations(
      const std::vector<migration::State>& states, const PageRequest& page) = 0;
  // All that are not at rest, in no particular order. Reads no record, only an
  // index: a hundred thousand take a fraction of a second.
  virtual absl::StatusOr<std::vector<UnfinishedMigration>> ListUnfinished() = 0;
  // Id of the migration not at rest that holds `connection_key`; none: free.
  virtual absl::StatusOr<std::optional<std::string>> FindLiveByConnection(
      std::string_view connection_key) = 0;
  // States without a migration are absent.
  virtual absl::StatusOr<std::map<migration::State, int64_t>>
  CountByState() = 0;

  // NotFound (CAMPAIGN_NOT_FOUND).
  virtual absl::StatusOr<StoredCampaign> GetCampaign(std::string_view id) = 0;
  // Newest first.
  virtual absl::StatusOr<Page<StoredCampaign>> ListCampaigns(
      const PageRequest& page) = 0;
  // Ids of those that are not at rest, in no particular order.
  virtual absl::StatusOr<std::vector<std::string>> ListLiveCampaigns() = 0;
  // Id of the campaign that the migration was begun by; none: by a caller.
  virtual absl::StatusOr<std::optional<std::string>> FindCampaignOf(
      std::string_view migration_id) = 0;

  // Events with a higher sequence than `after_sequence`, ascending, at most
  // `limit` (cut to kPageItemsMax). `migration_id` empty: of all migrations.
  // No error when there is no such migration.
  virtual absl::StatusOr<std::vector<StoredEvent>> ListEvents(
      std::string_view migration_id, int64_t after_sequence, int limit) = 0;
  // 0: no event yet. `migration_id` empty: of all migrations.
  virtual absl::StatusOr<int64_t> LastSequence(
      std::string_view migration_id) = 0;

  // NotFound (TASK_NOT_FOUND).
  virtual absl::StatusOr<migration::Task> GetTask(std::string_view id) = 0;
  // Oldest first. `migration_id` empty: of all migrations.
  virtual absl::StatusOr<Page<migration::Task>> ListTasks(
      std::string_view migration_id, bool open_only,
      const PageRequest& page) = 0;
  // Oldest first.
  virtual absl::StatusOr<std::vector<std::string>> ListOpenTaskIds(
      std::string_view migration_id) = 0;

  // NotFound (ACCOUNT_NOT_FOUND).
  virtual absl::StatusOr<Account> GetAccount(std::string_view name) = 0;
  // In the order of their names.
  virtual absl::StatusOr<Page<Account>> ListAccounts(
      const PageRequest& page) = 0;

  // NotFound (CREDENTIAL_NOT_FOUND).
  virtual absl::StatusOr<CredentialInfo> GetCredential(
      std::string_view name) = 0;
  // In the order of their names.
  virtual absl::StatusOr<Page<CredentialInfo>> ListCredentials(
      const PageRequest& page) = 0;
  // NotFound (CREDENTIAL_NOT_FOUND, VERSION_NOT_FOUND). For the vault.
  virtual absl::StatusOr<SealedVersion> ReadSealed(std::string_view name,
                                                   VersionSelector version) = 0;
  // From now on each batch that changes a credential stores what `binder` gives
  // for its rows, in the same transaction. Before the first call such a batch
  // stores none; null is as before the first call.
  virtual void BindRowsWith(std::shared_ptr<const RowBinder> binder) = 0;
  // Counts all credentials by the present binder and compares them with the
  // trail. When they fit, or after a batch with `census_at`, the store counts
  // on: each change of a credential is told to the trail, and the binding that
  // each one was stored with is remembered, so that rows that were put back or
  // taken away while the daemon runs show when they are read or changed. Not to
  // be called on the store's thread. FailedPrecondition when there is no
  // binder.
  virtual absl::StatusOr<CensusReport> TakeCensus() = 0;
  // NotFound (CREDENTIAL_NOT_FOUND). DataLoss (CREDENTIAL_ALTERED), naming it,
  // when its rows are not those that were stored last, see TakeCensus. All rows
  // of one instant. For the vault.
  virtual absl::StatusOr<CredentialRows> ReadRows(std::string_view name) = 0;
  // Versions sealed under that data key, in the order of name and number, at
  // most `limit` (cut to kPageItemsMax), after `place`.
  virtual absl::StatusOr<std::vector<SealedVersion>> ListSealedUnder(
      std::string_view data_key, const VersionPlace& place, int limit) = 0;
  // In the order in which they were written; the last one is the newest.
  virtual absl::StatusOr<std::vector<WrappedDataKey>> ReadDataKeys() = 0;

  // NotFound (CERTIFICATE_NOT_FOUND).
  virtual absl::StatusOr<Certificate> GetCertificate(
      std::string_view serial) = 0;
  // NotFound (INVITATION_NOT_FOUND). Also those that are expired or used up.
  virtual absl::StatusOr<Invitation> GetInvitation(std::string_view hash) = 0;
  // NotFound (IDENTITY_NOT_FOUND).
  virtual absl::StatusOr<IdentityInfo> GetIdentity(std::string_view name) = 0;
  // In the order of their names.
  virtual absl::StatusOr<Page<IdentityInfo>> ListIdentities(
      const PageRequest& page) = 0;

  // Empty when that caller sent no such request, or it was forgotten.
  virtual absl::StatusOr<std::optional<RequestRecord>> FindRequest(
      std::string_view caller, std::string_view request_id) = 0;

  // Oldest first; `limit` as for ListEvents.
  virtual absl::StatusOr<std::vector<AuditRow>> ListAuditRows(
      int64_t after_sequence, int limit) = 0;
  // Newest first.
  virtual absl::StatusOr<Page<AuditRow>> FindAuditRows(
      const AuditFilter& filter, const PageRequest& page) = 0;
  // The last sequence that was given to an audit row, be the row there or not.
  virtual absl::StatusOr<int64_t> LastAuditSequence() = 0;

  // Writes a copy beside the store, which goes on meanwhile, and keeps it as
  // long as the snapshot lives. Takes as long as the disk needs. One at a time:
  // ResourceExhausted (BUSY); also (DISK_FULL).
  virtual absl::StatusOr<std::unique_ptr<Snapshot>> TakeSnapshot() = 0;

  // Since the store was opened.
  virtual Stats stats() const = 0;
  // Version of the stored format.
  virtual int schema_version() const = 0;
};

struct SqliteOptions {
  // The database's file. The directory that holds it is made when it is not
  // there (mode 0700); its parent must exist.
  std::string path;
  // Called once, on the store's thread, when the store has become STORE_BROKEN
  // or AUDIT_UNWRITABLE. The daemon then stops.
  std::function<void(const absl::Status&)> on_broken;
  // SQLite's virtual file system; empty: the system's. For tests that make the
  // disk fail.
  std::string vfs;
  // Outlives the store. Null: audit rows are stored without a seal.
  AuditSealer* audit_sealer = nullptr;
};

// Opens the database, makes it when there is none, and brings an older schema
// to the present one.
//
// FailedPrecondition: STORE_LOCKED, another process (named by its pid) has it
// open; STORE_NEWER, it was written by a newer keyturnd; STORE_FOREIGN, the
// file is no store of Keyturn; STORE_PERMISSIONS, directory or file is open to
// others or belongs to another user; DISK_READ_ONLY, it can only be read.
// DataLoss (STORE_CORRUPT) when SQLite's check finds damage. Unavailable
// (DISK_ERROR) or ResourceExhausted (DISK_FULL) when the disk refuses.
absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(SqliteOptions options);

}  // namespace keyturn::store

#endif  // KEYTURN_DAEMON_STORE_STORE_H_
