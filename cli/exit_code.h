#ifndef KEYTURN_CLI_EXIT_CODE_H_
#define KEYTURN_CLI_EXIT_CODE_H_

namespace keyturn::cli {

// What the program's exit status means. Scripts rely on these numbers: never
// renumber.
enum class ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  // A precondition or a conflict; nothing was changed.
  kRefused = 3,
  kWaitsForPerson = 4,
  kRolledBack = 5,
  kNeedsAttention = 6,
  kUnreachable = 7,
  kNotPermitted = 8,
};

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_EXIT_CODE_H_
