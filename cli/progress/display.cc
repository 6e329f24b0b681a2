#include "cli/progress/display.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/names.h"
#include "cli/output/migration_page.h"
#include "cli/output/structured.h"
#include "cli/output/style.h"
#include "cli/output/text.h"
#include "cli/progress/frame.h"

namespace keyturn::cli {
namespace {

constexpr absl::Duration kRedrawPeriod = absl::Milliseconds(100);
constexpr int kKindColumns = 16;

// Redraws one picture in place. Text that scrolled away is never touched.
class TtyDisplay : public Display {
 public:
  TtyDisplay(Console& console, Stream stream)
      : console_(console), stream_(stream) {}

  void ShowSnapshot(const v1::Migration& migration, absl::Time now) override {
    Tick(migration, now);
  }

  void ShowEvent(const v1::Event&, const v1::Migration& after,
                 absl::Time now) override {
    note_.clear();
    Tick(after, now);
  }

  void ShowNote(std::string_view note) override { note_ = std::string(note); }

  void Tick(const v1::Migration& migration, absl::Time now) override {
    const TerminalSize size = console_.Size(stream_);
    std::vector<std::string> frame =
        ProgressFrame(migration, note_, now, Style::For(console_, stream_),
                      std::max(size.rows - 1, 1));
    if (frame == drawn_ && size.columns == columns_) return;
    console_.Write(stream_, EraseText(size.columns) + Joined(frame));
    drawn_ = std::move(frame);
    columns_ = size.columns;
  }

  void MakeWay() override {
    console_.Write(stream_, EraseText(console_.Size(stream_).columns));
    drawn_.clear();
  }

  void Finish(const v1::Migration& migration, absl::Time now) override {
    note_.clear();
    Tick(migration, now);
    drawn_.clear();
  }

  std::optional<absl::Duration> TickPeriod() const override {
    return kRedrawPeriod;
  }

 private:
  // A terminal that became narrower has broken the lines of the last picture.
  std::string EraseText(int columns) const {
    int rows = 0;
    for (const std::string& line : drawn_) {
      const int width = std::max(VisibleWidth(line), 1);
      rows += columns >= columns_ ? 1 : (width + columns - 1) / columns;
    }
    return rows == 0 ? "" : absl::StrCat("\x1b[", rows, "A\r\x1b[J");
  }

  static int VisibleWidth(const std::string& line) {
    std::string plain;
    bool escaped = false;
    for (const char c : line) {
      if (c == '\x1b') escaped = true;
      if (!escaped) plain += c;
      if (escaped && c == 'm') escaped = false;
    }
    return DisplayWidth(plain);
  }

  static std::string Joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
    return text;
  }

  Console& console_;
  const Stream stream_;
  std::string note_;
  std::vector<std::string> drawn_;
  int columns_ = 0;
};

// One line for each event, as continuous integration and dumb terminals like
// it.
class PlainDisplay : public Display {
 public:
  PlainDisplay(Console& console, Stream stream)
      : console_(console), stream_(stream) {}

  void ShowSnapshot(const v1::Migration& migration, absl::Time) override {
    const std::string waits = WaitsFor(migration);
    console_.Write(
        stream_,
        absl::StrCat(OneLine(migration.name()), " is ",
                     StateName(migration.state()), " at ",
                     StepName(migration.current_step()),
                     waits.empty() ? "" : "; " + OneLine(waits), "\n"));
    state_ = migration.state();
  }

  void ShowEvent(const v1::Event& event, const v1::Migration&,
                 absl::Time) override {
    std::string line = absl::StrCat(
        FormatInstant(event.time()), "  ",
        PadRight(OneLine(event.kind()), kKindColumns), "  ",
        PadRight(event.has_step() ? StepName(event.step().name()) : "-", 17),
        "  ", OneLine(event.message()));
    if (event.step().state() == v1::Step::AWAITING_TASK &&
        !event.step().task().empty()) {
      absl::StrAppend(&line, " (keyturn task show ",
                      ShortId(event.step().task()), ")");
    }
    if (event.state() != state_) {
      absl::StrAppend(&line, "  [", StateName(event.state()), "]");
    }
    state_ = event.state();
    console_.Write(stream_, line + "\n");
  }

  void ShowNote(std::string_view note) override {
    console_.Write(stream_, std::string(note) + "\n");
  }

  void Tick(const v1::Migration&, absl::Time) override {}
  void MakeWay() override {}
  void Finish(const v1::Migration&, absl::Time) override {}
  std::optional<absl::Duration> TickPeriod() const override {
    return std::nullopt;
  }

 private:
  Console& console_;
  const Stream stream_;
  v1::Migration::State state_ = v1::Migration::STATE_UNSPECIFIED;
};

// One event of the API a line, for programs.
class JsonDisplay : public Display {
 public:
  JsonDisplay(Console& console, Stream stream)
      : console_(console), stream_(stream) {}

  void ShowSnapshot(const v1::Migration&, absl::Time) override {}
  void ShowEvent(const v1::Event& event, const v1::Migration&,
                 absl::Time) override {
    console_.Write(stream_, ToJsonLine(event) + "\n");
  }
  void ShowNote(std::string_view note) override {
    console_.Write(Stream::kError, std::string(note) + "\n");
  }
  void Tick(const v1::Migration&, absl::Time) override {}
  void MakeWay() override {}
  void Finish(const v1::Migration&, absl::Time) override {}
  std::optional<absl::Duration> TickPeriod() const override {
    return std::nullopt;
  }

 private:
  Console& console_;
  const Stream stream_;
};

class QuietDisplay : public Display {
 public:
  void ShowSnapshot(const v1::Migration&, absl::Time) override {}
  void ShowEvent(const v1::Event&, const v1::Migration&, absl::Time) override {}
  void ShowNote(std::string_view) override {}
  void Tick(const v1::Migration&, absl::Time) override {}
  void MakeWay() override {}
  void Finish(const v1::Migration&, absl::Time) override {}
  std::optional<absl::Duration> TickPeriod() const override {
    return std::nullopt;
  }
};

}  // namespace

ProgressMode ChooseProgress(std::string_view text, const Console& console,
                            Stream stream) {
  if (text == "tty" && console.IsTerminal(stream)) return ProgressMode::kTty;
  if (text == "json") return ProgressMode::kJson;
  if (text == "quiet") return ProgressMode::kQuiet;
  if (text == "auto" && console.CanRedraw(stream)) return ProgressMode::kTty;
  return ProgressMode::kPlain;
}

std::unique_ptr<Display> MakeDisplay(ProgressMode mode, Console& console,
                                     Stream stream) {
  switch (mode) {
    case ProgressMode::kTty:
      return std::make_unique<TtyDisplay>(console, stream);
    case ProgressMode::kPlain:
      return std::make_unique<PlainDisplay>(console, stream);
    case ProgressMode::kJson:
      return std::make_unique<JsonDisplay>(console, stream);
    case ProgressMode::kQuiet:
      return std::make_unique<QuietDisplay>();
  }
  return std::make_unique<QuietDisplay>();
}

}  // namespace keyturn::cli
