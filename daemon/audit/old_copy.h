// What shows at a start, without reading the whole trail, of a database that is
// an old copy of itself.
#ifndef KEYTURN_DAEMON_AUDIT_OLD_COPY_H_
#define KEYTURN_DAEMON_AUDIT_OLD_COPY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/audit/chain.h"
#include "daemon/audit/verifier.h"
#include "daemon/store/store.h"

namespace keyturn::audit {

// Compares the end of the trail with the newest checkpoint in `file` (empty:
// there is no second place), and looks through the rows since the last one on
// the credentials. DataLoss (STORE_ROLLED_BACK) when the trail had come further
// or to something else: nothing may be done with such a store. Else what was
// found of rows that were edited or taken out, for the operator's log: that
// is for VerifyTrail to look into. Unavailable when `file` cannot be read;
// errors of the store.
//
// What lies between the last checkpoint and the copy does not show, nor a file
// that was put back together with the database.
absl::StatusOr<std::vector<std::string>> LookForOldCopy(
    store::Store& store, const std::shared_ptr<const ChainKey>& key,
    const std::string& file);

// Adds a checkpoint of where the trail ends to `file`, which says that the
// store was put back on purpose: then LookForOldCopy takes it. Gives the line.
absl::StatusOr<std::string> WriteRestored(store::Store& store,
                                          const ChainKey& key,
                                          const std::string& file,
                                          absl::Time now);

}  // namespace keyturn::audit

#endif  // KEYTURN_DAEMON_AUDIT_OLD_COPY_H_
