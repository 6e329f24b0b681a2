#include "cli/output/table.h"

#include <algorithm>
#include <utility>

#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr int kGap = 2;
constexpr int kCutColumnMin = 12;
constexpr int kLastColumnMin = 8;
// What the last column gets before the other one is cut.
constexpr int kLastColumnGood = 24;

// A finished line with the spaces at its end cut off.
void AppendLine(std::string line, std::string& text) {
  while (!line.empty() && line.back() == ' ') line.pop_back();
  text += line + "\n";
}

}  // namespace

Table::Table(std::vector<std::string> headings)
    : headings_(std::move(headings)), may_cut_(headings_.size()) {}

void Table::MayCut(std::string_view heading) {
  may_cut_ = static_cast<size_t>(
      std::find(headings_.begin(), headings_.end(), heading) -
      headings_.begin());
}

void Table::Add(std::vector<Cell> row) {
  for (Cell& cell : row) {
    cell.text = OneLine(cell.text);
    if (cell.text.empty()) cell.text = "-";
  }
  rows_.push_back(std::move(row));
}

std::vector<int> Table::Widths(const Style& style, int indent) const {
  std::vector<int> widths;
  int before_last = indent;
  for (size_t column = 0; column < headings_.size(); ++column) {
    int width = DisplayWidth(headings_[column]);
    for (const std::vector<Cell>& row : rows_) {
      width = std::max(width, DisplayWidth(row[column].text));
    }
    widths.push_back(width);
    if (column + 1 < headings_.size()) before_last += width + kGap;
  }
  if (style.columns == 0) return widths;
  const int last_good = std::min(widths.back(), kLastColumnGood);
  const int excess = before_last + last_good - style.columns;
  if (may_cut_ < widths.size() && excess > 0) {
    const int cut = std::clamp(widths[may_cut_] - kCutColumnMin, 0, excess);
    widths[may_cut_] -= cut;
    before_last -= cut;
  }
  widths.back() = std::min(
      widths.back(), std::max(style.columns - before_last, kLastColumnMin));
  return widths;
}

std::string Table::ToText(const Style& style, int indent) const {
  const std::vector<int> widths = Widths(style, indent);
  const std::string margin(static_cast<size_t>(indent), ' ');
  const std::string gap(kGap, ' ');
  std::string text;
  std::string line = margin;
  for (size_t column = 0; column < headings_.size(); ++column) {
    line += style.Paint(
        Color::kBold,
        PadRight(Shorten(headings_[column], widths[column]),
                 column + 1 < headings_.size() ? widths[column] : 0));
    if (column + 1 < headings_.size()) line += gap;
  }
  AppendLine(line, text);
  for (const std::vector<Cell>& row : rows_) {
    line = margin;
    for (size_t column = 0; column < row.size(); ++column) {
      const std::string shown = Shorten(row[column].text, widths[column]);
      const std::string padding(
          column + 1 < row.size()
              ? static_cast<size_t>(widths[column] - DisplayWidth(shown) + kGap)
              : 0,
          ' ');
      line += style.Paint(row[column].color, shown) + padding;
    }
    AppendLine(line, text);
  }
  return text;
}

std::string ToText(
    const std::vector<std::pair<std::string, Cell>>& labelled_values,
    const Style& style, int indent) {
  int label_width = 0;
  for (const auto& [label, value] : labelled_values) {
    if (!value.text.empty()) {
      label_width = std::max(label_width, DisplayWidth(label));
    }
  }
  const std::string margin(static_cast<size_t>(indent), ' ');
  const std::string hanging(static_cast<size_t>(indent + label_width + kGap),
                            ' ');
  const int value_width = std::max(
      style.TextColumns() - indent - label_width - kGap, kLastColumnMin);
  std::string text;
  for (const auto& [label, value] : labelled_values) {
    if (value.text.empty()) continue;
    std::string before =
        margin + style.Paint(Color::kDim, PadRight(label, label_width + kGap));
    for (const std::string& part : Wrap(OneLine(value.text), value_width)) {
      AppendLine(before + style.Paint(value.color, part), text);
      before = hanging;
    }
  }
  return text;
}

}  // namespace keyturn::cli
