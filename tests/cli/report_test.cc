// Reports as Markdown and as one HTML page.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/output/document.h"
#include "cli/output/report_document.h"
#include "tests/cli/fake_daemon.h"
#include "tests/cli/harness.h"
#include "tests/cli/samples.h"

namespace keyturn::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

v1::Task AnsweredTask() {
  v1::Task task = TokenTask();
  task.set_state(v1::Task::DONE);
  task.set_completed_by("bob");
  task.set_evidence("ticket OPS-1");
  *task.mutable_end_time() = task.create_time();
  return task;
}

v1::Migration ReportedMigration() {
  v1::Migration migration = SucceededMigration();
  v1::Migration::Approval& approval = *migration.add_approvals();
  approval.set_by("carol");
  *approval.mutable_time() = migration.create_time();
  return migration;
}

Document Report(const v1::Migration& migration) {
  return ReportDocument(migration, {AnsweredTask()},
                        SampleTime() + absl::Seconds(200));
}

TEST(ReportTest, LooksAsRecorded) {
  const Document document = Report(ReportedMigration());
  EXPECT_EQ(CompareWithGolden("report.md", ToMarkdown(document)), "");
  EXPECT_EQ(CompareWithGolden("report.html", ToHtml(document)), "");
}

TEST(ReportTest, SaysWhoWhatWhenAndWhatTheCalendarSays) {
  const Document document = Report(ReportedMigration());
  const Style style = {};
  for (const std::string& text :
       {ToText(document, style), ToMarkdown(document), ToHtml(document)}) {
    for (const char* part : {"anna", "carol", "bob", "ticket OPS-1", "2m10s",
                             "2027.1", "2028.1", "Retire the password"}) {
      EXPECT_THAT(text, HasSubstr(part));
    }
  }
}

TEST(ReportTest, SaysOfOneThatIsStuckWhatHelps) {
  const std::string page = ToMarkdown(Report(StuckMigration()));
  EXPECT_THAT(page, HasSubstr("Look in Celigo who changed it and why."));
  EXPECT_THAT(page, HasSubstr("**ended:** not yet"));
  EXPECT_THAT(page, HasSubstr("Planned changes"));
}

TEST(ReportTest, HtmlNeedsNothingElseAndRunsNothing) {
  const std::string page = ToHtml(Report(ReportedMigration()));
  EXPECT_THAT(page, StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, HasSubstr("<svg "));
  for (const char* part : {"<script", "<link", "<img", "<iframe", "src=",
                           "href=", "url(", "@import", "http:", "https:"}) {
    EXPECT_THAT(page, Not(HasSubstr(part)));
  }
}

TEST(ReportTest, NothingInAMigrationBecomesMarkup) {
  const std::string nasty = "<script>alert('x')</script>\"&|`a`\n# b\x1b[2J";
  v1::Migration migration = ReportedMigration();
  migration.set_name("migrations/" + nasty);
  migration.set_creator(nasty);
  migration.set_failure(nasty);
  migration.add_left_to_do(nasty);
  migration.mutable_approvals(0)->set_by(nasty);
  migration.mutable_spec()->mutable_role()->set_name(nasty);
  v1::Step& step = *migration.mutable_steps(v1::Step::CUT_OVER - 1);
  step.set_message(nasty);
  step.mutable_proofs(0)->set_what(nasty);
  step.mutable_proofs(0)->set_value(nasty);
  migration.mutable_plan()->mutable_changes(0)->set_before(nasty);
  const Document document = Report(migration);
  const std::string html = ToHtml(document);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)"));
  EXPECT_THAT(html, Not(HasSubstr("\x1b")));
  const std::string markdown = ToMarkdown(document);
  EXPECT_THAT(markdown, HasSubstr("\\<script\\>"));
  EXPECT_THAT(markdown, Not(HasSubstr("\n# b")));
  EXPECT_THAT(markdown, Not(HasSubstr("\"&|")));
}

TEST(ReportTest, HtmlTextIsSafeInElementsAndAttributes) {
  EXPECT_EQ(HtmlText("<a href=\"x\" id='y'>&amp;"),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;");
  EXPECT_EQ(HtmlText("a\nb\x01"), "a b ");
}

TEST(ReportCommandTest, PrintsADocumentInsteadOfAnotherFormat) {
  const TemporaryDirectory directory;
  FakeDaemon daemon;
  daemon.Start();
  daemon.Put(ReportedMigration());
  daemon.Put(AnsweredTask());
  const std::string config =
      directory.Write("config.yaml", daemon.ContextYaml());
  const auto report = [&config](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"--config", config, "report",
                                          kSampleId};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunKeyturn(arguments);
  };
  EXPECT_THAT(report({"--format", "markdown"}).out,
              StartsWith(absl::StrCat("# Report of ", kSampleName)));
  EXPECT_THAT(report({"--format", "html"}).out, HasSubstr("<td class=\"plain\">"
                                                          "bob</td>"));
  EXPECT_THAT(report({}).out, StartsWith("Report of "));
  EXPECT_EQ(report({"--format", "html", "-o", "json"}).code, ExitCode::kUsage);
  EXPECT_EQ(report({"--format", "pdf"}).code, ExitCode::kUsage);
}

}  // namespace
}  // namespace keyturn::cli
