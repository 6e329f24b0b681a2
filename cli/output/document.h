#ifndef KEYTURN_CLI_OUTPUT_DOCUMENT_H_
#define KEYTURN_CLI_OUTPUT_DOCUMENT_H_

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "cli/output/style.h"
#include "cli/output/table.h"

namespace keyturn::cli {

// A report before it is known where it will be read. Its texts are as they came
// from outside: each of the functions below makes them harmless for its form.
struct Document {
  struct Heading {
    std::string text;
  };
  struct Paragraph {
    std::string text;
  };
  // Pairs with an empty value are left out.
  struct Facts {
    std::vector<std::pair<std::string, Cell>> values;
  };
  // Each row has as many cells as there are headings.
  struct Grid {
    std::vector<std::string> headings;
    std::vector<std::vector<Cell>> rows;
  };
  struct List {
    std::vector<std::string> items;
    bool numbered = false;
  };
  // Bars whose lengths are to each other as the spans are.
  struct Chart {
    struct Bar {
      std::string label;
      absl::Duration span;
      Color color;
    };
    std::vector<Bar> bars;
  };
  using Block = std::variant<Heading, Paragraph, Facts, Grid, List, Chart>;

  std::string title;
  std::vector<Block> blocks;
};

// All pure.

std::string ToText(const Document& document, const Style& style);

// As output/markdown.h promises.
std::string ToMarkdown(const Document& document);

// One page that needs nothing else: no script, no picture, font or style from
// elsewhere, and a policy in its head that lets a browser load none.
std::string ToHtml(const Document& document);

// `text` on one line, as the content of an element or of a quoted attribute.
std::string HtmlText(std::string_view text);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_OUTPUT_DOCUMENT_H_
