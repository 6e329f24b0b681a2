// A store that is copied while it works, and a copy that takes a store's place.
#include "daemon/store/replacement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/store/store.h"
#include "tests/store/faulty_disk.h"
#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"

namespace keyturn::store {
namespace {

using ::testing::ElementsAre;
using testing::EventOf;
using testing::FaultyDisk;
using testing::HasReason;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::IsOkAndHolds;
using testing::MessageIs;
using testing::NewBatch;
using ::testing::SizeIs;
using testing::SmallMigration;
using testing::TemporaryDirectory;

migration::Migration MigrationOf(int number) {
  return SmallMigration(absl::StrCat("migration-", number));
}

class ReplacementTest : public ::testing::Test {
 protected:
  std::unique_ptr<Store> Open(const std::string& path) {
    SqliteOptions options;
    options.path = path;
    return OpenSqliteStore(std::move(options)).value();
  }

  // All of a snapshot's bytes.
  static std::string BytesOf(Store& store) {
    const auto snapshot = store.TakeSnapshot().value();
    std::string all;
    for (;;) {
      const std::string bytes = snapshot->Read(1000).value();
      if (bytes.empty()) return all;
      all += bytes;
    }
  }

  // The bytes of another store, with one migration.
  std::string Other() {
    const auto other = Open(other_);
    EXPECT_THAT(other->CommitAndWait(NewBatch(MigrationOf(2))).status(),
                IsOk());
    return BytesOf(*other);
  }

  absl::Status Replace(const std::string& bytes) {
    const auto replacement = Replacement::Begin(path_).value();
    EXPECT_THAT(replacement->Add(bytes), IsOk());
    const absl::Status opened = replacement->Open().status();
    return opened.ok() ? replacement->Commit() : opened;
  }

  // The names of the files beside the store.
  std::vector<std::string> Files() {
    std::vector<std::string> names;
    for (const auto& entry :
         std::filesystem::directory_iterator(directory_.Path("store"))) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_.Path("store/keyturn.db");
  const std::string other_ = directory_.Path("other/keyturn.db");
};

TEST_F(ReplacementTest, ASnapshotIsOneInstantOfAStoreAtWork) {
  const auto store = Open(other_);
  std::atomic<bool> stop = false;
  std::atomic<int> made = 0;
  std::thread writer([&] {
    for (int i = 1; !stop && i < 500; ++i) {
      Batch batch = NewBatch(MigrationOf(i));
      batch.events.push_back(EventOf(MigrationOf(i).id));
      batch.events.push_back(EventOf(MigrationOf(i).id));
      ASSERT_THAT(store->CommitAndWait(std::move(batch)).status(), IsOk());
      made = i;
    }
  });
  while (made < 20) std::this_thread::yield();
  const std::string bytes = BytesOf(*store);
  stop = true;
  writer.join();

  ASSERT_THAT(TakeUpReplacement(path_), IsOk());
  ASSERT_FALSE(IsHeld(path_)) << "there was nothing to take up";
  ASSERT_THAT(Replace(bytes), IsOk());
  ASSERT_TRUE(ReplacementWaits(path_));
  ASSERT_THAT(TakeUpReplacement(path_), IsOk());
  const auto restored = Open(path_);
  const auto counts = restored->CountByState().value();
  ASSERT_EQ(counts.size(), 1u);
  const int64_t migrations = counts.begin()->second;
  EXPECT_GE(migrations, 20);
  EXPECT_LE(migrations, made);
  const auto events = restored->ListEvents("", 0, kPageItemsMax).value();
  EXPECT_EQ(events.size(), 3 * migrations) << "all of each, or none";
}

TEST_F(ReplacementTest, TakesTheStoresPlaceAtTheNextStartAndKeepsTheFormer) {
  auto store = Open(path_);
  Batch batch;
  batch.audit = {testing::AuditOf("Former")};
  ASSERT_THAT(store->CommitAndWait(std::move(batch)).status(), IsOk());
  ASSERT_THAT(Replace(Other()), IsOk());
  EXPECT_THAT(TakeUpReplacement(path_), HasReason("STORE_LOCKED"));
  store = nullptr;

  EXPECT_THAT(TakeUpReplacement(path_), IsOk());
  EXPECT_THAT(TakeUpReplacement(path_), IsOk());
  store = Open(path_);
  EXPECT_THAT(store->GetMigration(MigrationOf(2).id), IsOk());
  EXPECT_THAT(store->ListAuditRows(0, 10), IsOkAndHolds(IsEmpty()));
  struct stat found;
  ASSERT_EQ(stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  store = nullptr;
  EXPECT_THAT(Files(), ElementsAre("keyturn.db", "keyturn.db.held",
                                   "keyturn.db.lock", "keyturn.db.replaced"));
  const auto former = Open(directory_.Path("store/keyturn.db.replaced"));
  EXPECT_THAT(former->ListAuditRows(0, 10), IsOkAndHolds(SizeIs(1)));
}

TEST_F(ReplacementTest, IsHeldUntilSomebodyReleasesIt) {
  { Open(path_); }
  EXPECT_FALSE(IsHeld(path_));
  ASSERT_THAT(Replace(Other()), IsOk());
  ASSERT_THAT(TakeUpReplacement(path_), IsOk());
  ASSERT_THAT(TakeUpReplacement(path_), IsOk()) << "another start";
  EXPECT_TRUE(IsHeld(path_));
  EXPECT_THAT(Release(path_), IsOk());
  EXPECT_FALSE(IsHeld(path_));
  EXPECT_THAT(Release(path_), IsOk());
}

TEST_F(ReplacementTest, WhatWasStoredMeanwhileIsNotReplaced) {
  { Open(path_); }
  ASSERT_THAT(Replace(Other()), IsOk());
  {
    const auto store = Open(path_);
    ASSERT_THAT(store->CommitAndWait(NewBatch(MigrationOf(1))).status(),
                IsOk());
  }
  const absl::Status refused = TakeUpReplacement(path_);
  EXPECT_THAT(refused, HasReason("STORE_NOT_EMPTY"));
  EXPECT_THAT(refused, MessageIs(HasSubstr("keyturn.db.restored")));
  EXPECT_TRUE(ReplacementWaits(path_));
  EXPECT_THAT(Open(path_)->GetMigration(MigrationOf(1).id), IsOk());
}

TEST_F(ReplacementTest, ACrashBetweenTheRenamesIsGoneOnFrom) {
  { Open(path_); }
  ASSERT_THAT(Replace(Other()), IsOk());
  std::filesystem::rename(path_, path_ + ".replaced");

  EXPECT_THAT(TakeUpReplacement(path_), IsOk());
  EXPECT_TRUE(IsHeld(path_));
  EXPECT_THAT(Open(path_)->GetMigration(MigrationOf(2).id), IsOk());
}

TEST_F(ReplacementTest, ThatIsNoStoreIsRefusedAndLeavesNothing) {
  const auto store = Open(path_);
  EXPECT_FALSE(Replace("what is this?").ok());
  EXPECT_FALSE(Replace(BytesOf(*store).substr(0, 10'000)).ok());
  EXPECT_THAT(Files(), ElementsAre("keyturn.db", "keyturn.db-shm",
                                   "keyturn.db-wal", "keyturn.db.lock"));
}

TEST_F(ReplacementTest, WhatACrashLeftOfACopyIsTakenAway) {
  { Open(path_); }
  for (const char* left : {".copy", ".copy-journal", ".coming"}) {
    std::ofstream(path_ + left) << "half";
  }
  EXPECT_THAT(TakeUpReplacement(path_), IsOk());
  EXPECT_THAT(Files(), ElementsAre("keyturn.db", "keyturn.db.lock"));
}

TEST_F(ReplacementTest, SnapshotsAreTakenOneAtATime) {
  const auto store = Open(path_);
  {
    const auto first = store->TakeSnapshot();
    ASSERT_THAT(first, IsOk());
    EXPECT_THAT(store->TakeSnapshot(), HasReason("BUSY"));
  }
  EXPECT_THAT(store->TakeSnapshot(), IsOk());
}

TEST_F(ReplacementTest, AFullDiskFailsTheCopyAndNotTheStore) {
  FaultyDisk::Get().Reset();
  SqliteOptions options;
  options.path = path_;
  options.vfs = FaultyDisk::kName;
  const auto store = OpenSqliteStore(std::move(options)).value();
  FaultyDisk::Get().FailWrites(SQLITE_FULL);
  EXPECT_THAT(store->TakeSnapshot(), HasReason("DISK_FULL"));
  FaultyDisk::Get().Reset();
  EXPECT_THAT(store->CommitAndWait(NewBatch(MigrationOf(1))).status(), IsOk());
  EXPECT_THAT(store->TakeSnapshot(), IsOk());
}

}  // namespace
}  // namespace keyturn::store
