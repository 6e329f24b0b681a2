#include "cli/output/task_page.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/names.h"
#include "cli/output/paragraphs.h"
#include "cli/output/table.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

// The values go into a screen to the letter: they are never shortened.
std::string FieldsSection(const v1::Task& task, const Style& style) {
  if (task.fields().empty()) return "";
  Style whole = style;
  whole.columns = 0;
  Table table({"FIELD", "VALUE"});
  for (const v1::Task::Field& field : task.fields()) {
    table.Add({field.label(), {field.value(), Color::kBold}});
  }
  return Heading("What must stand there, to the letter", style) +
         table.ToText(whole, /*indent=*/2);
}

std::string AnswerName(v1::Task::Answer answer) {
  switch (answer) {
    case v1::Task::DONE_BY_HAND:
      return "done";
    case v1::Task::TOKEN:
      return "token";
    case v1::Task::DONE_OR_TOKEN:
      return "done or token";
    case v1::Task::ANSWER_UNSPECIFIED:
    default:  // Protobuf adds sentinel values to the enum.
      return "";
  }
}

}  // namespace

std::string TaskPage(const v1::Task& task, const Style& style) {
  std::string page = style.Paint(Color::kBold, OneLine(task.title())) + "\n\n";
  page += ToText(
      {{"task", task.name()},
       {"migration", task.migration()},
       {"step", StepName(task.step())},
       {"state", {v1::Task::State_Name(task.state()), Color::kPlain}},
       {"account", task.account()},
       {"since", FormatInstant(task.create_time())},
       {"until", task.has_expire_time() ? FormatInstant(task.expire_time()) +
                                              ", then the migration goes back"
                                        : ""},
       {"done by", task.completed_by()},
       {"evidence", task.evidence()},
       {"menu", {task.menu_path(), Color::kBold}}},
      style, /*indent=*/2);
  if (!task.deep_link().empty()) {
    page += "  " + style.Paint(Color::kDim, "link") + "       " +
            OneLine(task.deep_link()) + "\n";
  }
  if (!task.problem().empty()) {
    page += Heading("Why it is asked again", style) +
            Hanging("  ", task.problem(), style, Color::kYellow);
  }
  if (!task.instructions().empty()) {
    page += Heading("What to do", style) + Numbered(task.instructions(), style);
  }
  page += FieldsSection(task, style);
  if (!task.common_mistakes().empty()) {
    page += Heading("What people get wrong here", style) +
            Bulleted(task.common_mistakes(), style);
  }
  return page;
}

std::string TaskAnswerSection(const v1::Task& task, const Style& style) {
  if (task.state() != v1::Task::OPEN) return "";
  const std::string id = ShortId(task.name());
  std::vector<std::string> commands;
  if (task.step() == v1::Step::FINISH && task.blocking()) {
    commands.push_back("keyturn confirm " + ShortId(task.migration()));
  } else if (task.answer() != v1::Task::TOKEN) {
    commands.push_back("keyturn task done " + id);
  }
  if (task.answer() == v1::Task::TOKEN ||
      task.answer() == v1::Task::DONE_OR_TOKEN) {
    commands.push_back("keyturn task submit " + id);
    commands.push_back("keyturn task submit " + id + " --from-file FILE");
  }
  std::string page =
      Heading("When it is done", style) + Commands(commands, style);
  if (task.answer() != v1::Task::DONE_BY_HAND) {
    page += Hanging("  ",
                    "The token id and secret are asked for on the terminal, or "
                    "read from a JSON file {\"tokenId\": …, \"tokenSecret\": "
                    "…}. They are stored once and never shown again.",
                    style, Color::kDim);
  }
  return page;
}

std::string TaskTable(const std::vector<v1::Task>& tasks, const Style& style) {
  if (tasks.empty()) return "No open tasks.\n";
  Table table({"ID", "STATE", "STEP", "ACCOUNT", "ANSWER", "MIGRATION", "SINCE",
               "TITLE"});
  for (const v1::Task& task : tasks) {
    table.Add({ShortId(task.name()),
               {v1::Task::State_Name(task.state()),
                task.state() == v1::Task::OPEN ? Color::kYellow : Color::kDim},
               StepName(task.step()),
               task.account(),
               AnswerName(task.answer()),
               ShortId(task.migration()),
               FormatInstant(task.create_time()),
               task.title()});
  }
  return table.ToText(style);
}

}  // namespace keyturn::cli
