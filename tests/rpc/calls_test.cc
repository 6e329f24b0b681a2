// What the services do between the wire and the engine, the registry and the
// store.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/rpc/convert.h"
#include "keyturn/v1/accounts.grpc.pb.h"
#include "keyturn/v1/admin.grpc.pb.h"
#include "keyturn/v1/credentials.grpc.pb.h"
#include "keyturn/v1/inventory.grpc.pb.h"
#include "keyturn/v1/migrations.grpc.pb.h"
#include "keyturn/v1/tasks.grpc.pb.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/served_daemon.h"
#include "tests/support/status_matchers.h"

namespace keyturn::rpc {
namespace {

using migration::EventKind;
using migration::Migration;
using testing::Call;
using testing::DetailsOf;
using ::testing::ElementsAre;
using testing::ErrorDetails;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::Not;

constexpr char kOne[] = "aaaaaaaaaaaaaaa2";
constexpr char kTask[] = "ttttttttttttttt2";

class CallsTest : public ::testing::Test {
 protected:
  Migration Create(const std::string& id) {
    Migration migration = testing::SmallMigration(id, ++created_);
    EXPECT_THAT(daemon_.store->CommitAndWait(testing::NewBatch(migration)),
                IsOk());
    return migration;
  }

  v1::Spec ValidSpec() {
    migration::Spec spec = testing::FullMigration().spec;
    spec.flows = {};
    // Goes with little else.
    spec.adopt = false;
    return ToProto(spec);
  }

  testing::ServedDaemon daemon_;
  std::shared_ptr<grpc::Channel> channel_ =
      daemon_.Tls({access::Role::kAdministrator}, "ann");
  std::unique_ptr<v1::Migrations::Stub> migrations_ =
      v1::Migrations::NewStub(channel_);
  std::unique_ptr<v1::Tasks::Stub> tasks_ = v1::Tasks::NewStub(channel_);
  v1::Migration migration_;
  v1::Task task_;
  int created_ = 0;
};

TEST_F(CallsTest, CreateHandsTheSpecToTheEngine) {
  daemon_.engine.migration = Create(kOne);
  v1::CreateMigrationRequest request;
  *request.mutable_spec() = ValidSpec();
  request.set_start(true);
  request.set_request_id("request-1");

  ASSERT_TRUE(Call(&v1::Migrations::Stub::CreateMigration, migrations_.get(),
                   request, &migration_)
                  .ok());

  EXPECT_EQ(migration_.name(), absl::StrCat("migrations/", kOne));
  EXPECT_EQ(migration_.last_sequence(), 1);
  ASSERT_TRUE(daemon_.engine.created.has_value());
  EXPECT_EQ(daemon_.engine.created->spec.netsuite.user,
            "jira.integration@example.com");
  EXPECT_TRUE(daemon_.engine.created->start);
  EXPECT_FALSE(daemon_.engine.created->validate_only);
  EXPECT_EQ(daemon_.engine.caller.identity, "ann");
  EXPECT_EQ(daemon_.engine.caller.transport, "tls");
  EXPECT_EQ(daemon_.engine.caller.request_id, "request-1");
  EXPECT_EQ(daemon_.engine.caller.fingerprint.size(), 64u);
}

TEST_F(CallsTest, AValidatedPlanIsAnsweredWithoutAName) {
  daemon_.engine.migration = testing::FullMigration();
  daemon_.engine.migration->id.clear();
  v1::CreateMigrationRequest request;
  *request.mutable_spec() = ValidSpec();
  request.set_validate_only(true);

  ASSERT_TRUE(Call(&v1::Migrations::Stub::CreateMigration, migrations_.get(),
                   request, &migration_)
                  .ok());

  EXPECT_TRUE(daemon_.engine.created->validate_only);
  EXPECT_EQ(migration_.name(), "");
  EXPECT_EQ(migration_.plan().hash(), "0123abcd");
}

TEST_F(CallsTest, AMalformedSpecNeverReachesTheEngine) {
  v1::CreateMigrationRequest request;
  *request.mutable_spec() = ValidSpec();
  request.mutable_spec()->mutable_role()->set_name("not allowed");

  const grpc::Status status = Call(&v1::Migrations::Stub::CreateMigration,
                                   migrations_.get(), request, &migration_);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(DetailsOf(status).field, "spec.role.name");
  EXPECT_FALSE(daemon_.engine.created.has_value());
}

TEST_F(CallsTest, AnEnginesErrorKeepsItsReason) {
  daemon_.engine.migration =
      base::WithReason(absl::FailedPreconditionError("it is on token already"),
                       "ALREADY_ON_TOKEN");
  v1::CreateMigrationRequest request;
  *request.mutable_spec() = ValidSpec();

  const grpc::Status status = Call(&v1::Migrations::Stub::CreateMigration,
                                   migrations_.get(), request, &migration_);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(DetailsOf(status).reason, "ALREADY_ON_TOKEN");
  EXPECT_EQ(DetailsOf(status).precondition, "ALREADY_ON_TOKEN");
}

// Each command under its own kind.
template <typename Request>
void ExpectCommand(testing::FakeEngine& engine, v1::Migrations::Stub* stub,
                   grpc::Status (v1::Migrations::Stub::*method)(
                       grpc::ClientContext*, const Request&, v1::Migration*),
                   EventKind kind, Request request = Request()) {
  request.set_name(absl::StrCat("migrations/", kOne));
  v1::Migration response;
  engine.commanded.reset();
  const grpc::Status status = Call(method, stub, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  ASSERT_TRUE(engine.commanded.has_value());
  EXPECT_EQ(engine.commanded->kind, kind);
  EXPECT_EQ(engine.commanded->migration_id, kOne);
  EXPECT_EQ(response.name(), request.name());
}

TEST_F(CallsTest, EachVerbIsItsOwnCommand) {
  using Stub = v1::Migrations::Stub;
  testing::FakeEngine& engine = daemon_.engine;
  Stub* const stub = migrations_.get();
  engine.migration = Create(kOne);

  ExpectCommand(engine, stub, &Stub::StartMigration, EventKind::kStart);
  ExpectCommand(engine, stub, &Stub::PauseMigration, EventKind::kPause);
  ExpectCommand(engine, stub, &Stub::ResumeMigration, EventKind::kResume);
  ExpectCommand(engine, stub, &Stub::RetryMigration, EventKind::kRetry);
  v1::CancelMigrationRequest cancel;
  cancel.set_reason("no longer wanted");
  cancel.set_etag("7");
  ExpectCommand(engine, stub, &Stub::CancelMigration, EventKind::kCancel,
                cancel);
  EXPECT_EQ(engine.commanded->reason, "no longer wanted");
  EXPECT_EQ(engine.commanded->expected_revision, 7);
  ExpectCommand(engine, stub, &Stub::RollBackMigration, EventKind::kRollBack);
  EXPECT_EQ(engine.commanded->expected_revision, std::nullopt);
  ExpectCommand(engine, stub, &Stub::RejectMigration, EventKind::kReject);
  v1::ApproveMigrationRequest approve;
  approve.set_plan_hash(std::string(64, 'a'));
  ExpectCommand(engine, stub, &Stub::ApproveMigration, EventKind::kApprove,
                approve);
  EXPECT_EQ(engine.commanded->plan_hash, std::string(64, 'a'));
}

TEST_F(CallsTest, ACommandsFieldsAreChecked) {
  const auto cancel = [this](const std::string& name, const std::string& etag,
                             const std::string& reason,
                             const std::string& request_id) {
    v1::CancelMigrationRequest request;
    request.set_name(name);
    request.set_etag(etag);
    request.set_reason(reason);
    request.set_request_id(request_id);
    return DetailsOf(Call(&v1::Migrations::Stub::CancelMigration,
                          migrations_.get(), request, &migration_))
        .field;
  };
  EXPECT_EQ(cancel("tasks/x", "", "", ""), "name");
  EXPECT_EQ(cancel(kOne, "x", "", ""), "etag");
  EXPECT_EQ(cancel(kOne, "", std::string(1001, 'r'), ""), "reason");
  EXPECT_EQ(cancel(kOne, "", "", "bad id"), "request_id");
  v1::ApproveMigrationRequest approve;
  approve.set_name(kOne);
  EXPECT_EQ(DetailsOf(Call(&v1::Migrations::Stub::ApproveMigration,
                           migrations_.get(), approve, &migration_))
                .field,
            "plan_hash");
  EXPECT_FALSE(daemon_.engine.commanded.has_value());
}

TEST_F(CallsTest, GetReadsTheStoreByEitherName) {
  Create(kOne);
  for (const std::string& name :
       {std::string(kOne), absl::StrCat("migrations/", kOne)}) {
    v1::GetMigrationRequest request;
    request.set_name(name);
    ASSERT_TRUE(Call(&v1::Migrations::Stub::GetMigration, migrations_.get(),
                     request, &migration_)
                    .ok());
    EXPECT_EQ(migration_.etag(), "1");
  }
}

TEST_F(CallsTest, WhatIsNotThereIsNamed) {
  v1::GetMigrationRequest request;
  request.set_name(kOne);

  const grpc::Status status = Call(&v1::Migrations::Stub::GetMigration,
                                   migrations_.get(), request, &migration_);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(DetailsOf(status).reason, "MIGRATION_NOT_FOUND");
  EXPECT_EQ(DetailsOf(status).resource_type, "keyturn/Migration");
  const std::string name = absl::StrCat("migrations/", kOne);
  EXPECT_EQ(DetailsOf(status).resource_name, name);

  // Also where the request has no name of its own.
  v1::ListEventsRequest events;
  events.set_parent(name);
  v1::ListEventsResponse response;
  EXPECT_EQ(DetailsOf(Call(&v1::Migrations::Stub::ListEvents, migrations_.get(),
                           events, &response))
                .resource_name,
            name);
}

TEST_F(CallsTest, ListsMigrationsNewestFirstPageByPage) {
  for (const char* id :
       {"aaaaaaaaaaaaaaa2", "aaaaaaaaaaaaaaa3", "aaaaaaaaaaaaaaa4"}) {
    Create(id);
  }
  v1::ListMigrationsRequest request;
  v1::ListMigrationsResponse page;
  request.set_page_size(2);
  std::vector<std::string> names;
  do {
    ASSERT_TRUE(Call(&v1::Migrations::Stub::ListMigrations, migrations_.get(),
                     request, &page)
                    .ok());
    for (const v1::Migration& one : page.migrations()) {
      names.push_back(one.name());
    }
    request.set_page_token(page.next_page_token());
  } while (!page.next_page_token().empty());
  EXPECT_THAT(names, ElementsAre("migrations/aaaaaaaaaaaaaaa4",
                                 "migrations/aaaaaaaaaaaaaaa3",
                                 "migrations/aaaaaaaaaaaaaaa2"));
}

TEST_F(CallsTest, APageTokenOfAnotherListIsRefused) {
  Create("aaaaaaaaaaaaaaa2");
  Create("aaaaaaaaaaaaaaa3");
  v1::ListMigrationsRequest request;
  v1::ListMigrationsResponse page;
  request.set_page_size(1);
  ASSERT_TRUE(Call(&v1::Migrations::Stub::ListMigrations, migrations_.get(),
                   request, &page)
                  .ok());
  request.set_page_token(page.next_page_token());
  request.add_states(v1::Migration::RUNNING);

  const grpc::Status status = Call(&v1::Migrations::Stub::ListMigrations,
                                   migrations_.get(), request, &page);

  EXPECT_EQ(DetailsOf(status).field, "page_token");
}

TEST_F(CallsTest, ListsOnlyTheStatesThatAreAskedFor) {
  Create(kOne);
  v1::ListMigrationsRequest request;
  v1::ListMigrationsResponse page;
  request.add_states(v1::Migration::SUCCEEDED);
  ASSERT_TRUE(Call(&v1::Migrations::Stub::ListMigrations, migrations_.get(),
                   request, &page)
                  .ok());
  EXPECT_EQ(page.migrations_size(), 0);
  request.add_states(v1::Migration::STATE_UNSPECIFIED);
  EXPECT_EQ(DetailsOf(Call(&v1::Migrations::Stub::ListMigrations,
                           migrations_.get(), request, &page))
                .field,
            "states");
}

TEST_F(CallsTest, ListsEventsPageByPageUntilNothingIsLeft) {
  Migration one = Create(kOne);
  for (int i = 0; i < 4; ++i) {
    ASSERT_THAT(daemon_.store->CommitAndWait(testing::NextBatch(one)), IsOk());
  }
  v1::ListEventsRequest request;
  v1::ListEventsResponse page;
  request.set_parent(absl::StrCat("migrations/", kOne));
  request.set_page_size(2);
  std::vector<int64_t> sequences;
  do {
    ASSERT_TRUE(Call(&v1::Migrations::Stub::ListEvents, migrations_.get(),
                     request, &page)
                    .ok());
    for (const v1::Event& event : page.events()) {
      sequences.push_back(event.sequence());
    }
    request.set_page_token(page.next_page_token());
  } while (!page.next_page_token().empty());
  EXPECT_THAT(sequences, ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(CallsTest, TasksAreListedReadAndAnswered) {
  Migration one = Create(kOne);
  store::Batch batch = testing::NextBatch(one);
  batch.opened_tasks = {testing::TaskOf(kOne, kTask)};
  ASSERT_THAT(daemon_.store->CommitAndWait(std::move(batch)), IsOk());
  v1::ListTasksRequest list;
  v1::ListTasksResponse page;
  list.set_migration(kOne);
  ASSERT_TRUE(
      Call(&v1::Tasks::Stub::ListTasks, tasks_.get(), list, &page).ok());
  ASSERT_EQ(page.tasks_size(), 1);
  EXPECT_EQ(page.tasks(0).name(), absl::StrCat("tasks/", kTask));

  v1::GetTaskRequest get;
  get.set_name(kTask);
  ASSERT_TRUE(Call(&v1::Tasks::Stub::GetTask, tasks_.get(), get, &task_).ok());
  EXPECT_EQ(task_.state(), v1::Task::OPEN);

  daemon_.engine.task = testing::FullTask();
  v1::CompleteTaskRequest complete;
  complete.set_name(kTask);
  complete.set_evidence("seen with my own eyes");
  ASSERT_TRUE(
      Call(&v1::Tasks::Stub::CompleteTask, tasks_.get(), complete, &task_)
          .ok());
  EXPECT_EQ(daemon_.engine.completed_task, kTask);
  EXPECT_EQ(daemon_.engine.evidence, "seen with my own eyes");
  EXPECT_EQ(task_.completed_by(), "nora");
}

TEST_F(CallsTest, ATasksSecretIsHandedOverAndNowhereToBeSeen) {
  daemon_.engine.task = testing::FullTask();
  v1::SubmitTaskSecretRequest request;
  request.set_name(kTask);
  request.set_token_id("the-token-id");
  request.set_token_secret("the-token-secret");
  ASSERT_TRUE(
      Call(&v1::Tasks::Stub::SubmitTaskSecret, tasks_.get(), request, &task_)
          .ok());

  EXPECT_EQ(daemon_.engine.submitted->task_id, kTask);
  EXPECT_EQ(daemon_.engine.submitted->token_id, "the-token-id");
  EXPECT_EQ(daemon_.engine.submitted->token_secret, "the-token-secret");
  EXPECT_THAT(task_.SerializeAsString(), Not(HasSubstr("the-token")));
  EXPECT_THAT(daemon_.engine.caller.fingerprint, Not(HasSubstr("the-token")));

  request.clear_token_secret();
  EXPECT_EQ(DetailsOf(Call(&v1::Tasks::Stub::SubmitTaskSecret, tasks_.get(),
                           request, &task_))
                .field,
            "token_secret");
  request.set_token_secret(std::string(engine::kTokenBytesMax + 1, 's'));
  const grpc::Status too_long =
      Call(&v1::Tasks::Stub::SubmitTaskSecret, tasks_.get(), request, &task_);
  EXPECT_EQ(DetailsOf(too_long).field, "token_secret");
  EXPECT_THAT(too_long.error_message(), Not(HasSubstr("ssss")));
}

TEST_F(CallsTest, DiscoverAsksForTheAccount) {
  steps::DiscoveredConnection found;
  found.name = "NetSuite";
  daemon_.engine.discovered = std::vector{found};
  const auto stub = v1::Inventory::NewStub(channel_);
  v1::DiscoverRequest request;
  v1::DiscoverResponse response;
  request.set_account("accounts/acme");
  ASSERT_TRUE(
      Call(&v1::Inventory::Stub::Discover, stub.get(), request, &response)
          .ok());
  EXPECT_EQ(daemon_.engine.discovered_account, "acme");
  EXPECT_EQ(response.connections(0).name(), "NetSuite");

  daemon_.engine.discovered = absl::UnavailableError("Celigo is down");
  const grpc::Status status =
      Call(&v1::Inventory::Stub::Discover, stub.get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(DetailsOf(status).retry_info);
}

TEST_F(CallsTest, AMistakeOfOursIsTold) {
  daemon_.engine.discovered = absl::InternalError("index 7 of 3");
  const auto stub = v1::Inventory::NewStub(channel_);
  v1::DiscoverRequest request;
  v1::DiscoverResponse response;
  request.set_account("acme");

  const grpc::Status status =
      Call(&v1::Inventory::Stub::Discover, stub.get(), request, &response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(status.error_message(), Not(HasSubstr("index 7")));
  const CallRecord record = daemon_.calls().back();
  EXPECT_THAT(status.error_message(), HasSubstr(record.internal_id));
  EXPECT_EQ(record.internal_message, "index 7 of 3");
}

TEST_F(CallsTest, TheDaemonTellsOfItself) {
  Create(kOne);
  const auto stub = v1::Admin::NewStub(channel_);
  v1::ServerInfo info;
  ASSERT_TRUE(Call(&v1::Admin::Stub::GetServerInfo, stub.get(),
                   v1::GetServerInfoRequest(), &info)
                  .ok());
  EXPECT_EQ(info.version(), "1.2.3");
  EXPECT_EQ(info.schema_version(), daemon_.store->schema_version());
  EXPECT_TRUE(info.has_start_time());
  EXPECT_TRUE(info.has_server_certificate_expire_time());
  EXPECT_THAT(info.allowed_hosts(),
              ElementsAre("api.integrator.io", "allowed.example"));
  EXPECT_EQ(info.migrations().at("RUNNING"), 1);
}

TEST_F(CallsTest, ASupportBundleHasWhatHelpsAndNoValue) {
  constexpr char kSecret[] = "canary-of-a-secret";
  Create(kOne);
  v1::CreateCredentialRequest create;
  v1::Credential credential;
  create.set_credential_id("acme");
  create.mutable_secret()->mutable_celigo_token()->set_token(kSecret);
  ASSERT_TRUE(Call(&v1::Credentials::Stub::CreateCredential,
                   v1::Credentials::NewStub(channel_).get(), create,
                   &credential)
                  .ok());
  v1::SupportBundle bundle;

  ASSERT_TRUE(Call(&v1::Admin::Stub::GetSupportBundle,
                   v1::Admin::NewStub(channel_).get(),
                   v1::GetSupportBundleRequest(), &bundle)
                  .ok());

  EXPECT_EQ(bundle.server().version(), "1.2.3");
  EXPECT_TRUE(bundle.has_create_time());
  ASSERT_EQ(bundle.credentials_size(), 1);
  EXPECT_EQ(bundle.credentials(0).name(), "credentials/acme");
  EXPECT_EQ(bundle.credentials(0).versions_size(), 1);
  EXPECT_GT(bundle.events_size(), 0);
  EXPECT_EQ(bundle.configuration().at("listen.tcp"), "127.0.0.1:1");
  EXPECT_EQ(bundle.process().at("kernel"), "a kernel");
  EXPECT_THAT(bundle.log_lines(), ElementsAre("msg=ready"));
  EXPECT_THAT(bundle.cut(), IsEmpty());
  EXPECT_THAT(bundle.SerializeAsString(), Not(HasSubstr(kSecret)));
}

TEST_F(CallsTest, ASupportBundleIsForAdministratorsAlone) {
  const auto operators = daemon_.Tls({access::Role::kOperator}, "olaf");
  v1::SupportBundle bundle;
  EXPECT_EQ(Call(&v1::Admin::Stub::GetSupportBundle,
                 v1::Admin::NewStub(operators).get(),
                 v1::GetSupportBundleRequest(), &bundle)
                .error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

}  // namespace
}  // namespace keyturn::rpc
