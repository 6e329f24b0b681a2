#ifndef KEYTURN_CLI_OUTPUT_STYLE_H_
#define KEYTURN_CLI_OUTPUT_STYLE_H_

#include <string>
#include <string_view>

#include "cli/console.h"
#include "keyturn/v1/migrations.pb.h"

namespace keyturn::cli {

enum class Color { kPlain, kBold, kDim, kRed, kGreen, kYellow, kBlue };

// How a text for people may look where it goes to.
struct Style {
  bool colored = false;
  bool unicode = false;
  // 0: as wide as it needs to be.
  int columns = 0;

  // As wide as the terminal; unlimited where the stream is none.
  static Style For(const Console& console, Stream stream);

  std::string Paint(Color color, std::string_view text) const;

  // For running text: the given width, at most 100 columns, 80 when unlimited.
  int TextColumns() const;
};

Color ColorOf(v1::Migration::State state);
Color ColorOf(v1::Step::State state);

// One column that shows how a step stands.
std::string Glyph(v1::Step::State state, const Style& style);

// "·" or "-".
std::string Bullet(const Style& style);

// "→" or "->".
std::string Arrow(const Style& style);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_OUTPUT_STYLE_H_
