// What the SQLite store promises beyond the contract: groups, crashes, failing
// disks, who may open it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "daemon/store/sqlite/schema.h"
#include "daemon/store/store.h"
#include "tests/store/faulty_disk.h"
#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"

namespace keyturn::store {
namespace {

using migration::Migration;
using ::testing::AllOf;
using testing::FaultyDisk;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::IsOkAndHolds;
using testing::MessageIs;
using testing::NewBatch;
using testing::NextBatch;
using testing::SmallMigration;
using testing::TemporaryDirectory;

absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& path) {
  SqliteOptions options;
  options.path = path;
  return OpenSqliteStore(std::move(options));
}

// Runs statements as somebody with the file in hand would.
void Tamper(const std::string& path, const char* sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
}

// The sequences of all events, which must be 1, 2, 3 ... without a gap.
int64_t CountEvents(Store& store) {
  int64_t count = 0;
  for (;;) {
    const auto events = store.ListEvents("", count, kPageItemsMax);
    EXPECT_THAT(events, IsOk());
    if (!events.ok() || events->empty()) return count;
    for (const StoredEvent& event : *events) {
      EXPECT_EQ(event.sequence, ++count);
    }
  }
}

class SqliteStoreTest : public ::testing::Test {
 protected:
  SqliteStoreTest() { FaultyDisk::Get().Reset(); }

  std::unique_ptr<Store> OpenOnFaultyDisk() {
    SqliteOptions options;
    options.path = path_;
    options.vfs = FaultyDisk::kName;
    options.on_broken = [this](const absl::Status& status) {
      ++times_broken_;
      broken_ = status;
    };
    auto opened = OpenSqliteStore(std::move(options));
    EXPECT_THAT(opened, IsOk());
    return *std::move(opened);
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_.Path("keyturn.db");
  std::atomic<int> times_broken_ = 0;
  absl::Status broken_;
};

// Keeps the store's thread busy until it is released.
class Stall {
 public:
  explicit Stall(Store& store) {
    store.Commit(Batch(), [this](const absl::StatusOr<CommitResult>&) {
      entered_.set_value();
      release_.get_future().wait();
    });
    entered_.get_future().wait();
  }
  void Release() { release_.set_value(); }

 private:
  std::promise<void> entered_;
  std::promise<void> release_;
};

TEST_F(SqliteStoreTest, TakesAllWaitingBatchesIntoOneTransactionAndOneSync) {
  const std::unique_ptr<Store> store = OpenOnFaultyDisk();
  Stall stall(*store);
  const Stats before = store->stats();
  const int64_t syncs_before = FaultyDisk::Get().syncs();
  constexpr int kThreads = 8;
  constexpr int kBatches = 50;
  std::atomic<int> committed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < kBatches; ++j) {
        store->Commit(NewBatch(SmallMigration(absl::StrCat("m", i, "-", j))),
                      [&committed](const absl::StatusOr<CommitResult>& result) {
                        if (result.ok()) ++committed;
                      });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  stall.Release();
  ASSERT_THAT(store->CommitAndWait(Batch()), IsOk());

  EXPECT_EQ(committed, kThreads * kBatches);
  EXPECT_EQ(CountEvents(*store), kThreads * kBatches);
  EXPECT_EQ(store->stats().batches - before.batches, kThreads * kBatches + 1);
  EXPECT_LE(store->stats().transactions - before.transactions, 2);
  EXPECT_LE(FaultyDisk::Get().syncs() - syncs_before, 3);
}

TEST_F(SqliteStoreTest, LetsAConflictingBatchOfAGroupFailAlone) {
  const std::unique_ptr<Store> store = testing::OpenStore(path_);
  Stall stall(*store);
  std::vector<std::future<absl::StatusOr<CommitResult>>> results;
  for (const char* id : {"m1", "m1", "m2"}) {
    auto promise =
        std::make_shared<std::promise<absl::StatusOr<CommitResult>>>();
    results.push_back(promise->get_future());
    store->Commit(NewBatch(SmallMigration(id)),
                  [promise](absl::StatusOr<CommitResult> result) {
                    promise->set_value(std::move(result));
                  });
  }
  stall.Release();
  EXPECT_THAT(results[0].get(), IsOk());
  EXPECT_THAT(results[1].get(), HasCode(absl::StatusCode::kAborted));
  const auto third = results[2].get();
  ASSERT_THAT(third, IsOk());
  EXPECT_EQ(third->first_sequence, 2);
  EXPECT_EQ(CountEvents(*store), 2);
}

TEST_F(SqliteStoreTest, RefusesMoreThanItsQueueHolds) {
  const std::unique_ptr<Store> store = testing::OpenStore(path_);
  Stall stall(*store);
  std::atomic<size_t> committed = 0;
  for (size_t i = 0; i < kQueuedBatchesMax; ++i) {
    store->Commit(Batch(), [&committed](const auto&) { ++committed; });
  }
  absl::Status refused;
  store->Commit(Batch(),
                [&refused](const auto& result) { refused = result.status(); });
  EXPECT_THAT(refused, AllOf(HasCode(absl::StatusCode::kResourceExhausted),
                             HasReason("STORE_QUEUE_FULL")));
  stall.Release();
  while (committed < kQueuedBatchesMax) std::this_thread::yield();
  EXPECT_THAT(store->CommitAndWait(Batch()), IsOk());
}

TEST_F(SqliteStoreTest, ReadersDoNotWaitForAWriter) {
  const std::unique_ptr<Store> store = testing::OpenStore(path_);
  ASSERT_THAT(store->CommitAndWait(NewBatch(SmallMigration("m1"))), IsOk());
  sqlite3* writer = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &writer), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(writer, "BEGIN IMMEDIATE; UPDATE migrations SET state = 1",
                   nullptr, nullptr, nullptr),
      SQLITE_OK);
  EXPECT_THAT(store->GetMigration("m1"), IsOk());
  EXPECT_EQ(store->CountByState()->count(migration::State::kRunning), 1u);
  sqlite3_close(writer);
}

TEST_F(SqliteStoreTest, WritesNothingMoreAfterAFailedSync) {
  std::unique_ptr<Store> store = OpenOnFaultyDisk();
  Migration migration = SmallMigration("m1");
  ASSERT_THAT(store->CommitAndWait(NewBatch(migration)), IsOk());
  FaultyDisk::Get().FailSyncs(SQLITE_IOERR_FSYNC);
  EXPECT_THAT(
      store->CommitAndWait(NewBatch(SmallMigration("m2"))),
      AllOf(HasCode(absl::StatusCode::kDataLoss), HasReason("STORE_BROKEN")));
  FaultyDisk::Get().FailSyncs(SQLITE_OK);
  EXPECT_THAT(store->CommitAndWait(NewBatch(SmallMigration("m3"))),
              HasReason("STORE_BROKEN"));
  EXPECT_THAT(store->GetMigration("m1"), IsOk());
  store.reset();
  EXPECT_EQ(times_broken_, 1);
  EXPECT_THAT(broken_, HasReason("STORE_BROKEN"));

  store = OpenOnFaultyDisk();
  EXPECT_THAT(store->GetMigration("m1"), IsOk());
  EXPECT_THAT(store->CommitAndWait(NextBatch(migration)), IsOk());
  CountEvents(*store);
}

TEST_F(SqliteStoreTest, WritesNothingMoreAfterAFailedWrite) {
  const std::unique_ptr<Store> store = OpenOnFaultyDisk();
  FaultyDisk::Get().FailWrites(SQLITE_IOERR_WRITE);
  EXPECT_THAT(store->CommitAndWait(NewBatch(SmallMigration("m1"))),
              HasReason("STORE_BROKEN"));
  FaultyDisk::Get().FailWrites(SQLITE_OK);
  EXPECT_THAT(store->CommitAndWait(NewBatch(SmallMigration("m1"))),
              HasReason("STORE_BROKEN"));
}

// Fills the log until it is moved to the database.
void FillLog(Store& store) {
  Migration migration = SmallMigration("filler");
  migration.notes.assign(7 * 1024 * 1024, 'n');
  ASSERT_THAT(store.CommitAndWait(NewBatch(migration)), IsOk());
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(store.CommitAndWait(NextBatch(migration)), IsOk());
  }
}

TEST_F(SqliteStoreTest, MovesTheLogToTheDatabaseWhileItRuns) {
  const std::unique_ptr<Store> store = OpenOnFaultyDisk();
  FillLog(*store);
  ASSERT_THAT(store->CommitAndWait(Batch()), IsOk());
  EXPECT_GT(std::filesystem::file_size(path_), 7u * 1024 * 1024);
}

TEST_F(SqliteStoreTest, KeepsTheLogWhenTheDatabaseCannotBeSynced) {
  std::unique_ptr<Store> store = OpenOnFaultyDisk();
  FaultyDisk::Get().FailSyncs(SQLITE_IOERR_FSYNC, "keyturn.db");
  Migration migration = SmallMigration("m1");
  migration.notes.assign(7 * 1024 * 1024, 'n');
  ASSERT_THAT(store->CommitAndWait(NewBatch(migration)), IsOk());
  absl::Status refused;
  while (refused.ok()) {
    ASSERT_LT(migration.revision, 10);
    refused = store->CommitAndWait(NextBatch(migration)).status();
  }
  EXPECT_THAT(refused, HasReason("STORE_BROKEN"));
  FaultyDisk::Get().FailSyncs(SQLITE_OK);
  store.reset();
  EXPECT_EQ(times_broken_, 1);
  EXPECT_GT(std::filesystem::file_size(path_ + "-wal"), 7u * 1024 * 1024);
  store = OpenOnFaultyDisk();
  EXPECT_EQ(CountEvents(*store), migration.revision - 1);
}

TEST_F(SqliteStoreTest, GoesOnAfterTheDiskWasFull) {
  const std::unique_ptr<Store> store = OpenOnFaultyDisk();
  ASSERT_THAT(store->CommitAndWait(NewBatch(SmallMigration("m1"))), IsOk());
  FaultyDisk::Get().FailWrites(SQLITE_FULL);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(store->CommitAndWait(NewBatch(SmallMigration("m2"))),
                AllOf(HasCode(absl::StatusCode::kResourceExhausted),
                      HasReason("DISK_FULL")));
  }
  FaultyDisk::Get().FailWrites(SQLITE_OK);
  EXPECT_THAT(store->CommitAndWait(NewBatch(SmallMigration("m2"))), IsOk());
  EXPECT_EQ(times_broken_, 0);
  EXPECT_EQ(CountEvents(*store), 2);
}

TEST_F(SqliteStoreTest, KeepsWhatItAcknowledgedWhenThePowerFails) {
  constexpr int kChanges = 60;
  std::vector<std::map<std::string, std::string>> disks;
  {
    const std::unique_ptr<Store> store = OpenOnFaultyDisk();
    Migration migration = SmallMigration("m1");
    migration.notes.assign(4000, 'n');
    ASSERT_THAT(store->CommitAndWait(NewBatch(migration)), IsOk());
    for (int i = 1; i < kChanges; ++i) {
      ASSERT_THAT(store->CommitAndWait(NextBatch(migration)), IsOk());
      disks.push_back(FaultyDisk::Get().Synced());
    }
  }
  for (size_t i = 0; i < disks.size(); i += 7) {
    const TemporaryDirectory after;
    for (const auto& [name, content] : disks[i]) {
      std::ofstream(after.Path(name), std::ios::binary) << content;
      ASSERT_EQ(chmod(after.Path(name).c_str(), 0600), 0);
    }
    const std::unique_ptr<Store> store =
        testing::OpenStore(after.Path("keyturn.db"));
    EXPECT_EQ(CountEvents(*store), static_cast<int64_t>(i) + 2);
    EXPECT_EQ(store->GetMigration("m1")->migration.revision,
              static_cast<int64_t>(i) + 2);
  }
}

// Runs `body` in a process of its own, which it never leaves, and kills it
// without warning at the end of the test.
class Child {
 public:
  explicit Child(const std::function<void(int out)>& body) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      close(ends[0]);
      body(ends[1]);
      _exit(1);
    }
    close(ends[1]);
    in_ = ends[0];
  }
  ~Child() {
    Kill();
    close(in_);
  }
  void Kill() {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  // What the child has written last; false when it has ended.
  bool Read(int64_t& value) {
    return read(in_, &value, sizeof(value)) == sizeof(value);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
  int in_ = -1;
};

void Say(int out, int64_t value) {
  if (write(out, &value, sizeof(value)) != sizeof(value)) _exit(2);
}

TEST_F(SqliteStoreTest, KeepsWhatItAcknowledgedWhenItIsKilled) {
  for (int round = 0; round < 5; ++round) {
    Child child([this, round](int out) {
      const auto store = Open(path_);
      if (!store.ok()) return;
      for (int i = 0;; ++i) {
        const auto committed = (*store)->CommitAndWait(
            NewBatch(SmallMigration(absl::StrCat("m", round, "-", i))));
        if (!committed.ok()) return;
        Say(out, committed->last_sequence);
      }
    });
    int64_t acknowledged = 0;
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(child.Read(acknowledged));
    child.Kill();
    while (child.Read(acknowledged)) {
    }
    const auto store = Open(path_);
    ASSERT_THAT(store, IsOk());
    EXPECT_GE(CountEvents(**store), acknowledged);
  }
}

TEST_F(SqliteStoreTest, IsOpenInOneProcessOnly) {
  Child child([this](int out) {
    const auto store = Open(path_);
    if (!store.ok()) return;
    Say(out, 1);
    pause();
  });
  int64_t opened = 0;
  ASSERT_TRUE(child.Read(opened));
  EXPECT_THAT(Open(path_),
              AllOf(HasCode(absl::StatusCode::kFailedPrecondition),
                    HasReason("STORE_LOCKED"),
                    MessageIs(HasSubstr(absl::StrCat("pid ", child.pid())))));
  child.Kill();
  EXPECT_THAT(Open(path_), IsOk());
}

TEST_F(SqliteStoreTest, IsOpenOnceInAProcessToo) {
  const auto first = Open(path_);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(Open(path_), HasReason("STORE_LOCKED"));
}

TEST_F(SqliteStoreTest, RefusesAStoreOfANewerVersion) {
  ASSERT_THAT(Open(path_), IsOk());
  Tamper(path_, "PRAGMA user_version = 7777");
  const auto opened = Open(path_);
  EXPECT_THAT(opened,
              AllOf(HasCode(absl::StatusCode::kFailedPrecondition),
                    HasReason("STORE_NEWER"), MessageIs(HasSubstr("7777"))));
  EXPECT_THAT(opened, MessageIs(HasSubstr(absl::StrCat(
                          "up to version ", sqlite::SchemaVersion()))));
}

// Without a trail nothing is done: not the batch whose row could not be
// written, not the others of its group, nor any later one.
TEST_F(SqliteStoreTest, StoresNothingAnyMoreOnceAnAuditRowCannotBeWritten) {
  OpenOnFaultyDisk();
  Tamper(path_,
         "CREATE TRIGGER silence BEFORE INSERT ON audit"
         " WHEN NEW.action = 'forbidden'"
         " BEGIN SELECT RAISE(ABORT, 'silenced'); END");
  const std::unique_ptr<Store> store = OpenOnFaultyDisk();
  Batch allowed = NewBatch(SmallMigration("m1"));
  allowed.audit = {testing::AuditOf("allowed")};
  ASSERT_THAT(store->CommitAndWait(std::move(allowed)), IsOk());
  Batch forbidden = NewBatch(SmallMigration("m2"));
  forbidden.audit = {testing::AuditOf("forbidden")};
  EXPECT_THAT(store->CommitAndWait(std::move(forbidden)),
              AllOf(HasCode(absl::StatusCode::kDataLoss),
                    HasReason("AUDIT_UNWRITABLE")));
  EXPECT_THAT(store->CommitAndWait(NewBatch(SmallMigration("m3"))),
              HasReason("AUDIT_UNWRITABLE"));
  EXPECT_THAT(store->GetMigration("m2"), HasReason("MIGRATION_NOT_FOUND"));
  EXPECT_EQ(times_broken_, 1);
  EXPECT_THAT(broken_, HasReason("AUDIT_UNWRITABLE"));
}

TEST_F(SqliteStoreTest, RefusesFilesThatAreNoStore) {
  Tamper(path_, "CREATE TABLE other (x)");
  ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  EXPECT_THAT(Open(path_), HasReason("STORE_FOREIGN"));
  const std::string text = directory_.Path("text");
  std::ofstream(text) << std::string(5000, 'x');
  ASSERT_EQ(chmod(text.c_str(), 0600), 0);
  EXPECT_THAT(Open(text), HasReason("STORE_FOREIGN"));
}

TEST_F(SqliteStoreTest, FindsDamage) {
  {
    const std::unique_ptr<Store> store = testing::OpenStore(path_);
    for (int i = 0; i < 200; ++i) {
      ASSERT_THAT(
          store->CommitAndWait(NewBatch(SmallMigration(absl::StrCat("m", i)))),
          IsOk());
    }
  }
  std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
  const auto size = std::filesystem::file_size(path_);
  for (uintmax_t page = 4096; page < size; page += 4096) {
    file.seekp(static_cast<std::streamoff>(page));
    file << std::string(200, '\x7f');
  }
  file.close();
  EXPECT_THAT(Open(path_), AllOf(HasCode(absl::StatusCode::kDataLoss),
                                 HasReason("STORE_CORRUPT")));
}

TEST_F(SqliteStoreTest, NamesTheRowThatCannotBeRead) {
  {
    const std::unique_ptr<Store> store = testing::OpenStore(path_);
    Batch batch = NewBatch(SmallMigration("m1"));
    batch.opened_tasks = {testing::TaskOf("m1", "t1")};
    ASSERT_THAT(store->CommitAndWait(batch), IsOk());
    ASSERT_THAT(store->CommitAndWait(NewBatch(SmallMigration("m2"))), IsOk());
  }
  Tamper(path_,
         "UPDATE tasks SET record = x'ffff';"
         "UPDATE events SET record = x'ffff' WHERE sequence = 2;"
         "UPDATE migrations SET record ="
         " (SELECT record FROM migrations WHERE id = 'm2') WHERE id = 'm1'");
  const std::unique_ptr<Store> store = testing::OpenStore(path_);
  const auto names = [](const char* table, const char* row) {
    return AllOf(HasCode(absl::StatusCode::kDataLoss),
                 MessageIs(HasSubstr(
                     absl::StrCat("table ", table, ", row ", row, ","))));
  };
  EXPECT_THAT(store->GetTask("t1"), names("tasks", "t1"));
  EXPECT_THAT(store->ListEvents("", 0, 10), names("events", "2"));
  EXPECT_THAT(store->GetMigration("m1"), names("migrations", "m1"));
  EXPECT_THAT(store->GetMigration("m2"), IsOk());
}

mode_t ModeOf(const std::string& path) {
  struct stat found;
  EXPECT_EQ(stat(path.c_str(), &found), 0) << path;
  return found.st_mode & 07777;
}

TEST_F(SqliteStoreTest, MakesFilesThatOnlyItsUserMaySee) {
  const mode_t before = umask(0);
  const std::string path = directory_.Path("data/keyturn.db");
  const std::unique_ptr<Store> store = testing::OpenStore(path);
  ASSERT_THAT(store->CommitAndWait(NewBatch(SmallMigration("m1"))), IsOk());
  umask(before);
  EXPECT_EQ(ModeOf(directory_.Path("data")), 0700u);
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    EXPECT_EQ(ModeOf(path + suffix), 0600u) << suffix;
  }
}

TEST_F(SqliteStoreTest, RefusesFilesThatOthersMaySee) {
  ASSERT_THAT(Open(path_), IsOk());
  ASSERT_EQ(chmod(path_.c_str(), 0640), 0);
  EXPECT_THAT(Open(path_), AllOf(HasReason("STORE_PERMISSIONS"),
                                 MessageIs(HasSubstr("chmod 0600 " + path_))));
  ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  const std::string directory = std::filesystem::path(path_).parent_path();
  ASSERT_EQ(chmod(directory.c_str(), 0750), 0);
  EXPECT_THAT(Open(path_),
              AllOf(HasReason("STORE_PERMISSIONS"),
                    MessageIs(HasSubstr("chmod 0700 " + directory))));
}

TEST_F(SqliteStoreTest, SaysWhatIsWrongWithItsPlace) {
  EXPECT_THAT(Open(directory_.Path("not/there/keyturn.db")),
              HasReason("STORE_PERMISSIONS"));
  ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
  EXPECT_THAT(Open(path_), HasReason("STORE_PERMISSIONS"));
}

}  // namespace
}  // namespace keyturn::store
