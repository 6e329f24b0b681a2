// How migrations come into being.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "daemon/base/status.h"
#include "tests/engine/house.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {
namespace {

using migration::Migration;
using migration::State;
using migration::Step;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CreationTest : public House {
 protected:
  absl::StatusOr<Migration> Plan(migration::Spec spec = SpecFor()) {
    engine::CreateCommand command;
    command.spec = std::move(spec);
    command.validate_only = true;
    return Wait(AskToCreate(Operator(), std::move(command)));
  }
  std::vector<store::StoredMigration> All() {
    return store_->ListMigrations({}, {})->items;
  }
};

TEST_F(CreationTest, StoresThePlannedMigration) {
  const auto created = Create(/*start=*/false);

  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created->state, State::kPlanned);
  EXPECT_EQ(created->revision, 1);
  EXPECT_EQ(created->creator, "anna");
  EXPECT_EQ(Stored(created->id).plan->hash, "4f5e");
  EXPECT_THAT(
      History(created->id),
      ElementsAre("CREATED preflight", "PLAN_MADE preflight", "PLANNED"));
  const store::AuditRow row = CallersTrail().back();
  EXPECT_EQ(row.action, "keyturn.v1.Migrations/CreateMigration");
  EXPECT_EQ(row.target, "migrations/" + created->id);
}

TEST_F(CreationTest, AValidatedSpecLeavesNothingBehind) {
  const auto planned = Plan();

  ASSERT_THAT(planned, IsOk());
  EXPECT_EQ(planned->id, "");
  EXPECT_EQ(planned->plan->hash, "4f5e");
  EXPECT_THAT(All(), IsEmpty());
  // Preflight used a secret all the same.
  EXPECT_THAT(Trail(), ElementsAre(Field(&store::AuditRow::result, "INTENDED"),
                                   Field(&store::AuditRow::result, "OK")));
}

TEST_F(CreationTest, AMalformedSpecNamesItsField) {
  migration::Spec spec = SpecFor();
  spec.celigo.connection = "not an id";

  const auto created = Create(/*start=*/true, spec);

  EXPECT_EQ(base::FieldOf(created.status()), "spec.celigo.connection");
  EXPECT_THAT(script_.calls, IsEmpty());
}

TEST_F(CreationTest, UnknownNamesAreNotFoundNamingTheField) {
  migration::Spec no_account = SpecFor();
  no_account.netsuite.account = "nowhere";
  EXPECT_THAT(Create(true, no_account), HasReason("ACCOUNT_NOT_FOUND"));
  EXPECT_EQ(base::FieldOf(Create(true, no_account).status()),
            "spec.netsuite.account");

  migration::Spec no_login = SpecFor();
  no_login.old_login = "nobody";
  EXPECT_THAT(Create(true, no_login), HasReason("CREDENTIAL_NOT_FOUND"));
  EXPECT_EQ(base::FieldOf(Create(true, no_login).status()), "spec.old_login");
}

// Who is limited to some accounts hears of others exactly what one hears of
// those that are not there.
TEST_F(CreationTest, WhatLiesOutsideACallersAccountsIsNotThere) {
  const auto refusal = [this](migration::Spec spec) {
    engine::CreateCommand command;
    command.spec = std::move(spec);
    command.accounts = {"acme", "nobodys"};
    return Wait(AskToCreate(Operator(), std::move(command))).status();
  };
  migration::Spec hidden = SpecFor();
  migration::Spec absent = SpecFor();
  absent.netsuite.account = "zzzz-zz";
  const std::string not_there(refusal(absent).message());
  EXPECT_EQ(refusal(hidden).message(),
            absl::StrReplaceAll(not_there, {{"zzzz-zz", "acme-ns"}}));
  EXPECT_THAT(refusal(hidden), HasReason("ACCOUNT_NOT_FOUND"));
  EXPECT_EQ(base::FieldOf(refusal(hidden)), "spec.netsuite.account");
  EXPECT_THAT(script_.calls, IsEmpty());
}

TEST_F(CreationTest, ALimitedCallerNamesOnlyCredentialsOfItsAccounts) {
  const auto refusal = [this](migration::Spec spec) {
    engine::CreateCommand command;
    command.spec = std::move(spec);
    command.validate_only = true;
    command.accounts = {"acme", "acme-ns"};
    return Wait(AskToCreate(Operator(), std::move(command))).status();
  };
  store::NewCredential login;
  login.name = "acme-login";
  login.kind = store::CredentialKind::kNetSuiteLogin;
  login.version = {1, store::VersionLabel::kCurrent, clock_.Now(), "olga"};
  login.sealed = "sealed";
  store::Batch batch;
  batch.credentials.push_back(login);
  ASSERT_THAT(store_->CommitAndWait(std::move(batch)).status(), IsOk());
  EXPECT_THAT(refusal(SpecFor()), IsOk());
  migration::Spec spec = SpecFor();
  spec.old_login = "acme-login";
  const absl::Status of_another = refusal(spec);
  spec.old_login = "zzzz-zzzzz";
  EXPECT_EQ(of_another.message(),
            absl::StrReplaceAll(std::string(refusal(spec).message()),
                                {{"zzzz-zzzzz", "acme-login"}}));
  EXPECT_THAT(of_another, HasReason("CREDENTIAL_NOT_FOUND"));
}

TEST_F(CreationTest, AnAccountOfTheOtherKindIsRefused) {
  migration::Spec spec = SpecFor();
  spec.celigo.account = "acme-ns";

  const auto created = Create(true, spec);

  EXPECT_EQ(base::FieldOf(created.status()), "spec.celigo.account");
  EXPECT_THAT(created, MessageIs(HasSubstr("is a NetSuite account")));
}

TEST_F(CreationTest, ARefusalOfPreflightIsTheAnswerAndInTheTrail) {
  const absl::Status refusal = base::WithReason(
      absl::FailedPreconditionError("the connection runs on a token already"),
      "ALREADY_ON_TOKEN");
  script_.OnRun(Step::kPreflight, steps::Refused(refusal));

  EXPECT_THAT(Create(), HasReason("ALREADY_ON_TOKEN"));

  EXPECT_THAT(All(), IsEmpty());
  // What preflight was to use, and what came of it.
  ASSERT_THAT(Trail(), SizeIs(2));
  EXPECT_EQ(Trail().back().result, "FAILED_PRECONDITION");
  EXPECT_THAT(Trail().back().detail, HasSubstr("on a token already"));
}

TEST_F(CreationTest, WhatMayPassIsStoredAndTriedAgain) {
  script_.OnRun(Step::kPreflight, Retry("Celigo does not answer"));

  const auto created = Create();

  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created->state, State::kPlanning);
  EXPECT_TRUE(created->wake_at.has_value());
  RunToState(created->id, State::kSucceeded);
}

TEST_F(CreationTest, WhatAnOperatorMustMendIsStoredAndSaysSo) {
  script_.OnRun(Step::kPreflight,
                steps::Blocked("OUTSIDE_LOGIN_REFUSED", "operator",
                               "Celigo refuses the token"));

  const auto created = Create();

  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created->state, State::kNeedsAttention);
  EXPECT_EQ(created->attention->reason, "OUTSIDE_LOGIN_REFUSED");
}

TEST_F(CreationTest, APreflightThatTakesTooLongIsTriedAgain) {
  script_.OnRun(Step::kPreflight,
                GivingAfter(absl::Hours(5), PlanFor(SpecFor())));

  const auto created = Create();

  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created->state, State::kPlanning);
  RunToState(created->id, State::kSucceeded);
}

TEST_F(CreationTest, AValidatedSpecThatCannotBePlannedNowIsAnError) {
  script_.OnRun(Step::kPreflight, Retry("Celigo does not answer"));
  EXPECT_THAT(Plan(), HasCode(absl::StatusCode::kUnavailable));

  script_.OnRun(Step::kPreflight,
                steps::Blocked("OUTSIDE_LOGIN_REFUSED", "operator",
                               "Celigo refuses the token"));
  const auto blocked = Plan();
  EXPECT_THAT(blocked, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(blocked, HasReason("OUTSIDE_LOGIN_REFUSED"));
  EXPECT_THAT(All(), IsEmpty());
}

TEST_F(CreationTest, ARefusalInALaterPreflightBringsAnOperator) {
  script_.OnRun(Step::kPreflight, Retry("Celigo does not answer"));
  script_.OnRun(Step::kPreflight,
                steps::Refused(base::WithReason(
                    absl::NotFoundError("there is no such connection"),
                    "CONNECTION_NOT_FOUND")));
  const auto created = Create();
  RunToState(created->id, State::kNeedsAttention);

  const Migration migration = Stored(created->id);
  EXPECT_EQ(migration.attention->reason, "CONNECTION_NOT_FOUND");
  EXPECT_EQ(migration.attention->owner, "operator");
  EXPECT_THAT(migration.attention->ways_out.front(), HasSubstr("corrected"));
}

// --- One at a time (guarantee G9) ---

TEST_F(CreationTest, ASecondMigrationOfALiveConnectionIsRefusedEarly) {
  const auto first = Create(/*start=*/false);

  const auto second = Create();

  EXPECT_THAT(second, HasReason("LIVE_MIGRATION"));
  EXPECT_THAT(second, MessageIs(HasSubstr(first->id)));
  EXPECT_THAT(script_.calls, SizeIs(1));
  EXPECT_THAT(Plan(), HasReason("LIVE_MIGRATION"));
}

TEST_F(CreationTest, TheConnectionIsFreeAgainWhenTheMigrationIsAtRest) {
  const auto first = Create(/*start=*/false);
  ASSERT_THAT(Command(migration::EventKind::kCancel, first->id), IsOk());

  EXPECT_THAT(Create(), IsOk());
}

TEST_F(CreationTest, OfTwoCreatedAtOnceOneWins) {
  Door door;
  auto plan = [&door](steps::Context& context) {
    context.notes.connection_id = context.spec().celigo.connection;
    return GivingBehind(door, PlanFor(context.spec()))(context);
  };
  script_.OnRun(Step::kPreflight, plan).OnRun(Step::kPreflight, plan);
  engine::CreateCommand command;
  command.spec = SpecFor();
  const auto one = AskToCreate(Operator(), command);
  const auto other = AskToCreate(Operator(), command);
  RunUntil([&door] { return door.waiting() == 2; });
  door.Open();
  RunUntilQuiet();

  const absl::StatusOr<Migration> first = **one;
  const absl::StatusOr<Migration> second = **other;
  EXPECT_NE(first.ok(), second.ok());
  EXPECT_THAT(first.ok() ? second.status() : first.status(),
              HasReason("LIVE_MIGRATION"));
  EXPECT_THAT(All(), SizeIs(1));
}

TEST_F(CreationTest, OneThatLearnsLateThatAnotherIsLiveNeedsAttention) {
  script_.OnRun(Step::kPreflight, Retry("Celigo does not answer"));
  const auto late = Create();
  ASSERT_EQ(late->state, State::kPlanning);
  const auto first = Create(/*start=*/false);
  ASSERT_THAT(first, IsOk());

  RunToState(late->id, State::kNeedsAttention);

  EXPECT_EQ(Stored(late->id).attention->reason, "LIVE_MIGRATION");
  EXPECT_THAT(Stored(late->id).attention->message, HasSubstr(first->id));
  EXPECT_THAT(broken_, IsEmpty());
  ASSERT_THAT(Command(migration::EventKind::kCancel, first->id), IsOk());
  ASSERT_THAT(Command(migration::EventKind::kRetry, late->id), IsOk());
  RunToState(late->id, State::kSucceeded);
}

// --- Same request, same answer (guarantee G10) ---

TEST_F(CreationTest, ARepeatedRequestGetsTheMigrationItMade) {
  engine::CreateCommand command;
  command.spec = SpecFor();
  command.start = true;
  const auto first = Wait(AskToCreate(Operator("request-1"), command));
  ASSERT_THAT(first, IsOk());
  RunToState(first->id, State::kSucceeded);

  const auto again = Wait(AskToCreate(Operator("request-1"), command));

  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->id, first->id);
  EXPECT_EQ(again->state, State::kSucceeded);
  EXPECT_THAT(All(), SizeIs(1));
}

TEST_F(CreationTest, ARepeatedRequestWaitsForTheFirst) {
  engine::CreateCommand command;
  command.spec = SpecFor();
  const auto first = AskToCreate(Operator("request-1"), command);
  const auto second = AskToCreate(Operator("request-1"), command);
  RunUntilQuiet();

  ASSERT_THAT(**first, IsOk());
  ASSERT_THAT(**second, IsOk());
  EXPECT_EQ((**first)->id, (**second)->id);
  EXPECT_THAT(All(), SizeIs(1));
}

TEST_F(CreationTest, ARequestIsRememberedAcrossARestart) {
  engine::CreateCommand command;
  command.spec = SpecFor();
  const auto first = Wait(AskToCreate(Operator("request-1"), command));
  Crash();

  const auto again = Wait(AskToCreate(Operator("request-1"), command));

  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->id, first->id);
}

}  // namespace
}  // namespace keyturn::testing
