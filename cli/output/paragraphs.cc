#include "cli/output/paragraphs.h"

#include <algorithm>

#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr int kTextColumnsMin = 20;

}  // namespace

std::string Heading(std::string_view text, const Style& style) {
  return "\n" + style.Paint(Color::kBold, text) + "\n";
}

std::string Hanging(const std::string& first, std::string_view text,
                    const Style& style, Color color) {
  const int indent = DisplayWidth(first);
  const int width = std::max(style.TextColumns() - indent, kTextColumnsMin);
  std::string before = first;
  std::string page;
  for (const std::string& line : Wrap(OneBlock(text), width)) {
    page += before + style.Paint(color, line) + "\n";
    before = std::string(static_cast<size_t>(indent), ' ');
  }
  return page;
}

std::string Commands(const std::vector<std::string>& commands,
                     const Style& style) {
  std::string page;
  for (const std::string& command : commands) {
    page += "  " + style.Paint(Color::kBold, OneLine(command)) + "\n";
  }
  return page;
}

}  // namespace keyturn::cli
