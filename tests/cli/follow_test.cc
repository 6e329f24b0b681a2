// `migrate` and `attach`: watching to the end, in a pipe and on a terminal.
#include "cli/progress/follow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "cli/client.h"
#include "cli/context.h"
#include "tests/cli/fake_daemon.h"
#include "tests/cli/harness.h"
#include "tests/cli/samples.h"

namespace keyturn::cli {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

const Environment kTerminal = {{"TERM", "xterm"}, {"LANG", "C.UTF-8"}};

int Count(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

class FollowTest : public testing::Test {
 protected:
  FollowTest() {
    daemon_.Start();
    config_ = directory_.Write("config.yaml", daemon_.ContextYaml());
    spec_ = directory_.Write("spec.yaml", SampleSpec());
  }

  std::vector<std::string> WithConfig(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--config", config_});
    return arguments;
  }

  Result Keyturn(const std::vector<std::string>& arguments) {
    return RunKeyturn(WithConfig(arguments));
  }

  // Event number `sequence`, with a message by which it is found again.
  void Progress(int64_t sequence) {
    daemon_.Emit(SampleEvent(sequence, "STEP_PROGRESS", v1::Step::CREATE_ROLE,
                             v1::Step::RUNNING, v1::Migration::RUNNING,
                             absl::StrCat("<message ", sequence, ">")),
                 RunningMigration());
  }

  void Succeed(int64_t sequence) {
    daemon_.Emit(SampleEvent(sequence, "STEP_DONE", v1::Step::FINISH,
                             v1::Step::DONE, v1::Migration::SUCCEEDED,
                             absl::StrCat("<message ", sequence, ">")),
                 SucceededMigration());
  }

  void EndAs(int64_t sequence, v1::Migration migration) {
    daemon_.Emit(SampleEvent(sequence, "STEP_FAILED", v1::Step::CUT_OVER,
                             v1::Step::FAILED, migration.state(), "<the end>"),
                 migration);
  }

  void AwaitTask(int64_t sequence) {
    v1::Event event = SampleEvent(
        sequence, "TASK_OPENED", v1::Step::ISSUE_TOKEN, v1::Step::AWAITING_TASK,
        v1::Migration::AWAITING_TASK, "<a task>");
    event.mutable_step()->set_task(kSampleTask);
    daemon_.Put(TokenTask());
    daemon_.Emit(event, AwaitingMigration());
  }

  TemporaryDirectory directory_;
  FakeDaemon daemon_;
  std::string config_;
  std::string spec_;
};

TEST_F(FollowTest, MigratesAndTellsEachEventOnce) {
  daemon_.Put(RunningMigration());
  Progress(1);
  std::thread world([this] {
    daemon_.WaitForWatches(1);
    Progress(2);
    Succeed(3);
  });
  const Result result = Keyturn({"migrate", "-f", spec_});
  world.join();
  EXPECT_EQ(result.code, ExitCode::kDone) << result.error;
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(Count(result.out, absl::StrCat("<message ", i, ">")), 1)
        << result.out;
  }
  EXPECT_THAT(result.out, HasSubstr("SUCCEEDED"));
  EXPECT_THAT(result.out, HasSubstr("Retire the password"));
  EXPECT_THAT(daemon_.requests(), Contains(HasSubstr("start: true")));
}

TEST_F(FollowTest, PrintsEventsAsJsonLines) {
  daemon_.Put(RunningMigration());
  Progress(1);
  Succeed(2);
  const Result result = Keyturn({"migrate", "-f", spec_, "--progress", "json"});
  EXPECT_EQ(result.code, ExitCode::kDone) << result.error;
  const std::vector<std::string> lines = absl::StrSplit(result.out, '\n');
  ASSERT_EQ(lines.size(), 3u) << result.out;
  EXPECT_EQ(json::parse(lines[0])["sequence"], "1");
  EXPECT_EQ(json::parse(lines[1])["state"], "SUCCEEDED");
  EXPECT_EQ(lines[2], "");
}

TEST_F(FollowTest, WithJsonOutputOnlyTheMigrationIsOnStandardOutput) {
  daemon_.Put(RunningMigration());
  Progress(1);
  Succeed(2);
  const Result result = Keyturn({"-o", "json", "migrate", "-f", spec_});
  EXPECT_EQ(json::parse(result.out)["state"], "SUCCEEDED");
  EXPECT_THAT(result.error, HasSubstr("<message 1>"));
}

TEST_F(FollowTest, QuietPrintsNothingButTheResult) {
  daemon_.Put(RunningMigration());
  Progress(1);
  Succeed(2);
  const Result result =
      Keyturn({"migrate", "-f", spec_, "--progress", "quiet"});
  EXPECT_THAT(result.out, Not(HasSubstr("<message")));
  EXPECT_THAT(result.out, HasSubstr("SUCCEEDED"));
}

TEST_F(FollowTest, TellsBadEndsByTheExitCode) {
  v1::Migration rolled_back = SampleMigration();
  rolled_back.set_state(v1::Migration::ROLLED_BACK);
  rolled_back.set_failure("the role cannot be made");
  v1::Migration cancelled = SampleMigration();
  cancelled.set_state(v1::Migration::CANCELLED);
  const std::pair<v1::Migration, ExitCode> cases[] = {
      {rolled_back, ExitCode::kRolledBack},
      {cancelled, ExitCode::kRolledBack},
      {StuckMigration(), ExitCode::kNeedsAttention}};
  for (const auto& [migration, code] : cases) {
    daemon_.Put(migration);
    EXPECT_EQ(Keyturn({"attach", kSampleId}).code, code);
  }
  daemon_.Put(StuckMigration());
  const Result result = Keyturn({"attach", kSampleId});
  EXPECT_THAT(result.out, HasSubstr("Ways out"));
  EXPECT_THAT(result.out, HasSubstr("keyturn retry"));
}

TEST_F(FollowTest, StopsWatchingWhenAttentionIsNeeded) {
  daemon_.Put(RunningMigration());
  std::thread world([this] {
    daemon_.WaitForWatches(1);
    EndAs(1, StuckMigration());
  });
  const Result result = Keyturn({"migrate", "-f", spec_});
  world.join();
  EXPECT_EQ(result.code, ExitCode::kNeedsAttention);
  EXPECT_THAT(result.out, HasSubstr("DOCUMENT_CHANGED"));
}

TEST_F(FollowTest, StopsAtATaskOnRequestAndShowsIt) {
  daemon_.Put(RunningMigration());
  AwaitTask(1);
  const Result result = Keyturn({"migrate", "-f", spec_, "--stop-at-task"});
  EXPECT_EQ(result.code, ExitCode::kWaitsForPerson);
  EXPECT_THAT(result.out, HasSubstr("High Tech Connectors Token-based Auth"));
  EXPECT_THAT(result.out, HasSubstr("keyturn task submit t2mwd4k7qx3zabcd"));
}

TEST_F(FollowTest, StopsWhereApprovalOrResumeIsAwaitedOnRequest) {
  for (const v1::Migration::State state :
       {v1::Migration::AWAITING_APPROVAL, v1::Migration::PAUSED,
        v1::Migration::PLANNED}) {
    v1::Migration migration = SampleMigration();
    migration.set_state(state);
    daemon_.Put(migration);
    EXPECT_EQ(Keyturn({"attach", kSampleId, "--stop-at-task"}).code,
              ExitCode::kWaitsForPerson);
  }
}

TEST_F(FollowTest, WaitsAtATaskOtherwise) {
  daemon_.Put(RunningMigration());
  AwaitTask(1);
  std::thread world([this] {
    daemon_.WaitForWatches(1);
    Progress(2);
    Succeed(3);
  });
  const Result result = Keyturn({"migrate", "-f", spec_});
  world.join();
  EXPECT_EQ(result.code, ExitCode::kDone);
  EXPECT_THAT(result.out, HasSubstr("keyturn task show t2mwd4k7qx3zabcd"));
}

TEST_F(FollowTest, SurvivesBrokenStreamsWithoutGapOrRepetition) {
  daemon_.Put(RunningMigration());
  std::thread world([this] {
    for (int i = 1; i <= 4; ++i) {
      daemon_.WaitForWatches(i);
      Progress(i);
      daemon_.BreakWatches();
    }
    daemon_.WaitForWatches(5);
    Succeed(5);
  });
  const Result result = Keyturn({"attach", kSampleId});
  world.join();
  EXPECT_EQ(result.code, ExitCode::kDone) << result.error;
  for (int i = 1; i <= 5; ++i) {
    EXPECT_EQ(Count(result.out, absl::StrCat("<message ", i, ">")), 1)
        << result.out;
  }
  EXPECT_THAT(result.out, HasSubstr("trying again"));
}

TEST_F(FollowTest, SurvivesARestartOfTheDaemon) {
  daemon_.Put(RunningMigration());
  std::thread world([this] {
    daemon_.WaitForWatches(1);
    Progress(1);
    daemon_.Stop();
    Progress(2);
    daemon_.Start();
    daemon_.WaitForWatches(2);
    Succeed(3);
  });
  const Result result = Keyturn({"attach", kSampleId});
  world.join();
  EXPECT_EQ(result.code, ExitCode::kDone) << result.error;
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(Count(result.out, absl::StrCat("<message ", i, ">")), 1)
        << result.out;
  }
}

TEST_F(FollowTest, FindsTheDaemonAgainAfterManyAttempts) {
  daemon_.Put(RunningMigration());
  std::thread world([this] {
    daemon_.WaitForWatches(1);
    daemon_.Stop();
    daemon_.HangUp(5);
    daemon_.Start();
    daemon_.WaitForWatches(2);
    Succeed(1);
  });
  const Result result = Keyturn({"attach", kSampleId});
  world.join();
  EXPECT_EQ(result.code, ExitCode::kDone) << result.error;
  EXPECT_EQ(Count(result.out, "trying again"), 1) << result.out;
}

TEST_F(FollowTest, TakesASnapshotWhereTheEventsAreForgotten) {
  daemon_.Put(RunningMigration());
  std::thread world([this] {
    daemon_.WaitForWatches(1);
    Progress(1);
    daemon_.Fail("WatchMigrations",
                 MakeError(grpc::StatusCode::OUT_OF_RANGE, "OUT_OF_RANGE",
                           "the floor is 100"));
    daemon_.BreakWatches();
    daemon_.WaitForWatches(2);
    Succeed(200);
  });
  const Result result = Keyturn({"attach", kSampleId});
  world.join();
  EXPECT_EQ(result.code, ExitCode::kDone) << result.error;
  EXPECT_THAT(daemon_.requests(),
              Contains(HasSubstr("WatchMigrations name: \"migrations/"
                                 "k3q7n2x5a4bcdefg\" snapshot_first: true")));
}

TEST_F(FollowTest, GivesUpOnADaemonThatStaysAway) {
  daemon_.Put(RunningMigration());
  const auto contexts = ContextFile::Read(config_);
  ASSERT_TRUE(contexts.ok()) << contexts.status();
  auto client = Client::Make(contexts->contexts()[0], std::nullopt);
  ASSERT_TRUE(client.ok()) << client.status();
  daemon_.Stop();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  Console console(ends[0], ends[1], ends[1],
                  [](const std::string&) { return std::string(); });
  FollowOptions options;
  options.watch.give_up_after = absl::Milliseconds(300);
  options.watch.pause_first = absl::Milliseconds(50);
  const auto followed = Follow(**client, console, RunningMigration(), options);
  EXPECT_EQ(ExitCodeOf(followed.status()), ExitCode::kUnreachable);
  EXPECT_THAT(Explain(followed.status()).next, HasSubstr("keyturn attach"));
  close(ends[0]);
  close(ends[1]);
}

TEST_F(FollowTest, DoesNotAskAgainWhatTheDaemonRefuses) {
  daemon_.Put(RunningMigration());
  daemon_.Fail(
      "WatchMigrations",
      MakeError(grpc::StatusCode::PERMISSION_DENIED, "NOT_PERMITTED", "no"),
      10);
  EXPECT_EQ(Keyturn({"attach", kSampleId}).code, ExitCode::kNotPermitted);
  EXPECT_EQ(Keyturn({"attach", "zzzzzzzzzzzzzzzz"}).code, ExitCode::kFailed);
}

TEST_F(FollowTest, CtrlCDetachesAndTheWorkGoesOn) {
  daemon_.Put(RunningMigration());
  TerminalSession terminal(
      WithConfig({"attach", kSampleId, "--progress", "plain"}), kTerminal);
  ASSERT_TRUE(terminal.Expect("is RUNNING")) << terminal.shown();
  kill(getpid(), SIGINT);
  EXPECT_EQ(terminal.Wait(), ExitCode::kDone);
  EXPECT_THAT(terminal.shown(), HasSubstr("the work goes on"));
  EXPECT_THAT(terminal.shown(), HasSubstr("keyturn attach k3q7n2x5a4bcdefg"));
}

TEST_F(FollowTest, ShowsThePlanAndStartsOnlyAfterAYes) {
  daemon_.Put(SampleMigration());
  TerminalSession terminal(WithConfig({"migrate", "-f", spec_}), kTerminal);
  ASSERT_TRUE(terminal.Expect("Changes of the connection's document"));
  ASSERT_TRUE(terminal.Expect("Start this migration? [y/N] "));
  daemon_.When("WatchMigrations", [this] { Succeed(1); });
  terminal.Type("y\n");
  EXPECT_EQ(terminal.Wait(), ExitCode::kDone);
  EXPECT_THAT(terminal.shown(), HasSubstr("SUCCEEDED"));
  EXPECT_THAT(daemon_.requests(), Not(Contains(HasSubstr("start: true"))));
  EXPECT_THAT(daemon_.requests(), Contains(HasSubstr("etag: \"e1\"")));
}

TEST_F(FollowTest, ANoCancelsWhatWasPlanned) {
  daemon_.Put(SampleMigration());
  TerminalSession terminal(WithConfig({"migrate", "-f", spec_}), kTerminal);
  ASSERT_TRUE(terminal.Expect("[y/N] ")) << terminal.shown();
  terminal.Type("n\n");
  EXPECT_EQ(terminal.Wait(), ExitCode::kRefused);
  EXPECT_TRUE(daemon_.WaitForCalls("CancelMigration", 1));
}

TEST_F(FollowTest, YesStartsWithoutAsking) {
  daemon_.Put(RunningMigration());
  Succeed(1);
  TerminalSession terminal(WithConfig({"migrate", "-f", spec_, "--yes"}),
                           kTerminal);
  EXPECT_EQ(terminal.Wait(), ExitCode::kDone);
  EXPECT_THAT(terminal.shown(), Not(HasSubstr("[y/N]")));
}

TEST_F(FollowTest, TakesATokenOnTheTerminalWithoutShowingIt) {
  daemon_.Put(TokenTask());
  daemon_.Put(AwaitingMigration());
  TerminalSession terminal(WithConfig({"attach", kSampleId}), kTerminal);
  ASSERT_TRUE(terminal.Expect("What must stand there, to the letter"));
  ASSERT_TRUE(terminal.Expect("q = leave: ")) << terminal.shown();
  terminal.Type("\n");
  ASSERT_TRUE(terminal.Expect("Token id (not shown")) << terminal.shown();
  terminal.Type("hunter2a\n");
  ASSERT_TRUE(terminal.Expect("Token secret (not shown")) << terminal.shown();
  daemon_.When("SubmitTaskSecret", [this] { Succeed(9); });
  terminal.Type("hunter2b\n");
  EXPECT_EQ(terminal.Wait(), ExitCode::kDone) << terminal.shown();
  EXPECT_THAT(terminal.shown(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(daemon_.requests(),
              Contains(HasSubstr("token_id: \"hunter2a\" token_secret: "
                                 "\"hunter2b\"")));
}

TEST_F(FollowTest, AsksAgainAfterATokenThatCannotBeOne) {
  daemon_.Put(TokenTask());
  daemon_.Put(AwaitingMigration());
  daemon_.Fail("SubmitTaskSecret",
               MakeError(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD",
                         "a token id has 64 characters"));
  TerminalSession terminal(WithConfig({"attach", kSampleId}), kTerminal);
  ASSERT_TRUE(terminal.Expect("q = leave: ")) << terminal.shown();
  terminal.Type("\n");
  ASSERT_TRUE(terminal.Expect("Token id"));
  terminal.Type("x\n");
  ASSERT_TRUE(terminal.Expect("Token secret"));
  terminal.Type("y\n");
  ASSERT_TRUE(terminal.Expect("a token id has 64 characters"));
  ASSERT_TRUE(terminal.Expect("q = leave: "));
  terminal.Type("q\n");
  EXPECT_EQ(terminal.Wait(), ExitCode::kWaitsForPerson);
}

TEST_F(FollowTest, GoesOnWhenSomebodyElseAnswersTheTask) {
  daemon_.Put(TokenTask());
  daemon_.Put(AwaitingMigration());
  TerminalSession terminal(WithConfig({"attach", kSampleId}), kTerminal);
  ASSERT_TRUE(terminal.Expect("q = leave: ")) << terminal.shown();
  Succeed(9);
  EXPECT_EQ(terminal.Wait(), ExitCode::kDone);
}

TEST_F(FollowTest, RedrawsInTheWidthOfTheTerminal) {
  daemon_.Put(RunningMigration());
  TerminalSession terminal(WithConfig({"attach", kSampleId}), kTerminal, 160);
  ASSERT_TRUE(terminal.Expect("page by page, to copy them into CeligoJiraTBA"))
      << terminal.shown();
  terminal.Resize(80, 24);
  ASSERT_TRUE(terminal.Expect("Reading the permissions of Celigo Jira…"))
      << terminal.shown();
  Succeed(1);
  EXPECT_EQ(terminal.Wait(), ExitCode::kDone);
}

TEST_F(FollowTest, WritesNoEscapesToADumbTerminal) {
  daemon_.Put(RunningMigration());
  Progress(1);
  Succeed(2);
  TerminalSession terminal(WithConfig({"migrate", "-f", spec_, "--yes"}),
                           {{"TERM", "dumb"}});
  EXPECT_EQ(terminal.Wait(), ExitCode::kDone);
  EXPECT_THAT(terminal.shown(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(terminal.shown(), HasSubstr("<message 1>"));
}

TEST_F(FollowTest, WritesNoColoursWhereTheyAreNotWanted) {
  daemon_.Put(RunningMigration());
  Succeed(1);
  TerminalSession terminal(
      WithConfig({"attach", kSampleId}),
      {{"TERM", "xterm"}, {"NO_COLOR", "1"}, {"LANG", "C.UTF-8"}});
  EXPECT_EQ(terminal.Wait(), ExitCode::kDone);
  EXPECT_THAT(terminal.shown(), Not(HasSubstr("\x1b[3")));
  EXPECT_THAT(terminal.shown(), Not(HasSubstr("\x1b[1m")));
}

}  // namespace
}  // namespace keyturn::cli
