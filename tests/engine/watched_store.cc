#include "tests/engine/watched_store.h"

namespace keyturn::testing {

void WatchedStore::Commit(store::Batch batch, CommitCallback done) {
  if (refuse != nullptr) {
    if (absl::Status status = refuse(batch); !status.ok()) {
      done(std::move(status));
      return;
    }
  }
  ++under_way_;
  --commits_left;
  inner().Commit(std::move(batch),
                 [this, done = std::move(done)](
                     absl::StatusOr<store::CommitResult> result) {
                   done(std::move(result));
                   --under_way_;
                 });
}

}  // namespace keyturn::testing
