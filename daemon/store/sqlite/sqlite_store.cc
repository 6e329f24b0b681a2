#include <pthread.h>

#include <atomic>
#include <deque>
#include <filesystem>
#include <future>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/mutex.h"
#include "daemon/base/status.h"
#include "daemon/store/sqlite/binding_book.h"
#include "daemon/store/sqlite/campaigns.h"
#include "daemon/store/sqlite/connection.h"
#include "daemon/store/sqlite/files.h"
#include "daemon/store/sqlite/reader.h"
#include "daemon/store/sqlite/schema.h"
#include "daemon/store/sqlite/snapshot.h"
#include "daemon/store/sqlite/writer.h"
#include "daemon/store/store.h"

namespace keyturn::store {
namespace {

using sqlite::Connection;

constexpr int kReadConnections = 4;
// SQLite's whole-file check at the start reads every page. Beyond this size it
// would keep the daemon from serving; damaged pages are then found when read.
constexpr uintmax_t kCheckedBytesMax = 64 * 1024 * 1024;

// Pages in the log before they are moved to the database: 16 MiB.
constexpr int kLogPagesMax = 4096;

constexpr char kWriterSettings[] =
    "PRAGMA synchronous = FULL;"
    "PRAGMA foreign_keys = ON;"
    "PRAGMA secure_delete = ON;"
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -8192;"
    "PRAGMA journal_size_limit = 67108864;";
constexpr char kReaderSettings[] =
    "PRAGMA query_only = ON;"
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA cache_size = -1024;";

// Connections for readers, each lent to one thread at a time.
class ConnectionPool {
 public:
  class Lease {
   public:
    Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection)
        : pool_(pool), connection_(std::move(connection)) {}
    ~Lease() { pool_.GiveBack(std::move(connection_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Connection& operator*() { return *connection_; }

   private:
    ConnectionPool& pool_;
    std::unique_ptr<Connection> connection_;
  };

  void Add(std::unique_ptr<Connection> connection) {
    GiveBack(std::move(connection));
  }

  // Waits until another reader has ended when all are lent.
  Lease Take() {
    base::MutexLock lock(mutex_);
    while (free_.empty()) freed_.Wait(mutex_);
    std::unique_ptr<Connection> connection = std::move(free_.back());
    free_.pop_back();
    return Lease(*this, std::move(connection));
  }

 private:
  void GiveBack(std::unique_ptr<Connection> connection) {
    {
      base::MutexLock lock(mutex_);
      free_.push_back(std::move(connection));
    }
    freed_.NotifyOne();
  }

  base::Condition freed_;
  base::Mutex mutex_;
  std::vector<std::unique_ptr<Connection>> free_ ABSL_GUARDED_BY(mutex_);
};

// Who wants to hear of new events.
class Subscribers {
 public:
  std::unique_ptr<Subscription> Add(std::function<void(int64_t)> subscriber) {
    base::MutexLock lock(mutex_);
    const int64_t key = ++last_key_;
    subscribers_.emplace(key, std::move(subscriber));
    return std::make_unique<Entry>(*this, key);
  }

  void Notify(int64_t last_sequence) {
    base::MutexLock lock(mutex_);
    for (const auto& [key, subscriber] : subscribers_) {
      subscriber(last_sequence);
    }
  }

 private:
  class Entry final : public Subscription {
   public:
    Entry(Subscribers& subscribers, int64_t key)
        : subscribers_(subscribers), key_(key) {}
    ~Entry() override { subscribers_.Remove(key_); }

   private:
    Subscribers& subscribers_;
    const int64_t key_;
  };

  void Remove(int64_t key) {
    base::MutexLock lock(mutex_);
    subscribers_.erase(key);
  }

  base::Mutex mutex_;
  int64_t last_key_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int64_t, std::function<void(int64_t)>> subscribers_
      ABSL_GUARDED_BY(mutex_);
};

class SqliteStore final : public Store {
 public:
  SqliteStore(SqliteOptions options, std::unique_ptr<sqlite::FileLock> lock,
              std::unique_ptr<Connection> connection)
      : options_(std::move(options)),
        lock_(std::move(lock)),
        connection_(std::move(connection)),
        writer_(*connection_, options_.audit_sealer, book_) {}
  ~SqliteStore() override;

  absl::Status Start();

  void Commit(Batch batch, CommitCallback done) override;
  std::unique_ptr<Subscription> Subscribe(
      std::function<void(int64_t)> subscriber) override {
    return subscribers_.Add(std::move(subscriber));
  }
  std::unique_ptr<Subscription> SubscribeAudit(
      std::function<void(int64_t)> subscriber) override {
    return audit_subscribers_.Add(std::move(subscriber));
  }

  absl::StatusOr<StoredMigration> GetMigration(std::string_view id) override {
    return sqlite::ReadMigration(*readers_.Take(), id);
  }
  absl::StatusOr<Page<StoredMigration>> ListMigrations(
      const std::vector<migration::State>& states,
      const PageRequest& page) override {
    return sqlite::ReadMigrations(*readers_.Take(), states, page);
  }
  absl::StatusOr<std::vector<UnfinishedMigration>> ListUnfinished() override {
    return sqlite::ReadUnfinished(*readers_.Take());
  }
  absl::StatusOr<std::optional<std::string>> FindLiveByConnection(
      std::string_view connection_key) override {
    return sqlite::ReadLiveByConnection(*readers_.Take(), connection_key);
  }
  absl::StatusOr<std::map<migration::State, int64_t>> CountByState() override {
    return sqlite::ReadCounts(*readers_.Take());
  }
  absl::StatusOr<StoredCampaign> GetCampaign(std::string_view id) override {
    return sqlite::ReadCampaign(*readers_.Take(), id);
  }
  absl::StatusOr<Page<StoredCampaign>> ListCampaigns(
      const PageRequest& page) override {
    return sqlite::ReadCampaigns(*readers_.Take(), page);
  }
  absl::StatusOr<std::vector<std::string>> ListLiveCampaigns() override {
    return sqlite::ReadLiveCampaigns(*readers_.Take());
  }
  absl::StatusOr<std::optional<std::string>> FindCampaignOf(
      std::string_view migration_id) override {
    return sqlite::ReadCampaignOf(*readers_.Take(), migration_id);
  }
  absl::StatusOr<std::vector<StoredEvent>> ListEvents(
      std::string_view migration_id, int64_t after_sequence,
      int limit) override {
    return sqlite::ReadEvents(*readers_.Take(), migration_id, after_sequence,
                              limit);
  }
  absl::StatusOr<int64_t> LastSequence(std::string_view migration_id) override {
    return sqlite::ReadLastSequence(*readers_.Take(), migration_id);
  }
  absl::StatusOr<migration::Task> GetTask(std::string_view id) override {
    return sqlite::ReadTask(*readers_.Take(), id);
  }
  absl::StatusOr<Page<migration::Task>> ListTasks(
      std::string_view migration_id, bool open_only,
      const PageRequest& page) override {
    return sqlite::ReadTasks(*readers_.Take(), migration_id, open_only, page);
  }
  absl::StatusOr<std::vector<std::string>> ListOpenTaskIds(
      std::string_view migration_id) override {
    return sqlite::ReadOpenTaskIds(*readers_.Take(), migration_id);
  }
  absl::StatusOr<Account> GetAccount(std::string_view name) override {
    return sqlite::ReadAccount(*readers_.Take(), name);
  }
  absl::StatusOr<Page<Account>> ListAccounts(const PageRequest& page) override {
    return sqlite::ReadAccounts(*readers_.Take(), page);
  }
  absl::StatusOr<CredentialInfo> GetCredential(std::string_view name) override {
    return sqlite::ReadCredential(*readers_.Take(), name);
  }
  absl::StatusOr<Page<CredentialInfo>> ListCredentials(
      const PageRequest& page) override {
    return sqlite::ReadCredentials(*readers_.Take(), page);
  }
  absl::StatusOr<SealedVersion> ReadSealed(std::string_view name,
                                           VersionSelector version) override {
    return sqlite::ReadSealedVersion(*readers_.Take(), name, version);
  }
  void BindRowsWith(std::shared_ptr<const RowBinder> binder) override {
    base::MutexLock lock(mutex_);
    binder_ = std::move(binder);
  }
  absl::StatusOr<CensusReport> TakeCensus() override;
  absl::StatusOr<CredentialRows> ReadRows(std::string_view name) override;
  absl::StatusOr<std::vector<SealedVersion>> ListSealedUnder(
      std::string_view data_key, const VersionPlace& place,
      int limit) override {
    return sqlite::ReadSealedUnder(*readers_.Take(), data_key, place, limit);
  }
  absl::StatusOr<std::vector<WrappedDataKey>> ReadDataKeys() override {
    return sqlite::ReadAllDataKeys(*readers_.Take());
  }
  absl::StatusOr<Certificate> GetCertificate(std::string_view serial) override {
    return sqlite::ReadCertificate(*readers_.Take(), serial);
  }
  absl::StatusOr<Invitation> GetInvitation(std::string_view hash) override {
    return sqlite::ReadInvitation(*readers_.Take(), hash);
  }
  absl::StatusOr<IdentityInfo> GetIdentity(std::string_view name) override {
    return sqlite::ReadIdentity(*readers_.Take(), name);
  }
  absl::StatusOr<Page<IdentityInfo>> ListIdentities(
      const PageRequest& page) override {
    return sqlite::ReadIdentities(*readers_.Take(), page);
  }
  absl::StatusOr<std::optional<RequestRecord>> FindRequest(
      std::string_view caller, std::string_view request_id) override {
    return sqlite::ReadRequest(*readers_.Take(), caller, request_id);
  }
  absl::StatusOr<std::vector<AuditRow>> ListAuditRows(int64_t after_sequence,
                                                      int limit) override {
    return sqlite::ReadAuditRows(*readers_.Take(), after_sequence, limit);
  }
  absl::StatusOr<Page<AuditRow>> FindAuditRows(
      const AuditFilter& filter, const PageRequest& page) override {
    return sqlite::ReadMatchingAuditRows(*readers_.Take(), filter, page);
  }
  absl::StatusOr<int64_t> LastAuditSequence() override {
    return (*readers_.Take())
        .ReadNumber("SELECT last FROM counters WHERE name = 'audit'");
  }

  absl::StatusOr<std::unique_ptr<Snapshot>> TakeSnapshot() override {
    return sqlite::TakeSnapshot(options_.path, options_.vfs, snapshot_taken_);
  }

  Stats stats() const override { return {transactions_, batches_}; }
  int schema_version() const override { return sqlite::SchemaVersion(); }

 private:
  struct Waiting {
    Batch batch;
    CommitCallback done;
    // Where to put what TakeCensus gives, in the place of a batch; outlives
    // `done`.
    absl::StatusOr<CensusReport>* report = nullptr;
  };
  using Group = std::vector<Waiting>;
  using Results = std::vector<absl::StatusOr<CommitResult>>;

  void Run();
  // Waits for batches; empty: the store closes and nothing is left.
  Group TakeGroup();
  void Enqueue(Waiting waiting);
  absl::StatusOr<CommitResult> Apply(const Waiting& waiting);
  void StoreGroup(Group group);
  Results WriteGroup(const Group& group);
  // All or nothing; fails when the disk does.
  absl::Status TryGroup(const Group& group, Results& results);
  std::shared_ptr<const RowBinder> Binder() {
    base::MutexLock lock(mutex_);
    return binder_;
  }
  void TrimLog();
  void Break(const absl::Status& cause);

  const SqliteOptions options_;
  const std::unique_ptr<sqlite::FileLock> lock_;

  sqlite::BindingBook book_;
  // Of the store's thread alone. Closed after the readers: only the last
  // connection, and only one that may write, empties the log.
  const std::unique_ptr<Connection> connection_;
  sqlite::GroupWriter writer_;
  absl::Status broken_;

  ConnectionPool readers_;
  Subscribers subscribers_;
  Subscribers audit_subscribers_;
  std::atomic<int64_t> transactions_ = 0;
  std::atomic<int64_t> batches_ = 0;
  std::atomic<bool> snapshot_taken_ = false;

  base::Condition arrived_;
  base::Mutex mutex_;
  std::deque<Waiting> queue_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<const RowBinder> binder_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;
};

SqliteStore::~SqliteStore() {
  {
    base::MutexLock lock(mutex_);
    closing_ = true;
  }
  arrived_.NotifyOne();
  if (thread_.joinable()) thread_.join();
}

absl::Status SqliteStore::Start() {
  RETURN_IF_ERROR(writer_.Load());
  for (int i = 0; i < kReadConnections; ++i) {
    ASSIGN_OR_RETURN(
        std::unique_ptr<Connection> reader,
        Connection::Open(options_.path, Connection::Mode::kReadOnly,
                         options_.vfs));
    RETURN_IF_ERROR(reader->Execute(kReaderSettings));
    readers_.Add(std::move(reader));
  }
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "keyturn-store");
  return absl::OkStatus();
}

void SqliteStore::Commit(Batch batch, CommitCallback done) {
  Enqueue({std::move(batch), std::move(done)});
}

absl::StatusOr<CensusReport> SqliteStore::TakeCensus() {
  absl::StatusOr<CensusReport> report = CensusReport();
  std::promise<absl::Status> promise;
  std::future<absl::Status> taken = promise.get_future();
  Waiting waiting;
  waiting.report = &report;
  waiting.done = [&promise](const absl::StatusOr<CommitResult>& result) {
    promise.set_value(result.status());
  };
  Enqueue(std::move(waiting));
  RETURN_IF_ERROR(taken.get());
  return report;
}

absl::StatusOr<CredentialRows> SqliteStore::ReadRows(std::string_view name) {
  using Rows = absl::StatusOr<CredentialRows>;
  const auto binding_of = [](const Rows& rows) {
    return rows.ok() ? std::optional(rows->binding) : std::nullopt;
  };
  Rows rows = sqlite::ReadRows(*readers_.Take(), name);
  for (;;) {
    if (!rows.ok() && !absl::IsNotFound(rows.status())) return rows;
    const std::optional<std::string> binding = binding_of(rows);
    if (book_.Fits(std::string(name), binding)) return rows;
    // They may have been read before the change that the book knows of.
    Rows again = sqlite::ReadRows(*readers_.Take(), name);
    if (rows.ok() == again.ok() && binding == binding_of(again)) break;
    rows = std::move(again);
  }
  return base::WithReason(
      absl::DataLossError(absl::StrCat(
          "credential ", base::ToAbsl(name),
          rows.ok() ? ": its rows are not those that were stored last: they "
                      "were put back from an old copy, or altered"
                    : ": its rows were taken out of the store",
          "; restore a back-up, or replace the credential")),
      "CREDENTIAL_ALTERED");
}

void SqliteStore::Enqueue(Waiting waiting) {
  {
    base::MutexLock lock(mutex_);
    if (queue_.size() < kQueuedBatchesMax) {
      queue_.push_back(std::move(waiting));
      arrived_.NotifyOne();
      return;
    }
  }
  waiting.done(
      base::WithReason(absl::ResourceExhaustedError(absl::StrCat(
                           "the store has ", kQueuedBatchesMax,
                           " changes waiting for the disk: try again later")),
                       "STORE_QUEUE_FULL"));
}

void SqliteStore::Run() {
  for (Group group = TakeGroup(); !group.empty(); group = TakeGroup()) {
    StoreGroup(std::move(group));
  }
}

SqliteStore::Group SqliteStore::TakeGroup() {
  base::MutexLock lock(mutex_);
  while (queue_.empty() && !closing_) arrived_.Wait(mutex_);
  Group group;
  while (!queue_.empty() && group.size() < kGroupBatchesMax) {
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

void SqliteStore::StoreGroup(Group group) {
  const bool was_broken = !broken_.ok();
  const int64_t sequence_before = writer_.last_sequence();
  const int64_t audit_before = writer_.last_audit_sequence();
  Results results = WriteGroup(group);
  for (size_t i = 0; i < group.size(); ++i) {
    group[i].done(std::move(results[i]));
  }
  if (writer_.last_sequence() > sequence_before) {
    subscribers_.Notify(writer_.last_sequence());
  }
  if (writer_.last_audit_sequence() > audit_before) {
    audit_subscribers_.Notify(writer_.last_audit_sequence());
  }
  TrimLog();
  if (!was_broken && !broken_.ok() && options_.on_broken) {
    options_.on_broken(broken_);
  }
}

SqliteStore::Results SqliteStore::WriteGroup(const Group& group) {
  Results results;
  absl::Status status = broken_;
  if (status.ok()) status = TryGroup(group, results);
  if (status.ok()) return results;
  if (broken_.ok()) {
    const absl::Status undone = writer_.Rollback();
    if (sqlite::IsFatal(status)) {
      Break(status);
    } else if (!undone.ok()) {
      Break(undone);
    }
  }
  return Results(group.size(), broken_.ok() ? status : broken_);
}

absl::Status SqliteStore::TryGroup(const Group& group, Results& results) {
  RETURN_IF_ERROR(writer_.Begin(Binder()));
  int64_t accepted = 0;
  for (const Waiting& waiting : group) {
    results.push_back(Apply(waiting));
    if (results.back().ok()) ++accepted;
    if (sqlite::IsDiskTrouble(results.back().status())) {
      return results.back().status();
    }
  }
  if (accepted == 0) return writer_.Rollback();
  RETURN_IF_ERROR(writer_.Commit());
  ++transactions_;
  batches_ += accepted;
  return absl::OkStatus();
}

absl::StatusOr<CommitResult> SqliteStore::Apply(const Waiting& waiting) {
  if (waiting.report == nullptr) return writer_.Apply(waiting.batch);
  *waiting.report = writer_.TakeCensus();
  RETURN_IF_ERROR(waiting.report->status());
  return CommitResult();
}

void SqliteStore::TrimLog() {
  if (!broken_.ok() || connection_->log_pages() < kLogPagesMax) return;
  const absl::Status status = connection_->Checkpoint();
  if (sqlite::IsFatal(status)) Break(status);
}

void SqliteStore::Break(const absl::Status& cause) {
  if (base::ReasonOf(cause) == sqlite::kAuditUnwritable) {
    // Rolled back: what is on disk is known, but nothing is done without a
    // trail of it.
    broken_ = base::WithReason(
        absl::DataLossError(absl::StrCat(
            cause.message(),
            "; nothing is done without it: see the run book, then restart "
            "keyturnd")),
        sqlite::kAuditUnwritable);
    return;
  }
  broken_ = base::WithReason(
      absl::DataLossError(absl::StrCat(
          "the store stopped writing, since a write to the disk failed and "
          "nobody knows what is on it (",
          cause.message(), "): mend the disk, then restart keyturnd")),
      "STORE_BROKEN");
  connection_->KeepLogOnClose();
}

absl::Status CheckIntegrity(Connection& connection, const std::string& path) {
  std::error_code error;
  const uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error || bytes > kCheckedBytesMax) return absl::OkStatus();
  absl::StatusOr<std::string> finding =
      connection.ReadText("PRAGMA quick_check(1)");
  if (finding.ok() && *finding == "ok") return absl::OkStatus();
  if (!finding.ok() && base::ReasonOf(finding.status()) != "STORE_CORRUPT") {
    return finding.status();
  }
  return base::WithReason(
      absl::DataLossError(absl::StrCat(
          path, " is damaged (",
          finding.ok() ? *finding : base::MessageOf(finding.status()),
          "): restore a back-up")),
      "STORE_CORRUPT");
}

absl::StatusOr<std::unique_ptr<Connection>> OpenWriter(
    const SqliteOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection,
                   Connection::Open(options.path, Connection::Mode::kReadWrite,
                                    options.vfs));
  const std::vector<const char*>& steps = sqlite::SchemaSteps();
  RETURN_IF_ERROR(sqlite::CheckOrigin(*connection, options.path, steps));
  ASSIGN_OR_RETURN(const std::string journal,
                   connection->ReadText("PRAGMA journal_mode = WAL"));
  if (journal != "wal") {
    return absl::FailedPreconditionError(
        absl::StrCat(options.path,
                     " lies on a file system without shared memory: choose a "
                     "data directory on a local disk"));
  }
  RETURN_IF_ERROR(connection->Execute(kWriterSettings));
  RETURN_IF_ERROR(CheckIntegrity(*connection, options.path));
  RETURN_IF_ERROR(sqlite::Upgrade(*connection, steps));
  return connection;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(SqliteOptions options) {
  RETURN_IF_ERROR(sqlite::PrepareDirectory(options.path));
  ASSIGN_OR_RETURN(std::unique_ptr<sqlite::FileLock> lock,
                   sqlite::FileLock::Take(options.path));
  RETURN_IF_ERROR(sqlite::PrepareFile(options.path));
  ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, OpenWriter(options));
  auto store = std::make_unique<SqliteStore>(
      std::move(options), std::move(lock), std::move(connection));
  RETURN_IF_ERROR(store->Start());
  return store;
}

}  // namespace keyturn::store
