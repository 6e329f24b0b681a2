// A store that can be watched: hands everything on to another one, tells what
// became durable, and writes down the shape of each batch while a trace is on.
#ifndef KEYTURN_TESTS_BENCH_METER_H_
#define KEYTURN_TESTS_BENCH_METER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "daemon/base/mutex.h"
#include "daemon/store/store.h"
#include "tests/bench/trace.h"
#include "tests/engine/forwarding_store.h"

namespace keyturn::bench {

// A migration as it has become durable.
struct Durable {
  struct OpenedTask {
    std::string id;
    bool wants_token = false;
  };
  std::string migration_id;
  migration::State state = migration::State::kPlanning;
  std::vector<OpenedTask> opened_tasks;
};

class Meter final : public testing::ForwardingStore {
 public:
  // Called on the store's thread, after the one who committed; must be quick.
  using Observer = std::function<void(const Durable&)>;

  Meter(std::unique_ptr<store::Store> inner, Trace& trace)
      : ForwardingStore(std::move(inner)), trace_(trace) {}
  ~Meter() override { CloseInner(); }

  // Replaces the former one, which may be under way once more.
  void Observe(Observer observer);

  void Commit(store::Batch batch, CommitCallback done) override;

 private:
  void Tell(const Durable& durable);

  Trace& trace_;
  base::Mutex mutex_;
  std::shared_ptr<const Observer> observer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace keyturn::bench

#endif  // KEYTURN_TESTS_BENCH_METER_H_
