#include "daemon/rpc/convert.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "daemon/rpc/names.h"
#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"

namespace keyturn::rpc {
namespace {

using testing::At;
using ::testing::ElementsAre;
using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::MessageIs;
using ::testing::Not;

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Collects the fields of `message`, at any depth, that were given no value,
// "Step.proofs". A repeated message counts as filled when some element of it
// has the field.
void CollectEmpty(const Message& message, std::set<std::string>* empty,
                  std::set<std::string>* filled) {
  const auto* descriptor = message.GetDescriptor();
  const auto* reflection = message.GetReflection();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    const std::string name = descriptor->name() + "." + field->name();
    const bool has = field->is_repeated()
                         ? reflection->FieldSize(message, field) > 0
                         : reflection->HasField(message, field);
    (has ? filled : empty)->insert(name);
    if (!has || field->is_map() ||
        field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE ||
        field->message_type()->full_name() == "google.protobuf.Timestamp") {
      continue;
    }
    if (!field->is_repeated()) {
      CollectEmpty(reflection->GetMessage(message, field), empty, filled);
      continue;
    }
    for (int j = 0; j < reflection->FieldSize(message, field); ++j) {
      CollectEmpty(reflection->GetRepeatedMessage(message, field, j), empty,
                   filled);
    }
  }
}

std::set<std::string> NeverFilled(const Message& message) {
  std::set<std::string> empty, filled, never;
  CollectEmpty(message, &empty, &filled);
  std::set_difference(empty.begin(), empty.end(), filled.begin(), filled.end(),
                      std::inserter(never, never.end()));
  return never;
}

store::StoredMigration FullStored() {
  store::StoredMigration stored;
  stored.migration = testing::FullMigration();
  // One step waits, so that it has a next attempt.
  stored.migration.record(migration::Step::kQuiesce).state =
      migration::StepState::kWaiting;
  stored.last_sequence = 77;
  stored.open_task_ids = {"tttttttttttttttt"};
  return stored;
}

TEST(MigrationToProtoTest, ForgetsNoField) {
  EXPECT_THAT(NeverFilled(ToProto(FullStored())), ElementsAre());
}

TEST(EventToProtoTest, ForgetsNoField) {
  store::StoredEvent event = testing::FullEvent();
  event.sequence = 5;
  EXPECT_THAT(NeverFilled(ToProto(event)),
              ElementsAre("Step.next_attempt_time"));
  event.record->state = migration::StepState::kWaiting;
  EXPECT_THAT(NeverFilled(ToProto(event)), ElementsAre("Step.task"));
}

TEST(TaskToProtoTest, ForgetsNoField) {
  EXPECT_THAT(NeverFilled(ToProto(testing::FullTask())), ElementsAre());
}

TEST(MigrationToProtoTest, KeepsEachValueInItsPlace) {
  const v1::Migration message = ToProto(FullStored());

  EXPECT_EQ(message.name(), "migrations/aaaaaaaaaaaaaaaa");
  EXPECT_EQ(message.state(), v1::Migration::NEEDS_ATTENTION);
  EXPECT_EQ(message.current_step(), v1::Step::CUT_OVER);
  EXPECT_EQ(message.etag(), "12");
  EXPECT_EQ(message.last_sequence(), 77);
  EXPECT_EQ(message.steps_size(), 14);
  EXPECT_EQ(message.steps(0).name(), v1::Step::PREFLIGHT);
  EXPECT_EQ(message.steps(13).name(), v1::Step::FINISH);
  EXPECT_EQ(message.steps(0).task(), "tasks/task-of-step");
  EXPECT_EQ(message.steps(7).task(), "");
  EXPECT_TRUE(message.steps(7).has_next_attempt_time());
  EXPECT_FALSE(message.steps(6).has_next_attempt_time());
  EXPECT_THAT(message.open_tasks(), ElementsAre("tasks/tttttttttttttttt"));
  EXPECT_EQ(message.attention().reason(), "ROLE_MISSING");
  EXPECT_EQ(message.approvals(1).by(), "berta");
  EXPECT_EQ(message.plan().findings().at("tile"), "Jira");
  EXPECT_EQ(message.spec().flows().test(), "ids");
}

TEST(MigrationToProtoTest, APlanThatIsNotStoredHasNeitherNameNorEtag) {
  store::StoredMigration planned;
  planned.migration = testing::FullMigration();
  planned.migration.id.clear();
  planned.migration.revision = 0;

  EXPECT_EQ(ToProto(planned).name(), "");
  EXPECT_EQ(ToProto(planned).etag(), "");
}

TEST(EnumsToProtoTest, HaveTheNumbersAndNamesOfTheCore) {
  for (const migration::State state : migration::kAllStates) {
    EXPECT_EQ(v1::Migration::State_Name(ToProto(state)),
              std::string(migration::Name(state)));
    EXPECT_EQ(FromProto(ToProto(state)).value(), state);
  }
  for (const migration::Step step : migration::kAllSteps) {
    EXPECT_EQ(static_cast<int>(ToProto(step)), static_cast<int>(step));
  }
  EXPECT_THAT(FromProto(v1::Migration::STATE_UNSPECIFIED),
              HasCode(absl::StatusCode::kInvalidArgument));
}

TEST(TimeToProtoTest, CutsToNanosecondsAndToTheYearsOfATimestamp) {
  const auto message = ToProto(At(3) + absl::Nanoseconds(7));
  EXPECT_EQ(message.seconds(), absl::ToUnixSeconds(At(3)));
  EXPECT_EQ(message.nanos(), 7);
  const auto before = ToProto(absl::UnixEpoch() - absl::Milliseconds(1));
  EXPECT_EQ(before.seconds(), -1);
  EXPECT_EQ(before.nanos(), 999'000'000);
  EXPECT_EQ(ToProto(absl::InfiniteFuture()).seconds(), 253402300799);
  EXPECT_EQ(ToProto(absl::InfinitePast()).seconds(), -62135596800);
}

migration::Spec ValidSpec() {
  migration::Spec spec = testing::FullMigration().spec;
  spec.flows.test_ids = {"5f3a00000000000000000003"};
  spec.flows.run_ids = {"5f3a00000000000000000004"};
  // Goes with little else.
  spec.adopt = false;
  return spec;
}

TEST(SpecFromProtoTest, IsTheInverse) {
  const migration::Spec spec = ValidSpec();

  EXPECT_THAT(NeverFilled(ToProto(spec)), ElementsAre("Spec.adopt"));
  const absl::StatusOr<migration::Spec> back = FromProto(ToProto(spec));
  ASSERT_THAT(back, IsOk());
  EXPECT_TRUE(*back == spec);
}

TEST(SpecFromProtoTest, IsTheInverseForAnAdoption) {
  migration::Spec spec = ValidSpec();
  spec.adopt = true;
  spec.old_login.clear();
  spec.token.consumer.clear();
  spec.confirm_within = absl::ZeroDuration();
  spec.drain_within = absl::ZeroDuration();

  const absl::StatusOr<migration::Spec> back = FromProto(ToProto(spec));

  ASSERT_THAT(back, IsOk());
  EXPECT_TRUE(*back == spec);
}

TEST(SpecFromProtoTest, TestsAllFlowsUnlessToldOtherwise) {
  v1::Spec message = ToProto(ValidSpec());
  message.clear_flows();

  EXPECT_EQ(FromProto(message)->flows.test, migration::Spec::Flows::Test::kAll);
}

TEST(SpecFromProtoTest, TakesFullNamesWhereItTakesIds) {
  v1::Spec message = ToProto(ValidSpec());
  message.mutable_celigo()->set_account("accounts/acme");
  message.mutable_netsuite()->set_account("accounts/acme-ns");
  message.mutable_token()->set_consumer("credentials/pair");
  message.set_old_login("credentials/old");

  const absl::StatusOr<migration::Spec> spec = FromProto(message);
  ASSERT_THAT(spec, IsOk());
  EXPECT_EQ(spec->celigo.account, "acme");
  EXPECT_EQ(spec->netsuite.account, "acme-ns");
  EXPECT_EQ(spec->token.consumer, "pair");
  EXPECT_EQ(spec->old_login, "old");
  message.mutable_celigo()->set_account("credentials/acme");
  EXPECT_EQ(base::FieldOf(FromProto(message).status()), "spec.celigo.account");
}

TEST(SpecFromProtoTest, NamesTheFieldThatIsWrong) {
  v1::Spec message = ToProto(ValidSpec());
  message.mutable_celigo()->set_connection("xyz");
  EXPECT_EQ(base::FieldOf(FromProto(message).status()),
            "spec.celigo.connection");
  message = ToProto(ValidSpec());
  message.mutable_flows()->set_test("some");
  EXPECT_EQ(base::FieldOf(FromProto(message).status()), "spec.flows.test");
  EXPECT_EQ(base::FieldOf(FromProto(v1::Spec()).status()),
            "spec.celigo.account");
}

v1::Account CeligoMessage() {
  v1::Account message;
  message.mutable_celigo()->set_region(v1::CeligoAccount::EU);
  message.set_credential("credentials/acme");
  return message;
}

std::string FieldOfAccount(const v1::Account& message) {
  return base::FieldOf(FromProto("acme", message).status());
}

TEST(AccountFromProtoTest, IsTheInverse) {
  store::Account netsuite = testing::FullAccount();
  netsuite.region = store::CeligoRegion::kNone;
  netsuite.ca_pem.clear();
  v1::Account message = ToProto(netsuite);
  EXPECT_TRUE(message.has_create_time());
  message.clear_name();
  message.clear_create_time();
  const absl::StatusOr<store::Account> back = FromProto(netsuite.name, message);
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(back->account_id, netsuite.account_id);
  EXPECT_EQ(back->base_url, netsuite.base_url);
  EXPECT_EQ(back->credential, netsuite.credential);
  EXPECT_EQ(back->kind, store::AccountKind::kNetSuite);

  const store::Account celigo = FromProto("acme", CeligoMessage()).value();
  EXPECT_EQ(celigo.region, store::CeligoRegion::kEu);
  EXPECT_EQ(celigo.credential, "acme");
  EXPECT_EQ(ToProto(celigo).celigo().region(), v1::CeligoAccount::EU);
}

TEST(AccountFromProtoTest, FillsInTheDefaultRegion) {
  v1::Account message = CeligoMessage();
  message.mutable_celigo()->clear_region();
  EXPECT_EQ(FromProto("acme", message)->region, store::CeligoRegion::kUs);
  message.mutable_celigo()->set_base_url("https://celigo.example");
  EXPECT_EQ(FromProto("acme", message)->region, store::CeligoRegion::kNone);
}

TEST(AccountFromProtoTest, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(base::FieldOf(FromProto("Acme", CeligoMessage()).status()),
            "account_id");
  EXPECT_EQ(FieldOfAccount(v1::Account()), "account");
  v1::Account message = CeligoMessage();
  message.mutable_celigo()->set_base_url("https://celigo.example");
  EXPECT_EQ(FieldOfAccount(message), "account.celigo.region");
  message = CeligoMessage();
  message.mutable_celigo()->set_region(
      static_cast<v1::CeligoAccount::Region>(9));
  EXPECT_EQ(FieldOfAccount(message), "account.celigo.region");
  message = CeligoMessage();
  message.clear_credential();
  EXPECT_EQ(FieldOfAccount(message), "account.credential");
  message.set_credential("accounts/x");
  EXPECT_EQ(FieldOfAccount(message), "account.credential");
  message = CeligoMessage();
  message.set_ca_pem("no certificate");
  EXPECT_EQ(FieldOfAccount(message), "account.ca_pem");
  message = CeligoMessage();
  message.set_name("accounts/acme");
  EXPECT_EQ(FieldOfAccount(message), "account.name");
}

TEST(CredentialToProtoTest, TellsEverythingButTheSecret) {
  store::CredentialInfo info;
  info.name = "acme";
  info.kind = store::CredentialKind::kConnectionToken;
  info.migration_id = "aaaaaaaaaaaaaaaa";
  info.versions = {{1, store::VersionLabel::kPrevious, At(1), "ann"},
                   {2, store::VersionLabel::kCurrent, At(2), "bob"}};

  const v1::Credential message = ToProto(info);
  EXPECT_THAT(NeverFilled(message), ElementsAre());
  EXPECT_EQ(message.versions(1).label(), v1::Credential::Version::CURRENT);
  for (const store::CredentialKind kind : store::kAllCredentialKinds) {
    info.kind = kind;
    EXPECT_EQ(v1::Credential::Kind_Name(ToProto(info).kind()),
              std::string(store::Name(kind)));
  }
}

TEST(CredentialFromProtoTest, TakesEachKind) {
  v1::CredentialSecret message;
  message.mutable_celigo_token()->set_token("tok");
  EXPECT_EQ(std::get<vault::CeligoToken>(*FromProto(message)).token.Expose(),
            "tok");
  auto* tba = message.mutable_netsuite_tba();
  tba->set_consumer_key("ck");
  tba->set_consumer_secret("cs");
  tba->set_token_id("ti");
  tba->set_token_secret("ts");
  const auto payload = FromProto(message).value();
  EXPECT_EQ(std::get<vault::NetSuiteTba>(payload).consumer_key.Expose(), "ck");
  EXPECT_EQ(std::get<vault::NetSuiteTba>(payload).consumer_secret.Expose(),
            "cs");
  EXPECT_EQ(std::get<vault::NetSuiteTba>(payload).token_id.Expose(), "ti");
  EXPECT_EQ(std::get<vault::NetSuiteTba>(payload).token_secret.Expose(), "ts");
  auto* login = message.mutable_netsuite_login();
  login->set_email("a@b.example");
  login->set_password("p w \xc3\xa4");
  EXPECT_EQ(
      std::get<vault::NetSuiteLogin>(*FromProto(message)).password.Expose(),
      "p w \xc3\xa4");
}

TEST(CredentialFromProtoTest, NamesTheFieldAndNeverTheValue) {
  v1::CredentialSecret message;
  EXPECT_EQ(base::FieldOf(FromProto(message).status()), "secret");
  for (const std::string& value :
       {std::string("hunter 2"), std::string("hunter2\n"),
        std::string(1025, 'h'), std::string()}) {
    message.mutable_celigo_token()->set_token(value);
    const absl::Status status = FromProto(message).status();
    EXPECT_EQ(base::FieldOf(status), "secret.celigo_token.token");
    EXPECT_THAT(status, MessageIs(Not(HasSubstr("hunter"))));
  }
  auto* login = message.mutable_netsuite_login();
  login->set_email("nobody");
  login->set_password("x");
  EXPECT_EQ(base::FieldOf(FromProto(message).status()),
            "secret.netsuite_login.email");
  auto* m2m = message.mutable_netsuite_m2m();
  m2m->set_client_id("c");
  m2m->set_certificate_id("d");
  m2m->set_private_key_pem("no key");
  EXPECT_EQ(base::FieldOf(FromProto(message).status()),
            "secret.netsuite_m2m.private_key_pem");
}

TEST(DiscoveryToProtoTest, ForgetsNoField) {
  steps::DiscoveredConnection found;
  found.id = "c";
  found.name = "n";
  found.auth_type = "basic";
  found.environment = "production";
  found.netsuite_account = "1";
  found.offline = true;
  found.tile = "t";
  found.tile_name = "tn";
  found.recipe = "jira";
  found.flows = {{"f", "fn", true}};
  found.migratable = true;
  found.blockers = {"b"};
  found.needs = {"x"};

  EXPECT_THAT(NeverFilled(ToProto(std::vector{found})), ElementsAre());
}

}  // namespace
}  // namespace keyturn::rpc
