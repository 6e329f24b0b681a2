// A vault over a store, and somebody who has the store's file in hand.
#ifndef KEYTURN_TESTS_VAULT_VAULT_FIXTURE_H_
#define KEYTURN_TESTS_VAULT_VAULT_FIXTURE_H_

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/vault/vault.h"
#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {

class VaultTest : public ::testing::Test {
 protected:
  VaultTest() {
    EXPECT_THAT(vault::GenerateRootKeyFile(key_path_), IsOk());
    store_ = OpenStore(store_path_);
    vault_ = OpenVault().value();
  }

  absl::StatusOr<std::unique_ptr<vault::Vault>> OpenVault() {
    ASSIGN_OR_RETURN(vault::RootKey root_key,
                     vault::ReadRootKeyFile(key_path_));
    return vault::Vault::Open(*store_, std::move(root_key), At(0));
  }
  absl::Status Commit(absl::StatusOr<store::CredentialWrite> write) {
    RETURN_IF_ERROR(write.status());
    store::Batch batch;
    batch.credentials.push_back(*std::move(write));
    return store_->CommitAndWait(std::move(batch)).status();
  }
  absl::Status AddToken(std::string_view name, std::string_view token) {
    return Commit(
        vault_->SealNew(name, vault::CeligoToken{secret::Secret(token)},
                        store::VersionLabel::kCurrent, "", "olga", At(1)));
  }
  std::string TokenOf(std::string_view name, store::VersionSelector version) {
    vault::Openings openings;
    const auto payload =
        vault_->OpenAs<vault::CeligoToken>(name, version, openings);
    EXPECT_THAT(payload, IsOk());
    return payload.ok() ? std::string(payload->token.Expose()) : "";
  }
  // Changes the database as somebody with the file in hand would.
  void Tamper(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(store_path_.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr),
              SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }

  TemporaryDirectory directory_;
  const std::string store_path_ = directory_.Path("keyturn.db");
  const std::string key_path_ = directory_.Path("root.key");
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<vault::Vault> vault_;
  vault::Openings openings_;
};

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_VAULT_VAULT_FIXTURE_H_
