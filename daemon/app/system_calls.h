// What the running daemon may ask of the kernel.
#ifndef KEYTURN_DAEMON_APP_SYSTEM_CALLS_H_
#define KEYTURN_DAEMON_APP_SYSTEM_CALLS_H_

#include "absl/status/status.h"

namespace keyturn::app {

// From now on and for good, for all threads: no other program is started and no
// process made, no other process looked into, nothing mounted, loaded or
// traced, no identity changed, no memory both written and executed, no exotic
// socket opened. A call that nothing of ours ever makes ends the process with
// SIGSYS; a call that a library may try, with another way when it is refused,
// fails.
//
// What is refused is listed; the rest is allowed. The other way round, a list
// of what is allowed, is the unit file's (SystemCallFilter=@system-service):
// there an administrator can mend it when a new C library brings a new call,
// here it would end a daemon that worked yesterday.
//
// To be called when everything is started. FailedPrecondition when the kernel
// has no seccomp. Does nothing where FiltersSystemCalls says so.
absl::Status FilterSystemCalls();

// False in a build with sanitizers: their reports need what is refused here.
bool FiltersSystemCalls();

}  // namespace keyturn::app

#endif  // KEYTURN_DAEMON_APP_SYSTEM_CALLS_H_
