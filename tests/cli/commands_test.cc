// Whole commands against a daemon that is played by FakeDaemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cli/names.h"
#include "tests/cli/fake_daemon.h"
#include "tests/cli/harness.h"
#include "tests/cli/samples.h"

namespace keyturn::cli {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CommandsTest : public testing::Test {
 protected:
  CommandsTest() {
    daemon_.ListenOnUnixSocket(directory_.path() + "/keyturn.sock");
    daemon_.Start();
    config_ = directory_.Write("config.yaml", daemon_.ContextYaml());
    spec_ = directory_.Write("spec.yaml", SampleSpec());
  }

  Result Keyturn(std::vector<std::string> arguments,
                 const std::string& in = "") {
    arguments.insert(arguments.begin(), {"--config", config_});
    return RunKeyturn(arguments, in);
  }

  json KeyturnJson(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"-o", "json"});
    const Result result = Keyturn(arguments);
    EXPECT_EQ(result.code, ExitCode::kDone) << result.error;
    return json::parse(result.out);
  }

  TemporaryDirectory directory_;
  FakeDaemon daemon_;
  std::string config_;
  std::string spec_;
};

TEST_F(CommandsTest, TalksOverMutualTls) {
  const json caller = KeyturnJson({"whoami"});
  EXPECT_EQ(caller["identity"], "anna");
  EXPECT_EQ(caller["transport"], "tls");
}

TEST_F(CommandsTest, TalksOverAUnixSocket) {
  config_ = directory_.Write("unix.yaml", daemon_.UnixContextYaml());
  EXPECT_EQ(KeyturnJson({"whoami"})["transport"], "unix");
}

TEST_F(CommandsTest, SealsAndUnsealsWithoutAPassphraseWhereNoneIsNeeded) {
  EXPECT_EQ(KeyturnJson({"admin", "seal"})["sealed"], true);
  EXPECT_THAT(Keyturn({"server"}).out, HasSubstr("keyturn admin unseal"));
  EXPECT_EQ(Keyturn({"admin", "unseal"}, "not for the daemon\n").code,
            ExitCode::kDone);
  EXPECT_EQ(daemon_.passphrase, "");
  EXPECT_EQ(KeyturnJson({"admin", "status", "--timeout", "20s"})
                .contains("passphrase"),
            false);
}

TEST_F(CommandsTest, TakesPassphrasesFromInputAndFromAFile) {
  daemon_.vault.set_sealed(true);
  daemon_.vault.set_needs_passphrase(true);
  daemon_.vault.set_needs_previous_passphrase(true);
  EXPECT_EQ(Keyturn({"admin", "unseal"}, "the new one\nthe old one\n").code,
            ExitCode::kDone);
  EXPECT_EQ(daemon_.passphrase, "the new one");
  EXPECT_EQ(daemon_.previous_passphrase, "the old one");

  daemon_.vault.set_sealed(true);
  const std::string file = directory_.Write("passphrase", "another one");
  EXPECT_EQ(Keyturn({"admin", "unseal", "--from-file", file}).code,
            ExitCode::kDone);
  EXPECT_EQ(daemon_.passphrase, "another one");
  EXPECT_EQ(daemon_.previous_passphrase, "");
}

TEST_F(CommandsTest, AsksForThePassphraseOnATerminalWithoutShowingIt) {
  daemon_.vault.set_sealed(true);
  daemon_.vault.set_needs_passphrase(true);
  TerminalSession session({"--config", config_, "admin", "unseal"}, {});
  ASSERT_TRUE(session.Expect("Passphrase (not shown): ")) << session.shown();
  session.Type("six random words\n");
  EXPECT_EQ(session.Wait(), ExitCode::kDone) << session.shown();
  EXPECT_EQ(daemon_.passphrase, "six random words");
  EXPECT_THAT(session.shown(), Not(HasSubstr("six random")));
}

TEST_F(CommandsTest, DoesNotTalkToAServerOfAnotherName) {
  config_ = directory_.Write(
      "other.yaml",
      absl::StrReplaceAll(daemon_.ContextYaml(),
                          {{"serverName: keyturnd", "serverName: somebody"}}));
  const Result result = Keyturn({"whoami", "--timeout", "2s"});
  EXPECT_EQ(result.code, ExitCode::kUnreachable);
  EXPECT_THAT(daemon_.requests(), IsEmpty());
}

TEST_F(CommandsTest, TellsThatTheDaemonIsNotReachable) {
  daemon_.Stop();
  const Result result = Keyturn({"list"});
  EXPECT_EQ(result.code, ExitCode::kUnreachable);
  EXPECT_THAT(result.error, HasSubstr("cannot be reached"));
  EXPECT_THAT(result.error, HasSubstr("next: "));
  EXPECT_EQ(result.out, "");
}

TEST_F(CommandsTest, TellsThatTheCallIsNotPermitted) {
  daemon_.Fail("ListMigrations",
               MakeError(grpc::StatusCode::PERMISSION_DENIED, "NOT_PERMITTED",
                         "a reader may not"));
  const Result result = Keyturn({"-o", "json", "list"});
  EXPECT_EQ(result.code, ExitCode::kNotPermitted);
  const json error = json::parse(result.error)["error"];
  EXPECT_EQ(error["reason"], "NOT_PERMITTED");
  EXPECT_EQ(error["exitCode"], 8);
}

TEST_F(CommandsTest, TakesGlobalOptionsBeforeAndAfterTheCommand) {
  EXPECT_EQ(RunKeyturn({"-o", "json", "whoami", "--config", config_}).code,
            ExitCode::kDone);
  EXPECT_EQ(RunKeyturn({"whoami", "--config", config_, "-o", "yaml"}).code,
            ExitCode::kDone);
}

TEST_F(CommandsTest, RefusesArgumentsThatAreNotUtf8) {
  const Result result =
      Keyturn({"task", "done", "aaaaaaaaaaaaaaaa", "--evidence", "a\xFF"});
  EXPECT_EQ(result.code, ExitCode::kUsage);
  EXPECT_THAT(result.error, HasSubstr("is not UTF-8 text"));
  EXPECT_THAT(daemon_.requests(), IsEmpty());
}

TEST_F(CommandsTest, NamesTheHelpOfTheVeryCommand) {
  const Result result =
      Keyturn({"credential", "add", "acme", "--kind", "celigo-token",
               "--from-file", directory_.Write("token.json", "{}")});
  EXPECT_EQ(result.code, ExitCode::kUsage);
  EXPECT_THAT(result.error, HasSubstr("next: keyturn credential add --help"));
}

TEST_F(CommandsTest, TakesStatesInAnyCaseAndSaysWhichThereAre) {
  EXPECT_EQ(Keyturn({"list", "--state", "awaiting_task"}).code,
            ExitCode::kDone);
  const Result result = Keyturn({"list", "--state", "happy"});
  EXPECT_EQ(result.code, ExitCode::kUsage);
  EXPECT_THAT(result.error, HasSubstr("PLANNING, PLANNED, AWAITING_APPROVAL"));
  EXPECT_EQ(Keyturn({"list", "--state", "state_unspecified"}).code,
            ExitCode::kUsage);
}

TEST_F(CommandsTest, NamesWhatItDoesNotKnow) {
  EXPECT_THAT(Keyturn({"bogus"}).error,
              HasSubstr("\"bogus\" is not known here"));
  EXPECT_THAT(Keyturn({"show", "--bogus"}).error,
              HasSubstr("\"--bogus\" is not known here"));
  EXPECT_THAT(Keyturn({"task", "bogus"}).error,
              HasSubstr("\"bogus\" is not known here"));
  EXPECT_THAT(Keyturn({"show"}).error, HasSubstr("ID is required"));
}

TEST_F(CommandsTest, RefusesWrongUsageWithTheHelpToRead) {
  const std::vector<std::vector<std::string>> wrong = {
      {"bogus"},
      {"list", "--bogus"},
      {"show"},
      {"show", "tasks/abc"},
      {"migrate"},
      {"migrate", "-f", spec_, "--progress", "loud"},
      {"credential", "add", "x", "--kind", "password"},
      {"account", "add", "celigo", "x", "--credential", "c", "--region", "eu",
       "--base-url", "https://x"},
      {"list", "--timeout", "soon"},
      {"list", "--state", "HAPPY"},
      {"-o", "xml", "list"}};
  for (const std::vector<std::string>& arguments : wrong) {
    const Result result = Keyturn(arguments);
    EXPECT_EQ(result.code, ExitCode::kUsage) << result.error;
    EXPECT_THAT(result.error, HasSubstr("--help"));
  }
  EXPECT_THAT(daemon_.requests(), IsEmpty());
}

TEST_F(CommandsTest, ListsAsOneObjectAcrossPages) {
  v1::Migration other = SampleMigration();
  other.set_name("migrations/aaaaaaaaaaaaaaaa");
  daemon_.Put(SampleMigration());
  daemon_.Put(other);
  const json list = KeyturnJson({"list"});
  ASSERT_EQ(list["migrations"].size(), 2u);
  EXPECT_EQ(list["migrations"][0]["name"], "migrations/aaaaaaaaaaaaaaaa");
  EXPECT_EQ(list["migrations"][1]["state"], "PLANNED");
  const std::string table = Keyturn({"list"}).out;
  EXPECT_THAT(table, HasSubstr(kSampleId));
  EXPECT_THAT(table, HasSubstr("waits to be started"));
}

TEST_F(CommandsTest, ConfirmsByTheTaskOfTheEnd) {
  daemon_.Put(AwaitingMigration());
  daemon_.Put(TokenTask());
  const Result refused = Keyturn({"confirm", kSampleId});
  EXPECT_EQ(refused.code, ExitCode::kRefused);
  EXPECT_THAT(refused.error, HasSubstr("does not wait to be confirmed"));
  EXPECT_THAT(refused.error,
              HasSubstr(std::string("keyturn show ") + kSampleId));

  v1::Task trial = TokenTask();
  trial.set_name("tasks/trialtrialtrialt");
  trial.set_step(v1::Step::FINISH);
  trial.set_answer(v1::Task::DONE_BY_HAND);
  trial.set_blocking(true);
  daemon_.Put(trial);
  EXPECT_EQ(KeyturnJson({"confirm", kSampleName})["name"], trial.name());
}

TEST_F(CommandsTest, PrintsTheShapesThatScriptsRelyOn) {
  daemon_.Put(AwaitingMigration());
  daemon_.Put(TokenTask());
  daemon_.Emit(SampleEvent(1, "STEP_DONE", v1::Step::PREFLIGHT, v1::Step::DONE,
                           v1::Migration::RUNNING, "done"));
  EXPECT_EQ(KeyturnJson({"show", kSampleId})["name"], kSampleName);
  EXPECT_EQ(KeyturnJson({"report", kSampleName})["name"], kSampleName);
  EXPECT_EQ(KeyturnJson({"history", kSampleId})["events"][0]["kind"],
            "STEP_DONE");
  EXPECT_EQ(KeyturnJson({"task", "list"})["tasks"][0]["name"], kSampleTask);
  EXPECT_EQ(KeyturnJson({"task", "show", kSampleTask})["step"], "ISSUE_TOKEN");
  EXPECT_TRUE(KeyturnJson({"credential", "list"})["credentials"].is_array());
  EXPECT_TRUE(KeyturnJson({"account", "list"})["accounts"].is_array());
  EXPECT_EQ(KeyturnJson({"discover", "acme"})["connections"][0]["authType"],
            "basic");
  EXPECT_EQ(KeyturnJson({"server"})["version"], "0.0.1");
  EXPECT_EQ(KeyturnJson({"server", "support-bundle"})["logLines"][0],
            "msg=ready");
  EXPECT_EQ(KeyturnJson({"context", "list"})["currentContext"], "default");
  const json plan = KeyturnJson({"plan", "-f", spec_});
  EXPECT_EQ(plan["name"], "");
  EXPECT_EQ(plan["plan"]["changes"][0]["field"], "netsuite.authType");
  const json created = KeyturnJson({"migrate", "-f", spec_, "--detach"});
  EXPECT_EQ(created["name"], kSampleName);
}

TEST_F(CommandsTest, WritesASupportBundleIntoANewFileForNobodyElse) {
  const std::string path = directory_.path() + "/bundle.json";
  const std::vector<std::string> command = {
      "-o", "json", "server", "support-bundle", "--file", path};
  const Result result = Keyturn(command);
  EXPECT_EQ(result.code, ExitCode::kDone) << result.error;
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.error, HasSubstr("wrote " + path));
  EXPECT_EQ(json::parse(ReadText(path))["server"]["version"], "0.0.1");
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);

  EXPECT_EQ(Keyturn(command).code, ExitCode::kRefused);
}

TEST_F(CommandsTest, WritesABackUpIntoANewFileAndSendsItBack) {
  daemon_.back_up = {"sealed ", std::string(100'000, 'x'), " end"};
  const std::string path = directory_.path() + "/keyturn.backup";
  const Result made = Keyturn({"admin", "backup", path});
  EXPECT_EQ(made.code, ExitCode::kDone) << made.error;
  EXPECT_THAT(made.error, HasSubstr("wrote " + path + ", 100011 bytes"));
  EXPECT_EQ(ReadText(path), "sealed " + std::string(100'000, 'x') + " end");
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(Keyturn({"admin", "backup", path}).code, ExitCode::kRefused);

  EXPECT_EQ(KeyturnJson({"admin", "restore", path})["credentials"], "3");
  EXPECT_EQ(daemon_.restored, ReadText(path));
}

TEST_F(CommandsTest, ABackUpThatFailsLeavesNoFile) {
  daemon_.back_up = {"half"};
  daemon_.Fail("BackUp", MakeError(grpc::StatusCode::RESOURCE_EXHAUSTED,
                                   "DISK_FULL", "the disk is full"));
  const std::string path = directory_.path() + "/keyturn.backup";
  const Result failed = Keyturn({"admin", "backup", path});
  EXPECT_EQ(failed.code, ExitCode::kFailed);
  EXPECT_THAT(failed.error, HasSubstr("the disk is full"));
  struct stat info {};
  EXPECT_NE(stat(path.c_str(), &info), 0);
  EXPECT_EQ(Keyturn({"admin", "restore", path}).code, ExitCode::kUsage);
}

TEST_F(CommandsTest, AMigrateThatIsRepeatedWithItsRequestIdIsTheSameRequest) {
  daemon_.Put(SampleMigration());
  const std::vector<std::string> command = {
      "migrate", "-f", spec_, "--detach", "--request-id", "nightly-42"};
  EXPECT_EQ(KeyturnJson(command)["name"], kSampleName);
  EXPECT_EQ(KeyturnJson(command)["name"], kSampleName);
  EXPECT_THAT(daemon_.request_ids("CreateMigration"),
              ::testing::ElementsAre("nightly-42", "nightly-42"));
}

TEST_F(CommandsTest, MovesMigrationsByTheirVerbs) {
  daemon_.Put(SampleMigration());
  const std::vector<std::pair<std::string, std::string>> verbs = {
      {"start", "RUNNING"},         {"pause", "PAUSED"},
      {"resume", "RUNNING"},        {"retry", "RUNNING"},
      {"rollback", "ROLLING_BACK"}, {"cancel", "CANCELLED"},
      {"reject", "CANCELLED"}};
  for (const auto& [verb, state] : verbs) {
    EXPECT_EQ(KeyturnJson({verb, kSampleId})["state"], state);
  }
  EXPECT_EQ(KeyturnJson({"approve", kSampleId, "--plan", "9f2b"})["state"],
            "RUNNING");
  EXPECT_THAT(daemon_.requests(), Contains(HasSubstr("plan_hash: \"9f2b\"")));
}

TEST_F(CommandsTest, ListsTheTasksThatWereAskedForInTheOrderAskedFor) {
  const auto put = [this](const std::string& id, v1::Step::Name step,
                          const std::string& account, int expire_seconds) {
    v1::Task task = TokenTask();
    task.set_name("tasks/" + id);
    task.set_step(step);
    task.set_account(account);
    if (expire_seconds > 0) {
      task.mutable_expire_time()->set_seconds(expire_seconds);
    }
    if (id == "done") task.set_state(v1::Task::DONE);
    daemon_.Put(task);
  };
  put("a", v1::Step::ISSUE_TOKEN, "accounts/zeta", 0);
  put("b", v1::Step::FINISH, "accounts/acme-ns", 2000);
  put("c", v1::Step::ENABLE_TBA, "accounts/acme-ns", 1000);
  put("done", v1::Step::ENABLE_TBA, "accounts/acme-ns", 0);
  const auto ids = [this](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"task", "list"});
    const json response = KeyturnJson(arguments);
    std::string found;
    for (const json& task : response["tasks"]) {
      absl::StrAppend(&found, ShortId(task["name"].get<std::string>()), " ");
    }
    return found;
  };
  EXPECT_EQ(ids({}), "a b c ");
  EXPECT_EQ(ids({"--all"}), "a b c done ");
  EXPECT_EQ(ids({"--account", "acme-ns"}), "b c ");
  EXPECT_EQ(ids({"--account", "accounts/zeta"}), "a ");
  EXPECT_EQ(ids({"--step", "Enable_TBA"}), "c ");
  EXPECT_EQ(ids({"--state", "done"}), "done ");
  EXPECT_EQ(ids({"--state", "open", "--step", "issue_token"}), "a ");
  EXPECT_EQ(ids({"--sort", "until"}), "c b a ");
  EXPECT_EQ(ids({"--sort", "account"}), "b c a ");
  EXPECT_EQ(ids({"--sort", "step"}), "c a b ");
  EXPECT_EQ(Keyturn({"task", "list", "--state", "done", "--all"}).code,
            ExitCode::kUsage);
  EXPECT_THAT(Keyturn({"task", "list", "--step", "dance"}).error,
              HasSubstr("allowed: preflight, approve, enable_tba"));
}

TEST_F(CommandsTest, ShowsATaskAsMarkdownInsteadOfAnotherFormat) {
  daemon_.Put(TokenTask());
  const Result page = Keyturn({"task", "show", kSampleTask, "--markdown"});
  EXPECT_EQ(page.code, ExitCode::kDone) << page.error;
  EXPECT_THAT(page.out, testing::StartsWith("# Make an access token"));
  EXPECT_EQ(
      Keyturn({"task", "show", kSampleTask, "--markdown", "-o", "json"}).code,
      ExitCode::kUsage);
}

TEST_F(CommandsTest, SaysWhatIsRefusedAndWhatToDoInstead) {
  daemon_.Put(SampleMigration());
  daemon_.Fail("CancelMigration",
               MakeError(grpc::StatusCode::FAILED_PRECONDITION,
                         "AFTER_CUT_OVER", "the connection was switched"));
  const Result result = Keyturn({"cancel", kSampleId});
  EXPECT_EQ(result.code, ExitCode::kRefused);
  EXPECT_EQ(result.error,
            absl::StrCat("error: cannot cancel ", kSampleName,
                         "\n  why:  the connection was switched "
                         "(AFTER_CUT_OVER)\n  next: keyturn rollback ",
                         kSampleId, ", or keyturn retry ", kSampleId, "\n"));
}

TEST_F(CommandsTest, RepeatsACallWithTheSameRequestId) {
  daemon_.Put(SampleMigration());
  daemon_.Fail("PauseMigration",
               grpc::Status(grpc::StatusCode::UNAVAILABLE, "going away"), 2);
  EXPECT_EQ(Keyturn({"pause", kSampleId}).code, ExitCode::kDone);
  const std::vector<std::string> ids = daemon_.request_ids("PauseMigration");
  ASSERT_EQ(ids.size(), 3u);
  EXPECT_THAT(ids[0], Not(IsEmpty()));
  EXPECT_THAT(ids, ElementsAre(ids[0], ids[0], ids[0]));
}

TEST_F(CommandsTest, DoesNotRepeatWhatAnOutsideSystemRefused) {
  daemon_.Fail("Discover",
               MakeError(grpc::StatusCode::UNAVAILABLE, "OUTSIDE_UNAVAILABLE",
                         "Celigo does not answer"));
  EXPECT_EQ(Keyturn({"discover", "acme"}).code, ExitCode::kFailed);
  EXPECT_EQ(daemon_.requests().size(), 1u);
}

TEST_F(CommandsTest, PointsToTheLineThatTheDaemonFoundFaultWith) {
  daemon_.Put(SampleMigration());
  google::rpc::BadRequest::FieldViolation violation;
  violation.set_field("spec.role.add_permissions[0]");
  violation.set_description("must be a permission id");
  daemon_.Fail("CreateMigration",
               MakeError(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD",
                         "the spec is malformed", {violation}));
  const Result result = Keyturn({"plan", "-f", spec_});
  EXPECT_EQ(result.code, ExitCode::kUsage);
  EXPECT_THAT(result.error,
              HasSubstr("spec.yaml:6: role.addPermissions: must be a "
                        "permission id"));
}

TEST_F(CommandsTest, ReadsASpecFromStandardInput) {
  daemon_.Put(SampleMigration());
  EXPECT_EQ(Keyturn({"plan", "-f", "-"}, SampleSpec()).code, ExitCode::kDone);
  const Result wrong = Keyturn({"plan", "-f", "-"}, "recepie: jira\n");
  EXPECT_EQ(wrong.code, ExitCode::kUsage);
  EXPECT_THAT(wrong.error, HasSubstr("standard input:1: recepie"));
}

TEST_F(CommandsTest, PassesSecretsOnAndPrintsNone) {
  daemon_.Put(TokenTask());
  daemon_.Put(AwaitingMigration());
  const std::string tba =
      R"({"consumerKey": "hunter2a", "consumerSecret": "hunter2b",
          "tokenId": "hunter2c", "tokenSecret": "hunter2d"})";
  const std::string token =
      directory_.Write("token.json", R"({"tokenId": "hunter2e",
                                         "tokenSecret": "hunter2f"})");
  std::string printed;
  const auto run = [&](const std::vector<std::string>& arguments,
                       const std::string& in) {
    const Result result = Keyturn(arguments, in);
    EXPECT_EQ(result.code, ExitCode::kDone) << result.error;
    printed += result.out + result.error;
  };
  run({"credential", "add", "ns", "--kind", "netsuite-tba", "--from-file", "-"},
      tba);
  run({"credential", "rotate", "ns", "--from-file", "-", "-o", "json"}, tba);
  run({"credential", "show", "ns"}, "");
  run({"task", "submit", kSampleTask, "--from-file", token}, "");

  std::string received;
  for (const std::string& request : daemon_.requests()) received += request;
  for (const char* secret : {"hunter2a", "hunter2b", "hunter2c", "hunter2d",
                             "hunter2e", "hunter2f"}) {
    EXPECT_THAT(received, HasSubstr(secret));
  }
  EXPECT_THAT(printed, Not(HasSubstr("hunter2")));
}

TEST_F(CommandsTest, PrintsNoSecretOfARefusedRequest) {
  daemon_.Fail("CreateCredential",
               MakeError(grpc::StatusCode::ALREADY_EXISTS, "CREDENTIAL_EXISTS",
                         "it is there"));
  const Result result = Keyturn(
      {"credential", "add", "x", "--kind", "celigo-token", "--from-file", "-"},
      R"({"token": "hunter2"})");
  EXPECT_EQ(result.code, ExitCode::kRefused);
  EXPECT_THAT(result.error, HasSubstr("keyturn credential rotate x"));
  EXPECT_THAT(result.error + result.out, Not(HasSubstr("hunter2")));
}

TEST_F(CommandsTest, AsksForSecretsOnlyOnATerminal) {
  const Result result =
      Keyturn({"credential", "add", "x", "--kind", "celigo-token"}, "hunter2");
  EXPECT_EQ(result.code, ExitCode::kUsage);
  EXPECT_THAT(result.error, HasSubstr("--from-file"));
  EXPECT_THAT(daemon_.requests(), IsEmpty());
}

TEST_F(CommandsTest, AsksForSecretsWithoutShowingThem) {
  TerminalSession terminal({"--config", config_, "credential", "add", "x",
                            "--kind", "netsuite-login"},
                           {{"TERM", "xterm"}});
  ASSERT_TRUE(terminal.Expect("E-mail address: ")) << terminal.shown();
  terminal.Type("me@example.com\n");
  ASSERT_TRUE(terminal.Expect("Password (not shown): ")) << terminal.shown();
  terminal.Type("hunter2\n");
  EXPECT_EQ(terminal.Wait(), ExitCode::kDone);
  EXPECT_THAT(terminal.shown(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(daemon_.requests(), Contains(HasSubstr("password: \"hunter2\"")));
}

TEST_F(CommandsTest, AddsAccountsOfBothKinds) {
  const std::string ca = directory_.Write("ca.pem", "PEM");
  EXPECT_EQ(Keyturn({"account", "add", "celigo", "acme", "--credential", "c",
                     "--region", "eu"})
                .code,
            ExitCode::kDone);
  EXPECT_EQ(Keyturn({"account", "add", "netsuite", "acme-ns", "--account-id",
                     "1234567_SB1", "--base-url", "https://localhost:1",
                     "--ca-file", ca})
                .code,
            ExitCode::kDone);
  const json accounts = KeyturnJson({"account", "list"})["accounts"];
  EXPECT_EQ(accounts[0]["celigo"]["region"], "EU");
  EXPECT_EQ(accounts[0]["credential"], "credentials/c");
  EXPECT_EQ(accounts[1]["netsuite"]["accountId"], "1234567_SB1");
  EXPECT_EQ(accounts[1]["caPem"], "PEM");
}

TEST_F(CommandsTest, ARefusedTestIsAFailure) {
  EXPECT_EQ(Keyturn({"credential", "test", "good"}).code, ExitCode::kDone);
  const Result refused = Keyturn({"credential", "test", "refused"});
  EXPECT_EQ(refused.code, ExitCode::kFailed);
  EXPECT_THAT(refused.out, HasSubstr("refused"));
}

TEST_F(CommandsTest, ChangesTheCurrentContext) {
  config_ = directory_.Write(
      "two.yaml",
      daemon_.ContextYaml() + "  - name: other\n    server: unix:/nowhere\n");
  EXPECT_EQ(Keyturn({"context", "use", "other"}).code, ExitCode::kDone);
  EXPECT_EQ(KeyturnJson({"context", "show"})["server"], "unix:/nowhere");
  EXPECT_EQ(Keyturn({"--context", "default", "whoami"}).code, ExitCode::kDone);
  EXPECT_EQ(Keyturn({"context", "remove", "other"}).code, ExitCode::kDone);
  EXPECT_EQ(Keyturn({"whoami"}).code, ExitCode::kUsage);
  EXPECT_EQ(Keyturn({"context", "use", "nobody"}).code, ExitCode::kUsage);
  EXPECT_THAT(Keyturn({"context", "show", "default"}).out,
              Not(HasSubstr("PRIVATE KEY")));
}

TEST_F(CommandsTest, TakesTheContextsOfTheUsersDirectory) {
  const Result missing =
      RunKeyturn({"whoami"}, "", {{"HOME", directory_.path()}});
  EXPECT_EQ(missing.code, ExitCode::kUsage);
  EXPECT_THAT(missing.error, HasSubstr("/.config/keyturn/config.yaml"));
  EXPECT_THAT(missing.error, HasSubstr("keyturnd init"));
}

TEST_F(CommandsTest, CompletesCommandsOptionsAndNames) {
  daemon_.Put(SampleMigration());
  const auto complete = [&](std::vector<std::string> words) {
    words.insert(words.begin(),
                 {"__complete", "line", "--", "--config", config_});
    const Result result = RunKeyturn(words);
    EXPECT_EQ(result.code, ExitCode::kDone) << result.error;
    const std::vector<std::string> lines = absl::StrSplit(result.out, '\n');
    return lines;
  };
  EXPECT_THAT(complete({""}), Contains("migrate"));
  EXPECT_THAT(complete({""}), Not(Contains("__complete")));
  EXPECT_THAT(complete({"task", ""}), Contains("submit"));
  EXPECT_THAT(complete({"migrate", "--pro"}), Contains("--progress"));
  EXPECT_THAT(complete({"migrate", "--progress", ""}), Contains("quiet"));
  EXPECT_THAT(complete({"migrate", "-f", ""}), Contains(":files"));
  EXPECT_THAT(complete({"show", ""}), Contains(kSampleId));
  EXPECT_THAT(complete({"context", "use", ""}), Contains("default"));
  EXPECT_THAT(complete({"list", "--state", ""}), Contains("AWAITING_TASK"));
  EXPECT_THAT(complete({"task", "list", "--step", ""}),
              Contains("issue_token"));
  daemon_.Stop();
  EXPECT_THAT(complete({"show", ""}), Not(Contains(kSampleId)));
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_THAT(Keyturn({"completion", shell}).out,
                HasSubstr("__complete line --"));
  }
}

TEST_F(CommandsTest, EveryCommandHasHelpWithAnExampleIn80Columns) {
  const std::vector<std::string> commands = {"plan",
                                             "migrate",
                                             "attach",
                                             "list",
                                             "show",
                                             "history",
                                             "report",
                                             "approve",
                                             "reject",
                                             "start",
                                             "pause",
                                             "resume",
                                             "retry",
                                             "cancel",
                                             "rollback",
                                             "task list",
                                             "task show",
                                             "task done",
                                             "task submit",
                                             "discover",
                                             "account add celigo",
                                             "account list",
                                             "account add netsuite",
                                             "account show",
                                             "account test",
                                             "account remove",
                                             "credential add",
                                             "credential list",
                                             "credential show",
                                             "credential rotate",
                                             "credential test",
                                             "credential delete",
                                             "context list",
                                             "context use",
                                             "context show",
                                             "context remove",
                                             "confirm",
                                             "enroll",
                                             "identity list",
                                             "identity invite",
                                             "identity revoke",
                                             "audit list",
                                             "audit tail",
                                             "audit verify",
                                             "whoami",
                                             "server",
                                             "server support-bundle",
                                             "admin status",
                                             "admin rotate-key",
                                             "admin seal",
                                             "admin unseal",
                                             "admin backup",
                                             "admin restore",
                                             "completion"};
  for (const std::string& command : commands) {
    std::vector<std::string> arguments = absl::StrSplit(command, ' ');
    arguments.push_back("--help");
    const Result result = RunKeyturn(arguments);
    EXPECT_EQ(result.code, ExitCode::kDone) << command;
    EXPECT_THAT(result.out, HasSubstr("Usage: keyturn " + command)) << command;
    EXPECT_THAT(result.out, HasSubstr("Examples:\n  ")) << command;
    const std::string options =
        result.out.substr(0, result.out.find("Examples"));
    for (const std::string& line :
         std::vector<std::string>(absl::StrSplit(options, "\n"))) {
      EXPECT_LE(line.size(), 80u) << line;
    }
  }
  EXPECT_THAT(RunKeyturn({"--version"}).out, HasSubstr("keyturn 0."));
}

}  // namespace
}  // namespace keyturn::cli
