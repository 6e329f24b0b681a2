#include "daemon/store/sqlite/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "daemon/store/codec.h"
#include "daemon/store/sqlite/files.h"
#include "daemon/store/store.h"
#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"

namespace keyturn::store {
namespace {

using sqlite::Connection;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::IsOkAndHolds;
using testing::MessageIs;
using ::testing::SizeIs;

class SchemaTest : public ::testing::Test {
 protected:
  std::unique_ptr<Connection> Open() {
    EXPECT_THAT(sqlite::PrepareFile(path_), IsOk());
    return Connection::Open(path_, Connection::Mode::kReadWrite, "").value();
  }

  testing::TemporaryDirectory directory_;
  const std::string path_ = directory_.Path("keyturn.db");
};

constexpr char kFirst[] = "CREATE TABLE a (x); INSERT INTO a VALUES (1);";
constexpr char kSecond[] = "CREATE TABLE b (x); INSERT INTO b SELECT x FROM a;";
constexpr char kBroken[] = "INSERT INTO b VALUES (2); INSERT INTO nothing;";

TEST_F(SchemaTest, GoesThroughTheStepsThatAreMissing) {
  const std::unique_ptr<Connection> connection = Open();
  ASSERT_THAT(sqlite::Upgrade(*connection, {kFirst}), IsOk());
  EXPECT_THAT(connection->ReadNumber("PRAGMA user_version"), IsOkAndHolds(1));
  EXPECT_THAT(connection->ReadNumber("PRAGMA application_id"),
              IsOkAndHolds(sqlite::kApplicationId));
  ASSERT_THAT(sqlite::Upgrade(*connection, {kFirst, kSecond}), IsOk());
  EXPECT_THAT(connection->ReadNumber("PRAGMA user_version"), IsOkAndHolds(2));
  EXPECT_THAT(connection->ReadNumber("SELECT COUNT(*) FROM b"),
              IsOkAndHolds(1));
  EXPECT_THAT(sqlite::Upgrade(*connection, {kFirst, kSecond}), IsOk());
}

TEST_F(SchemaTest, LeavesTheFormerVersionWhenAStepFails) {
  const std::unique_ptr<Connection> connection = Open();
  EXPECT_FALSE(sqlite::Upgrade(*connection, {kFirst, kSecond, kBroken}).ok());
  EXPECT_THAT(connection->ReadNumber("PRAGMA user_version"), IsOkAndHolds(2));
  EXPECT_THAT(connection->ReadNumber("SELECT COUNT(*) FROM b"),
              IsOkAndHolds(1));
  EXPECT_FALSE(connection->in_transaction());
}

TEST_F(SchemaTest, KnowsItsOwnFilesFromOthers) {
  const std::unique_ptr<Connection> connection = Open();
  EXPECT_THAT(sqlite::CheckOrigin(*connection, path_, {kFirst}), IsOk());
  ASSERT_THAT(sqlite::Upgrade(*connection, {kFirst, kSecond}), IsOk());
  EXPECT_THAT(sqlite::CheckOrigin(*connection, path_, {kFirst, kSecond}),
              IsOk());
  EXPECT_THAT(sqlite::CheckOrigin(*connection, path_, {kFirst}),
              HasReason("STORE_NEWER"));
  ASSERT_THAT(connection->Execute("PRAGMA application_id = 5"), IsOk());
  EXPECT_THAT(sqlite::CheckOrigin(*connection, path_, {kFirst, kSecond}),
              HasReason("STORE_FOREIGN"));
}

// What the golden file holds.
Batch GoldenBatch() {
  Batch batch;
  batch.credentials = {
      testing::CredentialOf("acme-tba"),
      testing::VersionOf("acme-tba", 2, VersionLabel::kPending)};
  batch.accounts = {CreateAccount{testing::FullAccount()}};
  batch.migration = MigrationWrite{testing::FullMigration(), 0};
  batch.campaign = CampaignWrite{testing::FullCampaign(), 0};
  batch.members = {
      {testing::FullCampaign().id, testing::FullMember(), std::nullopt}};
  batch.events = {testing::FullEvent()};
  batch.opened_tasks = {testing::FullTask()};
  batch.data_keys = {{"data-key-1", testing::At(1), "wrapped"}};
  batch.audit = {testing::AuditOf("Create")};
  batch.request = testing::RequestOf("request-1");
  batch.identities = {AddInvitation{{"hash-1",
                                     "bob",
                                     {"automation"},
                                     testing::At(60),
                                     "olga",
                                     2,
                                     {"acme", "acme-ns"}}},
                      AddCertificate{{"5e41a1",
                                      "ann",
                                      {"operator", "auditor"},
                                      testing::At(1),
                                      testing::At(90),
                                      "olga",
                                      std::nullopt,
                                      std::nullopt},
                                     "",
                                     ""}};
  return batch;
}

// A version as its first release wrote it. Never make such a file anew: a later
// daemon must read what an earlier one wrote. KEYTURN_WRITE_GOLDEN=directory
// writes one for a new version.
class GoldenStoreTest : public SchemaTest,
                        public ::testing::WithParamInterface<int> {
 protected:
  void SetUp() override {
    std::filesystem::copy_file(
        absl::StrCat(KEYTURN_TESTDATA "/version_", GetParam(), ".db"), path_);
    ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  }
};

// Since this version a migration may be on trial; what was stored before is on
// none.
constexpr int kTrialVersion = 7;
// Since this one there are campaigns.
constexpr int kCampaignVersion = 8;
// Since this version a migration may be an adoption.
constexpr int kAdoptionVersion = 9;

// What `version` could say of a spec.
migration::Spec SpecOf(migration::Spec spec, int version) {
  if (version < kAdoptionVersion) {
    spec.drain_within = absl::ZeroDuration();
    spec.adopt = false;
  }
  if (version < kTrialVersion) spec.confirm_within = absl::ZeroDuration();
  return spec;
}

migration::Migration MigrationOf(int version) {
  migration::Migration migration = testing::FullMigration();
  migration.spec = SpecOf(std::move(migration.spec), version);
  if (version >= kTrialVersion) return migration;
  migration.confirmed.reset();
  migration.task_expired = false;
  return migration;
}

migration::CampaignMember MemberOf(int version) {
  migration::CampaignMember member = testing::FullMember();
  member.spec = SpecOf(std::move(member.spec), version);
  return member;
}

migration::Task TaskOf(int version) {
  migration::Task task = testing::FullTask();
  if (version < kTrialVersion) task.expires_at.reset();
  return task;
}

TEST_P(GoldenStoreTest, IsRead) {
  const std::unique_ptr<Store> store = testing::OpenStore(path_);
  const auto stored = store->GetMigration(testing::FullMigration().id);
  ASSERT_THAT(stored, IsOk());
  EXPECT_EQ(EncodeMigration(stored->migration),
            EncodeMigration(MigrationOf(GetParam())));
  EXPECT_EQ(stored->last_sequence, 1);
  const auto events = store->ListEvents("", 0, 10);
  ASSERT_THAT(*events, SizeIs(1));
  EXPECT_EQ(EncodeEvent(events->front()), EncodeEvent(testing::FullEvent()));
  EXPECT_EQ(EncodeTask(*store->GetTask(testing::FullTask().id)),
            EncodeTask(TaskOf(GetParam())));
  EXPECT_EQ(EncodeAccount(*store->GetAccount("acme")),
            EncodeAccount(testing::FullAccount()));
  EXPECT_EQ(store->ReadSealed("acme-tba", VersionLabel::kPending)->sealed,
            "sealed 2");
  EXPECT_THAT(*store->ReadDataKeys(),
              ElementsAre(Field(&WrappedDataKey::wrapped, "wrapped")));
  EXPECT_THAT(*store->ListAuditRows(0, 10),
              ElementsAre(Field(&AuditRow::action, "Create")));
  EXPECT_EQ((*store->FindRequest("olga", "request-1"))->answer,
            "answer to request-1");
  EXPECT_THAT(
      store->FindLiveByConnection(testing::FullMigration().connection_key),
      IsOkAndHolds(std::optional(testing::FullMigration().id)));
  if (GetParam() >= kCampaignVersion) {
    const auto campaign = store->GetCampaign(testing::FullCampaign().id);
    ASSERT_THAT(campaign, IsOk());
    EXPECT_EQ(EncodeCampaign(campaign->campaign),
              EncodeCampaign(testing::FullCampaign()));
    ASSERT_THAT(campaign->members, SizeIs(1));
    EXPECT_EQ(EncodeMember(campaign->members.front().member),
              EncodeMember(MemberOf(GetParam())));
  }
  // Version 1 knew nobody.
  if (GetParam() == 1) return;
  EXPECT_EQ(store->GetInvitation("hash-1")->uses_left, 2);
  EXPECT_THAT(store->GetInvitation("hash-1")->accounts,
              ElementsAre("acme", "acme-ns"));
  EXPECT_THAT(store->GetCertificate("5e41a1")->roles,
              ElementsAre("operator", "auditor"));
}

INSTANTIATE_TEST_SUITE_P(EachVersion, GoldenStoreTest,
                         ::testing::Values(1, 6, 7, 8, 9),
                         ::testing::PrintToStringParamName());

TEST_F(SchemaTest, RefusesANewerStoreAndNamesBothVersions) {
  testing::OpenStore(path_);
  {
    const std::unique_ptr<Connection> connection =
        Connection::Open(path_, Connection::Mode::kReadWrite, "").value();
    ASSERT_THAT(connection->Execute("PRAGMA user_version = 999"), IsOk());
  }
  SqliteOptions options;
  options.path = path_;
  EXPECT_THAT(
      OpenSqliteStore(std::move(options)).status(),
      AllOf(HasReason("STORE_NEWER"), MessageIs(HasSubstr("version 999")),
            MessageIs(HasSubstr(
                absl::StrCat("up to version ", sqlite::SchemaVersion())))));
}

// Whoever adds a version adds its file.
TEST_F(SchemaTest, HasAGoldenFileOfTheNewestVersion) {
  EXPECT_TRUE(std::filesystem::exists(absl::StrCat(
      KEYTURN_TESTDATA "/version_", sqlite::SchemaVersion(), ".db")));
}

TEST_F(SchemaTest, StoresWhatTheGoldenFilesHold) {
  const char* const target = std::getenv("KEYTURN_WRITE_GOLDEN");
  const std::string path =
      target == nullptr ? path_ : std::string(target) + "/new.db";
  const std::unique_ptr<Store> store = testing::OpenStore(path);
  EXPECT_THAT(store->CommitAndWait(GoldenBatch()), IsOk());
  EXPECT_EQ(store->schema_version(), sqlite::SchemaVersion());
}

}  // namespace
}  // namespace keyturn::store
