// The file that tells the command line `keyturn` which daemons there are and
// how to talk to them. Its reader is cli/context.h:
//
//   currentContext: default
//   contexts:
//     - name: default
//       server: 127.0.0.1:7443
//       serverName: keyturnd
//       ca: |  (PEM)
//       certificate: |  (PEM)
//       key: |  (PEM)
#ifndef KEYTURN_DAEMON_APP_CONTEXT_FILE_H_
#define KEYTURN_DAEMON_APP_CONTEXT_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "daemon/secret/secret.h"

namespace keyturn::app {

// Contexts of one file.
inline constexpr size_t kContextsMax = 1000;

struct Context {
  // "127.0.0.1:7443".
  std::string server;
  std::string server_name;
  std::string ca_pem;
  std::string certificate_pem;
  secret::Secret key_pem;
};

// $XDG_CONFIG_HOME/keyturn/config.yaml or ~/.config/keyturn/config.yaml.
// FailedPrecondition when neither variable is set.
absl::StatusOr<std::string> DefaultContextPath();

// Adds `context` to the file, which is made when it is not there (mode 0600,
// its directory too), and makes it the current one. Contexts that are there
// stay as they are. The name is "default", or "default-2" and so on where that
// is taken; it is returned.
//
// FailedPrecondition when the file is no such file; nothing is changed then.
absl::StatusOr<std::string> AddContext(const std::string& path,
                                       const Context& context);

}  // namespace keyturn::app

#endif  // KEYTURN_DAEMON_APP_CONTEXT_FILE_H_
