#include "daemon/vault/vault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "daemon/vault/sealing.h"
#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"
#include "tests/vault/golden.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn::vault {
namespace {

using secret::Secret;
using store::VersionLabel;
using ::testing::AllOf;
using testing::At;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::MessageIs;
using ::testing::Not;
using testing::VaultTest;

TEST_F(VaultTest, GivesBackWhatItSealedAlsoAfterARestart) {
  ASSERT_THAT(
      Commit(vault_->SealNew(
          "acme",
          NetSuiteTba{Secret("ck"), Secret("cs"), Secret("ti"), Secret("ts")},
          VersionLabel::kPending, "migration-1", "olga", At(1))),
      IsOk());
  vault_.reset();
  store_.reset();
  store_ = testing::OpenStore(store_path_);
  vault_ = OpenVault().value();
  const auto opened = vault_->Open("acme", VersionLabel::kPending, openings_);
  ASSERT_THAT(opened, IsOk());
  const auto& tba = std::get<NetSuiteTba>(opened->payload);
  EXPECT_EQ(tba.consumer_key.Expose(), "ck");
  EXPECT_EQ(tba.consumer_secret.Expose(), "cs");
  EXPECT_EQ(tba.token_id.Expose(), "ti");
  EXPECT_EQ(tba.token_secret.Expose(), "ts");
  EXPECT_EQ(opened->number, 1);
  const auto info = store_->GetCredential("acme");
  EXPECT_EQ(info->kind, store::CredentialKind::kNetSuiteTba);
  EXPECT_EQ(info->migration_id, "migration-1");
  EXPECT_EQ(info->versions[0].creator, "olga");
  EXPECT_EQ(info->versions[0].created_at, At(1));
  EXPECT_EQ(store_->ReadDataKeys()->size(), 1u);
}

TEST_F(VaultTest, OpensEachVersion) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  ASSERT_THAT(
      Commit(vault_->SealVersion("acme", CeligoToken{Secret("second")},
                                 VersionLabel::kCurrent, "olga", At(2))),
      IsOk());
  EXPECT_EQ(TokenOf("acme", VersionLabel::kCurrent), "second");
  EXPECT_EQ(TokenOf("acme", VersionLabel::kPrevious), "first");
  EXPECT_EQ(TokenOf("acme", 1), "first");
  EXPECT_THAT(vault_->Open("acme", 3, openings_),
              HasReason("VERSION_NOT_FOUND"));
  EXPECT_THAT(vault_->Open("other", 1, openings_),
              HasReason("CREDENTIAL_NOT_FOUND"));
}

TEST_F(VaultTest, RefusesAnotherKind) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  EXPECT_THAT(
      vault_->SealVersion("acme", NetSuiteLogin{Secret("e"), Secret("p")},
                          VersionLabel::kCurrent, "olga", At(2)),
      AllOf(HasCode(absl::StatusCode::kInvalidArgument),
            HasReason("CREDENTIAL_KIND")));
  EXPECT_THAT(vault_->OpenAs<NetSuiteLogin>("acme", 1, openings_),
              AllOf(HasCode(absl::StatusCode::kFailedPrecondition),
                    HasReason("CREDENTIAL_KIND"),
                    MessageIs(HasSubstr("NETSUITE_LOGIN"))));
}

TEST_F(VaultTest, LetsOneOfTwoNextVersionsWin) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  const auto seal = [this](const char* token) {
    return vault_->SealVersion("acme", CeligoToken{Secret(token)},
                               VersionLabel::kCurrent, "olga", At(2));
  };
  auto one = seal("one");
  auto two = seal("two");
  EXPECT_THAT(Commit(std::move(one)), IsOk());
  EXPECT_THAT(Commit(std::move(two)), HasCode(absl::StatusCode::kAborted));
  EXPECT_EQ(TokenOf("acme", VersionLabel::kCurrent), "one");
}

TEST_F(VaultTest, DetectsEveryAlteredByteAndNamesTheRow) {
  ASSERT_THAT(AddToken("acme", "a-token"), IsOk());
  const std::string sealed = store_->ReadSealed("acme", 1)->sealed;
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string altered = sealed;
    altered[i] = static_cast<char>(altered[i] ^ 0x20);
    std::string hex;
    for (const unsigned char byte : altered) {
      absl::StrAppend(&hex, absl::Hex(byte, absl::kZeroPad2));
    }
    Tamper("UPDATE credential_versions SET sealed = x'" + hex + "'");
    EXPECT_THAT(vault_->Open("acme", 1, openings_),
                AllOf(HasCode(absl::StatusCode::kDataLoss),
                      HasReason("CREDENTIAL_ALTERED"),
                      MessageIs(HasSubstr("credential acme, version 1"))))
        << i;
  }
}

TEST_F(VaultTest, DetectsSwappedRows) {
  ASSERT_THAT(AddToken("one", "first"), IsOk());
  ASSERT_THAT(AddToken("two", "second"), IsOk());
  ASSERT_THAT(
      Commit(vault_->SealVersion("one", CeligoToken{Secret("third")},
                                 VersionLabel::kPending, "olga", At(2))),
      IsOk());
  // Another credential's bytes.
  Tamper(
      "UPDATE credential_versions SET sealed = (SELECT sealed FROM"
      " credential_versions WHERE name = 'two') WHERE name = 'one'"
      " AND number = 1");
  EXPECT_THAT(vault_->Open("one", 1, openings_),
              HasReason("CREDENTIAL_ALTERED"));
  // Another version's bytes.
  Tamper(
      "UPDATE credential_versions SET sealed = (SELECT sealed FROM"
      " credential_versions WHERE name = 'one' AND number = 2)"
      " WHERE name = 'one' AND number = 1");
  EXPECT_THAT(vault_->Open("one", 1, openings_),
              HasReason("CREDENTIAL_ALTERED"));
  EXPECT_THAT(vault_->Open("one", 2, openings_),
              HasReason("CREDENTIAL_ALTERED"));
  // Another kind.
  Tamper("UPDATE credentials SET kind = 4 WHERE name = 'two'");
  EXPECT_THAT(vault_->Open("two", 1, openings_),
              HasReason("CREDENTIAL_ALTERED"));
}

// What is not secret decides which secret is used.
TEST_F(VaultTest, DetectsAlteredRemovedAndPutBackRowsAndNamesTheCredential) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  // What an old copy of the row holds.
  const std::string before = "old_copy";
  Tamper("CREATE TABLE " + before +
         " AS SELECT * FROM credential_versions WHERE name = 'acme'");
  ASSERT_THAT(
      Commit(vault_->SealVersion("acme", CeligoToken{Secret("second")},
                                 VersionLabel::kCurrent, "olga", At(2))),
      IsOk());
  ASSERT_EQ(TokenOf("acme", VersionLabel::kCurrent), "second");
  const auto altered = AllOf(HasCode(absl::StatusCode::kDataLoss),
                             HasReason("CREDENTIAL_ALTERED"),
                             MessageIs(HasSubstr("credential acme")));
  Tamper("CREATE TABLE versions AS SELECT * FROM credential_versions");
  Tamper("CREATE TABLE names AS SELECT * FROM credentials");
  for (const std::string& sql : std::vector<std::string>{
           // The former token as the current one.
           "UPDATE credential_versions SET label = 3 - (number = 1)",
           "UPDATE credential_versions SET label = 4 WHERE number = 1",
           "UPDATE credential_versions SET creator = 'mallory'",
           "UPDATE credential_versions SET created_at_ns = 5 WHERE number = 2",
           "DELETE FROM credential_versions WHERE number = 1",
           "DELETE FROM credential_versions WHERE number = 2",
           "DELETE FROM credential_versions; "
           "INSERT INTO credential_versions SELECT * FROM old_copy",
           "UPDATE credentials SET migration_id = 'other'",
           "UPDATE credentials SET binding = x''",
           "UPDATE credentials SET binding = substr(binding, 1, 10)"}) {
    SCOPED_TRACE(sql);
    Tamper("DROP INDEX IF EXISTS credential_versions_current; " + sql);
    EXPECT_THAT(vault_->Open("acme", VersionLabel::kCurrent, openings_),
                altered);
    EXPECT_THAT(vault_->Open("acme", 1, openings_), altered);
    // A binding that is gone shows before any is used.
    const auto opened = OpenVault();
    EXPECT_THAT(opened.ok() ? (*opened)->Check("acme", 1) : opened.status(),
                HasCode(absl::StatusCode::kDataLoss));
    Tamper(
        "DELETE FROM credential_versions; DELETE FROM credentials;"
        "INSERT INTO credentials SELECT * FROM names;"
        "INSERT INTO credential_versions SELECT * FROM versions");
    EXPECT_EQ(TokenOf("acme", VersionLabel::kCurrent), "second");
  }
}

TEST_F(VaultTest, DetectsARenamedCredential) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  Tamper(
      "UPDATE credentials SET name = 'other';"
      "UPDATE credential_versions SET name = 'other'");
  EXPECT_THAT(vault_->Open("other", 1, openings_),
              HasReason("CREDENTIAL_ALTERED"));
}

// The rows stay bound through whatever changes them, also changes that the
// vault has no part in.
TEST_F(VaultTest, BindsRowsThatTheStoreChangesByItself) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  ASSERT_THAT(
      Commit(vault_->SealVersion("acme", CeligoToken{Secret("second")},
                                 VersionLabel::kPending, "olga", At(2))),
      IsOk());
  ASSERT_THAT(Commit(store::CredentialWrite(
                  store::RelabelVersion{"acme", 2, VersionLabel::kCurrent})),
              IsOk());
  EXPECT_EQ(TokenOf("acme", VersionLabel::kCurrent), "second");
  EXPECT_EQ(TokenOf("acme", VersionLabel::kPrevious), "first");
}

// What a step has found before it was cut is stored while the vault is sealed.
TEST_F(VaultTest, BindsRowsWhileItIsSealedToo) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  auto write = vault_->SealVersion("acme", CeligoToken{Secret("second")},
                                   VersionLabel::kCurrent, "olga", At(2));
  vault_->DropKeys();
  ASSERT_THAT(Commit(std::move(write)), IsOk());
  vault_ = OpenVault().value();
  EXPECT_EQ(TokenOf("acme", VersionLabel::kCurrent), "second");
}

TEST_F(VaultTest, DetectsTruncatedRowsAndForeignKeys) {
  ASSERT_THAT(AddToken("acme", "a-token"), IsOk());
  Tamper("UPDATE credential_versions SET sealed = substr(sealed, 1, 100)");
  EXPECT_THAT(vault_->Open("acme", 1, openings_),
              HasReason("CREDENTIAL_ALTERED"));
  Tamper("UPDATE credential_versions SET sealed = x''");
  EXPECT_THAT(vault_->Open("acme", 1, openings_),
              HasReason("CREDENTIAL_ALTERED"));
}

TEST_F(VaultTest, NamesTheFileOfAWrongRootKey) {
  const std::string other = directory_.Path("other.key");
  ASSERT_THAT(GenerateRootKeyFile(other), IsOk());
  EXPECT_THAT(Vault::Open(*store_, *ReadRootKeyFile(other), At(0)).status(),
              AllOf(HasCode(absl::StatusCode::kFailedPrecondition),
                    HasReason("WRONG_ROOT_KEY"), MessageIs(HasSubstr(other))));
}

TEST_F(VaultTest, DetectsAnAlteredDataKey) {
  Tamper("UPDATE data_keys SET wrapped = CAST(wrapped || x'00' AS BLOB)");
  EXPECT_THAT(OpenVault().status(), HasReason("DATA_KEY_ALTERED"));
  Tamper("UPDATE data_keys SET wrapped = substr(wrapped, 1, 141)");
  EXPECT_THAT(OpenVault().status(), IsOk());
  Tamper("UPDATE data_keys SET id = 'aaaaaaaaaaaaaaaa'");
  EXPECT_THAT(OpenVault().status(), HasReason("DATA_KEY_ALTERED"));
}

TEST_F(VaultTest, MakesNoNewDataKeyForAStoreThatLostItsOwn) {
  ASSERT_THAT(AddToken("acme", "a-token"), IsOk());
  Tamper("DELETE FROM data_keys");
  EXPECT_THAT(OpenVault().status(), AllOf(HasCode(absl::StatusCode::kDataLoss),
                                          HasReason("DATA_KEYS_MISSING")));
  EXPECT_TRUE(store_->ReadDataKeys()->empty());
}

TEST_F(VaultTest, SealsUnderTheNewestDataKeyAndOpensUnderAll) {
  ASSERT_THAT(AddToken("old", "first"), IsOk());
  store::Batch batch;
  batch.data_keys.push_back(
      MakeDataKey(*ReadRootKeyFile(key_path_), At(5))->wrapped);
  const std::string newest = batch.data_keys[0].id;
  ASSERT_THAT(store_->CommitAndWait(batch), IsOk());
  vault_ = OpenVault().value();
  ASSERT_THAT(AddToken("new", "second"), IsOk());
  EXPECT_EQ(*EnvelopeKeyId(store_->ReadSealed("new", 1)->sealed), newest);
  EXPECT_EQ(TokenOf("old", 1), "first");
  EXPECT_EQ(TokenOf("new", 1), "second");
}

TEST_F(VaultTest, LeavesNoSecretInTheStore) {
  const std::string token = "a-token-that-is-easy-to-find";
  ASSERT_THAT(AddToken("acme", token), IsOk());
  const std::string data_key(
      UnwrapDataKey(*ReadRootKeyFile(key_path_), store_->ReadDataKeys()->at(0))
          ->key.Expose());
  for (const char* suffix : {"", "-wal"}) {
    std::ifstream file(store_path_ + suffix, std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(file)),
                              std::istreambuf_iterator<char>());
    ASSERT_FALSE(content.empty());
    EXPECT_THAT(content, Not(HasSubstr(token)));
    EXPECT_THAT(content, Not(HasSubstr(data_key)));
  }
}

TEST_F(VaultTest, ServesManyThreads) {
  ASSERT_THAT(AddToken("acme", "a-token"), IsOk());
  std::atomic<int> opened = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, &opened, i] {
      for (int j = 0; j < 25; ++j) {
        const std::string name = absl::StrCat("acme-", i, "-", j);
        ASSERT_THAT(AddToken(name, name), IsOk());
        if (TokenOf(name, 1) == name && TokenOf("acme", 1) == "a-token") {
          ++opened;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(opened, 100);
}

TEST_F(VaultTest, RefusesEverythingThatNeedsAKeyWhileItIsSealed) {
  ASSERT_THAT(AddToken("acme", "a-token"), IsOk());
  EXPECT_FALSE(vault_->sealed());

  vault_->DropKeys();

  EXPECT_TRUE(vault_->sealed());
  const auto sealed =
      AllOf(HasCode(absl::StatusCode::kFailedPrecondition), HasReason("SEALED"),
            MessageIs(HasSubstr("keyturn admin unseal")));
  EXPECT_THAT(vault_->Open("acme", 1, openings_), sealed);
  EXPECT_THAT(AddToken("other", "a-token"), sealed);
  EXPECT_THAT(vault_
                  ->SealVersion("acme", CeligoToken{Secret("b")},
                                VersionLabel::kCurrent, "olga", At(2))
                  .status(),
              sealed);
  EXPECT_THAT(vault_->DeriveKey("a purpose"), sealed);

  RootKeys root_keys;
  root_keys.current = *ReadRootKeyFile(key_path_);
  vault_->TakeKeys(*OpenKeyring(*store_, root_keys, At(3)));
  EXPECT_EQ(TokenOf("acme", 1), "a-token");
}

TEST_F(VaultTest, NotesWhatIsOpenedForWhomAndNothingElse) {
  ASSERT_THAT(AddToken("other", "first"), IsOk());
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  Openings nobody;
  EXPECT_THAT(vault_->Check("acme", 1), IsOk());
  EXPECT_THAT(vault_->Open("acme", 2, nobody), HasReason("VERSION_NOT_FOUND"));
  EXPECT_EQ(nobody.Text(), "");
  EXPECT_TRUE(nobody.empty());

  Openings two;
  EXPECT_THAT(vault_->Open("other", VersionLabel::kCurrent, two), IsOk());
  EXPECT_THAT(vault_->Open("acme", 1, two), IsOk());
  EXPECT_THAT(vault_->Open("acme", VersionLabel::kCurrent, two), IsOk());
  EXPECT_EQ(two.Text(),
            "credentials/acme version 1, credentials/other version 1");

  // It was opened, and is not what was wanted.
  Openings wrong;
  EXPECT_THAT(vault_->OpenAs<NetSuiteLogin>("acme", 1, wrong),
              HasReason("CREDENTIAL_KIND"));
  EXPECT_EQ(wrong.Text(), "credentials/acme version 1");
}

TEST_F(VaultTest, DerivesKeysThatStayAndDifferByTheirPurpose) {
  const auto key = [this](const char* purpose) {
    return std::string(vault_->DeriveKey(purpose)->Expose());
  };
  const std::string one = key("one");
  EXPECT_EQ(key("one"), one);
  EXPECT_NE(key("two"), one);
  vault_ = OpenVault().value();
  EXPECT_EQ(key("one"), one);
}

TEST_F(VaultTest, AcceptsThePreviousRootKeyDuringAChange) {
  ASSERT_THAT(AddToken("acme", "a-token"), IsOk());
  const std::string next = directory_.Path("next.key");
  ASSERT_THAT(GenerateRootKeyFile(next), IsOk());
  RootKeySources sources;
  sources.current = RootKeyFile{next};
  const auto open = [&] {
    return Vault::Open(*store_, *ReadRootKeys(sources, {}), At(0));
  };
  EXPECT_THAT(open().status(), HasReason("WRONG_ROOT_KEY"));

  sources.previous = RootKeyFile{key_path_};

  vault_ = open().value();
  EXPECT_EQ(TokenOf("acme", 1), "a-token");
}

std::string Ascending(size_t size, unsigned char first) {
  std::string bytes(size, '\0');
  std::iota(bytes.begin(), bytes.end(), static_cast<char>(first));
  return bytes;
}

// The golden bytes, from the wrapped data key to the typed payload.
TEST_F(VaultTest, OpensAStoreOfFormat1) {
  const testing::TemporaryDirectory directory;
  const auto store = testing::OpenStore(directory.Path("keyturn.db"));
  store::Batch batch;
  batch.data_keys = {
      {"abcdefghijklmnop", At(0), testing::Golden("wrapped_data_key")}};
  store::NewCredential write;
  write.name = "acme";
  write.kind = store::CredentialKind::kConnectionToken;
  write.version = {1, VersionLabel::kCurrent, At(0), "olga"};
  write.sealed = testing::Golden("envelope_connection_token");
  batch.credentials = {write};
  ASSERT_THAT(store->CommitAndWait(batch), IsOk());
  RootKey root_key{Secret(Ascending(kRootKeyBytes, 32)), "test"};
  const auto vault = Vault::Open(*store, std::move(root_key), At(0));
  ASSERT_THAT(vault.status(), IsOk());
  // It was stored before rows were bound, and is bound from now on.
  EXPECT_EQ(store->ReadRows("acme")->binding.size(), 64u);
  EXPECT_NE(store->ReadDataKeys()->at(0).wrapped,
            testing::Golden("wrapped_data_key"));
  const auto token = (*vault)->OpenAs<ConnectionToken>(
      "acme", VersionLabel::kCurrent, openings_);
  ASSERT_THAT(token, IsOk());
  EXPECT_EQ(token->token_id.Expose(), "token-id");
  EXPECT_EQ(token->token_secret.Expose(), "token-secret");
}

// Whoever takes the bindings away, and puts back the data key of the time
// before them, but not all of its time, is found out as well.
TEST_F(VaultTest, RefusesADataKeyOfAnOldCopyBesideNewOnes) {
  ASSERT_THAT(AddToken("acme", "a-token"), IsOk());
  const RootKey root_key{Secret(Ascending(kRootKeyBytes, 32)), "test"};
  store::Batch batch;
  batch.data_keys = {
      {"abcdefghijklmnop", At(0), testing::Golden("wrapped_data_key")}};
  ASSERT_THAT(store_->CommitAndWait(batch), IsOk());
  RootKeys root_keys;
  root_keys.current = *ReadRootKeyFile(key_path_);
  root_keys.previous = RootKey{root_key.key.Clone(), "test"};
  EXPECT_THAT(OpenKeyring(*store_, root_keys, At(0)).status(),
              HasReason("DATA_KEY_ALTERED"));
}

TEST(RowKeyTest, GivesTheBindingThatTheGoldenFileSays) {
  store::CredentialRows rows;
  rows.info.name = "acme";
  rows.info.kind = store::CredentialKind::kConnectionToken;
  rows.info.migration_id = "migration-1";
  rows.info.versions = {
      {1, VersionLabel::kPrevious, absl::FromUnixSeconds(1), "olga"},
      {2, VersionLabel::kCurrent, absl::FromUnixSeconds(2), "daemon"}};
  rows.sealed = {"sealed one", "sealed two"};
  const RowKey key{Secret(Ascending(kKeyBytes, 0))};
  rows.binding = testing::Golden("row_binding");
  EXPECT_EQ(key.Bind(rows), rows.binding);
  EXPECT_THAT(key.Check(rows), IsOk());
  rows.info.versions[0].label = VersionLabel::kRevoked;
  EXPECT_THAT(key.Check(rows), HasReason("CREDENTIAL_ALTERED"));
}

TEST(RowKeyTest, GivesTheCensusThatTheGoldenFileSays) {
  const RowKey key{Secret(Ascending(kKeyBytes, 0))};
  store::Census census;
  census.count = 1;
  census.sum = key.Weigh("acme", "0123456789abcdef");
  std::string weight;
  for (const uint64_t number : census.sum) {
    absl::StrAppend(&weight, absl::Hex(number, absl::kZeroPad16));
  }
  EXPECT_EQ(absl::HexStringToBytes(weight), testing::Golden("census_weight"));
  EXPECT_EQ(key.Prove(7, census, "1 credentials; acme 0123456789abcdef"),
            testing::Golden("census_proof"));
}

class RootKeyTest : public ::testing::Test {
 protected:
  void WriteKey(size_t size, mode_t mode) {
    std::ofstream(path_, std::ios::binary) << std::string(size, 'k');
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }

  testing::TemporaryDirectory directory_;
  const std::string path_ = directory_.Path("root.key");
};

TEST_F(RootKeyTest, MakesAFileThatItReads) {
  ASSERT_THAT(GenerateRootKeyFile(path_), IsOk());
  const auto key = ReadRootKeyFile(path_);
  ASSERT_THAT(key, IsOk());
  EXPECT_EQ(key->key.size(), kRootKeyBytes);
  EXPECT_EQ(key->source, path_);
  struct stat found;
  ASSERT_EQ(stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0600u);
  EXPECT_THAT(GenerateRootKeyFile(path_),
              HasCode(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(ReadRootKeyFile(path_)->key.Expose(), key->key.Expose());
}

TEST_F(RootKeyTest, RefusesAFileThatOthersMaySee) {
  for (const mode_t mode : {0640, 0604, 0660, 0700}) {
    WriteKey(32, mode);
    EXPECT_THAT(ReadRootKeyFile(path_).status(),
                AllOf(HasReason("ROOT_KEY_PERMISSIONS"),
                      MessageIs(HasSubstr("chmod 0600 " + path_))));
  }
  WriteKey(32, 0400);
  EXPECT_THAT(ReadRootKeyFile(path_).status(), IsOk());
}

TEST_F(RootKeyTest, RefusesAnotherSize) {
  for (const size_t size : {0, 31, 33, 64}) {
    WriteKey(size, 0600);
    EXPECT_THAT(ReadRootKeyFile(path_).status(), HasReason("ROOT_KEY_SIZE"));
  }
}

TEST_F(RootKeyTest, ComesFromASystemdCredential) {
  const SystemdCredential source{"root.key"};
  unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_THAT(ReadRootKey(source, Secret()).status(),
              AllOf(HasReason("ROOT_KEY_MISSING"),
                    MessageIs(HasSubstr("LoadCredentialEncrypted=root.key:"))));
  ASSERT_EQ(setenv("CREDENTIALS_DIRECTORY", directory_.Path("").c_str(), 1), 0);
  EXPECT_THAT(ReadRootKey(source, Secret()).status(),
              HasReason("ROOT_KEY_MISSING"));
  // What systemd makes may show the mask of an access list as a group's bits.
  WriteKey(32, 0440);
  EXPECT_EQ(ReadRootKey(source, Secret())->key.Expose(), std::string(32, 'k'));
  WriteKey(31, 0440);
  EXPECT_THAT(ReadRootKey(source, Secret()).status(),
              HasReason("ROOT_KEY_SIZE"));
  unsetenv("CREDENTIALS_DIRECTORY");
}

TEST_F(RootKeyTest, KnowsWhatMayBeTheNameOfACredential) {
  for (const char* name : {"root", "keyturn-root.key", "A_1"}) {
    EXPECT_TRUE(IsCredentialName(name)) << name;
  }
  for (const std::string& name :
       {std::string(), std::string("../x"), std::string("a/b"),
        std::string(".hidden"), std::string(256, 'a')}) {
    EXPECT_FALSE(IsCredentialName(name)) << name;
  }
}

TEST_F(RootKeyTest, RefusesWhatIsNoFile) {
  EXPECT_THAT(ReadRootKeyFile(path_).status(),
              AllOf(HasCode(absl::StatusCode::kNotFound),
                    HasReason("ROOT_KEY_MISSING")));
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(ReadRootKeyFile(path_).status(),
              HasReason("ROOT_KEY_PERMISSIONS"));
}

}  // namespace
}  // namespace keyturn::vault
