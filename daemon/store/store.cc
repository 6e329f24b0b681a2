#include "daemon/store/store.h"

#include <future>
#include <memory>
#include <utility>

namespace keyturn::store {

absl::StatusOr<CommitResult> Store::CommitAndWait(Batch batch) {
  using Result = absl::StatusOr<CommitResult>;
  auto promise = std::make_shared<std::promise<Result>>();
  std::future<Result> result = promise->get_future();
  Commit(std::move(batch), [promise](Result committed) {
    promise->set_value(std::move(committed));
  });
  return result.get();
}

}  // namespace keyturn::store
