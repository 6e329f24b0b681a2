// What one migration asks of the outside world and of the disk, written down
// while one runs alone, so that the floor (floor.h) can do just the same.
#ifndef KEYTURN_TESTS_BENCH_TRACE_H_
#define KEYTURN_TESTS_BENCH_TRACE_H_

#include <atomic>
#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "daemon/base/mutex.h"

namespace keyturn::bench {

struct Call {
  std::string method;
  // With the query.
  std::string path;
  std::string body;
};

// One durable change: the bytes of the migration's own row, 0 when it is not
// written, and of every other row.
struct CommitShape {
  size_t state_bytes = 0;
  std::vector<size_t> row_bytes;
};

using Work = std::variant<Call, CommitShape>;

// Thread-safe.
class Trace {
 public:
  // Nothing is kept before.
  void Start() { on_ = true; }
  bool on() const { return on_; }

  void Add(Work work) {
    base::MutexLock lock(mutex_);
    work_.push_back(std::move(work));
  }

  // Everything since Start, in its order; ends the recording.
  std::vector<Work> Stop() {
    on_ = false;
    base::MutexLock lock(mutex_);
    return std::move(work_);
  }

 private:
  std::atomic<bool> on_ = false;
  base::Mutex mutex_;
  std::vector<Work> work_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace keyturn::bench

#endif  // KEYTURN_TESTS_BENCH_TRACE_H_
