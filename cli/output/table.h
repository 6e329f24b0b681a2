#ifndef KEYTURN_CLI_OUTPUT_TABLE_H_
#define KEYTURN_CLI_OUTPUT_TABLE_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/output/style.h"

namespace keyturn::cli {

struct Cell {
  // NOLINTBEGIN(google-explicit-constructor): a cell is mostly its text.
  Cell(std::string text, Color color = Color::kPlain)
      : text(std::move(text)), color(color) {}
  Cell(const char* text, Color color = Color::kPlain)
      : text(text), color(color) {}
  // NOLINTEND(google-explicit-constructor)

  std::string text;
  Color color;
};

// Rows under a line of headings, in columns as wide as they need to be. On a
// terminal that is too narrow, first the column of MayCut and then the last one
// is shortened, so that each row stays one line.
class Table {
 public:
  explicit Table(std::vector<std::string> headings);

  // As many cells as there are headings.
  void Add(std::vector<Cell> row);

  // The column of this heading holds a text that people know from its
  // beginning.
  void MayCut(std::string_view heading);

  bool empty() const { return rows_.empty(); }

  // Each line begins with `indent` spaces.
  std::string ToText(const Style& style, int indent = 0) const;

 private:
  // How wide each column is to be, `indent` columns before them.
  std::vector<int> Widths(const Style& style, int indent) const;

  const std::vector<std::string> headings_;
  size_t may_cut_;
  std::vector<std::vector<Cell>> rows_;
};

// Lines "label  value" with aligned values; pairs with an empty value are left
// out. Long values are wrapped under themselves.
std::string ToText(
    const std::vector<std::pair<std::string, Cell>>& labelled_values,
    const Style& style, int indent = 0);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_OUTPUT_TABLE_H_
