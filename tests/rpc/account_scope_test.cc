// An automation that is limited to some accounts: it works on what is between
// them, and learns nothing of anything else.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "daemon/access/policy.h"
#include "keyturn/v1/access.grpc.pb.h"
#include "keyturn/v1/accounts.grpc.pb.h"
#include "keyturn/v1/inventory.grpc.pb.h"
#include "keyturn/v1/migrations.grpc.pb.h"
#include "keyturn/v1/tasks.grpc.pb.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/served_daemon.h"
#include "tests/support/certificate_request.h"
#include "tests/support/status_matchers.h"

namespace keyturn::rpc {
namespace {

using access::AccountScope;
using access::Role;
using access::Roles;
using testing::Call;
using testing::CallRaw;
using testing::DetailsOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::Not;

using Channel = std::shared_ptr<grpc::Channel>;

constexpr char kOwn[] = "own2migration222";
constexpr char kForeign[] = "foreignmigration";
// Between an account of the caller's and another.
constexpr char kHalf[] = "halfmigration222";
constexpr char kAbsent[] = "absentmigration2";
constexpr char kOwnTask[] = "own2task22222222";
constexpr char kForeignTask[] = "foreigntask22222";
constexpr char kAbsentTask[] = "absenttask222222";

class AccountScopeTest : public ::testing::Test {
 protected:
  AccountScopeTest() {
    store::Batch batch;
    for (const char* name : {"acme", "acme-ns", "other", "other-ns"}) {
      store::Account account = testing::FullAccount();
      account.name = name;
      account.credential = "";
      batch.accounts.push_back(store::CreateAccount{account});
    }
    EXPECT_THAT(daemon_.store->CommitAndWait(std::move(batch)).status(),
                IsOk());
    Add(kOwn, "acme", "acme-ns", kOwnTask);
    Add(kForeign, "other", "other-ns", kForeignTask);
    Add(kHalf, "acme", "other-ns", "halftask22222222");
  }

  // A migration with an open task and one event.
  void Add(const std::string& id, const std::string& celigo,
           const std::string& netsuite, const std::string& task = "") {
    migration::Migration migration = testing::SmallMigration(id, ++created_);
    migration.spec.celigo.account = celigo;
    migration.spec.netsuite.account = netsuite;
    store::Batch batch = testing::NewBatch(migration);
    if (!task.empty()) {
      batch.opened_tasks.push_back(testing::TaskOf(id, task, created_));
    }
    EXPECT_THAT(daemon_.store->CommitAndWait(std::move(batch)).status(),
                IsOk());
  }

  template <typename Stub, typename Request, typename Response>
  grpc::Status Ask(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                const Request&, Response*),
                   const Request& request, Response* response) {
    Stub stub(channel_);
    return Call(method, &stub, request, response);
  }

  // Both calls, whose requests differ in the name alone, are answered alike.
  void ExpectAlike(const grpc::Status& hidden, const std::string& hidden_name,
                   const grpc::Status& absent, const std::string& absent_name) {
    EXPECT_EQ(hidden.error_code(), grpc::StatusCode::NOT_FOUND);
    EXPECT_EQ(hidden.error_code(), absent.error_code());
    const auto renamed = [&](const std::string& text) {
      return absl::StrReplaceAll(text, {{hidden_name, absent_name}});
    };
    EXPECT_EQ(renamed(hidden.error_message()), absent.error_message());
    EXPECT_EQ(renamed(hidden.error_details()), absent.error_details());
  }

  template <typename Stub, typename Request, typename Response>
  void ExpectHidden(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                 const Request&, Response*),
                    const std::string& hidden, const std::string& absent) {
    Response response;
    Request request;
    const auto ask = [&](const std::string& name) {
      if constexpr (requires { request.set_name(name); }) {
        request.set_name(name);
      } else if constexpr (requires { request.set_parent(name); }) {
        request.set_parent(name);
      } else if constexpr (requires { request.set_migration(name); }) {
        request.set_migration(name);
      } else {
        request.set_account(name);
      }
      return Ask(method, request, &response);
    };
    const grpc::Status status = ask(hidden);
    ExpectAlike(status, hidden, ask(absent), absent);
  }

  // The names on all pages of a list; no page token tells of what is hidden.
  template <typename Stub, typename Request, typename Response, typename NameOf>
  std::vector<std::string> Pages(
      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                   Response*),
      Request request, NameOf name_of) {
    std::vector<std::string> names;
    request.set_page_size(1);
    do {
      Response response;
      EXPECT_TRUE(Ask(method, request, &response).ok());
      name_of(response, names);
      request.set_page_token(response.next_page_token());
      std::string token;
      EXPECT_TRUE(
          absl::WebSafeBase64Unescape(response.next_page_token(), &token));
      for (const char* hidden : {kForeign, kHalf, kForeignTask, "other"}) {
        EXPECT_THAT(token, Not(HasSubstr(hidden)));
      }
    } while (!request.page_token().empty());
    return names;
  }

  testing::ServedDaemon daemon_;
  int created_ = 0;
  const Channel channel_ =
      daemon_.Limited("ci", AccountScope::Only({"acme", "acme-ns"}));
};

// Who adds to this list hides, and tests below, what lies outside.
TEST_F(AccountScopeTest, EveryCallThatAnAutomationMayMakeIsTriedHere) {
  std::set<std::string> may;
  for (const std::string& rpc : ServedRpcs()) {
    if (access::RolesFor(rpc).Has(Role::kAutomation)) may.insert(rpc);
  }
  const std::set<std::string> of_itself = {
      "grpc.health.v1.Health/Check",
      "grpc.health.v1.Health/Watch",
      "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
      "keyturn.v1.Access/Enroll",
      "keyturn.v1.Access/RenewCertificate",
      "keyturn.v1.Access/WhoAmI",
  };
  const std::set<std::string> tried = {
      "keyturn.v1.Accounts/GetAccount",
      "keyturn.v1.Accounts/ListAccounts",
      "keyturn.v1.Inventory/Discover",
      "keyturn.v1.Migrations/CreateMigration",
      "keyturn.v1.Migrations/GetMigration",
      "keyturn.v1.Migrations/ListEvents",
      "keyturn.v1.Migrations/ListMigrations",
      "keyturn.v1.Migrations/StartMigration",
      "keyturn.v1.Migrations/WatchMigrations",
      "keyturn.v1.Tasks/GetTask",
      "keyturn.v1.Tasks/ListTasks",
  };
  std::set<std::string> all = of_itself;
  all.insert(tried.begin(), tried.end());
  EXPECT_EQ(may, all);
}

TEST_F(AccountScopeTest, MigrationsOutsideAreNotThere) {
  v1::GetMigrationRequest request;
  v1::Migration response;
  request.set_name(kOwn);
  EXPECT_TRUE(
      Ask(&v1::Migrations::Stub::GetMigration, request, &response).ok());
  for (const char* hidden : {kForeign, kHalf}) {
    ExpectHidden(&v1::Migrations::Stub::GetMigration, hidden, kAbsent);
    ExpectHidden(&v1::Migrations::Stub::ListEvents, hidden, kAbsent);
    ExpectHidden(&v1::Migrations::Stub::StartMigration, hidden, kAbsent);
    ExpectHidden(&v1::Tasks::Stub::ListTasks, hidden, kAbsent);
  }
  EXPECT_FALSE(daemon_.engine.commanded.has_value());
}

TEST_F(AccountScopeTest, ItStartsItsOwn) {
  daemon_.engine.migration = testing::SmallMigration(kOwn);
  v1::StartMigrationRequest request;
  v1::Migration response;
  request.set_name(kOwn);
  EXPECT_TRUE(
      Ask(&v1::Migrations::Stub::StartMigration, request, &response).ok());
  ASSERT_TRUE(daemon_.engine.commanded.has_value());
  EXPECT_EQ(daemon_.engine.commanded->migration_id, kOwn);
}

TEST_F(AccountScopeTest, TheEngineIsToldWhatANewOneMayName) {
  daemon_.engine.migration = testing::SmallMigration(kOwn);
  v1::CreateMigrationRequest request;
  v1::Migration response;
  v1::Spec& spec = *request.mutable_spec();
  spec.set_recipe("jira");
  spec.mutable_celigo()->set_account("acme");
  spec.mutable_celigo()->set_connection("0123456789abcdef01234567");
  spec.mutable_netsuite()->set_account("acme-ns");
  spec.mutable_netsuite()->set_user("jira.integration@example.com");
  spec.mutable_role()->set_name("CeligoJiraTBA");
  ASSERT_TRUE(
      Ask(&v1::Migrations::Stub::CreateMigration, request, &response).ok());
  EXPECT_EQ(daemon_.engine.created->accounts,
            (std::set<std::string>{"acme", "acme-ns"}));

  v1::Migrations::Stub unlimited(daemon_.Tls({Role::kAutomation}, "free"));
  ASSERT_TRUE(Call(&v1::Migrations::Stub::CreateMigration, &unlimited, request,
                   &response)
                  .ok());
  EXPECT_FALSE(daemon_.engine.created->accounts.has_value());
}

TEST_F(AccountScopeTest, ListsLeaveOutWhatLiesOutsideAndPagesGoOn) {
  for (int i = 0; i < 3; ++i) {
    Add(absl::StrCat("foreign", i), "other", "other-ns");
    Add(absl::StrCat("own", i), "acme", "acme-ns");
  }
  Add("foreignlast", "other", "other-ns");

  EXPECT_THAT(
      Pages(&v1::Migrations::Stub::ListMigrations, v1::ListMigrationsRequest(),
            [](const v1::ListMigrationsResponse& page, auto& names) {
              for (const v1::Migration& migration : page.migrations()) {
                names.push_back(migration.name());
              }
            }),
      ElementsAre("migrations/own2", "migrations/own1", "migrations/own0",
                  absl::StrCat("migrations/", kOwn)));
  v1::ListEventsRequest events;
  events.set_parent("migrations/-");
  EXPECT_THAT(Pages(&v1::Migrations::Stub::ListEvents, events,
                    [](const v1::ListEventsResponse& page, auto& names) {
                      for (const v1::Event& event : page.events()) {
                        names.push_back(event.migration());
                      }
                    }),
              ElementsAre(absl::StrCat("migrations/", kOwn), "migrations/own0",
                          "migrations/own1", "migrations/own2"));
  EXPECT_THAT(Pages(&v1::Tasks::Stub::ListTasks, v1::ListTasksRequest(),
                    [](const v1::ListTasksResponse& page, auto& names) {
                      for (const v1::Task& task : page.tasks()) {
                        names.push_back(task.name());
                      }
                    }),
              ElementsAre(absl::StrCat("tasks/", kOwnTask)));
  EXPECT_THAT(
      Pages(&v1::Accounts::Stub::ListAccounts, v1::ListAccountsRequest(),
            [](const v1::ListAccountsResponse& page, auto& names) {
              for (const v1::Account& account : page.accounts()) {
                names.push_back(account.name());
              }
            }),
      ElementsAre("accounts/acme", "accounts/acme-ns"));
}

TEST_F(AccountScopeTest, TasksAndAccountsOutsideAreNotThere) {
  v1::GetTaskRequest task;
  v1::Task answer;
  task.set_name(kOwnTask);
  EXPECT_TRUE(Ask(&v1::Tasks::Stub::GetTask, task, &answer).ok());
  ExpectHidden(&v1::Tasks::Stub::GetTask, kForeignTask, kAbsentTask);

  v1::GetAccountRequest account;
  v1::Account found;
  account.set_name("acme");
  EXPECT_TRUE(Ask(&v1::Accounts::Stub::GetAccount, account, &found).ok());
  ExpectHidden(&v1::Accounts::Stub::GetAccount, "other", "zzzzz");
}

TEST_F(AccountScopeTest, OnlyItsOwnAccountsAreDiscovered) {
  ExpectHidden(&v1::Inventory::Stub::Discover, "other", "zzzzz");
  EXPECT_EQ(daemon_.engine.discovered_account, "");

  v1::DiscoverRequest request;
  v1::DiscoverResponse response;
  request.set_account("acme");
  EXPECT_TRUE(Ask(&v1::Inventory::Stub::Discover, request, &response).ok());
  EXPECT_EQ(daemon_.engine.discovered_account, "acme");
}

TEST_F(AccountScopeTest, AWatchTellsOnlyOfItsOwn) {
  v1::Migrations::Stub stub(channel_);
  const auto end_of = [&](const std::string& name) {
    grpc::ClientContext context;
    v1::WatchMigrationsRequest request;
    request.set_name(name);
    const auto watch = stub.WatchMigrations(&context, request);
    v1::WatchMigrationsResponse response;
    EXPECT_FALSE(watch->Read(&response));
    return watch->Finish();
  };
  const grpc::Status hidden = end_of(kForeign);
  ExpectAlike(hidden, kForeign, end_of(kAbsent), kAbsent);

  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       testing::kCallPatience);
  v1::WatchMigrationsRequest request;
  request.set_name("migrations/-");
  const auto watch = stub.WatchMigrations(&context, request);
  v1::WatchMigrationsResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.event().migration(), absl::StrCat("migrations/", kOwn));
  const int64_t own = response.event().sequence();
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.bookmark().sequence(), own)
      << "nothing of what came after it";

  Add("foreignlater", "other", "other-ns");
  Add("ownlater", "acme", "acme-ns");
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.event().migration(), "migrations/ownlater");
  context.TryCancel();
  while (watch->Read(&response)) {
  }
  watch->Finish();

  grpc::ClientContext beyond;
  request.set_after_sequence(1'000'000);
  const auto refused = stub.WatchMigrations(&beyond, request);
  EXPECT_FALSE(refused->Read(&response));
  EXPECT_EQ(refused->Finish().error_message(),
            "after_sequence: lies beyond the newest event");
}

TEST_F(AccountScopeTest, NoOtherRoleCountsForOneWhoIsLimited) {
  const Channel both =
      daemon_.Limited("both", AccountScope::Only({"acme"}),
                      {Role::kAdministrator, Role::kAutomation});
  EXPECT_EQ(CallRaw(both, "keyturn.v1.Migrations/PauseMigration").error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(CallRaw(both, "keyturn.v1.Access/ListIdentities").error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(CallRaw(both, "keyturn.v1.Migrations/ListMigrations").ok());
}

// As of roles: what is limited by the certificate or by the store is limited.
TEST_F(AccountScopeTest, NeitherARowNorACertificateAloneWidensIt) {
  struct Case {
    AccountScope in_certificate;
    std::vector<std::string> in_store;
    std::vector<std::string> seen;
  };
  const std::vector<Case> cases = {
      {AccountScope::Only({"acme", "other"}), {"acme"}, {"accounts/acme"}},
      {AccountScope::Only({"acme"}), {"acme", "other"}, {"accounts/acme"}},
      {AccountScope::Only({"acme"}), {}, {"accounts/acme"}},
      {AccountScope(), {"acme"}, {"accounts/acme"}},
  };
  v1::WhoAmIResponse who;
  for (const Case& one : cases) {
    const Channel channel = daemon_.Limited("eve", one.in_certificate,
                                            {Role::kAutomation}, one.in_store);
    v1::Access::Stub stub(channel);
    ASSERT_TRUE(
        Call(&v1::Access::Stub::WhoAmI, &stub, v1::WhoAmIRequest(), &who).ok());
    EXPECT_THAT(who.accounts(), ::testing::ElementsAreArray(one.seen));
  }
  const grpc::Status contradiction = CallRaw(
      daemon_.Limited("eve", AccountScope::Only({"acme"}), {Role::kAutomation},
                      std::vector<std::string>{"other"}),
      "keyturn.v1.Access/WhoAmI");
  EXPECT_EQ(DetailsOf(contradiction).reason, "CERTIFICATE_UNKNOWN");
}

TEST_F(AccountScopeTest, AnInvitationsAccountsGoIntoEveryCertificate) {
  v1::Access::Stub admin(daemon_.Tls({Role::kAdministrator}, "root-admin"));
  v1::InviteIdentityRequest request;
  v1::Invitation invitation;
  request.set_identity_id("pipeline");
  request.add_roles("automation");
  request.add_accounts("accounts/acme");
  request.add_accounts("acme-ns");
  ASSERT_TRUE(
      Call(&v1::Access::Stub::InviteIdentity, &admin, request, &invitation)
          .ok());
  EXPECT_THAT(invitation.accounts(),
              ElementsAre("accounts/acme", "accounts/acme-ns"));

  const testing::KeyAndRequest own = testing::MakeCertificateRequest();
  v1::EnrollRequest enroll;
  v1::IssuedCertificate issued;
  enroll.set_token(invitation.token());
  enroll.set_certificate_request_pem(own.request_pem);
  v1::Access::Stub anonymous(daemon_.Tls(daemon_.ca.certificate_pem, {}));
  ASSERT_TRUE(
      Call(&v1::Access::Stub::Enroll, &anonymous, enroll, &issued).ok());
  EXPECT_THAT(issued.accounts(),
              ElementsAre("accounts/acme", "accounts/acme-ns"));

  v1::RenewCertificateRequest renew;
  renew.set_certificate_request_pem(own.request_pem);
  v1::Access::Stub pipeline(
      daemon_.Tls(issued.ca_pem(),
                  {issued.certificate_pem(), secret::Secret(own.key_pem)}));
  ASSERT_TRUE(
      Call(&v1::Access::Stub::RenewCertificate, &pipeline, renew, &issued)
          .ok());
  v1::Access::Stub renewed(
      daemon_.Tls(issued.ca_pem(),
                  {issued.certificate_pem(), secret::Secret(own.key_pem)}));
  v1::WhoAmIResponse who;
  ASSERT_TRUE(
      Call(&v1::Access::Stub::WhoAmI, &renewed, v1::WhoAmIRequest(), &who)
          .ok());
  EXPECT_THAT(who.accounts(), ElementsAre("accounts/acme", "accounts/acme-ns"));

  v1::ListIdentitiesResponse list;
  ASSERT_TRUE(Call(&v1::Access::Stub::ListIdentities, &admin,
                   v1::ListIdentitiesRequest(), &list)
                  .ok());
  for (const v1::Identity& identity : list.identities()) {
    if (identity.name() != "identities/pipeline") continue;
    EXPECT_THAT(identity.accounts(),
                ElementsAre("accounts/acme", "accounts/acme-ns"));
  }
}

TEST_F(AccountScopeTest, OnlyAnAutomationIsInvitedWithAccounts) {
  v1::Access::Stub admin(daemon_.Tls({Role::kAdministrator}, "root-admin"));
  const auto field_of = [&](std::vector<std::string> roles, int accounts,
                            const std::string& account = "acme") {
    v1::InviteIdentityRequest request;
    v1::Invitation invitation;
    request.set_identity_id("bob");
    for (const std::string& role : roles) request.add_roles(role);
    for (int i = 0; i < accounts; ++i) request.add_accounts(account);
    const grpc::Status status =
        Call(&v1::Access::Stub::InviteIdentity, &admin, request, &invitation);
    return status.ok() ? "none" : DetailsOf(status).field;
  };
  EXPECT_EQ(field_of({"operator"}, 1), "accounts");
  EXPECT_EQ(field_of({"automation", "reader"}, 1), "accounts");
  EXPECT_EQ(field_of({"automation"}, 33), "accounts");
  EXPECT_EQ(field_of({"automation"}, 1, "No Account"), "accounts");
  EXPECT_EQ(field_of({"automation"}, 32), "none");
}

}  // namespace
}  // namespace keyturn::rpc
