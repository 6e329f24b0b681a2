// Says of a store that it was put back on purpose.
#ifndef KEYTURN_DAEMON_APP_RESTORED_H_
#define KEYTURN_DAEMON_APP_RESTORED_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/app/config.h"
#include "daemon/vault/root_key.h"

namespace keyturn::app {

// Takes the store of `config`, which no daemon has open, for what it is: its
// credentials count as they are, the trail goes on from where it ends and tells
// of this in a row "daemon/accept-restored", and a checkpoint begins anew. The
// daemon then starts, which it refuses with an old copy. Gives a text for
// people: what was taken.
//
// Errors of vault::ReadRootKeys, of vault::UnwrapKeyring, and of the store.
absl::StatusOr<std::string> AcceptRestored(
    const Config& config, const vault::Passphrases& passphrases,
    absl::Time now);

}  // namespace keyturn::app

#endif  // KEYTURN_DAEMON_APP_RESTORED_H_
