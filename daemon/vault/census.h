// Whether all credentials together are those that were stored last.
#ifndef KEYTURN_DAEMON_VAULT_CENSUS_H_
#define KEYTURN_DAEMON_VAULT_CENSUS_H_

#include "absl/status/status.h"
#include "daemon/store/store.h"

namespace keyturn::vault {

// Credentials that an error names; others are counted.
inline constexpr size_t kNamedMax = 10;

// Counts the credentials of `store`, which binds by the row key, and lets it
// count on. DataLoss (CREDENTIALS_ROLLED_BACK) when they are not what the trail
// tells of: which ones, is found by reading what it said of each, as far as it
// did.
absl::Status CheckCensus(store::Store& store);

}  // namespace keyturn::vault

#endif  // KEYTURN_DAEMON_VAULT_CENSUS_H_
