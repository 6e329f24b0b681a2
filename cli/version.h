#ifndef KEYTURN_CLI_VERSION_H_
#define KEYTURN_CLI_VERSION_H_

namespace keyturn::cli {

// Of the project this program was built from.
inline constexpr char kVersion[] = KEYTURN_VERSION;

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_VERSION_H_
