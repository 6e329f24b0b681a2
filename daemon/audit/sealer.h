// Gives each audit row its seal, on the store's behalf.
#ifndef KEYTURN_DAEMON_AUDIT_SEALER_H_
#define KEYTURN_DAEMON_AUDIT_SEALER_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "daemon/audit/chain.h"
#include "daemon/base/mutex.h"
#include "daemon/store/store.h"

namespace keyturn::audit {

// Thread-safe. Without a key it seals all the same, so that the trail has no
// hole while the daemon waits for its root key: those rows are proved by the
// first one under a key.
class Sealer final : public store::AuditSealer {
 public:
  // From the next row on. Null: no key.
  void SetKey(std::shared_ptr<const ChainKey> key);
  // Null when there is none.
  std::shared_ptr<const ChainKey> key() const;

  absl::StatusOr<std::string> Seal(const store::AuditRow& row,
                                   std::string_view head) override;
  std::string HeadAfter(const store::AuditRow& row,
                        std::string_view head) override;

 private:
  mutable base::Mutex mutex_;
  std::shared_ptr<const ChainKey> key_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace keyturn::audit

#endif  // KEYTURN_DAEMON_AUDIT_SEALER_H_
