// What the process says when it ends. Scripts and service managers rely on it.
#ifndef KEYTURN_DAEMON_APP_EXIT_CODES_H_
#define KEYTURN_DAEMON_APP_EXIT_CODES_H_

namespace keyturn::app {

// Never renumber.
enum ExitCode : int {
  kStopped = 0,
  // Could not start or stop for a reason that is none of those below.
  kFailed = 1,
  // The command line or the configuration is wrong: starting again does not
  // help before it was changed.
  kBadConfiguration = 2,
  // Another daemon works on the same data directory.
  kLocked = 3,
  // The store cannot be trusted any more, is damaged, or cannot be written: its
  // disk is full, read-only or fails.
  kStoreBroken = 70,
  // The audit trail could not be written, and nothing is done without it.
  kAuditUnwritable = 71,
  // The store, or a part of it, is an old copy of itself. Nothing is done with
  // it until somebody says that it was put back on purpose.
  kRolledBack = 72,
};

}  // namespace keyturn::app

#endif  // KEYTURN_DAEMON_APP_EXIT_CODES_H_
