// Accounts and credentials, from the wire down to the store: the services, and
// engine::Registry behind them.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "keyturn/v1/accounts.grpc.pb.h"
#include "keyturn/v1/credentials.grpc.pb.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/served_daemon.h"
#include "tests/rpc/trail.h"
#include "tests/support/status_matchers.h"

namespace keyturn::rpc {
namespace {

using Accounts = v1::Accounts::Stub;
using Credentials = v1::Credentials::Stub;
using testing::Call;
using testing::DetailsOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::Not;

class RegistryTest : public ::testing::Test {
 protected:
  grpc::Status CreateCredential(const std::string& id, const std::string& token,
                                const std::string& request_id = "") {
    v1::CreateCredentialRequest request;
    request.set_credential_id(id);
    request.mutable_secret()->mutable_celigo_token()->set_token(token);
    request.set_request_id(request_id);
    return Call(&Credentials::CreateCredential, credentials_.get(), request,
                &credential_);
  }
  grpc::Status CreateTba(const std::string& id) {
    v1::CreateCredentialRequest request;
    request.set_credential_id(id);
    auto* tba = request.mutable_secret()->mutable_netsuite_tba();
    tba->set_consumer_key("ck");
    tba->set_consumer_secret("cs");
    tba->set_token_id("ti");
    tba->set_token_secret("ts");
    return Call(&Credentials::CreateCredential, credentials_.get(), request,
                &credential_);
  }
  grpc::Status Rotate(const std::string& name, const std::string& token,
                      const std::string& request_id = "") {
    v1::RotateCredentialRequest request;
    request.set_name(name);
    request.mutable_secret()->mutable_celigo_token()->set_token(token);
    request.set_request_id(request_id);
    return Call(&Credentials::RotateCredential, credentials_.get(), request,
                &credential_);
  }
  grpc::Status DeleteCredential(const std::string& name) {
    v1::DeleteCredentialRequest request;
    v1::DeleteCredentialResponse response;
    request.set_name(name);
    return Call(&Credentials::DeleteCredential, credentials_.get(), request,
                &response);
  }
  v1::CreateAccountRequest CeligoRequest(const std::string& id,
                                         const std::string& base_url = "") {
    v1::CreateAccountRequest request;
    request.set_account_id(id);
    request.mutable_account()->mutable_celigo()->set_base_url(base_url);
    request.mutable_account()->set_credential("acme-token");
    return request;
  }
  grpc::Status Create(const v1::CreateAccountRequest& request) {
    return Call(&Accounts::CreateAccount, accounts_.get(), request, &account_);
  }
  grpc::Status DeleteAccount(const std::string& name) {
    v1::DeleteAccountRequest request;
    v1::DeleteAccountResponse response;
    request.set_name(name);
    return Call(&Accounts::DeleteAccount, accounts_.get(), request, &response);
  }
  std::string TokenOf(const std::string& name) {
    vault::Openings openings;
    return std::string(daemon_.vault
                           ->OpenAs<vault::CeligoToken>(
                               name, store::VersionLabel::kCurrent, openings)
                           ->token.Expose());
  }
  std::vector<std::string> AuditedActions() {
    std::vector<std::string> actions;
    for (const store::AuditRow& row : testing::DeedsIn(*daemon_.store)) {
      EXPECT_EQ(row.actor, "ann");
      EXPECT_EQ(row.transport, "tls");
      EXPECT_EQ(row.result, "OK");
      actions.push_back(row.action + " " + row.target);
    }
    return actions;
  }

  testing::ServedDaemon daemon_;
  std::shared_ptr<grpc::Channel> channel_ =
      daemon_.Tls({access::Role::kAdministrator}, "ann");
  std::unique_ptr<Accounts> accounts_ = v1::Accounts::NewStub(channel_);
  std::unique_ptr<Credentials> credentials_ =
      v1::Credentials::NewStub(channel_);
  v1::Account account_;
  v1::Credential credential_;
};

TEST_F(RegistryTest, ACredentialIsSealedAndDescribed) {
  ASSERT_TRUE(CreateCredential("acme-token", "tok-1").ok());

  EXPECT_EQ(credential_.name(), "credentials/acme-token");
  EXPECT_EQ(credential_.kind(), v1::Credential::CELIGO_TOKEN);
  ASSERT_EQ(credential_.versions_size(), 1);
  EXPECT_EQ(credential_.versions(0).label(), v1::Credential::Version::CURRENT);
  EXPECT_EQ(credential_.versions(0).creator(), "ann");
  EXPECT_THAT(credential_.SerializeAsString(), Not(HasSubstr("tok-1")));
  EXPECT_EQ(TokenOf("acme-token"), "tok-1");
  EXPECT_THAT(AuditedActions(),
              ElementsAre("keyturn.v1.Credentials/CreateCredential "
                          "credentials/acme-token"));
}

TEST_F(RegistryTest, ANameIsGivenOnce) {
  ASSERT_TRUE(CreateCredential("acme-token", "tok-1").ok());

  const grpc::Status status = CreateCredential("acme-token", "tok-2");

  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(DetailsOf(status).reason, "CREDENTIAL_EXISTS");
  EXPECT_EQ(DetailsOf(status).resource_type, "keyturn/Credential");
  EXPECT_EQ(TokenOf("acme-token"), "tok-1");
}

TEST_F(RegistryTest, TheSameRequestGetsTheSameAnswerAndHasNoSecondEffect) {
  ASSERT_TRUE(CreateCredential("acme-token", "tok-1", "request-1").ok());
  const std::string first = credential_.SerializeAsString();
  ASSERT_TRUE(Rotate("acme-token", "tok-2", "request-2").ok());
  const std::string second = credential_.SerializeAsString();
  ASSERT_TRUE(Rotate("acme-token", "tok-3").ok());

  ASSERT_TRUE(CreateCredential("acme-token", "tok-1", "request-1").ok());
  EXPECT_EQ(credential_.SerializeAsString(), first);
  ASSERT_TRUE(Rotate("acme-token", "tok-2", "request-2").ok());
  EXPECT_EQ(credential_.SerializeAsString(), second);
  EXPECT_EQ(TokenOf("acme-token"), "tok-3");
}

TEST_F(RegistryTest, TheSameIdWithAnotherSecretIsAnotherRequest) {
  ASSERT_TRUE(CreateCredential("acme-token", "tok-1", "request-1").ok());

  const grpc::Status status =
      CreateCredential("acme-token", "tok-2", "request-1");

  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(DetailsOf(status).reason, "REQUEST_ID_REUSED");
}

TEST_F(RegistryTest, RotatingMakesTheNewVersionCurrentAndTheOldOnePrevious) {
  ASSERT_TRUE(CreateCredential("acme-token", "tok-1").ok());
  ASSERT_TRUE(Create(CeligoRequest("acme")).ok());
  daemon_.forgotten.clear();

  ASSERT_TRUE(Rotate("credentials/acme-token", "tok-2").ok());

  ASSERT_EQ(credential_.versions_size(), 2);
  EXPECT_EQ(credential_.versions(0).label(), v1::Credential::Version::PREVIOUS);
  EXPECT_EQ(credential_.versions(1).label(), v1::Credential::Version::CURRENT);
  EXPECT_EQ(TokenOf("acme-token"), "tok-2");
  EXPECT_THAT(daemon_.forgotten, ElementsAre("acme"));
  v1::GetCredentialRequest get;
  v1::Credential stored;
  get.set_name("acme-token");
  ASSERT_TRUE(
      Call(&Credentials::GetCredential, credentials_.get(), get, &stored).ok());
  EXPECT_EQ(stored.SerializeAsString(), credential_.SerializeAsString());
}

TEST_F(RegistryTest, RotatingKeepsTheKind) {
  ASSERT_TRUE(CreateTba("acme-tba").ok());

  const grpc::Status status = Rotate("acme-tba", "tok");

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(DetailsOf(status).reason, "CREDENTIAL_KIND");
  EXPECT_EQ(DetailsOf(Rotate("nobody", "tok")).reason, "CREDENTIAL_NOT_FOUND");
}

TEST_F(RegistryTest, ACredentialInUseIsNotDeleted) {
  ASSERT_TRUE(CreateCredential("acme-token", "tok-1").ok());
  ASSERT_TRUE(Create(CeligoRequest("acme")).ok());

  const grpc::Status status = DeleteCredential("acme-token");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(DetailsOf(status).reason, "CREDENTIAL_IN_USE");

  ASSERT_TRUE(DeleteAccount("acme").ok());
  EXPECT_THAT(daemon_.forgotten, ElementsAre("acme", "acme"));
  EXPECT_TRUE(DeleteCredential("acme-token").ok());
  EXPECT_EQ(DetailsOf(DeleteCredential("acme-token")).reason,
            "CREDENTIAL_NOT_FOUND");
}

TEST_F(RegistryTest, AnAccountInUseIsNotDeleted) {
  ASSERT_TRUE(CreateCredential("acme-token", "tok-1").ok());
  ASSERT_TRUE(Create(CeligoRequest("acme")).ok());
  migration::Migration migration = testing::SmallMigration("aaaaaaaaaaaaaaa2");
  migration.spec.celigo.account = "acme";
  ASSERT_THAT(daemon_.store->CommitAndWait(testing::NewBatch(migration)),
              IsOk());

  const grpc::Status status = DeleteAccount("acme");

  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(DetailsOf(status).reason, "ACCOUNT_IN_USE");
}

TEST_F(RegistryTest, AnAccountIsKeptAsItWasDescribed) {
  ASSERT_TRUE(CreateCredential("acme-token", "tok-1").ok());
  v1::CreateAccountRequest request =
      CeligoRequest("acme", "https://Allowed.example:8443/");
  request.mutable_account()->set_ca_pem(daemon_.ca.certificate_pem);
  request.set_request_id("request-1");

  ASSERT_TRUE(Create(request).ok());

  EXPECT_EQ(account_.name(), "accounts/acme");
  EXPECT_EQ(account_.celigo().base_url(), "https://allowed.example:8443");
  EXPECT_EQ(account_.credential(), "credentials/acme-token");
  EXPECT_EQ(account_.ca_pem(), daemon_.ca.certificate_pem);
  EXPECT_TRUE(account_.has_create_time());
  const std::string first = account_.SerializeAsString();
  ASSERT_TRUE(Create(request).ok());
  EXPECT_EQ(account_.SerializeAsString(), first);
  v1::GetAccountRequest get;
  get.set_name("accounts/acme");
  ASSERT_TRUE(
      Call(&Accounts::GetAccount, accounts_.get(), get, &account_).ok());
  EXPECT_EQ(account_.SerializeAsString(), first);
}

TEST_F(RegistryTest, AnAddressThatIsNotAllowedIsRefused) {
  ASSERT_TRUE(CreateCredential("acme-token", "tok-1").ok());

  const grpc::Status elsewhere =
      Create(CeligoRequest("acme", "https://elsewhere.example"));
  EXPECT_EQ(elsewhere.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(DetailsOf(elsewhere).reason, "HOST_NOT_ALLOWED");
  // The vendor's own address counts too: only its US region is allowed here.
  v1::CreateAccountRequest region = CeligoRequest("acme");
  region.mutable_account()->mutable_celigo()->set_region(v1::CeligoAccount::EU);
  EXPECT_EQ(DetailsOf(Create(region)).reason, "HOST_NOT_ALLOWED");
  v1::CreateAccountRequest netsuite;
  netsuite.set_account_id("acme-ns");
  netsuite.mutable_account()->mutable_netsuite()->set_account_id("1234567_SB1");
  EXPECT_EQ(DetailsOf(Create(netsuite)).reason, "HOST_NOT_ALLOWED");
}

TEST_F(RegistryTest, AnAddressOfTheWrongFormIsRefused) {
  ASSERT_TRUE(CreateCredential("acme-token", "tok-1").ok());
  for (const char* url :
       {"http://allowed.example", "https://allowed.example/path",
        "https://user@allowed.example", "allowed.example", "https://"}) {
    EXPECT_EQ(DetailsOf(Create(CeligoRequest("acme", url))).field,
              "account.celigo.base_url")
        << url;
  }
  v1::CreateAccountRequest netsuite;
  netsuite.set_account_id("acme-ns");
  netsuite.mutable_account()->mutable_netsuite()->set_account_id("12 34");
  EXPECT_EQ(DetailsOf(Create(netsuite)).field, "account.netsuite.account_id");
}

TEST_F(RegistryTest, AnAccountTakesOnlyACredentialThatItCanLogInWith) {
  ASSERT_TRUE(CreateTba("acme-tba").ok());
  v1::CreateAccountRequest celigo = CeligoRequest("acme");
  EXPECT_EQ(DetailsOf(Create(celigo)).reason, "CREDENTIAL_NOT_FOUND");
  celigo.mutable_account()->set_credential("acme-tba");
  const grpc::Status status = Create(celigo);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(DetailsOf(status).reason, "CREDENTIAL_KIND");

  v1::CreateAccountRequest netsuite;
  netsuite.set_account_id("acme-ns");
  netsuite.mutable_account()->mutable_netsuite()->set_account_id("1234567_SB1");
  netsuite.mutable_account()->mutable_netsuite()->set_base_url(
      "https://allowed.example");
  EXPECT_TRUE(Create(netsuite).ok()) << "a NetSuite account may have none";
  netsuite.set_account_id("acme-ns-2");
  netsuite.mutable_account()->set_credential("acme-tba");
  EXPECT_TRUE(Create(netsuite).ok());
  EXPECT_EQ(DetailsOf(Create(netsuite)).reason, "ACCOUNT_EXISTS");
}

TEST_F(RegistryTest, ARefusedCallLeavesNothingBehind) {
  EXPECT_FALSE(Create(CeligoRequest("acme")).ok());
  EXPECT_FALSE(CreateCredential("Bad Name", "tok").ok());
  EXPECT_FALSE(CreateCredential("acme-token", "tok with blanks").ok());

  EXPECT_THAT(daemon_.store->ListAccounts({})->items, IsEmpty());
  EXPECT_THAT(daemon_.store->ListCredentials({})->items, IsEmpty());
  for (const store::AuditRow& row : testing::DeedsIn(*daemon_.store)) {
    EXPECT_NE(row.result, "OK") << row.action;
  }
}

TEST_F(RegistryTest, ListsComeInTheOrderOfTheNames) {
  for (const char* name : {"b", "c", "a"}) {
    ASSERT_TRUE(CreateCredential(name, "tok").ok());
  }
  v1::ListCredentialsRequest request;
  v1::ListCredentialsResponse page;
  request.set_page_size(2);
  ASSERT_TRUE(
      Call(&Credentials::ListCredentials, credentials_.get(), request, &page)
          .ok());
  ASSERT_EQ(page.credentials_size(), 2);
  EXPECT_EQ(page.credentials(0).name(), "credentials/a");
  request.set_page_token(page.next_page_token());
  ASSERT_TRUE(
      Call(&Credentials::ListCredentials, credentials_.get(), request, &page)
          .ok());
  ASSERT_EQ(page.credentials_size(), 1);
  EXPECT_EQ(page.credentials(0).name(), "credentials/c");
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(RegistryTest, ACredentialIsTestedWithTheAccountsThatUseIt) {
  ASSERT_TRUE(CreateCredential("acme-token", "tok").ok());
  v1::TestCredentialRequest request;
  v1::TestCredentialResponse response;
  const auto test = [&](const std::string& name) {
    request.set_name(name);
    return Call(&Credentials::TestCredential, credentials_.get(), request,
                &response);
  };
  EXPECT_EQ(DetailsOf(test("acme-token")).reason, "CREDENTIAL_UNUSED");
  EXPECT_EQ(DetailsOf(test("nobody")).reason, "CREDENTIAL_NOT_FOUND");
  ASSERT_TRUE(Create(CeligoRequest("one")).ok());
  ASSERT_TRUE(Create(CeligoRequest("two")).ok());

  ASSERT_TRUE(test("acme-token").ok());
  EXPECT_TRUE(response.accepted());
  EXPECT_THAT(response.findings(),
              ElementsAre("account one: works", "account two: works"));
}

TEST_F(RegistryTest, ARefusedCredentialIsNotTriedWithTheNextAccount) {
  ASSERT_TRUE(CreateCredential("acme-token", "tok").ok());
  ASSERT_TRUE(Create(CeligoRequest("one")).ok());
  ASSERT_TRUE(Create(CeligoRequest("two")).ok());
  int tests = 0;
  daemon_.engine.test = [&tests](const std::string&) {
    ++tests;
    return engine::Findings{false, {"refused"}};
  };
  v1::TestCredentialRequest request;
  v1::TestCredentialResponse response;
  request.set_name("acme-token");

  ASSERT_TRUE(
      Call(&Credentials::TestCredential, credentials_.get(), request, &response)
          .ok());

  EXPECT_FALSE(response.accepted());
  EXPECT_THAT(response.findings(), ElementsAre("account one: refused"));
  EXPECT_EQ(tests, 1);
}

TEST_F(RegistryTest, AnAccountIsTestedByTheEngine) {
  v1::TestAccountRequest request;
  v1::TestAccountResponse response;
  request.set_name("accounts/acme");
  ASSERT_TRUE(
      Call(&Accounts::TestAccount, accounts_.get(), request, &response).ok());
  EXPECT_TRUE(response.accepted());
  EXPECT_THAT(response.findings(), ElementsAre("works"));
}

}  // namespace
}  // namespace keyturn::rpc
