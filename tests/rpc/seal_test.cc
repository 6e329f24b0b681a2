// Sealing and unsealing, as callers see them.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <string>

#include "daemon/vault/sealing.h"
#include "keyturn/v1/admin.grpc.pb.h"
#include "keyturn/v1/credentials.grpc.pb.h"
#include "keyturn/v1/migrations.grpc.pb.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/served_daemon.h"
#include "tests/support/status_matchers.h"

namespace keyturn::rpc {
namespace {

using testing::Call;
using testing::DetailsOf;
using ::testing::ElementsAre;

// HealthCheckRequest{service: NAME}.
std::string HealthOf(const std::shared_ptr<grpc::Channel>& channel,
                     const std::string& service) {
  std::string answer;
  const std::string request =
      "\x0a" + std::string(1, static_cast<char>(service.size())) + service;
  EXPECT_TRUE(
      testing::CallRaw(channel, "grpc.health.v1.Health/Check", request, &answer)
          .ok());
  // HealthCheckResponse{status: SERVING 1, NOT_SERVING 2}.
  return answer == std::string("\x08\x01") ? "SERVING" : "NOT_SERVING";
}

class SealTest : public ::testing::Test {
 protected:
  grpc::Status Seal() {
    return Call(&v1::Admin::Stub::Seal, admin_.get(), v1::SealRequest(),
                &vault_);
  }
  grpc::Status Unseal() {
    return Call(&v1::Admin::Stub::Unseal, admin_.get(), v1::UnsealRequest(),
                &vault_);
  }
  grpc::Status AddCredential(const std::string& name) {
    v1::CreateCredentialRequest request;
    v1::Credential credential;
    request.set_credential_id(name);
    request.set_request_id("request-" + name);
    request.mutable_secret()->mutable_celigo_token()->set_token("hunter2");
    const auto stub = v1::Credentials::NewStub(channel_);
    return Call(&v1::Credentials::Stub::CreateCredential, stub.get(), request,
                &credential);
  }
  // "Admin/Seal by ann: OK", what the trail has of sealing and unsealing.
  std::vector<std::string> Trail() {
    std::vector<std::string> lines;
    const auto rows = daemon_.store->ListAuditRows(0, 100).value();
    for (const store::AuditRow& row : rows) {
      if (row.target != "vault") continue;
      lines.push_back(row.action + " by " + row.actor + ": " + row.result +
                      (row.detail.empty() ? "" : " " + row.detail));
    }
    return lines;
  }

  testing::ServedDaemon daemon_;
  std::shared_ptr<grpc::Channel> channel_ =
      daemon_.Tls({access::Role::kAdministrator}, "ann");
  std::unique_ptr<v1::Admin::Stub> admin_ = v1::Admin::NewStub(channel_);
  v1::VaultStatus vault_;
};

TEST_F(SealTest, DropsTheKeysAndSaysWhatToDo) {
  ASSERT_TRUE(Seal().ok());

  EXPECT_TRUE(vault_.sealed());
  EXPECT_TRUE(daemon_.vault->sealed());
  const grpc::Status refused = AddCredential("acme");
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(DetailsOf(refused).reason, "SEALED");
  EXPECT_THAT(refused.error_message(),
              ::testing::HasSubstr("keyturn admin unseal"));
  ASSERT_TRUE(Seal().ok()) << "again is no error";

  ASSERT_TRUE(Unseal().ok());
  EXPECT_FALSE(vault_.sealed());
  EXPECT_EQ(daemon_.engine.unparked, 1);
  EXPECT_TRUE(AddCredential("acme").ok());
  ASSERT_TRUE(Unseal().ok()) << "again is no error";
}

TEST_F(SealTest, ServesWhatNeedsNoSecretAndHealthTellsWhich) {
  ASSERT_TRUE(AddCredential("acme").ok());
  ASSERT_TRUE(Seal().ok());

  const auto credentials = v1::Credentials::NewStub(channel_);
  v1::ListCredentialsResponse listed;
  EXPECT_TRUE(Call(&v1::Credentials::Stub::ListCredentials, credentials.get(),
                   v1::ListCredentialsRequest(), &listed)
                  .ok());
  EXPECT_EQ(listed.credentials_size(), 1);
  // A change without a secret, with a request id: see PlainFingerprintOf.
  v1::DeleteCredentialRequest remove;
  v1::DeleteCredentialResponse removed;
  remove.set_name("credentials/other");
  remove.set_request_id("remove-1");
  EXPECT_EQ(Call(&v1::Credentials::Stub::DeleteCredential, credentials.get(),
                 remove, &removed)
                .error_code(),
            grpc::StatusCode::NOT_FOUND);
  for (const char* service :
       {"keyturn.v1.Accounts", "keyturn.v1.Credentials", "keyturn.v1.Inventory",
        "keyturn.v1.Migrations", "keyturn.v1.Tasks"}) {
    EXPECT_EQ(HealthOf(channel_, service), "NOT_SERVING") << service;
  }
  for (const char* service : {"keyturn.v1.Access", "keyturn.v1.Admin", ""}) {
    EXPECT_EQ(HealthOf(channel_, service), "SERVING") << service;
  }
  ASSERT_TRUE(Unseal().ok());
  EXPECT_EQ(HealthOf(channel_, "keyturn.v1.Migrations"), "SERVING");
}

TEST_F(SealTest, IsTheAdministratorsAlone) {
  for (const access::Role role : access::kAllRoles) {
    if (role == access::Role::kAdministrator) continue;
    const auto stub = v1::Admin::NewStub(daemon_.Tls({role}, "bob"));
    EXPECT_EQ(
        Call(&v1::Admin::Stub::Seal, stub.get(), v1::SealRequest(), &vault_)
            .error_code(),
        grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(
        Call(&v1::Admin::Stub::Unseal, stub.get(), v1::UnsealRequest(), &vault_)
            .error_code(),
        grpc::StatusCode::PERMISSION_DENIED);
  }
  EXPECT_FALSE(daemon_.vault->sealed());
}

TEST_F(SealTest, AFailureIsCountedAndInTheTrailAndLeavesItSealed) {
  ASSERT_TRUE(Seal().ok());
  const std::string path = daemon_.directory_.Path("root.key");
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);

  const grpc::Status refused = Unseal();

  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(DetailsOf(refused).reason, "ROOT_KEY_PERMISSIONS");
  EXPECT_TRUE(daemon_.vault->sealed());
  EXPECT_EQ(daemon_.engine.unparked, 0);
  v1::ServerInfo info;
  ASSERT_TRUE(Call(&v1::Admin::Stub::GetServerInfo, admin_.get(),
                   v1::GetServerInfoRequest(), &info)
                  .ok());
  EXPECT_EQ(info.vault().failed_unseals(), 1);
  EXPECT_TRUE(info.vault().sealed());
  EXPECT_EQ(info.vault().root_key(), "key file " + path);
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  ASSERT_TRUE(Unseal().ok());
  EXPECT_EQ(vault_.failed_unseals(), 0);
  EXPECT_THAT(Trail(),
              ElementsAre("keyturn.v1.Admin/Seal by ann: OK",
                          "keyturn.v1.Admin/Unseal by ann: FAILED_PRECONDITION "
                          "ROOT_KEY_PERMISSIONS",
                          "keyturn.v1.Admin/Unseal by ann: OK"));
}

}  // namespace
}  // namespace keyturn::rpc
