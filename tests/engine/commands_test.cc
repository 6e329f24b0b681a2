// Callers' commands and answers to tasks.
#include "daemon/engine/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "daemon/base/status.h"
#include "tests/engine/house.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {
namespace {

using migration::EventKind;
using migration::Migration;
using migration::State;
using migration::Step;
using migration::Task;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kTokenId[] = "1c0b52a4d75e4a0f9d1b";
constexpr char kTokenSecret[] = "77e1f6b3c2d94f7c8a55";

class CommandsTest : public House {
 protected:
  // A migration that waits for a person at `step`.
  std::string Asking(Step step, Task::Answer answer) {
    script_.OnRun(step, AskFor(answer));
    const std::string id = Started();
    RunToState(id, State::kAwaitingTask);
    return id;
  }
  // A migration with an attempt at `step` that waits at `door`.
  std::string BusyAt(Step step, Door& door, steps::Outcome outcome) {
    script_.OnRun(step, GivingBehind(door, std::move(outcome)));
    const std::string id = Started();
    RunUntil([&door] { return door.waiting() == 1; });
    return id;
  }
  vault::ConnectionToken Token(const std::string& id,
                               store::VersionSelector version) {
    return *vault_->OpenAs<vault::ConnectionToken>(steps::TokenCredential(id),
                                                   version, openings_);
  }
};

TEST_F(CommandsTest, APlannedMigrationWaitsToBeStarted) {
  const auto planned = Create(/*start=*/false);
  ASSERT_THAT(planned, IsOk());
  EXPECT_EQ(planned->state, State::kPlanned);

  const auto started = Command(EventKind::kStart, planned->id);
  ASSERT_THAT(started, IsOk());
  EXPECT_EQ(started->state, State::kRunning);
  RunToState(planned->id, State::kSucceeded);
}

TEST_F(CommandsTest, PauseTakesEffectWhenTheAttemptHasEnded) {
  Door door;
  const std::string id = BusyAt(Step::kEnableTba, door, steps::Done("enabled"));

  const auto asked = Command(EventKind::kPause, id);
  ASSERT_THAT(asked, IsOk());
  EXPECT_EQ(asked->state, State::kRunning);
  EXPECT_TRUE(asked->pause_requested);
  door.Open();
  RunToState(id, State::kPaused);
  EXPECT_EQ(Stored(id).current, Step::kCreateRole);

  ASSERT_THAT(Command(EventKind::kResume, id), IsOk());
  RunToState(id, State::kSucceeded);
  EXPECT_EQ(script_.under_way_of_one_max, 1);
}

TEST_F(CommandsTest, CancelDuringAnAttemptLeadsBackWhenItHasEnded) {
  Door door;
  const std::string id =
      BusyAt(Step::kAssignRole, door, steps::Done("assigned"));

  ASSERT_THAT(Command(EventKind::kCancel, id), IsOk());
  EXPECT_EQ(Stored(id).state, State::kRunning);
  door.Open();
  RunToState(id, State::kRolledBack);

  EXPECT_EQ(script_.calls.back(), "undo assign_role");
}

TEST_F(CommandsTest, CommandsActAtOnceWhileAMigrationWaitsForItsNextAttempt) {
  steps::Outcome busy = Retry("busy");
  busy.retry_after = absl::Hours(3);
  script_.OnRun(Step::kEnableTba, busy);
  const std::string id = Started();
  RunUntil([&] { return Stored(id).wake_at.has_value(); });
  const absl::Time now = clock_.Now();

  const auto paused = Command(EventKind::kPause, id);

  ASSERT_THAT(paused, IsOk());
  EXPECT_EQ(paused->state, State::kPaused);
  const auto cancelled = Command(EventKind::kCancel, id);
  ASSERT_THAT(cancelled, IsOk());
  EXPECT_EQ(cancelled->state, State::kRolledBack);
  EXPECT_EQ(clock_.Now(), now);
}

TEST_F(CommandsTest, RetryEndsAWait) {
  steps::Outcome busy = Retry("busy");
  busy.retry_after = absl::Hours(3);
  script_.OnRun(Step::kEnableTba, busy);
  const std::string id = Started();
  RunUntil([&] { return Stored(id).wake_at.has_value(); });
  const absl::Time now = clock_.Now();

  ASSERT_THAT(Command(EventKind::kRetry, id), IsOk());
  RunUntilQuiet();

  EXPECT_EQ(Stored(id).state, State::kSucceeded);
  EXPECT_EQ(clock_.Now(), now);
}

TEST_F(CommandsTest, ARefusedCommandChangesNothingButTheTrail) {
  const std::string id = Started();
  RunToState(id, State::kSucceeded);
  const Migration before = Stored(id);

  EXPECT_THAT(Command(EventKind::kCancel, id), HasReason("ILLEGAL_TRANSITION"));

  EXPECT_EQ(Stored(id).revision, before.revision);
  const store::AuditRow row = CallersTrail().back();
  EXPECT_EQ(row.action, "keyturn.v1.Migrations/CancelMigration");
  EXPECT_EQ(row.target, "migrations/" + id);
  EXPECT_EQ(row.actor, "anna");
  EXPECT_EQ(row.result, "FAILED_PRECONDITION");
}

TEST_F(CommandsTest, AnUnknownMigrationIsNotFound) {
  EXPECT_THAT(Command(EventKind::kPause, "aaaaaaaaaaaaaaaa"),
              HasReason("MIGRATION_NOT_FOUND"));
}

TEST_F(CommandsTest, AStaleEtagIsRefused) {
  const auto planned = Create(/*start=*/false);
  engine::MigrationCommand command;
  command.migration_id = planned->id;
  command.kind = EventKind::kStart;
  command.expected_revision = planned->revision - 1;
  absl::StatusOr<Migration> answer = absl::UnknownError("");
  engine_->Command(Operator(), command,
                   [&answer](auto result) { answer = std::move(result); });
  RunUntilQuiet();

  EXPECT_THAT(answer, HasReason("ETAG_MISMATCH"));
}

TEST_F(CommandsTest, ADoneCommandIsInTheTrailOnce) {
  const auto planned = Create(/*start=*/false);
  ASSERT_THAT(Command(EventKind::kCancel, planned->id), IsOk());

  const store::AuditRow row = CallersTrail().back();
  EXPECT_EQ(row.action, "keyturn.v1.Migrations/CancelMigration");
  EXPECT_EQ(row.result, "OK");
  // Before and after preflight, and the cancelling.
  EXPECT_THAT(CallersTrail(), SizeIs(3));
}

TEST_F(CommandsTest, ARepeatedCommandHasNoSecondEffect) {
  const auto planned = Create(/*start=*/false);
  ASSERT_THAT(Command(EventKind::kStart, planned->id, Operator("request-1")),
              IsOk());
  RunToState(planned->id, State::kSucceeded);
  const int64_t revision = Stored(planned->id).revision;

  const auto again =
      Command(EventKind::kStart, planned->id, Operator("request-1"));

  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->state, State::kSucceeded);
  EXPECT_EQ(Stored(planned->id).revision, revision);
}

TEST_F(CommandsTest, EqualRequestsThatComeTogetherHaveOneEffect) {
  const auto planned = Create(/*start=*/false);
  std::vector<Answer<Migration>> answers;
  for (int i = 0; i < 5; ++i) {
    answers.push_back(
        AskTo(EventKind::kCancel, planned->id, Operator("request-1")));
  }
  RunUntilQuiet();

  for (const auto& answer : answers) {
    ASSERT_TRUE(answer->has_value());
    EXPECT_THAT(**answer, IsOk());
  }
  EXPECT_EQ(Stored(planned->id).revision, planned->revision + 1);
}

TEST_F(CommandsTest, AnotherRequestUnderTheSameIdIsRefused) {
  const auto planned = Create(/*start=*/false);
  ASSERT_THAT(Command(EventKind::kStart, planned->id, Operator("request-1")),
              IsOk());
  engine::Caller other = Operator("request-1");
  other.fingerprint = "f2";

  EXPECT_THAT(Command(EventKind::kCancel, planned->id, other),
              HasReason("REQUEST_ID_REUSED"));
}

TEST_F(CommandsTest, ARefusedRequestIsNotRemembered) {
  const auto planned = Create(/*start=*/false);
  EXPECT_THAT(Command(EventKind::kResume, planned->id, Operator("request-1")),
              HasReason("ILLEGAL_TRANSITION"));
  EXPECT_THAT(Command(EventKind::kCancel, planned->id, Operator("request-1")),
              IsOk());
}

// --- Tasks ---

TEST_F(CommandsTest, ACompletedTaskLetsTheStepLookAgain) {
  const std::string id = Asking(Step::kEnableTba, Task::Answer::kDoneByHand);
  const std::string task_id = OpenTask(id);

  const auto task = Complete(task_id);

  ASSERT_THAT(task, IsOk());
  EXPECT_EQ(task->state, Task::State::kDone);
  EXPECT_EQ(task->completed_by, "anna");
  EXPECT_EQ(task->evidence, "ticket 17");
  RunToState(id, State::kSucceeded);
  EXPECT_EQ(CallersTrail().back().action, "keyturn.v1.Tasks/CompleteTask");
  EXPECT_EQ(CallersTrail().back().target, "tasks/" + task_id);
}

TEST_F(CommandsTest, ATaskIsAnsweredOnce) {
  const std::string id = Asking(Step::kEnableTba, Task::Answer::kDoneByHand);
  const std::string task_id = OpenTask(id);
  ASSERT_THAT(Complete(task_id), IsOk());

  EXPECT_THAT(Complete(task_id), HasReason("TASK_CLOSED"));
  EXPECT_THAT(Complete("aaaaaaaaaaaaaaaa"), HasReason("TASK_NOT_FOUND"));
}

TEST_F(CommandsTest, ATaskOfACancelledMigrationIsClosed) {
  const std::string id = Asking(Step::kEnableTba, Task::Answer::kDoneByHand);
  const std::string task_id = OpenTask(id);
  ASSERT_THAT(Command(EventKind::kCancel, id), IsOk());
  RunUntilQuiet();

  EXPECT_EQ(store_->GetTask(task_id)->state, Task::State::kWithdrawn);
  EXPECT_THAT(Complete(task_id), HasReason("TASK_CLOSED"));
}

TEST_F(CommandsTest, ATaskThatAsksForATokenIsNotDoneByHand) {
  const std::string id = Asking(Step::kIssueToken, Task::Answer::kToken);

  EXPECT_THAT(Complete(OpenTask(id)), HasReason("SECRET_REQUIRED"));
  EXPECT_EQ(Stored(id).state, State::kAwaitingTask);
}

TEST_F(CommandsTest, AFollowUpTaskIsDoneWhenTheMigrationIsAtRest) {
  steps::Outcome outcome = steps::Done("finished");
  migration::Task retire;
  retire.title = "retire the password";
  outcome.follow_up_tasks.push_back(retire);
  script_.OnRun(Step::kFinish, outcome);
  const std::string id = Started();
  RunToState(id, State::kSucceeded);
  const int64_t revision = Stored(id).revision;
  const std::string task_id = OpenTask(id);

  const auto task = Complete(task_id, Operator("request-1"));

  ASSERT_THAT(task, IsOk());
  EXPECT_EQ(task->state, Task::State::kDone);
  EXPECT_EQ(Stored(id).revision, revision);
  EXPECT_EQ(History(id).back(), "TASK_DONE finish");
  EXPECT_THAT(Complete(task_id, Operator("request-1")), IsOk());
  EXPECT_THAT(Complete(task_id), HasReason("TASK_CLOSED"));
}

TEST_F(CommandsTest, AnOverlongEvidenceIsRefused) {
  const std::string id = Asking(Step::kEnableTba, Task::Answer::kDoneByHand);
  absl::StatusOr<Task> answer = absl::UnknownError("");
  engine_->CompleteTask(Operator(), OpenTask(id), std::string(4001, 'x'),
                        [&answer](auto result) { answer = std::move(result); });
  RunUntilQuiet();

  EXPECT_EQ(base::FieldOf(answer.status()), "evidence");
}

// --- Tokens ---

TEST_F(CommandsTest, ATokenIsSealedBeforeTheCallIsAnswered) {
  const std::string id = Asking(Step::kIssueToken, Task::Answer::kToken);
  absl::StatusOr<vault::ConnectionToken> seen = absl::UnknownError("");
  int64_t stored_version = 0;
  engine_->SubmitToken(
      Operator(), OpenTask(id), secret::Secret(kTokenId),
      secret::Secret(kTokenSecret), [&](absl::StatusOr<Task> answer) {
        ASSERT_THAT(answer, IsOk());
        seen = vault_->OpenAs<vault::ConnectionToken>(
            steps::TokenCredential(id), store::VersionLabel::kPending,
            openings_);
        stored_version = steps::ParseNotes(Stored(id).notes)->token_version;
      });
  RunToState(id, State::kSucceeded);

  ASSERT_THAT(seen, IsOk());
  EXPECT_EQ(seen->token_id.Expose(), kTokenId);
  EXPECT_EQ(seen->token_secret.Expose(), kTokenSecret);
  EXPECT_EQ(stored_version, 1);
}

TEST_F(CommandsTest, ATokenIsNowhereToBeRead) {
  const std::string id = Asking(Step::kIssueToken, Task::Answer::kToken);
  ASSERT_THAT(Submit(OpenTask(id), kTokenId, kTokenSecret), IsOk());
  RunToState(id, State::kSucceeded);

  const std::string bytes = StoredBytes();
  EXPECT_EQ(bytes.find(kTokenSecret), std::string::npos);
  EXPECT_EQ(bytes.find(kTokenId), std::string::npos);
  EXPECT_NE(bytes.find("TOKEN_SUBMITTED"), std::string::npos);
  EXPECT_THAT(log_, Each(Not(HasSubstr(kTokenSecret))));
}

TEST_F(CommandsTest, ALaterTokenTakesThePlaceOfTheOneBefore) {
  const std::string id = Asking(Step::kIssueToken, Task::Answer::kToken);
  script_.OnRun(Step::kIssueToken, AskFor(Task::Answer::kToken));
  ASSERT_THAT(Submit(OpenTask(id), "first-id", "first-secret"), IsOk());
  RunToState(id, State::kAwaitingTask);
  ASSERT_THAT(Submit(OpenTask(id), kTokenId, kTokenSecret), IsOk());
  RunToState(id, State::kSucceeded);

  const auto info = store_->GetCredential(steps::TokenCredential(id));
  ASSERT_THAT(info, IsOk());
  ASSERT_THAT(info->versions, SizeIs(2));
  EXPECT_EQ(info->versions[0].label, store::VersionLabel::kRevoked);
  EXPECT_EQ(info->versions[1].label, store::VersionLabel::kPending);
  EXPECT_EQ(info->versions[1].creator, "anna");
  EXPECT_EQ(info->migration_id, id);
  EXPECT_EQ(Token(id, 2).token_id.Expose(), kTokenId);
  EXPECT_EQ(steps::ParseNotes(Stored(id).notes)->token_version, 2);
}

TEST_F(CommandsTest, ATokenThatComesTwiceIsKeptOnce) {
  const std::string id = Asking(Step::kIssueToken, Task::Answer::kToken);
  const std::string task_id = OpenTask(id);
  ASSERT_THAT(Submit(task_id, kTokenId, kTokenSecret, Operator("request-1")),
              IsOk());
  RunToState(id, State::kSucceeded);

  const auto again =
      Submit(task_id, kTokenId, kTokenSecret, Operator("request-1"));

  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->state, Task::State::kDone);
  EXPECT_THAT(store_->GetCredential(steps::TokenCredential(id))->versions,
              SizeIs(1));
}

TEST_F(CommandsTest, ATokenIsTakenWhilePaused) {
  const std::string id = Asking(Step::kIssueToken, Task::Answer::kToken);
  ASSERT_THAT(Command(EventKind::kPause, id), IsOk());

  ASSERT_THAT(Submit(OpenTask(id), kTokenId, kTokenSecret), IsOk());

  EXPECT_EQ(Stored(id).state, State::kPaused);
  EXPECT_EQ(Token(id, 1).token_id.Expose(), kTokenId);
  ASSERT_THAT(Command(EventKind::kResume, id), IsOk());
  RunToState(id, State::kSucceeded);
}

TEST_F(CommandsTest, NothingIsSealedForATaskThatAsksForNoToken) {
  const std::string id = Asking(Step::kEnableTba, Task::Answer::kDoneByHand);

  EXPECT_THAT(Submit(OpenTask(id), kTokenId, kTokenSecret),
              HasReason("NO_SECRET_ASKED"));
  EXPECT_THAT(store_->GetCredential(steps::TokenCredential(id)),
              HasCode(absl::StatusCode::kNotFound));
}

struct BadToken {
  const char* token_id;
  const char* token_secret;
  const char* field;
  const char* message;
};

class BadTokenTest : public ::testing::TestWithParam<BadToken> {};

TEST_P(BadTokenTest, IsRefusedNamingTheField) {
  const auto checked =
      engine::CheckToken(secret::Secret(GetParam().token_id),
                         secret::Secret(GetParam().token_secret));

  EXPECT_THAT(checked, HasReason("INVALID_FIELD"));
  EXPECT_EQ(base::FieldOf(checked.status()), GetParam().field);
  EXPECT_THAT(checked, MessageIs(HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadTokenTest,
    ::testing::Values(BadToken{"", "b", "token_id", "is empty"},
                      BadToken{"a", "", "token_secret", "is empty"},
                      BadToken{"\n", "b", "token_id", "is empty"},
                      BadToken{"a b", "c", "token_id", "without spaces"},
                      BadToken{" a", "c", "token_id", "without spaces"},
                      BadToken{"a", "b\n\n", "token_secret", "without spaces"},
                      BadToken{"a", "b\xc3\xa4", "token_secret", "printable"},
                      BadToken{"******", "b", "token_id", "mask"},
                      BadToken{"a", "******", "token_secret", "mask"},
                      BadToken{"same", "same\n", "token_secret",
                               "same as the token id"}));

TEST(CheckTokenTest, DropsANewlineAtTheEndAndNothingElse) {
  const auto token =
      engine::CheckToken(secret::Secret("*a*\r\n"), secret::Secret("b\n"));

  ASSERT_THAT(token, IsOk());
  EXPECT_EQ(token->token_id.Expose(), "*a*");
  EXPECT_EQ(token->token_secret.Expose(), "b");
}

TEST(CheckTokenTest, LimitsTheLength) {
  EXPECT_THAT(engine::CheckToken(secret::Secret(std::string(256, 'a')),
                                 secret::Secret("b")),
              IsOk());
  EXPECT_THAT(engine::CheckToken(secret::Secret(std::string(257, 'a')),
                                 secret::Secret("b")),
              HasReason("INVALID_FIELD"));
}

}  // namespace
}  // namespace keyturn::testing
