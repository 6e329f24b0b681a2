// The machine's users and groups.
#ifndef KEYTURN_DAEMON_APP_USERS_H_
#define KEYTURN_DAEMON_APP_USERS_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"

namespace keyturn::app {

// NotFound when the machine has no such user, Unavailable when that cannot be
// found out. A name made of digits is a name: numbers are not looked up.
absl::StatusOr<uid_t> UserNamed(const std::string& name);
absl::StatusOr<gid_t> GroupNamed(const std::string& name);

}  // namespace keyturn::app

#endif  // KEYTURN_DAEMON_APP_USERS_H_
