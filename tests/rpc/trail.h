// What the audit trail of a served daemon tells of deeds.
#ifndef KEYTURN_TESTS_RPC_TRAIL_H_
#define KEYTURN_TESTS_RPC_TRAIL_H_

#include <vector>

#include "daemon/store/store.h"

namespace keyturn::testing {

// Oldest first, without what the store says of all credentials.
inline std::vector<store::AuditRow> DeedsIn(store::Store& store) {
  std::vector<store::AuditRow> rows =
      store.ListAuditRows(0, store::kPageItemsMax).value();
  std::erase_if(rows, [](const store::AuditRow& row) {
    return row.action == store::kCensusAction;
  });
  return rows;
}

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_RPC_TRAIL_H_
