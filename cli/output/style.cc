#include "cli/output/style.h"

#include <algorithm>

namespace keyturn::cli {
namespace {

constexpr int kTextColumnsMax = 100;
constexpr int kTextColumnsDefault = 80;

std::string_view Code(Color color) {
  switch (color) {
    case Color::kPlain:
      return "";
    case Color::kBold:
      return "\x1b[1m";
    case Color::kDim:
      return "\x1b[2m";
    case Color::kRed:
      return "\x1b[31m";
    case Color::kGreen:
      return "\x1b[32m";
    case Color::kYellow:
      return "\x1b[33m";
    case Color::kBlue:
      return "\x1b[34m";
  }
  return "";
}

}  // namespace

Style Style::For(const Console& console, Stream stream) {
  return {
      .colored = console.Colored(stream),
      .unicode = console.Unicode(),
      .columns = console.IsTerminal(stream) ? console.Size(stream).columns : 0};
}

std::string Style::Paint(Color color, std::string_view text) const {
  if (!colored || color == Color::kPlain || text.empty()) {
    return std::string(text);
  }
  return std::string(Code(color)).append(text).append("\x1b[0m");
}

int Style::TextColumns() const {
  return columns == 0 ? kTextColumnsDefault
                      : std::min(columns, kTextColumnsMax);
}

Color ColorOf(v1::Migration::State state) {
  switch (state) {
    case v1::Migration::SUCCEEDED:
      return Color::kGreen;
    case v1::Migration::NEEDS_ATTENTION:
    case v1::Migration::CANCELLED:
    case v1::Migration::ROLLED_BACK:
      return Color::kRed;
    case v1::Migration::AWAITING_APPROVAL:
    case v1::Migration::AWAITING_TASK:
    case v1::Migration::PAUSED:
    case v1::Migration::ROLLING_BACK:
      return Color::kYellow;
    case v1::Migration::PLANNING:
    case v1::Migration::PLANNED:
    case v1::Migration::RUNNING:
      return Color::kBlue;
    case v1::Migration::STATE_UNSPECIFIED:
    default:  // Protobuf adds sentinel values to the enum.
      return Color::kPlain;
  }
}

Color ColorOf(v1::Step::State state) {
  switch (state) {
    case v1::Step::DONE:
      return Color::kGreen;
    case v1::Step::RUNNING:
      return Color::kBlue;
    case v1::Step::WAITING:
    case v1::Step::AWAITING_TASK:
    case v1::Step::UNDONE:
      return Color::kYellow;
    case v1::Step::FAILED:
      return Color::kRed;
    case v1::Step::PENDING:
      return Color::kDim;
    case v1::Step::STATE_UNSPECIFIED:
    default:  // Protobuf adds sentinel values to the enum.
      return Color::kPlain;
  }
}

std::string Glyph(v1::Step::State state, const Style& style) {
  switch (state) {
    case v1::Step::DONE:
      return style.unicode ? "✓" : "+";
    case v1::Step::RUNNING:
      return style.unicode ? "●" : "*";
    case v1::Step::WAITING:
      return style.unicode ? "↻" : "~";
    case v1::Step::AWAITING_TASK:
      return style.unicode ? "◆" : "?";
    case v1::Step::UNDONE:
      return style.unicode ? "↩" : "<";
    case v1::Step::FAILED:
      return style.unicode ? "✗" : "x";
    case v1::Step::PENDING:
      return style.unicode ? "·" : ".";
    case v1::Step::STATE_UNSPECIFIED:
    default:  // Protobuf adds sentinel values to the enum.
      return " ";
  }
}

std::string Bullet(const Style& style) { return style.unicode ? "·" : "-"; }

std::string Arrow(const Style& style) { return style.unicode ? "→" : "->"; }

}  // namespace keyturn::cli
