#ifndef KEYTURN_CLI_RUN_H_
#define KEYTURN_CLI_RUN_H_

#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/exit_code.h"

namespace keyturn::cli {

// Runs the program with `arguments` (without the program's own name): parses
// them, does the command, writes results to the console's output and errors to
// its error stream. An error is told as what, why, and the next command to
// type; with -o json as one JSON object on one line.
ExitCode Run(const std::vector<std::string>& arguments, Console& console);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_RUN_H_
