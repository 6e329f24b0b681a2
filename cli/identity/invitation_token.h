#ifndef KEYTURN_CLI_IDENTITY_INVITATION_TOKEN_H_
#define KEYTURN_CLI_IDENTITY_INVITATION_TOKEN_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/console.h"
#include "cli/wipe.h"

namespace keyturn::cli {

struct InvitationToken {
  // All of it, as the daemon wants it back.
  SecretText text;
  // SHA-256 of the daemon's authority: 64 lower-case hexadecimal digits.
  std::string ca_fingerprint;
};

// Reads a token from `file` (a path, or "-" for standard input): the token
// alone, or the JSON that `identity invite -o json` writes. InvalidArgument for
// anything else, which is not repeated.
absl::StatusOr<InvitationToken> ReadToken(const std::string& file,
                                          Console& console);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_IDENTITY_INVITATION_TOKEN_H_
