#include "tests/crash/turn_store.h"

#include <utility>

namespace keyturn::crash {

void TurnStore::Commit(store::Batch batch, CommitCallback done) {
  if (!in_turns_) {
    inner().Commit(std::move(batch), std::move(done));
    return;
  }
  if (alter != nullptr) alter(batch);
  if (tells_early) {
    done(store::CommitResult());
    done = [](const absl::StatusOr<store::CommitResult>&) {};
  }
  waiting_.push_back({std::move(batch), std::move(done)});
}

void TurnStore::StoreNext() {
  stored_ = inner().CommitAndWait(std::move(waiting_.front().batch));
}

void TurnStore::Publish() {
  const CommitCallback done = std::move(waiting_.front().done);
  waiting_.pop_front();
  done(*std::move(stored_));
  stored_.reset();
}

void TurnStore::RefuseNext(absl::Status status) {
  stored_ = std::move(status);
  Publish();
}

}  // namespace keyturn::crash
