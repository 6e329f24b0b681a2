// Asks the person who starts a command of the daemon's own.
#ifndef KEYTURN_DAEMON_APP_PROMPT_H_
#define KEYTURN_DAEMON_APP_PROMPT_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "daemon/secret/secret.h"

namespace keyturn::app {

// A passphrase to be set: asked for twice on a terminal, without being shown;
// where standard input is none, its first line. InvalidArgument when the two
// differ or there is nothing.
absl::StatusOr<secret::Secret> AskForNewPassphrase();

// The passphrase of `source` ("passphrase of /etc/root.scrypt"): asked for
// once, as above.
absl::StatusOr<secret::Secret> AskForPassphrase(std::string_view source);

}  // namespace keyturn::app

#endif  // KEYTURN_DAEMON_APP_PROMPT_H_
