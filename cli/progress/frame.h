#ifndef KEYTURN_CLI_PROGRESS_FRAME_H_
#define KEYTURN_CLI_PROGRESS_FRAME_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/output/style.h"
#include "keyturn/v1/migrations.pb.h"

namespace keyturn::cli {

// One picture of the live display: a head line, the 14 steps, and below them
// what the migration waits for. At most `rows` lines, each at most
// `style.columns` wide; where the steps do not fit, those that are done are
// drawn together into one line. `note` is shown last. Pure.
std::vector<std::string> ProgressFrame(const v1::Migration& migration,
                                       const std::string& note, absl::Time now,
                                       const Style& style, int rows);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_PROGRESS_FRAME_H_
