#include "daemon/audit/sealer.h"

#include <utility>

namespace keyturn::audit {

void Sealer::SetKey(std::shared_ptr<const ChainKey> key) {
  base::MutexLock lock(mutex_);
  key_ = std::move(key);
}

std::shared_ptr<const ChainKey> Sealer::key() const {
  base::MutexLock lock(mutex_);
  return key_;
}

absl::StatusOr<std::string> Sealer::Seal(const store::AuditRow& row,
                                         std::string_view head) {
  return MakeSeal(row, head, key().get());
}

std::string Sealer::HeadAfter(const store::AuditRow& row,
                              std::string_view head) {
  // A stored row is taken as its seal says: what does not fit is for verify to
  // name, and must not spread to the rows that follow.
  const absl::StatusOr<audit::Seal> seal = ParseSeal(row.seal);
  if (!seal.ok()) return audit::HeadAfter(row, row.sequence, head);
  return audit::HeadAfter(row, seal->sequence, seal->head_before);
}

}  // namespace keyturn::audit
