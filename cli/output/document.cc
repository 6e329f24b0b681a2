#include "cli/output/document.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/output/markdown.h"
#include "cli/output/paragraphs.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr int kBarColumnsMax = 40;

// "█" or "#", in proportion; at least one for what took any time.
std::string TextBar(absl::Duration span, absl::Duration longest, bool unicode) {
  std::string bar;
  if (longest <= absl::ZeroDuration()) return bar;
  const double share = absl::FDivDuration(span, longest);
  const int columns = static_cast<int>(share * kBarColumnsMax);
  for (int i = 0; i < std::max(columns, 1); ++i) bar += unicode ? "█" : "#";
  return bar;
}

absl::Duration Longest(const Document::Chart& chart) {
  absl::Duration longest;
  for (const Document::Chart::Bar& bar : chart.bars) {
    longest = std::max(longest, bar.span);
  }
  return longest;
}

// Markdown's table rows, of cells that are Markdown already.
std::string MarkdownRow(const std::vector<std::string>& cells) {
  std::string row = "|";
  for (const std::string& cell : cells) absl::StrAppend(&row, " ", cell, " |");
  return row + "\n";
}

class TextWriter {
 public:
  explicit TextWriter(const Style& style) : style_(style) {}

  std::string operator()(const Document::Heading& heading) const {
    return keyturn::cli::Heading(OneLine(heading.text), style_);
  }
  std::string operator()(const Document::Paragraph& paragraph) const {
    return Hanging("  ", paragraph.text, style_);
  }
  std::string operator()(const Document::Facts& facts) const {
    return ToText(facts.values, style_, /*indent=*/2);
  }
  std::string operator()(const Document::Grid& grid) const {
    Table table(grid.headings);
    for (const std::vector<Cell>& row : grid.rows) table.Add(row);
    return table.ToText(style_, /*indent=*/2);
  }
  std::string operator()(const Document::List& list) const {
    return list.numbered ? Numbered(list.items, style_)
                         : Bulleted(list.items, style_);
  }
  std::string operator()(const Document::Chart& chart) const {
    Table table({"STEP", "TIME", ""});
    for (const Document::Chart::Bar& bar : chart.bars) {
      table.Add(
          {bar.label,
           FormatSpan(bar.span),
           {TextBar(bar.span, Longest(chart), style_.unicode), bar.color}});
    }
    return table.ToText(style_, /*indent=*/2);
  }

 private:
  const Style& style_;
};

class MarkdownWriter {
 public:
  std::string operator()(const Document::Heading& heading) const {
    return absl::StrCat("\n## ", MarkdownText(heading.text), "\n\n");
  }
  std::string operator()(const Document::Paragraph& paragraph) const {
    return MarkdownText(paragraph.text) + "\n\n";
  }
  std::string operator()(const Document::Facts& facts) const {
    std::string list;
    for (const auto& [label, value] : facts.values) {
      if (value.text.empty()) continue;
      absl::StrAppend(&list, "- **", MarkdownText(label), ":** ",
                      MarkdownText(value.text), "\n");
    }
    return list;
  }
  std::string operator()(const Document::Grid& grid) const {
    std::vector<std::string> cells;
    for (const std::string& heading : grid.headings) {
      cells.push_back(MarkdownText(heading));
    }
    std::string table = MarkdownRow(cells);
    table += MarkdownRow(std::vector<std::string>(cells.size(), "---"));
    for (const std::vector<Cell>& row : grid.rows) {
      cells.clear();
      for (const Cell& cell : row) cells.push_back(MarkdownText(cell.text));
      table += MarkdownRow(cells);
    }
    return table;
  }
  std::string operator()(const Document::List& list) const {
    std::string text;
    int number = 0;
    for (const std::string& item : list.items) {
      const std::string label =
          list.numbered ? absl::StrCat(++number, ".") : "-";
      absl::StrAppend(&text, label, " ", MarkdownText(item), "\n");
    }
    return text;
  }
  std::string operator()(const Document::Chart& chart) const {
    std::string table = MarkdownRow({"Step", "Time", ""});
    table += MarkdownRow({"---", "---:", "---"});
    for (const Document::Chart::Bar& bar : chart.bars) {
      table +=
          MarkdownRow({MarkdownText(bar.label), FormatSpan(bar.span),
                       TextBar(bar.span, Longest(chart), /*unicode=*/true)});
    }
    return table;
  }
};

}  // namespace

std::string ToText(const Document& document, const Style& style) {
  std::string page =
      style.Paint(Color::kBold, OneLine(document.title)) + "\n\n";
  for (const Document::Block& block : document.blocks) {
    page += std::visit(TextWriter(style), block);
  }
  return page;
}

std::string ToMarkdown(const Document& document) {
  std::string page = absl::StrCat("# ", MarkdownText(document.title), "\n\n");
  for (const Document::Block& block : document.blocks) {
    page += std::visit(MarkdownWriter(), block);
  }
  return page;
}

}  // namespace keyturn::cli
