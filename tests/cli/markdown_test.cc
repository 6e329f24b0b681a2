// Markdown for people outside: what is in it stays text.
#include "cli/output/markdown.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "tests/cli/harness.h"
#include "tests/cli/samples.h"

namespace keyturn::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(MarkdownTest, EscapesWhatWouldMarkTextUp) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"plain text, as it is.", "plain text, as it is."},
      {"a|b", "a\\|b"},
      {"`rm`", "\\`rm\\`"},
      {"*a* _b_ ~c~", "\\*a\\* \\_b\\_ \\~c\\~"},
      {"<script>", "\\<script\\>"},
      {"&lt;", "\\&lt;"},
      {"[here](https://evil.example)", "\\[here\\](https\\://evil.example)"},
      {"see www.evil.example", "see www\\.evil.example"},
      {"# heading", "\\# heading"},
      {"- item", "\\- item"},
      {"12. item", "12\\. item"},
      {"1) item", "1\\) item"},
      {"1.5 of 2", "1\\.5 of 2"},
      {"> quoted", "\\> quoted"},
      {"back\\slash", "back\\\\slash"},
      {"      code", "code"},
      {"two\nlines\x1b[2J", "two lines \\[2J"},
  };
  for (const auto& [text, escaped] : cases) {
    EXPECT_EQ(MarkdownText(text), escaped) << text;
  }
}

TEST(MarkdownTest, KeepsValuesToTheLetter) {
  EXPECT_EQ(MarkdownCode("High Tech <A> *b* & c"), "`High Tech <A> *b* & c`");
  EXPECT_EQ(MarkdownCode("a|b"), "<code>a&#124;b</code>");
  EXPECT_EQ(MarkdownCode("`a`"), "<code>&#96;a&#96;</code>");
  EXPECT_EQ(MarkdownCode(" a"), "<code>&#32;a</code>");
  EXPECT_EQ(MarkdownCode("</code>|"), "<code>&#60;&#47;code&#62;&#124;</code>");
  EXPECT_EQ(MarkdownCode(""), "<code></code>");
}

TEST(MarkdownTest, LinksOnlyToHttpsAddresses) {
  EXPECT_EQ(MarkdownLink("https://1.app.netsuite.com/app/a.nl?b=c&d=e"),
            "<https://1.app.netsuite.com/app/a.nl?b=c&d=e>");
  EXPECT_EQ(MarkdownLink("javascript:alert(1)"), "javascript:alert(1)");
  EXPECT_EQ(MarkdownLink("https://a> <script>"), "https\\://a\\> \\<script\\>");
  EXPECT_EQ(MarkdownLink(""), "");
}

TEST(MarkdownTest, TaskPageLooksAsRecorded) {
  v1::Task task = TokenTask();
  EXPECT_EQ(CompareWithGolden("task.md", TaskMarkdown(task)), "");
}

TEST(MarkdownTest, TaskPageNeverAsksToMailTheSecret) {
  for (const v1::Task::Answer answer :
       {v1::Task::TOKEN, v1::Task::DONE_OR_TOKEN}) {
    v1::Task task = TokenTask();
    task.set_answer(answer);
    const std::string page = TaskMarkdown(task);
    EXPECT_THAT(page, HasSubstr("Do not send them by mail, chat or ticket"));
    EXPECT_THAT(page, HasSubstr("keyturn task submit t2mwd4k7qx3zabcd"));
  }
  v1::Task task = TokenTask();
  task.set_answer(v1::Task::DONE_BY_HAND);
  EXPECT_THAT(TaskMarkdown(task), HasSubstr("keyturn task done"));
  EXPECT_THAT(TaskMarkdown(task), Not(HasSubstr("task submit")));
}

TEST(MarkdownTest, TaskPageSaysUntilWhenAndWhatIsConfirmed) {
  v1::Task task = TokenTask();
  task.set_step(v1::Step::FINISH);
  task.set_answer(v1::Task::DONE_BY_HAND);
  task.mutable_expire_time()->set_seconds(task.create_time().seconds() + 7200);
  const std::string page = TaskMarkdown(task);
  EXPECT_THAT(page, HasSubstr("keyturn confirm k3q7n2x5a4bcdefg"));
  EXPECT_THAT(page, HasSubstr("**Answer until:** 2026-11-23 12:00:10Z"));
}

TEST(MarkdownTest, TaskPageOfAClosedTaskAsksForNothing) {
  v1::Task task = TokenTask();
  task.set_state(v1::Task::DONE);
  task.set_completed_by("bob");
  task.set_evidence("ticket |OPS-1|");
  const std::string page = TaskMarkdown(task);
  EXPECT_THAT(page, HasSubstr("nothing is left to do"));
  EXPECT_THAT(page, HasSubstr("ticket \\|OPS-1\\|"));
  EXPECT_THAT(page, Not(HasSubstr("keyturn task submit")));
}

TEST(MarkdownTest, NothingInATaskMarksThePageUp) {
  const std::string nasty =
      "x|y\n# pwned\n<img src=x onerror=alert(1)> `a` "
      "[click](https://evil.example) ![i](https://evil.example/i)";
  v1::Task task = TokenTask();
  const std::string before = TaskMarkdown(task);
  task.set_title(nasty);
  task.set_problem(nasty);
  task.set_instructions(0, nasty);
  task.set_menu_path(nasty);
  task.set_deep_link(nasty);
  task.set_account("accounts/" + nasty);
  task.mutable_fields(0)->set_label(nasty);
  task.mutable_fields(0)->set_value(nasty);
  task.set_common_mistakes(0, nasty);
  const std::string page = TaskMarkdown(task);
  const std::vector<std::string> lines = absl::StrSplit(page, '\n');
  // As many lines as before: none was added.
  const std::vector<std::string> lines_before = absl::StrSplit(before, '\n');
  EXPECT_EQ(lines.size(), lines_before.size());
  for (const std::string& line : lines) {
    EXPECT_FALSE(absl::StartsWith(line, "# pwned")) << line;
    EXPECT_THAT(line, Not(HasSubstr(" <img"))) << line;
    EXPECT_THAT(line, Not(HasSubstr("https://evil"))) << line;
    EXPECT_THAT(line, Not(HasSubstr(" [click"))) << line;
  }
}

}  // namespace
}  // namespace keyturn::cli
