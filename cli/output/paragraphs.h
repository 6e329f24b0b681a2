#ifndef KEYTURN_CLI_OUTPUT_PARAGRAPHS_H_
#define KEYTURN_CLI_OUTPUT_PARAGRAPHS_H_

#include <string>
#include <string_view>
#include <vector>

#include "cli/output/style.h"

namespace keyturn::cli {

// The parts of a page for people. Each ends with a line end; texts from outside
// are cleaned as output/text.h says, and long ones are wrapped.

// An empty line and a bold one.
std::string Heading(std::string_view text, const Style& style);

// `first` stands before the first line, as many spaces before the others.
std::string Hanging(const std::string& first, std::string_view text,
                    const Style& style, Color color = Color::kPlain);

// "   1. …", and the same with a bullet.
template <typename Texts>
std::string Numbered(const Texts& texts, const Style& style) {
  std::string page;
  int number = 0;
  for (const auto& text : texts) {
    const std::string label = std::to_string(++number) + ". ";
    page += Hanging((number < 10 ? "   " : "  ") + label, text, style);
  }
  return page;
}

template <typename Texts>
std::string Bulleted(const Texts& texts, const Style& style) {
  std::string page;
  for (const auto& text : texts) {
    page += Hanging("  " + Bullet(style) + " ", text, style);
  }
  return page;
}

// "  keyturn attach abc", one a line; never wrapped, so that it can be copied.
std::string Commands(const std::vector<std::string>& commands,
                     const Style& style);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_OUTPUT_PARAGRAPHS_H_
