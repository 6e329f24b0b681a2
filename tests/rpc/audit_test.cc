// The audit trail, from the wire down to the store.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "keyturn/v1/accounts.grpc.pb.h"
#include "keyturn/v1/audit.grpc.pb.h"
#include "keyturn/v1/credentials.grpc.pb.h"
#include "keyturn/v1/inventory.grpc.pb.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/served_daemon.h"
#include "tests/rpc/trail.h"
#include "tests/support/status_matchers.h"

namespace keyturn::rpc {
namespace {

using access::Role;
using testing::Call;
using testing::DetailsOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class AuditTest : public ::testing::Test {
 protected:
  grpc::Status CreateCredential(const std::string& id) {
    v1::CreateCredentialRequest request;
    request.set_credential_id(id);
    request.mutable_secret()->mutable_celigo_token()->set_token("tok-1");
    request.set_request_id("request-1");
    v1::Credential credential;
    const auto stub =
        v1::Credentials::NewStub(daemon_.Tls({Role::kAdministrator}, "ann"));
    return Call(&v1::Credentials::Stub::CreateCredential, stub.get(), request,
                &credential);
  }
  grpc::Status List(const v1::ListAuditEntriesRequest& request) {
    return Call(&v1::Audit::Stub::ListAuditEntries, audit_.get(), request,
                &listed_);
  }
  grpc::Status Verify(const v1::VerifyAuditRequest& request = {}) {
    return Call(&v1::Audit::Stub::VerifyAudit, audit_.get(), request,
                &verdict_);
  }
  // "actor action result", oldest first, of what was done.
  std::vector<std::string> Rows() {
    std::vector<std::string> rows;
    for (const store::AuditRow& row : testing::DeedsIn(*daemon_.store)) {
      rows.push_back(row.actor + " " +
                     row.action.substr(row.action.find('/') + 1) + " " +
                     row.result);
    }
    return rows;
  }

  testing::ServedDaemon daemon_;
  std::unique_ptr<v1::Audit::Stub> audit_ =
      v1::Audit::NewStub(daemon_.Tls({Role::kAuditor}, "aude"));
  v1::ListAuditEntriesResponse listed_;
  v1::VerifyAuditResponse verdict_;
};

TEST_F(AuditTest, TellsWhoDidWhatFromWhere) {
  ASSERT_TRUE(CreateCredential("acme").ok());
  v1::ListAuditEntriesRequest request;
  request.set_action("CreateCredential");
  ASSERT_TRUE(List(request).ok());
  ASSERT_THAT(listed_.audit_entries(), SizeIs(1));
  const v1::AuditEntry& entry = listed_.audit_entries(0);
  EXPECT_EQ(entry.actor(), "ann");
  EXPECT_EQ(entry.transport(), "tls");
  EXPECT_THAT(entry.certificate_subject(), HasSubstr("CN=ann"));
  EXPECT_NE(entry.certificate_serial(), "");
  EXPECT_THAT(entry.peer(), StartsWith("ipv4:127.0.0.1:"));
  EXPECT_EQ(entry.action(), "keyturn.v1.Credentials/CreateCredential");
  EXPECT_EQ(entry.target(), "credentials/acme");
  EXPECT_EQ(entry.request_id(), "request-1");
  EXPECT_THAT(entry.request_digest(), SizeIs(64));
  EXPECT_EQ(entry.result(), "OK");
  EXPECT_EQ(listed_.DebugString().find("tok-1"), std::string::npos);
}

TEST_F(AuditTest, IsTheAuditorsAlone) {
  for (const Role role : access::kAllRoles) {
    const auto stub = v1::Audit::NewStub(daemon_.Tls({role}, "somebody"));
    v1::ListAuditEntriesResponse entries;
    const grpc::Status status =
        Call(&v1::Audit::Stub::ListAuditEntries, stub.get(),
             v1::ListAuditEntriesRequest(), &entries);
    EXPECT_EQ(status.ok(), role == Role::kAuditor) << Name(role);
    EXPECT_EQ(entries.audit_entries_size() > 0, role == Role::kAuditor);
  }
}

// The engine is a fake one: see TestAccount there.
TEST_F(AuditTest, AUseOfSecretsEndsWithWhatWasOpenedAlsoWhenItFails) {
  const auto channel = daemon_.Tls({Role::kAdministrator}, "ann");
  const auto ends = [this](const char* rpc, const std::string& result) {
    std::vector<std::string> details;
    for (const store::AuditRow& row : testing::DeedsIn(*daemon_.store)) {
      if (row.action.ends_with(rpc) && row.result == result) {
        details.push_back(row.detail);
      }
    }
    return details;
  };
  const auto accounts = v1::Accounts::NewStub(channel);
  v1::TestAccountRequest test;
  v1::TestAccountResponse tested;
  test.set_name("accounts/acme");
  ASSERT_TRUE(
      Call(&v1::Accounts::Stub::TestAccount, accounts.get(), test, &tested)
          .ok());
  EXPECT_THAT(ends("/TestAccount", "INTENDED"), ElementsAre(""));
  EXPECT_THAT(ends("/TestAccount", "OK"),
              ElementsAre("opened credentials/acme-token version 2"));

  daemon_.engine.discovered = absl::UnavailableError("Celigo is down");
  const auto inventory = v1::Inventory::NewStub(channel);
  v1::DiscoverRequest discover;
  v1::DiscoverResponse found;
  discover.set_account("accounts/acme");
  EXPECT_FALSE(
      Call(&v1::Inventory::Stub::Discover, inventory.get(), discover, &found)
          .ok());
  EXPECT_THAT(
      ends("/Discover", "UNAVAILABLE"),
      ElementsAre("opened credentials/acme-token version 2; Celigo is down"));

  v1::TestCredentialRequest unused;
  v1::TestCredentialResponse response;
  unused.set_name("credentials/acme");
  ASSERT_TRUE(CreateCredential("acme").ok());
  const auto credentials = v1::Credentials::NewStub(channel);
  EXPECT_FALSE(Call(&v1::Credentials::Stub::TestCredential, credentials.get(),
                    unused, &response)
                   .ok());
  EXPECT_THAT(ends("/TestCredential", "FAILED_PRECONDITION"),
              ElementsAre(Not(HasSubstr("opened"))));
}

TEST_F(AuditTest, ReadingTheTrailIsItselfInTheTrailBeforeItIsAnswered) {
  ASSERT_TRUE(List({}).ok());
  EXPECT_EQ(listed_.audit_entries(0).actor(), "aude");
  EXPECT_EQ(listed_.audit_entries(0).action(),
            "keyturn.v1.Audit/ListAuditEntries");
  EXPECT_EQ(listed_.audit_entries(0).result(), "INTENDED");
  ASSERT_TRUE(Verify().ok());
  EXPECT_THAT(
      Rows(),
      ElementsAre("aude ListAuditEntries INTENDED", "aude ListAuditEntries OK",
                  "aude VerifyAudit INTENDED", "aude VerifyAudit OK"));
}

TEST_F(AuditTest, ListsInPagesNewestFirst) {
  for (const char* id : {"a", "b", "c"}) {
    v1::CreateCredentialRequest request;
    request.set_credential_id(id);
    request.mutable_secret()->mutable_celigo_token()->set_token("tok");
    v1::Credential credential;
    const auto stub =
        v1::Credentials::NewStub(daemon_.Tls({Role::kAdministrator}, "ann"));
    ASSERT_TRUE(Call(&v1::Credentials::Stub::CreateCredential, stub.get(),
                     request, &credential)
                    .ok());
  }
  v1::ListAuditEntriesRequest request;
  request.set_actor("ann");
  request.set_page_size(2);
  ASSERT_TRUE(List(request).ok());
  ASSERT_THAT(listed_.audit_entries(), SizeIs(2));
  EXPECT_EQ(listed_.audit_entries(0).target(), "credentials/c");
  request.set_page_token(listed_.next_page_token());
  ASSERT_TRUE(List(request).ok());
  ASSERT_THAT(listed_.audit_entries(), SizeIs(1));
  EXPECT_EQ(listed_.audit_entries(0).target(), "credentials/a");
  EXPECT_EQ(listed_.next_page_token(), "");
  request.set_actor("bob");
  EXPECT_EQ(DetailsOf(List(request)).field, "page_token");
}

TEST_F(AuditTest, TailsEachEntryOnceAndInOrder) {
  ASSERT_TRUE(CreateCredential("acme").ok());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       testing::kCallPatience);
  v1::TailAuditRequest request;
  const int64_t before = daemon_.store->LastAuditSequence().value();
  request.set_after_sequence(before);
  const auto stream = audit_->TailAudit(&context, request);
  v1::TailAuditResponse response;
  // Its own entry is the first.
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.audit_entry().sequence(), before + 1);
  EXPECT_EQ(response.audit_entry().action(), "keyturn.v1.Audit/TailAudit");
  for (int64_t sequence = before + 2; sequence < before + 8; sequence += 2) {
    EXPECT_TRUE(Verify().ok());
    for (int64_t i = 0; i < 2; ++i) {
      ASSERT_TRUE(stream->Read(&response));
      EXPECT_EQ(response.audit_entry().sequence(), sequence + i);
      EXPECT_EQ(response.audit_entry().action(),
                "keyturn.v1.Audit/VerifyAudit");
    }
  }
  context.TryCancel();
  stream->Finish();
}

TEST_F(AuditTest, TailsFromWhereTheReaderWas) {
  for (int i = 0; i < 300; ++i) {
    store::Batch batch;
    batch.audit = {testing::AuditOf("deed")};
    ASSERT_THAT(daemon_.store->CommitAndWait(std::move(batch)),
                testing::IsOk());
  }
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       testing::kCallPatience);
  v1::TailAuditRequest request;
  request.set_after_sequence(10);
  const auto stream = audit_->TailAudit(&context, request);
  v1::TailAuditResponse response;
  for (int64_t sequence = 11; sequence <= 300; ++sequence) {
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.audit_entry().sequence(), sequence);
  }
  context.TryCancel();
  stream->Finish();
}

TEST_F(AuditTest, ATailEndsWhenTheDaemonStops) {
  grpc::ClientContext context;
  v1::TailAuditRequest request;
  request.set_after_sequence(1);
  const auto stream = audit_->TailAudit(&context, request);
  ASSERT_TRUE(Verify().ok());
  v1::TailAuditResponse response;
  ASSERT_TRUE(stream->Read(&response));
  daemon_.server->Shutdown(absl::InfiniteFuture());
  while (stream->Read(&response)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(AuditTest, VerifiesAndComparesWithWhatTheCallerRemembers) {
  ASSERT_TRUE(CreateCredential("acme").ok());
  ASSERT_TRUE(Verify().ok());
  EXPECT_TRUE(verdict_.intact());
  EXPECT_EQ(verdict_.entries(), verdict_.last_sequence());
  EXPECT_THAT(verdict_.head(), SizeIs(64));
  v1::VerifyAuditRequest request;
  auto* expected = request.add_expected();
  expected->set_sequence(verdict_.last_sequence());
  expected->set_head(verdict_.head());
  ASSERT_TRUE(Verify(request).ok());
  EXPECT_TRUE(verdict_.intact());
  EXPECT_EQ(verdict_.checkpoints(), 1);
  expected->set_head(std::string(64, '0'));
  ASSERT_TRUE(Verify(request).ok());
  EXPECT_FALSE(verdict_.intact());
  EXPECT_EQ(verdict_.findings(0).kind(), v1::AuditFinding::OLD_COPY);
  expected->set_head("short");
  EXPECT_EQ(DetailsOf(Verify(request)).field, "expected[0].head");
}

TEST_F(AuditTest, TellsOfCallsThatWereRefusedButNotOfEach) {
  const auto stub =
      v1::Audit::NewStub(daemon_.Tls({Role::kOperator}, "mallory"));
  for (int i = 0; i < 50; ++i) {
    v1::VerifyAuditResponse verdict;
    EXPECT_EQ(Call(&v1::Audit::Stub::VerifyAudit, stub.get(),
                   v1::VerifyAuditRequest(), &verdict)
                  .error_code(),
              grpc::StatusCode::PERMISSION_DENIED);
  }
  // A change of the store comes after all that was asked of it before.
  ASSERT_TRUE(CreateCredential("acme").ok());
  EXPECT_THAT(Rows(), ElementsAre("mallory VerifyAudit PERMISSION_DENIED",
                                  "ann CreateCredential OK"));
  EXPECT_THAT(testing::DeedsIn(*daemon_.store).front().serial,
              ::testing::Not(IsEmpty()));
}

TEST_F(AuditTest, EveryUseOfASecretForAQuestionIsToldBeforeAndAfter) {
  const auto channel = daemon_.Tls({Role::kOperator}, "olga");
  std::vector<std::string> before_the_answer;
  daemon_.engine.test = [&](const std::string&) {
    before_the_answer = Rows();
    return engine::Findings{true, {"works"}};
  };
  v1::TestAccountRequest request;
  request.set_name("accounts/acme");
  v1::TestAccountResponse response;
  const auto accounts = v1::Accounts::NewStub(channel);
  ASSERT_TRUE(
      Call(&v1::Accounts::Stub::TestAccount, accounts.get(), request, &response)
          .ok());
  EXPECT_THAT(before_the_answer, ElementsAre("olga TestAccount INTENDED"));
  v1::DiscoverRequest discover;
  discover.set_account("acme");
  v1::DiscoverResponse discovered;
  const auto inventory = v1::Inventory::NewStub(channel);
  ASSERT_TRUE(Call(&v1::Inventory::Stub::Discover, inventory.get(), discover,
                   &discovered)
                  .ok());
  EXPECT_THAT(Rows(),
              ElementsAre("olga TestAccount INTENDED", "olga TestAccount OK",
                          "olga Discover INTENDED", "olga Discover OK"));
}

}  // namespace
}  // namespace keyturn::rpc
