#include "cli/progress/frame.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "cli/names.h"
#include "cli/output/migration_page.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr int kNameColumns = 18;
constexpr int kTimeColumns = 7;
// Margin, glyph, name, time, and the spaces between.
constexpr int kBeforeText = 3 + kNameColumns + kTimeColumns + 2;
constexpr int kTextColumnsMin = 10;
constexpr size_t kDetailLinesMax = 3;
constexpr absl::Duration kSpinnerPeriod = absl::Milliseconds(100);

std::string PlannedWhat(const v1::Migration& migration, v1::Step::Name name) {
  for (const v1::Plan::PlannedStep& step : migration.plan().steps()) {
    if (step.step() == name) return step.what();
  }
  return "";
}

std::string Spinner(absl::Time now, const Style& style) {
  static constexpr const char* kUnicode[] = {"⠋", "⠙", "⠹", "⠸", "⠼",
                                             "⠴", "⠦", "⠧", "⠇", "⠏"};
  static constexpr const char* kAscii[] = {"|", "/", "-", "\\"};
  const int64_t beat =
      absl::ToUnixMillis(now) / absl::ToInt64Milliseconds(kSpinnerPeriod);
  return style.unicode ? kUnicode[beat % 10] : kAscii[beat % 4];
}

std::string StepTime(const v1::Step& step, absl::Time now) {
  if (!step.has_start_time() || step.state() == v1::Step::PENDING) return "";
  return FormatSpan((step.has_end_time() ? ToTime(step.end_time()) : now) -
                    ToTime(step.start_time()));
}

std::string StepText(const v1::Migration& migration, const v1::Step& step,
                     absl::Time now) {
  const std::string attempt = absl::StrCat("attempt ", step.attempt());
  switch (step.state()) {
    case v1::Step::PENDING:
      return PlannedWhat(migration, step.name());
    case v1::Step::RUNNING:
      return step.attempt() > 1 ? absl::StrCat(attempt, ": ", step.message())
                                : step.message();
    case v1::Step::WAITING:
      if (!step.has_next_attempt_time()) return step.message();
      return absl::StrCat(
          "attempt ", step.attempt() + 1, " in ",
          FormatSpan(absl::Ceil(ToTime(step.next_attempt_time()) - now,
                                absl::Seconds(1))),
          ": ", step.message());
    case v1::Step::AWAITING_TASK:
      return step.task().empty()
                 ? step.message()
                 : absl::StrCat("keyturn task show ", ShortId(step.task()));
    case v1::Step::DONE:
      return step.attempt() > 1
                 ? absl::StrCat(step.message(), " (", attempt, ")")
                 : step.message();
    case v1::Step::FAILED:
    case v1::Step::UNDONE:
      return step.message();
    case v1::Step::STATE_UNSPECIFIED:
    default:  // Protobuf adds sentinel values to the enum.
      return "";
  }
}

std::string StepLine(const v1::Migration& migration, const v1::Step& step,
                     absl::Time now, const Style& style) {
  const Color color = ColorOf(step.state());
  const std::string glyph = step.state() == v1::Step::RUNNING
                                ? Spinner(now, style)
                                : Glyph(step.state(), style);
  const bool now_acting =
      step.state() != v1::Step::PENDING && step.state() != v1::Step::DONE;
  const Color text_color =
      step.state() == v1::Step::PENDING
          ? Color::kDim
          : (now_acting && step.state() != v1::Step::RUNNING ? color
                                                             : Color::kPlain);
  const std::string text =
      Shorten(OneLine(StepText(migration, step, now)),
              std::max(style.columns - kBeforeText, kTextColumnsMin));
  const std::string time = StepTime(step, now);
  const std::string name = StepName(step.name());
  const bool last = text.empty() && time.empty();
  const std::string head =
      absl::StrCat(" ", style.Paint(color, glyph), " ",
                   style.Paint(now_acting ? Color::kBold : text_color,
                               last ? name : PadRight(name, kNameColumns)));
  if (last) return head;
  return absl::StrCat(head,
                      style.Paint(Color::kDim, PadLeft(time, kTimeColumns)),
                      text.empty() ? "" : "  ", style.Paint(text_color, text));
}

std::string HeadLine(const v1::Migration& migration, absl::Time now,
                     const Style& style) {
  const absl::Time end =
      migration.has_end_time() ? ToTime(migration.end_time()) : now;
  const std::string id = ShortId(migration.name());
  const std::string state = StateName(migration.state());
  const std::string span = FormatSpan(end - ToTime(migration.create_time()));
  const int used =
      DisplayWidth(id) + DisplayWidth(state) + DisplayWidth(span) + 6;
  const std::string title =
      Shorten(OneLine(ConnectionTitle(migration)),
              std::max(style.columns - used, kTextColumnsMin));
  return absl::StrCat(style.Paint(Color::kBold, id), "  ",
                      style.Paint(ColorOf(migration.state()), state), "  ",
                      span, "  ", style.Paint(Color::kDim, title));
}

// What it waits for, in full: the step lines have room for one line each.
std::vector<std::string> DetailLines(const v1::Migration& migration,
                                     const std::string& note,
                                     const Style& style) {
  std::string detail;
  for (const v1::Step& step : migration.steps()) {
    if (step.state() == v1::Step::AWAITING_TASK ||
        step.state() == v1::Step::WAITING || step.state() == v1::Step::FAILED) {
      detail = step.message();
    }
  }
  const std::string waits = WaitsFor(migration);
  if (!waits.empty() && migration.state() != v1::Migration::AWAITING_TASK) {
    detail = waits;
  }
  if (migration.pause_requested()) detail = "pause requested. " + detail;
  if (migration.cancel_requested()) detail = "cancel requested. " + detail;
  std::vector<std::string> lines;
  for (const std::string& text : {detail, note}) {
    if (text.empty()) continue;
    std::vector<std::string> wrapped =
        Wrap(OneLine(text), std::max(style.columns - 2, kTextColumnsMin));
    if (wrapped.size() > kDetailLinesMax) wrapped.resize(kDetailLinesMax);
    for (const std::string& line : wrapped) {
      lines.push_back(" " + style.Paint(Color::kYellow, line));
    }
  }
  return lines;
}

std::vector<std::string> StepLines(const v1::Migration& migration,
                                   absl::Time now, const Style& style,
                                   int rows) {
  std::vector<std::string> done;
  std::vector<std::string> others;
  std::vector<std::string> all;
  for (const v1::Step& step : migration.steps()) {
    const std::string line = StepLine(migration, step, now, style);
    all.push_back(line);
    (step.state() == v1::Step::DONE ? done : others).push_back(line);
  }
  if (static_cast<int>(all.size()) <= rows || rows <= 0) return all;
  if (!done.empty()) {
    others.insert(others.begin(),
                  absl::StrCat(" ", Glyph(v1::Step::DONE, style), " ",
                               done.size(), " steps done"));
  }
  if (static_cast<int>(others.size()) > rows) {
    others.resize(static_cast<size_t>(rows));
  }
  return others;
}

}  // namespace

std::vector<std::string> ProgressFrame(const v1::Migration& migration,
                                       const std::string& note, absl::Time now,
                                       const Style& style, int rows) {
  const std::vector<std::string> details = DetailLines(migration, note, style);
  const int around =
      2 + (details.empty() ? 0 : 1 + static_cast<int>(details.size()));
  std::vector<std::string> frame = {HeadLine(migration, now, style), ""};
  for (std::string& line :
       StepLines(migration, now, style, std::max(rows - around, 1))) {
    frame.push_back(std::move(line));
  }
  if (!details.empty()) frame.emplace_back();
  frame.insert(frame.end(), details.begin(), details.end());
  if (rows > 0 && static_cast<int>(frame.size()) > rows) {
    frame.resize(static_cast<size_t>(rows));
  }
  return frame;
}

}  // namespace keyturn::cli
