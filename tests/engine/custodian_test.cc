// Changing the vault's keys: what is sealed under which, and what goes on after
// an interruption.
#include "daemon/engine/custodian.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/mutex.h"
#include "daemon/vault/keyring.h"
#include "daemon/vault/sealing.h"
#include "tests/engine/house.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {
namespace {

using engine::Custodian;
using engine::VaultStatus;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class CustodianTest : public House {
 protected:
  void SetUp() override {
    House::SetUp();
    current_ = RootKeyFileOf('k');
    OpenCustodian();
  }
  void TearDown() override {
    custodian_.reset();
    House::TearDown();
  }

  // A root key's file of 32 equal bytes.
  vault::RootKeySource RootKeyFileOf(char byte) {
    const std::string path =
        absl::StrCat(directory_, "/", std::string(1, byte));
    std::ofstream(path, std::ios::binary)
        << std::string(vault::kRootKeyBytes, byte);
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    return vault::RootKeyFile{path};
  }
  vault::RootKeySources Sources() const {
    vault::RootKeySources sources;
    sources.current = current_;
    sources.previous = previous_;
    return sources;
  }
  void OpenCustodian() {
    std::optional<vault::RootKeys> root_keys;
    if (!vault_->sealed()) {
      root_keys = vault::ReadRootKeys(Sources(), {}).value();
    }
    custodian_ = std::make_unique<Custodian>(
        Custodian::Options{*store_, *vault_, *engine_, clock_, Sources(),
                           [this](const std::string& line) { Note(line); },
                           seals_max_, nullptr,
                           [this](const vault::Keyring&) { return refusal_; }},
        std::move(root_keys));
  }
  // As a restart with what the configuration says now.
  absl::Status Restart() {
    custodian_.reset();
    vault_ = std::make_unique<vault::Vault>(*store_);
    ASSIGN_OR_RETURN(const vault::RootKeys root_keys,
                     vault::ReadRootKeys(Sources(), {}));
    ASSIGN_OR_RETURN(vault::Keyring keyring,
                     vault::OpenKeyring(*store_, root_keys, clock_.Now()));
    vault_->TakeKeys(std::move(keyring));
    OpenCustodian();
    return absl::OkStatus();
  }

  absl::StatusOr<VaultStatus> Rotate(const std::string& request_id = "") {
    return Ask([&](auto callback) {
      custodian_->RotateDataKey(Operator(request_id), std::move(callback));
    });
  }
  absl::StatusOr<VaultStatus> Rewrap() {
    return Ask([&](auto callback) {
      custodian_->Rewrap(Operator(), std::move(callback));
    });
  }
  absl::StatusOr<VaultStatus> Ask(
      const std::function<void(engine::Callback<VaultStatus>)>& call) {
    std::promise<absl::StatusOr<VaultStatus>> answered;
    call([&answered](absl::StatusOr<VaultStatus> status) {
      answered.set_value(std::move(status));
    });
    return answered.get_future().get();
  }
  // Until the background has nothing left to do; the test's own time limit ends
  // a wait that is in vain.
  VaultStatus WaitForReseal() {
    while (true) {
      const VaultStatus status = custodian_->Status().value();
      if (status.versions_to_reseal == 0) return status;
      std::this_thread::yield();
    }
  }
  void AddTokens(int from, int to) {
    store::Batch batch;
    for (int i = from; i < to; ++i) {
      batch.credentials.push_back(
          vault_
              ->SealNew(
                  absl::StrCat("c", i),
                  vault::CeligoToken{secret::Secret(absl::StrCat("t", i))},
                  store::VersionLabel::kCurrent, "", "olga", clock_.Now())
              .value());
    }
    ASSERT_THAT(store_->CommitAndWait(std::move(batch)), IsOk());
  }
  void ExpectTokens(int from, int to) {
    for (int i = from; i < to; ++i) {
      const auto token = vault_->OpenAs<vault::CeligoToken>(
          absl::StrCat("c", i), store::VersionLabel::kCurrent, openings_);
      ASSERT_THAT(token, IsOk());
      EXPECT_EQ(token->token.Expose(), absl::StrCat("t", i));
    }
  }

  void Note(const std::string& line) {
    base::MutexLock lock(mutex_);
    notes_.push_back(line);
  }
  std::vector<std::string> notes() {
    base::MutexLock lock(mutex_);
    return notes_;
  }

  base::Mutex mutex_;
  std::vector<std::string> notes_ ABSL_GUARDED_BY(mutex_);
  vault::RootKeySource current_;
  std::optional<vault::RootKeySource> previous_;
  int64_t seals_max_ = engine::kSealsPerDataKeyMax;
  // Of whoever is asked before the vault is opened.
  absl::Status refusal_;
  std::unique_ptr<Custodian> custodian_;
};

// More than one transaction seals again.
constexpr int kMany = engine::kResealedAtOnceMax * 2 + 5;

TEST_F(CustodianTest, ANewDataKeySealsWhatComesAndThenWhatIsThere) {
  AddTokens(0, kMany);
  ASSERT_THAT(Rotate(), IsOk());
  AddTokens(kMany, kMany + 3);

  const VaultStatus status = WaitForReseal();

  ASSERT_THAT(status.data_keys, SizeIs(2));
  EXPECT_EQ(status.data_keys[0].versions, 0);
  EXPECT_EQ(status.data_keys[0].seals, kMany);
  EXPECT_EQ(status.data_keys[1].versions, kMany + 3);
  EXPECT_EQ(status.data_keys[1].seals, kMany + 3);
  EXPECT_EQ(status.versions, kMany + 3);
  ExpectTokens(0, kMany + 3);
}

TEST_F(CustodianTest, SealingAgainGoesOnAfterARestart) {
  AddTokens(0, kMany);
  // What a crash leaves: the new key is stored, nothing was sealed again.
  store::Batch batch;
  batch.data_keys.push_back(
      vault::MakeDataKey(RootKey(), clock_.Now())->wrapped);
  ASSERT_THAT(store_->CommitAndWait(std::move(batch)), IsOk());
  EXPECT_EQ(custodian_->Status()->versions_to_reseal, kMany);

  ASSERT_THAT(Restart(), IsOk());

  EXPECT_EQ(WaitForReseal().data_keys.back().versions, kMany);
  ExpectTokens(0, kMany);
}

TEST_F(CustodianTest, SeveralFormerKeysAreLeftOneAfterTheOther) {
  for (int i = 0; i < 4; ++i) {
    AddTokens(i * 2, i * 2 + 2);
    ASSERT_THAT(Rotate(), IsOk());
  }
  const VaultStatus status = WaitForReseal();
  EXPECT_THAT(status.data_keys, SizeIs(5));
  EXPECT_EQ(status.data_keys.back().versions, 8);
  ExpectTokens(0, 8);
}

TEST_F(CustodianTest, ARepeatedRequestMakesNoSecondKey) {
  ASSERT_THAT(Rotate("rotate-1"), IsOk());
  const auto again = Rotate("rotate-1");
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(again->data_keys, SizeIs(2));
  EXPECT_THAT(Trail(),
              Contains(::testing::Field(&store::AuditRow::action,
                                        "keyturn.v1.Admin/RotateKey")));
}

TEST_F(CustodianTest, MakesANewKeyByItselfLongBeforeTheLimit) {
  AddTokens(0, 10);
  custodian_.reset();
  seals_max_ = 10;
  ASSERT_THAT(Restart(), IsOk());
  VaultStatus status = custodian_->Status().value();
  while (status.data_keys.size() < 2) status = custodian_->Status().value();
  EXPECT_EQ(WaitForReseal().data_keys.back().versions, 10);
  EXPECT_THAT(Trail(),
              Contains(::testing::Field(&store::AuditRow::actor, "daemon")));
}

TEST_F(CustodianTest, StaysSealedWhenSomebodyRefusesToOpen) {
  const auto unseal = [this] {
    return Ask([&](auto callback) {
      custodian_->Unseal(Operator(), {}, std::move(callback));
    });
  };
  custodian_.reset();
  vault_->DropKeys();
  OpenCustodian();
  refusal_ =
      base::WithReason(absl::DataLossError("an old copy"), "STORE_ROLLED_BACK");
  EXPECT_THAT(unseal(), HasReason("STORE_ROLLED_BACK"));
  EXPECT_TRUE(vault_->sealed());
  refusal_ = absl::OkStatus();
  EXPECT_THAT(unseal(), IsOk());
  EXPECT_FALSE(vault_->sealed());
}

TEST_F(CustodianTest, AFloodOfFailedUnsealingsIsCountedAndDoesNotFillTheTrail) {
  constexpr int kFailed = 50;
  const auto unseal = [this] {
    return Ask([&](auto callback) {
      custodian_->Unseal(Operator(), {}, std::move(callback));
    });
  };
  const auto told = [this] {
    std::vector<std::string> rows;
    for (const store::AuditRow& row : Trail()) {
      if (row.action != "keyturn.v1.Admin/Unseal") continue;
      rows.push_back(absl::StrCat(row.result, " ", row.detail));
    }
    return rows;
  };
  custodian_.reset();
  vault_->DropKeys();
  OpenCustodian();
  refusal_ = base::WithReason(absl::InvalidArgumentError("it is wrong"),
                              "WRONG_PASSPHRASE");
  for (int i = 0; i < kFailed; ++i) {
    EXPECT_THAT(unseal(), HasReason("WRONG_PASSPHRASE"));
    // Durable before its caller is answered.
    EXPECT_THAT(told(), ElementsAre("INVALID_ARGUMENT WRONG_PASSPHRASE"));
  }
  EXPECT_EQ(custodian_->Status()->failed_unseals, kFailed);

  // A restart is no way to hide that somebody tries.
  custodian_.reset();
  OpenCustodian();
  EXPECT_THAT(told(),
              ElementsAre("INVALID_ARGUMENT WRONG_PASSPHRASE",
                          "INVALID_ARGUMENT 49 more like this in the same "
                          "minute"));
  EXPECT_EQ(custodian_->Status()->failed_unseals, kFailed);
  EXPECT_THAT(unseal(), HasReason("WRONG_PASSPHRASE"));
  EXPECT_THAT(unseal(), HasReason("WRONG_PASSPHRASE"));
  EXPECT_EQ(custodian_->Status()->failed_unseals, kFailed + 2);

  refusal_ = absl::OkStatus();
  EXPECT_EQ(unseal()->failed_unseals, 0);
  EXPECT_THAT(told(),
              ElementsAre("INVALID_ARGUMENT WRONG_PASSPHRASE",
                          "INVALID_ARGUMENT 49 more like this in the same "
                          "minute",
                          "INVALID_ARGUMENT WRONG_PASSPHRASE",
                          "INVALID_ARGUMENT 1 more like this in the same "
                          "minute",
                          "OK "));
}

TEST_F(CustodianTest, TheRootKeyIsChangedWithBothAccepted) {
  AddTokens(0, 3);
  ASSERT_THAT(Rotate(), IsOk());
  EXPECT_THAT(Rewrap(), AllOf(HasCode(absl::StatusCode::kFailedPrecondition),
                              HasReason("NO_FORMER_ROOT_KEY"),
                              MessageIs(HasSubstr("new-root-key"))));
  const vault::RootKeySource former = current_;
  current_ = RootKeyFileOf('n');
  EXPECT_THAT(Restart(), HasReason("WRONG_ROOT_KEY"));
  previous_ = former;
  ASSERT_THAT(Restart(), IsOk());

  const auto status = Rewrap();

  ASSERT_THAT(status, IsOk());
  for (const VaultStatus::DataKey& key : status->data_keys) {
    EXPECT_EQ(key.root_key_id, status->root_key_id);
  }
  ASSERT_THAT(Rewrap(), IsOk()) << "again is no error";
  // Until the configuration forgets the former key, both orders open.
  ASSERT_THAT(Restart(), IsOk());
  ExpectTokens(0, 3);
  previous_.reset();
  ASSERT_THAT(Restart(), IsOk());
  ExpectTokens(0, 3);
  current_ = former;
  EXPECT_THAT(Restart(), HasReason("WRONG_ROOT_KEY"));
}

TEST_F(CustodianTest, NamesAtTheStartWhatWasAltered) {
  AddTokens(0, 3);
  const store::SealedVersion row = store_->ReadSealed("c1", 1).value();
  store::ResealVersion damage;
  damage.name = "c1";
  damage.number = 1;
  damage.former_data_key = damage.data_key =
      std::string(vault::EnvelopeKeyId(row.sealed).value());
  damage.sealed = row.sealed.substr(0, row.sealed.size() - 1);
  store::Batch batch;
  batch.credentials.push_back(damage);
  ASSERT_THAT(store_->CommitAndWait(std::move(batch)), IsOk());

  ASSERT_THAT(Restart(), IsOk());
  ASSERT_THAT(Rotate(), IsOk()) << "comes after the look on the same thread";

  EXPECT_THAT(notes(), Contains(HasSubstr("credential c1, version 1: ")));
  EXPECT_THAT(notes(), ::testing::Not(Contains(HasSubstr("credential c2"))));
}

TEST_F(CustodianTest, AnAlteredVersionIsLeftAndTheOthersAreSealedAgain) {
  AddTokens(0, 5);
  // Under the right key's id, but other bytes: as somebody with the file in
  // hand would.
  const store::SealedVersion row = store_->ReadSealed("c2", 1).value();
  store::ResealVersion damage;
  damage.name = "c2";
  damage.number = 1;
  damage.former_data_key = damage.data_key =
      std::string(vault::EnvelopeKeyId(row.sealed).value());
  damage.sealed = row.sealed;
  damage.sealed.back() = static_cast<char>(damage.sealed.back() ^ 1);
  store::Batch batch;
  batch.credentials.push_back(damage);
  ASSERT_THAT(store_->CommitAndWait(std::move(batch)), IsOk());

  ASSERT_THAT(Rotate(), IsOk());

  while (custodian_->Status()->versions_to_reseal > 1) {
    std::this_thread::yield();
  }
  ExpectTokens(0, 2);
  ExpectTokens(3, 5);
  EXPECT_THAT(vault_->Open("c2", 1, openings_),
              HasReason("CREDENTIAL_ALTERED"));
}

}  // namespace
}  // namespace keyturn::testing
