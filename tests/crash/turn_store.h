// The store, whose work is done in turns of the simulation: its thread never
// runs while the engine's does, so nothing races and every run is alike.
#ifndef KEYTURN_TESTS_CRASH_TURN_STORE_H_
#define KEYTURN_TESTS_CRASH_TURN_STORE_H_

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "daemon/store/store.h"
#include "tests/engine/forwarding_store.h"

namespace keyturn::crash {

// Keeps each batch until it is told to store it, and what came of it until it
// is told to say so. Destroying it loses what was not stored, as a crash does.
class TurnStore final : public testing::ForwardingStore {
 public:
  explicit TurnStore(std::unique_ptr<store::Store> inner)
      : ForwardingStore(std::move(inner)) {}

  // Before this, a commit is the inner store's.
  void BeginTurns() { in_turns_ = true; }
  void Commit(store::Batch batch, CommitCallback done) override;

  // Nothing is stored, and its caller is not told.
  bool waits() const { return !waiting_.empty(); }
  const store::Batch& next() const { return waiting_.front().batch; }
  // Makes the oldest batch durable. Its caller does not know yet.
  void StoreNext();
  // Tells the caller of what was stored last.
  void Publish();
  // Refuses the oldest batch with `status`.
  void RefuseNext(absl::Status status);

  // A mutation of the product: changes a batch before it is stored.
  std::function<void(store::Batch&)> alter;
  // A mutation of the product: callers are told before anything is stored.
  bool tells_early = false;

 private:
  struct Waiting {
    store::Batch batch;
    CommitCallback done;
  };

  bool in_turns_ = false;
  std::deque<Waiting> waiting_;
  std::optional<absl::StatusOr<store::CommitResult>> stored_;
};

}  // namespace keyturn::crash

#endif  // KEYTURN_TESTS_CRASH_TURN_STORE_H_
