#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cli/output/document.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

// `default-src 'none'`: should a text get through as markup after all, a
// browser still runs and loads nothing.
constexpr char kHead[] = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>$TITLE</title>
<style>
body { font: 16px/1.5 sans-serif; color: #1c2430; max-width: 62rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; }
h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; overflow-wrap: anywhere;
  padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #d8dde4; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dt { color: #5b6675; }
dd { margin: 0; overflow-wrap: anywhere; }
svg { width: 100%; max-width: 45rem; }
svg text { font-size: 13px; fill: #1c2430; }
.good { color: #11713b; fill: #2f9e63; }
.bad { color: #b3261e; fill: #c9473f; }
.open { color: #8a5a00; fill: #d19a2a; }
.plain { fill: #5b82b5; }
@media print { body { margin: 0; } h2 { break-after: avoid; } }
</style>
</head>
<body>
<h1>$TITLE</h1>
)html";
constexpr char kFoot[] = "</body>\n</html>\n";

constexpr int kLabelPixels = 150;
constexpr int kBarPixelsMax = 440;
constexpr int kChartPixels = 720;
constexpr int kRowPixels = 24;
constexpr int kBarPixels = 16;
constexpr int kTextBaseline = 13;

std::string Class(Color color) {
  switch (color) {
    case Color::kGreen:
      return "good";
    case Color::kRed:
      return "bad";
    case Color::kYellow:
      return "open";
    case Color::kPlain:
    case Color::kBold:
    case Color::kDim:
    case Color::kBlue:
      return "plain";
  }
  return "plain";
}

std::string Element(const std::string& name, std::string_view text) {
  return absl::StrCat("<", name, ">", HtmlText(text), "</", name, ">");
}

std::string CellElement(const std::string& name, const Cell& cell) {
  return absl::StrCat("<", name, " class=\"", Class(cell.color), "\">",
                      HtmlText(cell.text), "</", name, ">");
}

std::string TextAt(int x, int y, std::string_view text) {
  return absl::StrCat("<text x=\"", x, "\" y=\"", y, "\">", HtmlText(text),
                      "</text>\n");
}

std::string BarRow(const Document::Chart::Bar& bar, absl::Duration longest,
                   int top) {
  const double share = longest <= absl::ZeroDuration()
                           ? 0
                           : absl::FDivDuration(bar.span, longest);
  const int width =
      std::clamp(static_cast<int>(share * kBarPixelsMax), 1, kBarPixelsMax);
  return absl::StrCat(TextAt(0, top + kTextBaseline, bar.label),
                      "<rect class=\"", Class(bar.color), "\" x=\"",
                      kLabelPixels, "\" y=\"", top, "\" width=\"", width,
                      "\" height=\"", kBarPixels, "\"/>\n",
                      TextAt(kLabelPixels + width + 8, top + kTextBaseline,
                             FormatSpan(bar.span)));
}

class HtmlWriter {
 public:
  std::string operator()(const Document::Heading& heading) const {
    return Element("h2", heading.text) + "\n";
  }
  std::string operator()(const Document::Paragraph& paragraph) const {
    return Element("p", paragraph.text) + "\n";
  }
  std::string operator()(const Document::Facts& facts) const {
    std::string list = "<dl>\n";
    for (const auto& [label, value] : facts.values) {
      if (value.text.empty()) continue;
      absl::StrAppend(&list, Element("dt", label), CellElement("dd", value),
                      "\n");
    }
    return list + "</dl>\n";
  }
  std::string operator()(const Document::Grid& grid) const {
    std::string table = "<table>\n<tr>";
    for (const std::string& heading : grid.headings) {
      table += Element("th", heading);
    }
    table += "</tr>\n";
    for (const std::vector<Cell>& row : grid.rows) {
      table += "<tr>";
      for (const Cell& cell : row) table += CellElement("td", cell);
      table += "</tr>\n";
    }
    return table + "</table>\n";
  }
  std::string operator()(const Document::List& list) const {
    const std::string name = list.numbered ? "ol" : "ul";
    std::string text = absl::StrCat("<", name, ">\n");
    for (const std::string& item : list.items) {
      absl::StrAppend(&text, Element("li", item), "\n");
    }
    return absl::StrCat(text, "</", name, ">\n");
  }
  std::string operator()(const Document::Chart& chart) const {
    absl::Duration longest;
    for (const Document::Chart::Bar& bar : chart.bars) {
      longest = std::max(longest, bar.span);
    }
    const int height = static_cast<int>(chart.bars.size()) * kRowPixels;
    std::string svg = absl::StrCat(
        "<svg viewBox=\"0 0 ", kChartPixels, " ", std::max(height, 1),
        "\" role=\"img\" aria-label=\"How long each step took\">\n");
    int top = 0;
    for (const Document::Chart::Bar& bar : chart.bars) {
      svg += BarRow(bar, longest, top);
      top += kRowPixels;
    }
    return svg + "</svg>\n";
  }
};

}  // namespace

std::string HtmlText(std::string_view text) {
  return absl::StrReplaceAll(OneLine(text), {{"&", "&amp;"},
                                             {"<", "&lt;"},
                                             {">", "&gt;"},
                                             {"\"", "&quot;"},
                                             {"'", "&#39;"}});
}

std::string ToHtml(const Document& document) {
  std::string page =
      absl::StrReplaceAll(kHead, {{"$TITLE", HtmlText(document.title)}});
  for (const Document::Block& block : document.blocks) {
    page += std::visit(HtmlWriter(), block);
  }
  return page + kFoot;
}

}  // namespace keyturn::cli
