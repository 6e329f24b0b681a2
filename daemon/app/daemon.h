// The running daemon: every object is built here, in the order in which each
// needs those before it, and taken down in reverse.
#ifndef KEYTURN_DAEMON_APP_DAEMON_H_
#define KEYTURN_DAEMON_APP_DAEMON_H_

#include "daemon/app/config.h"
#include "daemon/app/exit_codes.h"
#include "daemon/app/log.h"

namespace keyturn::app {

// After the deadline for running calls has passed, the daemon may take that
// much longer to end. Then it is ended; what was answered is durable.
inline constexpr absl::Duration kStopMarginMax = absl::Seconds(5);

// The files of `tls`, and tls.outsideCa in the configuration, are looked at
// that often, and on SIGHUP: new ones are served, and a server certificate of
// our own authority is renewed.
inline constexpr absl::Duration kCertificateCheckInterval = absl::Hours(6);

// Serves until SIGTERM or SIGINT, or until the store breaks. Everything worth
// knowing goes to `log`, which also tells why when the code is not kStopped.
ExitCode RunDaemon(const Config& config, Log& log);

// What the process says when it ends with `status`, which is not OK.
ExitCode ExitCodeOf(const absl::Status& status);

// Whether `config` would do: reads the files that it names and checks that they
// fit together. Opens neither store nor sockets.
absl::Status CheckFiles(const Config& config);

}  // namespace keyturn::app

#endif  // KEYTURN_DAEMON_APP_DAEMON_H_
