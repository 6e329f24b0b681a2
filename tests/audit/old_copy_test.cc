#include "daemon/audit/old_copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "daemon/audit/checkpoint_file.h"
#include "daemon/audit/sealer.h"
#include "daemon/audit/trail.h"
#include "tests/store/samples.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace keyturn::audit {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::IsOkAndHolds;
using testing::MessageIs;

class OldCopyTest : public ::testing::Test {
 protected:
  OldCopyTest() : clock_(testing::At(0)) {
    sealer_.SetKey(key_);
    Open();
  }

  void Open() { store_ = testing::OpenSealedStore(store_path_, &sealer_); }
  void Write(int rows, const std::string& action = "deed") {
    for (int i = 0; i < rows; ++i) {
      store::Batch batch;
      batch.audit = {testing::AuditOf(action)};
      ASSERT_THAT(store_->CommitAndWait(std::move(batch)), IsOk());
    }
  }
  std::unique_ptr<Trail> NewTrail() {
    return std::make_unique<Trail>(
        Trail::Options{*store_, sealer_, clock_, file_, absl::Hours(1),
                       [](const std::string&) {}, [](const std::string&) {}});
  }
  void WriteCheckpoint() { NewTrail()->CheckpointNow(); }
  absl::StatusOr<std::vector<std::string>> Look() {
    return LookForOldCopy(*store_, key_, file_);
  }
  // Of the database, while nobody has it open.
  void Copy(const std::string& from, const std::string& to) {
    store_ = nullptr;
    std::filesystem::copy_file(
        from, to, std::filesystem::copy_options::overwrite_existing);
    Open();
  }
  // Leaves a store that ends with row 3 beside a checkpoint of row 7.
  void PutAnOldCopyBack() {
    Write(3);
    Copy(store_path_, copy_);
    Write(4);
    WriteCheckpoint();
    Copy(copy_, store_path_);
  }
  void Tamper(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(store_path_.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr),
              SQLITE_OK);
    sqlite3_close(database);
  }

  testing::TemporaryDirectory directory_;
  const std::string store_path_ = directory_.Path("store/keyturn.db");
  const std::string copy_ = directory_.Path("copy.db");
  const std::string file_ = directory_.Path("checkpoints");
  const std::shared_ptr<const ChainKey> key_ = std::make_shared<ChainKey>(
      ChainKey::DeriveFrom(secret::Secret(std::string(32, 'r'))).value());
  testing::FakeClock clock_;
  Sealer sealer_;
  std::unique_ptr<store::Store> store_;
};

auto RolledBack(const std::string& text) {
  return AllOf(
      HasCode(absl::StatusCode::kDataLoss), HasReason("STORE_ROLLED_BACK"),
      MessageIs(AllOf(HasSubstr("keyturnd accept-restored"), HasSubstr(text))));
}

TEST_F(OldCopyTest, FindsNothingInAStoreThatWentOn) {
  EXPECT_THAT(Look(), IsOkAndHolds(IsEmpty()));
  Write(3);
  EXPECT_THAT(Look(), IsOkAndHolds(IsEmpty()));
  WriteCheckpoint();
  EXPECT_THAT(Look(), IsOkAndHolds(IsEmpty()));
  Write(3);
  EXPECT_THAT(Look(), IsOkAndHolds(IsEmpty()));
}

TEST_F(OldCopyTest, RefusesOneThatEndsBeforeTheCheckpoint) {
  PutAnOldCopyBack();
  EXPECT_THAT(Look(), RolledBack("ends with row 3, but had come to row 7"));
}

TEST_F(OldCopyTest, RefusesOneThatWentOnToSomethingElse) {
  PutAnOldCopyBack();
  Write(9, "another deed");
  EXPECT_THAT(Look(), RolledBack("row 7 of its audit trail was another one"));
}

// The trail's last word on the credentials decides which of them count.
TEST_F(OldCopyTest, RefusesATrailWithoutTheRowOnTheCredentials) {
  Write(1);
  Write(1, std::string(store::kCensusAction));
  Write(2);
  WriteCheckpoint();
  Tamper("DELETE FROM audit WHERE sequence = 2");
  EXPECT_THAT(Look(), RolledBack("has not the row 2 on the credentials"));
}

// These are for the trail's verification, which needs a daemon that runs.
TEST_F(OldCopyTest, OnlyTellsOfRowsThatWereEditedOrTakenOut) {
  Write(5);
  WriteCheckpoint();
  Tamper("UPDATE audit SET actor = 'nobody' WHERE sequence = 3");
  EXPECT_THAT(Look(), IsOkAndHolds(Contains(HasSubstr("row 3 is not as"))));
  Tamper("UPDATE audit SET actor = 'nobody' WHERE sequence = 5");
  EXPECT_THAT(Look(), IsOkAndHolds(Contains(HasSubstr("row 5 is not as"))));
  Tamper("DELETE FROM audit WHERE sequence = 5");
  EXPECT_THAT(Look(), IsOkAndHolds(Contains(HasSubstr("row 5 was cut off"))));
}

TEST_F(OldCopyTest, IsNotLedByTheCheckpointOfAnotherStore) {
  const auto other = ChainKey::DeriveFrom(secret::Secret(std::string(32, 'o')));
  Write(1);
  const Checkpoint foreign{9, std::string(kHeadBytes, 'h'), testing::At(0)};
  ASSERT_THAT(AppendCheckpoint(file_, FormatCheckpoint(foreign, {}, *other)),
              IsOk());
  EXPECT_THAT(Look(), IsOkAndHolds(IsEmpty()));
}

TEST_F(OldCopyTest, TakesARestoredOneWhenSomebodySaysSo) {
  PutAnOldCopyBack();
  ASSERT_THAT(Look(), HasReason("STORE_ROLLED_BACK"));
  Write(1);
  ASSERT_THAT(WriteRestored(*store_, *key_, file_, testing::At(9)), IsOk());
  EXPECT_THAT(Look(), IsOkAndHolds(IsEmpty()));
  Write(6);
  const auto trail = NewTrail();
  trail->CheckpointNow();
  EXPECT_THAT(trail->Verify({})->findings, IsEmpty());
  EXPECT_THAT(Look(), IsOkAndHolds(IsEmpty()));
}

}  // namespace
}  // namespace keyturn::audit
