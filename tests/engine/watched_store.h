// A store that can be watched and made to fail.
#ifndef KEYTURN_TESTS_ENGINE_WATCHED_STORE_H_
#define KEYTURN_TESTS_ENGINE_WATCHED_STORE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "tests/engine/forwarding_store.h"

namespace keyturn::testing {

// Hands everything on to another store.
class WatchedStore final : public ForwardingStore {
 public:
  explicit WatchedStore(std::unique_ptr<store::Store> inner)
      : ForwardingStore(std::move(inner)) {}
  ~WatchedStore() override { CloseInner(); }

  // Commits whose callback has not returned.
  int under_way() const { return under_way_; }
  // One less with each commit that is asked for.
  std::atomic<int> commits_left = 0;
  // Asked before each commit, on the committing thread: an error is given to
  // the callback, from within Commit, in place of the commit.
  std::function<absl::Status(const store::Batch&)> refuse;
  // Reads of single migrations.
  int migrations_read = 0;

  void Commit(store::Batch batch, CommitCallback done) override;
  absl::StatusOr<store::StoredMigration> GetMigration(
      std::string_view id) override {
    ++migrations_read;
    return inner().GetMigration(id);
  }

 private:
  std::atomic<int> under_way_ = 0;
};

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_ENGINE_WATCHED_STORE_H_
