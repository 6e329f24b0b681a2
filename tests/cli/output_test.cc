// How things look: pages, tables, and the live display as text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/console.h"
#include "cli/errors.h"
#include "cli/names.h"
#include "cli/output/audit_page.h"
#include "cli/output/migration_page.h"
#include "cli/output/structured.h"
#include "cli/output/task_page.h"
#include "cli/output/text.h"
#include "cli/progress/frame.h"
#include "cli/progress/task_dialog.h"
#include "tests/cli/fake_daemon.h"
#include "tests/cli/harness.h"
#include "tests/cli/samples.h"

namespace keyturn::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr Style kPaper = {.colored = false, .unicode = true, .columns = 0};

Style Terminal(int columns) {
  return {.colored = false, .unicode = true, .columns = columns};
}

std::string Frame(const v1::Migration& migration, int columns, int rows = 40) {
  return absl::StrJoin(
             ProgressFrame(migration, "", SampleTime() + absl::Seconds(75),
                           Terminal(columns), rows),
             "\n") +
         "\n";
}

int WidestLine(const std::string& text) {
  int widest = 0;
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(text, "\n"))) {
    widest = std::max(widest, DisplayWidth(line));
  }
  return widest;
}

TEST(ProgressFrameTest, LooksAsRecordedAt80And120Columns) {
  for (const int columns : {80, 120}) {
    const std::pair<const char*, v1::Migration> cases[] = {
        {"running", RunningMigration()},
        {"awaiting_task", AwaitingMigration()},
        {"needs_attention", StuckMigration()},
        {"succeeded", SucceededMigration()}};
    for (const auto& [name, migration] : cases) {
      EXPECT_EQ(
          CompareWithGolden(absl::StrCat("frame_", name, "_", columns, ".txt"),
                            Frame(migration, columns)),
          "");
    }
  }
}

TEST(ProgressFrameTest, NeverIsWiderOrHigherThanTheTerminal) {
  for (const v1::Migration& migration :
       {RunningMigration(), AwaitingMigration(), StuckMigration(),
        SucceededMigration()}) {
    for (const int columns : {60, 80, 120, 200}) {
      for (const int rows : {5, 10, 24}) {
        const std::string frame = Frame(migration, columns, rows);
        EXPECT_LE(WidestLine(frame), columns) << frame;
        EXPECT_LE(std::count(frame.begin(), frame.end(), '\n'), rows) << frame;
      }
    }
  }
}

TEST(ProgressFrameTest, DrawsDoneStepsTogetherWhereRowsAreFew) {
  EXPECT_THAT(Frame(AwaitingMigration(), 80, 14), HasSubstr("✓ 5 steps done"));
  EXPECT_THAT(Frame(AwaitingMigration(), 80, 24), Not(HasSubstr("steps done")));
}

TEST(ProgressFrameTest, SaysWhenTheNextAttemptComes) {
  v1::Migration migration = RunningMigration();
  v1::Step& step = *migration.mutable_steps(v1::Step::CREATE_ROLE - 1);
  step.set_state(v1::Step::WAITING);
  step.mutable_next_attempt_time()->set_seconds(
      absl::ToUnixSeconds(SampleTime()) + 80);
  step.set_message("NetSuite answered 429");
  EXPECT_THAT(Frame(migration, 80),
              HasSubstr("attempt 3 in 5.0s: NetSuite answered 429"));
}

TEST(ProgressFrameTest, IsPlainAsciiWithoutAUtf8Locale) {
  const std::vector<std::string> frame = ProgressFrame(
      StuckMigration(), "", SampleTime(), Style{.columns = 200}, 40);
  for (const std::string& line : frame) {
    EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) {
      return c >= ' ' && c < 0x7F;
    })) << line;
  }
}

TEST(PageTest, LookAsRecorded) {
  EXPECT_EQ(CompareWithGolden("plan.txt", PlanPage(SampleMigration(), kPaper)),
            "");
  EXPECT_EQ(CompareWithGolden(
                "show.txt", ShowPage(AwaitingMigration(),
                                     SampleTime() + absl::Seconds(75), kPaper)),
            "");
  EXPECT_EQ(
      CompareWithGolden(
          "show_needs_attention.txt",
          ShowPage(StuckMigration(), SampleTime() + absl::Seconds(75), kPaper)),
      "");
  EXPECT_EQ(
      CompareWithGolden("report.txt", ReportPage(SucceededMigration(), kPaper)),
      "");
  EXPECT_EQ(
      CompareWithGolden("task.txt", TaskPage(TokenTask(), kPaper) +
                                        TaskAnswerSection(TokenTask(), kPaper)),
      "");
}

TEST(PageTest, FieldValuesOfATaskAreNeverShortened) {
  v1::Task task = TokenTask();
  const std::string value(200, 'v');
  task.mutable_fields(0)->set_value(value);
  EXPECT_THAT(TaskPage(task, Terminal(80)), HasSubstr(value));
}

TEST(PageTest, TextFromOutsideCannotSteerTheTerminal) {
  v1::Migration migration = StuckMigration();
  migration.mutable_attention()->set_message("a\x1b[2Jb\x07\u202Ec");
  migration.mutable_steps(0)->set_message("x\x1b]0;title\x07");
  const absl::Time now = SampleTime();
  for (const std::string& page :
       {ShowPage(migration, now, kPaper), ReportPage(migration, kPaper),
        Frame(migration, 120), MigrationTable({migration}, now, kPaper)}) {
    EXPECT_THAT(page, Not(HasSubstr("\x1b")));
    EXPECT_THAT(page, Not(HasSubstr("\x07")));
    EXPECT_THAT(page, Not(HasSubstr("\u202E")));
  }
}

TEST(AuditPageTest, SaysWhatWasFoundAndWhereToReadOn) {
  v1::VerifyAuditResponse verdict;
  verdict.set_intact(true);
  verdict.set_entries(12);
  verdict.set_last_sequence(12);
  verdict.set_head("5f1c");
  EXPECT_EQ(VerdictPage(verdict, kPaper),
            "intact: 12 entries up to 12, 0 checkpoints met\nhead 5f1c\n");
  verdict.set_intact(false);
  v1::AuditFinding& finding = *verdict.add_findings();
  finding.set_kind(v1::AuditFinding::ROWS_REMOVED);
  finding.set_first_sequence(3);
  finding.set_last_sequence(4);
  finding.set_message("rows 3 to 4 were taken out of the trail");
  verdict.set_findings_not_told(2);
  const std::string page = VerdictPage(verdict, kPaper);
  EXPECT_THAT(page, HasSubstr("not intact"));
  EXPECT_THAT(page, HasSubstr("ROWS_REMOVED  3-4"));
  EXPECT_THAT(page, HasSubstr("and 2 more"));
  EXPECT_THAT(page, HasSubstr("run book"));
}

TEST(AuditPageTest, ShowsAnEntryOnOneLineWhateverItHolds) {
  v1::AuditEntry entry;
  entry.set_sequence(7);
  entry.set_actor("ann");
  entry.set_action("keyturn.v1.Tasks/CompleteTask");
  entry.set_result("OK");
  entry.set_detail("two\nlines\x1b[31m");
  const std::string line = AuditLine(entry, kPaper);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_THAT(line, HasSubstr("CompleteTask"));
  EXPECT_THAT(line, Not(HasSubstr("\x1b")));
}

TEST(TextTest, MeasuresWhatATerminalShows) {
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("äöü"), 3);
  EXPECT_EQ(DisplayWidth("e\u0301"), 1);
  EXPECT_EQ(DisplayWidth("日本"), 4);
  EXPECT_EQ(DisplayWidth("\xff"), 1);
}

TEST(TextTest, ShortensBetweenCharacters) {
  EXPECT_EQ(Shorten("abcdef", 6), "abcdef");
  EXPECT_EQ(Shorten("abcdef", 4), "abc…");
  EXPECT_EQ(Shorten("äöüäöü", 4), "äöü…");
  EXPECT_EQ(Shorten("日本語", 4), "日…");
  EXPECT_EQ(Shorten("abc", 0), "");
}

TEST(TextTest, WrapsBetweenWordsAndBreaksOnlyTooLongOnes) {
  EXPECT_THAT(Wrap("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(Wrap("abcdefgh ij", 5), ElementsAre("abcde", "fgh", "ij"));
  EXPECT_THAT(Wrap("a\nb", 10), ElementsAre("a", "b"));
  EXPECT_THAT(Wrap("", 10), ElementsAre(""));
}

TEST(TextTest, ReplacesBrokenUtf8) {
  EXPECT_EQ(OneLine("a\xc3"), "a\xEF\xBF\xBD");
  EXPECT_EQ(OneLine("\xed\xa0\x80").find('\xed'), std::string::npos);
  EXPECT_EQ(OneLine("a\tb\r\n"), "a b  ");
}

TEST(TextTest, TellsSpansInTheUnitThatFits) {
  EXPECT_EQ(FormatSpan(absl::Milliseconds(840)), "0.8s");
  EXPECT_EQ(FormatSpan(absl::Seconds(12)), "12s");
  EXPECT_EQ(FormatSpan(absl::Seconds(185)), "3m05s");
  EXPECT_EQ(FormatSpan(absl::Hours(26)), "1d02h");
  EXPECT_EQ(FormatSpan(absl::Seconds(-5)), "0.0s");
}

TEST(StructuredTest, PrintsEveryFieldUnderItsJsonName) {
  const std::string json =
      ToStructured(AwaitingMigration(), OutputFormat::kJson);
  EXPECT_THAT(json, HasSubstr("\"state\": \"AWAITING_TASK\""));
  EXPECT_THAT(json, HasSubstr("\"currentStep\": \"ISSUE_TOKEN\""));
  EXPECT_THAT(json, HasSubstr("\"openTasks\": ["));
  EXPECT_THAT(json, HasSubstr("\"leftToDo\": []"));
  EXPECT_THAT(json, HasSubstr("\"lastSequence\": \"0\""));
}

TEST(StructuredTest, YamlKeepsTextThatLooksLikeSomethingElse) {
  v1::Task task;
  task.set_evidence("yes");
  task.set_title("12345");
  task.set_problem("two\nlines");
  const std::string yaml = ToStructured(task, OutputFormat::kYaml);
  EXPECT_THAT(yaml, HasSubstr("evidence: \"yes\""));
  EXPECT_THAT(yaml, HasSubstr("title: \"12345\""));
  EXPECT_THAT(yaml, HasSubstr("problem: \"two\\nlines\""));
  EXPECT_THAT(yaml, HasSubstr("blocking: false"));
}

TEST(ErrorsTest, MapsEachKindOfErrorToItsExitCode) {
  const std::pair<grpc::StatusCode, ExitCode> cases[] = {
      {grpc::StatusCode::INVALID_ARGUMENT, ExitCode::kUsage},
      {grpc::StatusCode::NOT_FOUND, ExitCode::kFailed},
      {grpc::StatusCode::FAILED_PRECONDITION, ExitCode::kRefused},
      {grpc::StatusCode::ABORTED, ExitCode::kRefused},
      {grpc::StatusCode::ALREADY_EXISTS, ExitCode::kRefused},
      {grpc::StatusCode::UNAVAILABLE, ExitCode::kUnreachable},
      {grpc::StatusCode::PERMISSION_DENIED, ExitCode::kNotPermitted},
      {grpc::StatusCode::UNAUTHENTICATED, ExitCode::kNotPermitted},
      {grpc::StatusCode::INTERNAL, ExitCode::kFailed},
      {grpc::StatusCode::DEADLINE_EXCEEDED, ExitCode::kFailed}};
  for (const auto& [code, exit_code] : cases) {
    EXPECT_EQ(ExitCodeOf(FromGrpc(grpc::Status(code, "why"))), exit_code)
        << code;
  }
  EXPECT_EQ(ExitCodeOf(FromGrpc(MakeError(grpc::StatusCode::UNAVAILABLE,
                                          "OUTSIDE_UNAVAILABLE", "Celigo"))),
            ExitCode::kFailed);
}

TEST(ErrorsTest, TellsWhatWhyAndTheNextCommand) {
  const absl::Status status =
      WhileDoing(FromGrpc(MakeError(grpc::StatusCode::FAILED_PRECONDITION,
                                    "ONE_WAY", "the plan has no way back")),
                 "cannot rollback migrations/abc", "migrations/abc");
  EXPECT_EQ(ToText(Explain(status)),
            "error: cannot rollback migrations/abc\n"
            "  why:  the plan has no way back (ONE_WAY)\n"
            "  next: keyturn retry abc\n");
  EXPECT_EQ(ToJson(Explain(status)),
            "{\"error\":{\"code\":\"FAILED_PRECONDITION\",\"reason\":"
            "\"ONE_WAY\",\"what\":\"cannot rollback migrations/abc\","
            "\"message\":\"the plan has no way back\",\"next\":\"keyturn retry "
            "abc\",\"exitCode\":3}}\n");
}

TEST(ErrorsTest, NamesTheCommandWhoseHelpTellsMore) {
  const absl::Status status = UsageError("one file too many");
  EXPECT_EQ(Explain(status, "keyturn credential add").next,
            "keyturn credential add --help");
}

TEST(StructuredTest, YamlGivesBackEveryTextAsItIs) {
  const std::vector<std::string> texts = {"",
                                          "plain",
                                          "2026-11-24T13:07:48Z",
                                          "1e3",
                                          "0x10",
                                          "1:30",
                                          "-",
                                          "=",
                                          "~",
                                          "yes",
                                          ".5",
                                          "+1",
                                          "a\nb",
                                          "a\nb\n",
                                          "a\nb\n\n",
                                          "\na",
                                          "\n",
                                          " a\n",
                                          "a\n  b\n",
                                          "tab\there",
                                          "\x1b[31mred",
                                          "a: b",
                                          "# a",
                                          "- a",
                                          "a\r\nb\r\n",
                                          "\x7f",
                                          "\u202E",
                                          "größe\n…\n",
                                          "\xC2\x9B"
                                          "31m\n"};
  for (const std::string& text : texts) {
    const std::string yaml = ToStructured(
        nlohmann::ordered_json{{"text", text}}, OutputFormat::kYaml);
    const YAML::Node read = YAML::Load(yaml);
    EXPECT_EQ(read["text"].Scalar(), text) << yaml;
    EXPECT_EQ(OneBlock(yaml), yaml) << "a terminal obeys it";
  }
}

TEST(StructuredTest, JsonIsTheSameValueAndObeyedByNoTerminal) {
  const std::string text =
      "a\x1b[31m\x7f\xC2\x9B"
      "31m\u202E größe\n";
  const std::string printed =
      ToStructured(nlohmann::ordered_json{{"text", text}}, OutputFormat::kJson);
  EXPECT_EQ(nlohmann::json::parse(printed)["text"], text);
  EXPECT_EQ(OneBlock(printed), printed);
}

TEST(StructuredTest, YamlQuotesWhatOldReadersTakeForATimeOrANumber) {
  for (const char* text : {"2026-11-24T13:07:48Z", "1:30", "1_000", "0b1",
                           "12e4", ".5", "-1", "yes", "null"}) {
    EXPECT_EQ(
        ToStructured(nlohmann::ordered_json{{"a", text}}, OutputFormat::kYaml),
        absl::StrCat("a: \"", text, "\"\n"));
  }
}

TEST(MigrationTableTest, FitsIntoATerminalAndStillTellsTheMessage) {
  v1::Migration migration = AwaitingMigration();
  (*migration.mutable_plan()->mutable_findings())["connection"] =
      "A connection of a very long name that nobody needs to read to its end";
  const std::string table = MigrationTable(
      {migration}, SampleTime() + absl::Seconds(75), Terminal(80));
  EXPECT_LE(WidestLine(table), 80) << table;
  EXPECT_THAT(table, HasSubstr("waits for"));
}

TEST(ReportPageTest, TellsOfChangesOnlyWhereThereAreAnyOrMayBe) {
  v1::Migration migration = AwaitingMigration();
  EXPECT_THAT(ReportPage(migration, kPaper), HasSubstr("Planned changes"));
  migration.set_state(v1::Migration::ROLLED_BACK);
  EXPECT_THAT(ReportPage(migration, kPaper), Not(HasSubstr("hanges of")));
}

TEST(TextTest, KnowsUtf8) {
  for (const char* good : {"", "a", "größe", "\uFFFD", "\U0001F44D"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  // Cut off, alone, longer than needed, a surrogate, beyond the last one.
  for (const char* bad : {"\xC3", "\x80", "\xFF", "\xC0\x80", "\xE0\x80\x9B",
                          "\xED\xA0\x80", "\xF4\x90\x80\x80"}) {
    EXPECT_FALSE(IsUtf8(bad));
    EXPECT_EQ(OneLine(bad).substr(0, 3), "\uFFFD");
  }
}

TEST(NamesTest, TakesShortIdsAndFullNames) {
  EXPECT_EQ(*ResourceName("tasks", "abc"), "tasks/abc");
  EXPECT_EQ(*ResourceName("tasks", "tasks/abc"), "tasks/abc");
  EXPECT_FALSE(ResourceName("tasks", "migrations/abc").ok());
  EXPECT_FALSE(ResourceName("tasks", "").ok());
  EXPECT_FALSE(ResourceName("migrations", "-").ok());
  EXPECT_FALSE(ResourceName("tasks", "a b").ok());
  EXPECT_NE(NewRequestId(), NewRequestId());
  EXPECT_EQ(NewRequestId().size(), 32u);
}

TEST(TaskDialogTest, AsksForATokenInTwoHiddenLines) {
  TaskDialog dialog(TokenTask());
  EXPECT_EQ(dialog.PromptEcho(), Echo::kOn);
  EXPECT_EQ(dialog.Take(SecretText("")), TaskDialog::Answer::kNone);
  EXPECT_EQ(dialog.PromptEcho(), Echo::kOff);
  EXPECT_EQ(dialog.Take(SecretText("id")), TaskDialog::Answer::kNone);
  EXPECT_EQ(dialog.PromptEcho(), Echo::kOff);
  EXPECT_EQ(dialog.Take(SecretText("secret")), TaskDialog::Answer::kToken);
  const SecretValues token = dialog.TakeToken();
  EXPECT_EQ(token.find("tokenId")->second.Reveal(), "id");
  EXPECT_EQ(token.find("tokenSecret")->second.Reveal(), "secret");
}

TEST(TaskDialogTest, TakesEnterForDoneOnlyWhereThatIsAnAnswer) {
  v1::Task task = TokenTask();
  task.set_answer(v1::Task::DONE_BY_HAND);
  EXPECT_EQ(TaskDialog(task).Take(SecretText("")), TaskDialog::Answer::kDone);
  EXPECT_EQ(TaskDialog(task).Take(SecretText("t")), TaskDialog::Answer::kNone);
  EXPECT_EQ(TaskDialog(task).Take(SecretText("q")), TaskDialog::Answer::kLeave);
  EXPECT_EQ(TaskDialog(task).Take(SecretText("w")), TaskDialog::Answer::kWatch);
  task.set_answer(v1::Task::DONE_OR_TOKEN);
  TaskDialog either(task);
  EXPECT_EQ(either.Take(SecretText("t")), TaskDialog::Answer::kNone);
  EXPECT_EQ(either.PromptEcho(), Echo::kOff);
  EXPECT_EQ(either.Take(SecretText("")), TaskDialog::Answer::kNone);
  EXPECT_EQ(either.PromptEcho(), Echo::kOn);
  EXPECT_EQ(either.Take(SecretText("")), TaskDialog::Answer::kDone);
}

}  // namespace
}  // namespace keyturn::cli
