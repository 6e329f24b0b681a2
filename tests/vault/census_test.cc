// Rows that fit each other, but are not those that were stored last.
#include "daemon/vault/census.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/vault/keyring.h"
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

class CensusTest : public testing::VaultTest {
 protected:
  absl::Status Rotate(const std::string& name, std::string_view token) {
    return Commit(vault_->SealVersion(name, CeligoToken{Secret(token)},
                                      VersionLabel::kCurrent, "olga", At(2)));
  }
  absl::Status Delete(const std::string& name) {
    return Commit(store::CredentialWrite(store::DeleteCredential{name}));
  }
  // All rows of all credentials as they are now.
  void Copy() {
    Tamper(
        "CREATE TABLE old_names AS SELECT * FROM credentials;"
        "CREATE TABLE old_versions AS SELECT * FROM credential_versions");
  }
  void TakeOut(const std::string& name) {
    Tamper("DELETE FROM credential_versions WHERE name = '" + name +
           "'; DELETE FROM credentials WHERE name = '" + name + "'");
  }
  void PutBack(const std::string& name) {
    TakeOut(name);
    Tamper("INSERT INTO credentials SELECT * FROM old_names WHERE name = '" +
           name +
           "'; INSERT INTO credential_versions SELECT * FROM old_versions"
           " WHERE name = '" +
           name + "'");
  }
  // As at a start of the daemon.
  absl::Status Restart() {
    vault_.reset();
    store_.reset();
    store_ = testing::OpenStore(store_path_);
    absl::StatusOr<std::unique_ptr<Vault>> opened = OpenVault();
    if (opened.ok()) vault_ = *std::move(opened);
    return opened.status();
  }
  RootKeys Keys() {
    RootKeys root_keys;
    root_keys.current = ReadRootKeyFile(key_path_).value();
    return root_keys;
  }
  // The trail's newest row on the credentials.
  store::AuditRow Told() {
    store::AuditFilter filter;
    filter.action = store::kCensusAction;
    return store_->FindAuditRows(filter, {}).value().items.front();
  }
};

const auto kAltered = AllOf(HasCode(absl::StatusCode::kDataLoss),
                            HasReason("CREDENTIAL_ALTERED"));

template <typename... Texts>
auto RolledBack(const Texts&... texts) {
  return AllOf(HasCode(absl::StatusCode::kDataLoss),
               HasReason("CREDENTIALS_ROLLED_BACK"),
               MessageIs(AllOf(HasSubstr("keyturnd accept-restored"),
                               HasSubstr(texts)...)));
}

TEST_F(CensusTest, OpensAfterEveryKindOfChange) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  ASSERT_THAT(AddToken("other", "first"), IsOk());
  EXPECT_THAT(Restart(), IsOk());
  ASSERT_THAT(Rotate("acme", "second"), IsOk());
  EXPECT_THAT(Restart(), IsOk());
  ASSERT_THAT(Commit(store::CredentialWrite(
                  store::RelabelVersion{"acme", 1, VersionLabel::kRevoked})),
              IsOk());
  ASSERT_THAT(Commit(vault_->Reseal(*store_->ReadSealed("acme", 2))), IsOk());
  EXPECT_THAT(Restart(), IsOk());
  ASSERT_THAT(Delete("other"), IsOk());
  EXPECT_THAT(Restart(), IsOk());
  EXPECT_EQ(TokenOf("acme", VersionLabel::kCurrent), "second");
}

TEST_F(CensusTest, TellsTheTrailOfEachChange) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  EXPECT_EQ(Told().detail, "1 credentials; acme " +
                               store_->ReadRows("acme")->binding.substr(0, 16));
  ASSERT_THAT(Delete("acme"), IsOk());
  EXPECT_EQ(Told().detail, "0 credentials; acme removed");
}

// All rows of one credential, so that they fit each other.
TEST_F(CensusTest, NamesACredentialWhoseRowsWereAllPutBack) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  ASSERT_THAT(AddToken("other", "first"), IsOk());
  Copy();
  ASSERT_THAT(Rotate("acme", "second"), IsOk());
  PutBack("acme");
  EXPECT_THAT(vault_->Open("acme", VersionLabel::kCurrent, openings_),
              AllOf(kAltered, MessageIs(HasSubstr("credential acme"))));
  EXPECT_THAT(vault_->Open("other", VersionLabel::kCurrent, openings_), IsOk());
  EXPECT_THAT(Restart(), RolledBack("credential acme is as it was once"));
  EXPECT_THAT(Restart(), Not(MessageIs(HasSubstr("other"))));
}

TEST_F(CensusTest, NamesACredentialThatWasTakenOutWhole) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  TakeOut("acme");
  EXPECT_THAT(vault_->Open("acme", VersionLabel::kCurrent, openings_),
              AllOf(kAltered, MessageIs(HasSubstr("taken out"))));
  EXPECT_THAT(Restart(), RolledBack("credential acme was taken out"));
}

TEST_F(CensusTest, NamesADeletedCredentialThatWasPutBack) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  Copy();
  ASSERT_THAT(Delete("acme"), IsOk());
  PutBack("acme");
  EXPECT_THAT(vault_->Open("acme", VersionLabel::kCurrent, openings_),
              kAltered);
  EXPECT_THAT(Restart(), RolledBack("acme had been deleted and was put back"));
}

// The trail's last word on the credentials goes back with them.
TEST_F(CensusTest, IsNotFooledByATrailWithoutItsLastWords) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  Tamper("DELETE FROM audit WHERE action = 'vault/census'");
  EXPECT_THAT(Restart(), RolledBack());
  EXPECT_THAT(Restart(), RolledBack());
}

TEST_F(CensusTest, IsNotFooledByAnotherCensus) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  Copy();
  ASSERT_THAT(Rotate("acme", "second"), IsOk());
  PutBack("acme");
  // What was told of the credentials as they are now, as the newest row.
  Tamper(
      "UPDATE audit SET detail = (SELECT detail FROM audit WHERE sequence = 2),"
      " digest = (SELECT digest FROM audit WHERE sequence = 2)"
      " WHERE sequence = 3");
  EXPECT_THAT(Restart(), RolledBack());
}

// Binding altered rows anew would make good ones of them.
TEST_F(CensusTest, RefusesToChangeRowsThatAreNotThoseThatWereStoredLast) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  ASSERT_THAT(Rotate("acme", "second"), IsOk());
  const auto refused = AllOf(HasCode(absl::StatusCode::kFailedPrecondition),
                             HasReason("CREDENTIAL_ALTERED"),
                             MessageIs(HasSubstr("credential acme")));
  const auto change = [this] {
    return Commit(store::CredentialWrite(
        store::RelabelVersion{"acme", 2, VersionLabel::kCurrent}));
  };
  Tamper("UPDATE credential_versions SET label = 4 WHERE number = 1");
  EXPECT_THAT(change(), refused);
  Tamper("UPDATE credential_versions SET label = 3 WHERE number = 1");
  ASSERT_THAT(change(), IsOk());
  Copy();
  ASSERT_THAT(Rotate("acme", "third"), IsOk());
  PutBack("acme");
  EXPECT_THAT(change(), refused);
  EXPECT_THAT(Rotate("acme", "fourth"), refused);

  // The way out: another one of the same name.
  ASSERT_THAT(Delete("acme"), IsOk());
  ASSERT_THAT(AddToken("acme", "fifth"), IsOk());
  EXPECT_EQ(TokenOf("acme", VersionLabel::kCurrent), "fifth");
  EXPECT_THAT(Restart(), IsOk());
}

TEST_F(CensusTest, CountsNothingOfABatchThatIsRefused) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  auto another = vault_->SealNew("other", CeligoToken{Secret("first")},
                                 VersionLabel::kCurrent, "", "olga", At(1));
  auto again = vault_->SealNew("acme", CeligoToken{Secret("first")},
                               VersionLabel::kCurrent, "", "olga", At(1));
  store::Batch batch;
  batch.credentials = {*std::move(another), *std::move(again)};
  EXPECT_THAT(store_->CommitAndWait(batch).status(),
              HasReason("CREDENTIAL_EXISTS"));
  EXPECT_THAT(vault_->Open("other", 1, openings_),
              HasReason("CREDENTIAL_NOT_FOUND"));
  EXPECT_THAT(Restart(), IsOk());
}

// So that a start finds the newest without reading the whole trail.
TEST_F(CensusTest, TellsTheTrailAgainAfterSoManyRows) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  store::Batch batch;
  batch.audit.assign(store::kCensusRowsMax + 10, testing::AuditOf("deed"));
  ASSERT_THAT(store_->CommitAndWait(batch), IsOk());
  EXPECT_EQ(Told().detail, "1 credentials");
  EXPECT_THAT(Restart(), IsOk());
}

TEST_F(CensusTest, TakesARestoredCopyAsItIsWhenToldTo) {
  ASSERT_THAT(AddToken("acme", "first"), IsOk());
  Copy();
  ASSERT_THAT(Rotate("acme", "second"), IsOk());
  PutBack("acme");
  ASSERT_THAT(Restart(), RolledBack());
  ASSERT_THAT(AcceptRestored(*store_, Keys(), testing::AuditOf("accepted")),
              IsOk());
  EXPECT_EQ(store_->ListAuditRows(0, 100)->back().action, "accepted");
  EXPECT_THAT(Restart(), IsOk());
  EXPECT_EQ(TokenOf("acme", VersionLabel::kCurrent), "first");
  ASSERT_THAT(Rotate("acme", "third"), IsOk());
  EXPECT_THAT(Restart(), IsOk());
}

}  // namespace
}  // namespace keyturn::vault
