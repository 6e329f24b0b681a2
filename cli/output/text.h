#ifndef KEYTURN_CLI_OUTPUT_TEXT_H_
#define KEYTURN_CLI_OUTPUT_TEXT_H_

#include <google/protobuf/timestamp.pb.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace keyturn::cli {

// Text from outside is printed on people's terminals: everything here takes
// UTF-8, right or broken, and gives back UTF-8 without control characters.

// Whether all of `text` is UTF-8.
bool IsUtf8(std::string_view text);

// Columns that `text` takes on a terminal.
int DisplayWidth(std::string_view text);

// `text` on one line: control characters, line ends among them, become spaces;
// broken UTF-8 becomes U+FFFD; characters that turn the direction of writing
// are left out.
std::string OneLine(std::string_view text);

// As OneLine, but keeps '\n'.
std::string OneBlock(std::string_view text);

// For a JSON text that goes to a terminal too: what OneBlock takes out becomes
// "\uXXXX", so that the same value is read from it.
std::string EscapeControls(std::string_view json);

// At most `columns` columns; what was cut is shown by an ellipsis.
std::string Shorten(std::string_view text, int columns);

// Filled up with spaces to `columns`; longer text stays as it is.
std::string PadRight(std::string_view text, int columns);
std::string PadLeft(std::string_view text, int columns);

// Lines of at most `columns` columns, broken between words; a longer word gets
// broken itself.
std::vector<std::string> Wrap(std::string_view text, int columns);

absl::Time ToTime(const google::protobuf::Timestamp& timestamp);

// "2026-11-23 17:32:05Z"; "-" for the epoch, which stands for: not yet.
std::string FormatInstant(const google::protobuf::Timestamp& timestamp);

// "0.8s", "12s", "3m05s", "2h14m", "5d03h". Negative ones count as none: the
// clocks of daemon and terminal may differ.
std::string FormatSpan(absl::Duration span);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_OUTPUT_TEXT_H_
