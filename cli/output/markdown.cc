#include "cli/output/markdown.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cli/names.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

// What marks something up wherever it stands.
constexpr std::string_view kMarks = "\\`*_[]<>|~&";
// What begins a heading, a list, a quotation or a rule at a line's beginning.
constexpr std::string_view kBeginnings = "#+-=";

bool IsMark(char c) { return kMarks.find(c) != std::string_view::npos; }

bool IsDigit(char c) {
  return absl::ascii_isdigit(static_cast<unsigned char>(c));
}

// "1. a" and "1) a" would begin a list.
size_t EndOfListNumber(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && IsDigit(text[digits])) ++digits;
  const bool numbered = digits > 0 && digits < text.size() &&
                        (text[digits] == '.' || text[digits] == ')');
  return numbered ? digits : std::string_view::npos;
}

// Nothing that could mean something else between backticks in a table.
bool FitsBetweenBackticks(std::string_view text) {
  return !text.empty() && text.front() != ' ' && text.back() != ' ' &&
         !absl::StrContains(std::string(text), "  ") &&
         text.find_first_of("`|\\") == std::string_view::npos;
}

bool IsAddressCharacter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return absl::ascii_isgraph(byte) &&
         std::string_view("<>\"\\^`{|}").find(c) == std::string_view::npos;
}

void AppendSection(std::string_view heading, std::string_view text,
                   std::string& page) {
  absl::StrAppend(&page, "\n## ", std::string(heading), "\n\n",
                  std::string(text));
}

void AppendFact(std::string_view label, const std::string& markdown,
                std::string& page) {
  if (markdown.empty()) return;
  absl::StrAppend(&page, "- **", std::string(label), ":** ", markdown, "\n");
}

// "Setup > Company" with arrows between, so that nothing has to be escaped.
std::string MenuPath(const std::string& path) {
  return absl::StrReplaceAll(MarkdownText(path), {{" \\> ", " → "}});
}

std::string FieldsTable(const v1::Task& task) {
  std::string table = "| Field | Value |\n|---|---|\n";
  for (const v1::Task::Field& field : task.fields()) {
    absl::StrAppend(&table, "| ", MarkdownText(field.label()), " | ",
                    MarkdownCode(field.value()), " |\n");
  }
  return table;
}

std::string DoneAnswer(const v1::Task& task) {
  const bool trial = task.step() == v1::Step::FINISH && task.blocking();
  const std::string command =
      trial ? "keyturn confirm " + ShortId(task.migration())
            : "keyturn task done " + ShortId(task.name());
  return absl::StrCat(
      "Tell whoever sent you this page that it is done, and what you saw. Who "
      "has Keyturn's command line enters:\n\n    ",
      OneLine(command), " --evidence \"what was done or seen\"\n");
}

std::string TokenAnswer(const v1::Task& task) {
  return absl::StrCat(
      "NetSuite shows the token id and the token secret once. Together they "
      "log in like a password:\n\n"
      "- Do not send them by mail, chat or ticket, and do not take a picture "
      "of them.\n"
      "- Who has Keyturn's command line enters them there. It asks for both "
      "and shows neither:\n\n      keyturn task submit ",
      OneLine(ShortId(task.name())),
      "\n\n"
      "- Otherwise arrange it with whoever sent you this page before you "
      "press Save: you type both into that command on their machine, or hand "
      "them over in the vault that your company uses for passwords.\n\n"
      "Keyturn stores both sealed and shows them to nobody again.\n");
}

std::string AnswerSection(const v1::Task& task) {
  switch (task.answer()) {
    case v1::Task::TOKEN:
      return TokenAnswer(task);
    case v1::Task::DONE_OR_TOKEN:
      return absl::StrCat("Where the token that is there was mended:\n\n",
                          DoneAnswer(task), "\nWhere a new token was made:\n\n",
                          TokenAnswer(task));
    case v1::Task::DONE_BY_HAND:
    case v1::Task::ANSWER_UNSPECIFIED:
    default:  // Protobuf adds sentinel values to the enum.
      return DoneAnswer(task);
  }
}

template <typename Texts>
std::string List(const Texts& texts, bool numbered) {
  std::string list;
  int number = 0;
  for (const auto& text : texts) {
    const std::string label = numbered ? absl::StrCat(++number, ".") : "-";
    absl::StrAppend(&list, label, " ", MarkdownText(text), "\n");
  }
  return list;
}

void AppendFacts(const v1::Task& task, std::string& page) {
  AppendFact("Account", MarkdownText(ShortId(task.account())), page);
  AppendFact("Menu", MenuPath(task.menu_path()), page);
  AppendFact("Screen", MarkdownLink(task.deep_link()), page);
  AppendFact("Asked", FormatInstant(task.create_time()), page);
  if (task.has_expire_time()) {
    AppendFact("Answer until",
               FormatInstant(task.expire_time()) +
                   "; after that the change goes back by itself",
               page);
  }
  if (task.state() != v1::Task::OPEN) {
    AppendFact("State",
               task.state() == v1::Task::DONE
                   ? "answered already; nothing is left to do"
                   : "no longer needed; please do nothing",
               page);
    AppendFact("Answered by", MarkdownText(task.completed_by()), page);
    AppendFact("Evidence", MarkdownText(task.evidence()), page);
  }
  AppendFact("Reference",
             absl::StrCat(MarkdownText(task.name()), " of ",
                          MarkdownText(task.migration()), ", step ",
                          MarkdownText(StepName(task.step()))),
             page);
}

}  // namespace

std::string MarkdownText(std::string_view text) {
  // Many spaces before it would make it code.
  const std::string line(absl::StripAsciiWhitespace(OneLine(text)));
  std::string escaped;
  const size_t list_number_end = EndOfListNumber(line);
  for (size_t i = 0; i < line.size(); ++i) {
    const bool begins =
        i == 0 && kBeginnings.find(line[i]) != std::string_view::npos;
    if (begins || i == list_number_end || IsMark(line[i])) escaped += '\\';
    escaped += line[i];
  }
  // GitHub makes links of these by itself.
  return absl::StrReplaceAll(
      escaped, {{"://", "\\://"}, {"www.", "www\\."}, {"WWW.", "WWW\\."}});
}

std::string MarkdownCode(std::string_view text) {
  const std::string line = OneLine(text);
  if (FitsBetweenBackticks(line)) return absl::StrCat("`", line, "`");
  std::string html = "<code>";
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_ispunct(byte) || c == ' ') {
      absl::StrAppend(&html, "&#", static_cast<int>(byte), ";");
    } else {
      html += c;
    }
  }
  return html + "</code>";
}

std::string MarkdownLink(std::string_view address) {
  const bool links =
      absl::StartsWith(std::string(address), "https://") &&
      std::all_of(address.begin(), address.end(), IsAddressCharacter);
  return links ? absl::StrCat("<", std::string(address), ">")
               : MarkdownText(address);
}

std::string TaskMarkdown(const v1::Task& task) {
  std::string page = absl::StrCat("# ", MarkdownText(task.title()), "\n\n");
  absl::StrAppend(
      &page,
      "An integration with NetSuite moves from logging in with a password to "
      "logging in with a token. Keyturn does that by itself, except for what "
      "only a person may do in the screens. This page asks you for one such "
      "thing. Afterwards Keyturn looks for itself whether it is there. Nobody "
      "needs your own password for it.\n\n");
  AppendFacts(task, page);
  if (!task.problem().empty()) {
    AppendSection("Why it is asked again", MarkdownText(task.problem()) + "\n",
                  page);
  }
  if (!task.instructions().empty()) {
    AppendSection("What to do", List(task.instructions(), /*numbered=*/true),
                  page);
  }
  if (!task.fields().empty()) {
    AppendSection("What must stand there, to the letter", FieldsTable(task),
                  page);
  }
  if (!task.common_mistakes().empty()) {
    AppendSection("What people get wrong here",
                  List(task.common_mistakes(), /*numbered=*/false), page);
  }
  if (task.state() == v1::Task::OPEN) {
    AppendSection("When it is done", AnswerSection(task), page);
  }
  return page;
}

}  // namespace keyturn::cli
