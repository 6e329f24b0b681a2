#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/audit/sealer.h"
#include "daemon/audit/verifier.h"
#include "daemon/store/store.h"
#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"

namespace keyturn::audit {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using testing::IsOk;

using Kind = Finding::Kind;

std::shared_ptr<const ChainKey> KeyOf(char byte) {
  return std::make_shared<ChainKey>(
      ChainKey::DeriveFrom(secret::Secret(std::string(32, byte))).value());
}

auto Found(Kind kind, int64_t first, int64_t last) {
  return AllOf(Field(&Finding::kind, kind),
               Field(&Finding::first_sequence, first),
               Field(&Finding::last_sequence, last));
}

// A trail in a real database, and somebody who has the file.
class VerifyTest : public ::testing::Test {
 protected:
  VerifyTest() { sealer_.SetKey(key_); }

  void Open(store::AuditSealer* sealer) {
    store::SqliteOptions options;
    options.path = path_;
    options.audit_sealer = sealer;
    auto opened = store::OpenSqliteStore(std::move(options));
    ASSERT_THAT(opened, IsOk());
    store_ = *std::move(opened);
  }
  void Close() { store_ = nullptr; }

  // Each row a change of its own.
  void Write(int rows) {
    if (store_ == nullptr) Open(&sealer_);
    for (int i = 0; i < rows; ++i) {
      store::Batch batch;
      batch.audit = {testing::AuditOf(absl::StrCat("deed ", ++deeds_))};
      ASSERT_THAT(store_->CommitAndWait(std::move(batch)), IsOk());
    }
  }

  // What somebody with the file does to it while the daemon is stopped.
  void Attack(const std::string& sql) {
    Close();
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error),
              SQLITE_OK)
        << error;
    sqlite3_close(database);
  }

  Checkpoint CheckpointNow() {
    const Verdict verdict = Verify();
    return {verdict.last_sequence, verdict.head, testing::At(1)};
  }

  Verdict Verify(std::vector<Checkpoint> checkpoints = {}) {
    if (store_ == nullptr) Open(&sealer_);
    auto verdict = VerifyTrail(*store_, key_, std::move(checkpoints));
    EXPECT_THAT(verdict, IsOk());
    return *std::move(verdict);
  }

  testing::TemporaryDirectory directory_;
  const std::string path_ = directory_.Path("store/keyturn.db");
  const std::shared_ptr<const ChainKey> key_ = KeyOf('r');
  Sealer sealer_;
  std::unique_ptr<store::Store> store_;
  int deeds_ = 0;
};

TEST_F(VerifyTest, FindsNothingInATrailThatNobodyTouched) {
  Write(5);
  Close();
  Write(5);
  const Checkpoint checkpoint = CheckpointNow();
  Write(1);
  const Verdict verdict = Verify({checkpoint});
  EXPECT_THAT(verdict.findings, IsEmpty());
  EXPECT_EQ(verdict.rows, 11);
  EXPECT_EQ(verdict.last_sequence, 11);
  EXPECT_EQ(verdict.checkpoints, 1);
}

TEST_F(VerifyTest, FindsNothingInAnEmptyTrail) {
  EXPECT_THAT(Verify().findings, IsEmpty());
}

TEST_F(VerifyTest, ChainsTheRowsOfOneTransactionInTheirOrder) {
  Open(&sealer_);
  store::Batch batch;
  for (const char* action : {"one", "two", "three"}) {
    batch.audit.push_back(testing::AuditOf(action));
  }
  ASSERT_THAT(store_->CommitAndWait(std::move(batch)), IsOk());
  // A refused one takes neither sequence nor place in the chain.
  store::Batch refused;
  refused.audit = {testing::AuditOf("four")};
  refused.credentials = {store::DeleteCredential{"nobody"}};
  EXPECT_FALSE(store_->CommitAndWait(std::move(refused)).ok());
  Write(1);
  EXPECT_THAT(Verify().findings, IsEmpty());
  EXPECT_EQ(Verify().rows, 4);
}

TEST_F(VerifyTest, NamesAnEditedRowAndThatRowAlone) {
  Write(5);
  Attack("UPDATE audit SET actor = 'bob' WHERE sequence = 3");
  EXPECT_THAT(Verify().findings, ElementsAre(Found(Kind::kRowEdited, 3, 3)));
  Write(2);
  EXPECT_THAT(Verify().findings, ElementsAre(Found(Kind::kRowEdited, 3, 3)));
}

TEST_F(VerifyTest, NamesTheLastRowWhenThatOneWasEdited) {
  Write(5);
  Attack("UPDATE audit SET result = 'OK!' WHERE sequence = 5");
  EXPECT_THAT(Verify().findings, ElementsAre(Found(Kind::kRowEdited, 5, 5)));
}

TEST_F(VerifyTest, NamesARowWhoseSealWasTakenOff) {
  Write(5);
  Attack("UPDATE audit SET actor = 'bob', seal = x'' WHERE sequence = 3");
  EXPECT_THAT(Verify().findings, ElementsAre(Found(Kind::kRowEdited, 3, 3)));
}

TEST_F(VerifyTest, NamesTheRowsThatWereTakenOutOfTheMiddle) {
  Write(6);
  Attack("DELETE FROM audit WHERE sequence IN (3, 4)");
  EXPECT_THAT(Verify().findings, ElementsAre(Found(Kind::kRowsRemoved, 3, 4)));
}

TEST_F(VerifyTest, SeesARemovalThatWasRenumbered) {
  Write(5);
  Attack(
      "DELETE FROM audit WHERE sequence = 3;"
      "UPDATE audit SET sequence = sequence - 1 WHERE sequence > 3;"
      "UPDATE counters SET last = 4 WHERE name = 'audit'");
  EXPECT_THAT(Verify().findings, Contains(Found(Kind::kRowsReordered, 3, 3)));
}

TEST_F(VerifyTest, NamesTheFirstRowsWhenTheyAreGone) {
  Write(4);
  Attack("DELETE FROM audit WHERE sequence <= 2");
  EXPECT_THAT(Verify().findings, ElementsAre(Found(Kind::kRowsRemoved, 1, 2)));
}

TEST_F(VerifyTest, NamesRowsThatWereReordered) {
  Write(5);
  Attack(
      "UPDATE audit SET sequence = 99 WHERE sequence = 2;"
      "UPDATE audit SET sequence = 2 WHERE sequence = 3;"
      "UPDATE audit SET sequence = 3 WHERE sequence = 99");
  EXPECT_THAT(Verify().findings,
              ElementsAre(Found(Kind::kRowsReordered, 2, 2),
                          Found(Kind::kRowsReordered, 3, 3)));
}

TEST_F(VerifyTest, NamesACutTail) {
  Write(5);
  Attack("DELETE FROM audit WHERE sequence > 3");
  EXPECT_THAT(Verify().findings, ElementsAre(Found(Kind::kTailCut, 4, 5)));
}

TEST_F(VerifyTest, NamesACutTailThatTheDaemonWentOnFrom) {
  Write(5);
  Attack("DELETE FROM audit WHERE sequence > 3");
  Write(2);
  EXPECT_THAT(Verify().findings, ElementsAre(Found(Kind::kTailCut, 4, 5)));
}

TEST_F(VerifyTest, SeesByTheCheckpointACutTailWhoseCounterWasSetBack) {
  Write(5);
  const Checkpoint checkpoint = CheckpointNow();
  Attack(
      "DELETE FROM audit WHERE sequence > 3;"
      "UPDATE counters SET last = 3 WHERE name = 'audit'");
  EXPECT_THAT(Verify().findings, IsEmpty());
  EXPECT_THAT(Verify({checkpoint}).findings,
              ElementsAre(Found(Kind::kOldCopy, 4, 5)));
}

TEST_F(VerifyTest, SeesByTheCheckpointThatAnOldCopyWasPutBack) {
  Write(3);
  const Checkpoint early = CheckpointNow();
  Close();
  const std::string copy = directory_.Path("copy.db");
  std::filesystem::copy_file(path_, copy);
  Write(4);
  const Checkpoint late = CheckpointNow();
  Close();
  std::filesystem::copy_file(copy, path_,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(Verify({early, late}).findings,
              ElementsAre(Found(Kind::kOldCopy, 4, 7)));
  // Also when the daemon went on from there, beyond where it had been.
  Write(10);
  const Verdict verdict = Verify({early, late});
  EXPECT_THAT(verdict.findings, ElementsAre(Found(Kind::kOldCopy, 4, 7)));
  EXPECT_EQ(verdict.checkpoints, 1);
}

TEST_F(VerifyTest, CoversRowsFromBeforeTheChainByTheFirstSealedOne) {
  Open(nullptr);
  Write(3);
  Close();
  EXPECT_THAT(Verify().findings, ElementsAre(Found(Kind::kRowsUnproved, 1, 3)));
  Write(2);
  EXPECT_THAT(Verify().findings, IsEmpty());
  Attack("UPDATE audit SET target = 'x' WHERE sequence = 2");
  EXPECT_THAT(Verify().findings, ElementsAre(Found(Kind::kRowEdited, 1, 3)));
}

TEST_F(VerifyTest, CoversRowsThatWereWrittenWithoutTheKey) {
  Write(1);
  sealer_.SetKey(nullptr);
  Write(2);
  EXPECT_THAT(Verify().findings, ElementsAre(Found(Kind::kRowsUnproved, 2, 3)));
  sealer_.SetKey(key_);
  Write(1);
  EXPECT_THAT(Verify().findings, IsEmpty());
  Attack("UPDATE audit SET target = 'x' WHERE sequence = 2");
  EXPECT_THAT(Verify().findings, Contains(Found(Kind::kRowEdited, 2, 2)));
}

TEST_F(VerifyTest, OutlivesAChangeOfTheRootKey) {
  sealer_.SetKey(KeyOf('o'));
  Write(3);
  sealer_.SetKey(key_);
  Write(2);
  EXPECT_THAT(Verify().findings, IsEmpty());
  Attack("UPDATE audit SET target = 'x' WHERE sequence = 3");
  EXPECT_THAT(Verify().findings, ElementsAre(Found(Kind::kRowEdited, 1, 3)));
}

TEST_F(VerifyTest, IsNotFooledByRowsThatWereChainedWithoutTheKey) {
  Write(3);
  Close();
  Sealer forger;
  forger.SetKey(KeyOf('f'));
  Open(&forger);
  Write(2);
  Close();
  EXPECT_THAT(Verify().findings, ElementsAre(Found(Kind::kRowsUnproved, 4, 5)));
}

TEST_F(VerifyTest, TellsAtMostSoMuchAndCountsTheRest) {
  Write(static_cast<int>(kFindingsMax) + 20);
  Attack("UPDATE audit SET actor = 'bob'");
  const Verdict verdict = Verify();
  EXPECT_EQ(verdict.findings.size(), kFindingsMax);
  EXPECT_EQ(verdict.findings_not_told, 20);
}

}  // namespace
}  // namespace keyturn::audit
