// Commits of the floor: SQLite and nothing else, on a thread of its own.
#ifndef KEYTURN_TESTS_BENCH_BARE_COMMITS_H_
#define KEYTURN_TESTS_BENCH_BARE_COMMITS_H_

#include <sqlite3.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/base/mutex.h"
#include "tests/bench/trace.h"

namespace keyturn::bench {

class BareCommits {
 public:
  // A new database in `directory`. `wake` is called on the thread that commits
  // whenever something has become durable.
  static absl::StatusOr<std::unique_ptr<BareCommits>> Open(
      const std::string& directory, std::function<void()> wake);
  // Drops what waits.
  ~BareCommits();
  BareCommits(const BareCommits&) = delete;
  BareCommits& operator=(const BareCommits&) = delete;

  // `tag` comes back from Poll when it is durable. `shape` lives until then;
  // `sequence` owns the row of state.
  void Start(const CommitShape& shape, int sequence, int tag);
  // Appends the tags of what is durable. Internal, for ever, once SQLite has
  // refused something.
  absl::Status Poll(std::vector<int>& ended);
  int64_t transactions();

 private:
  struct Order {
    const CommitShape* shape;
    int sequence;
    int tag;
  };

  explicit BareCommits(std::function<void()> wake) : wake_(std::move(wake)) {}

  absl::Status OpenDatabase(const std::string& path);
  void Run();
  absl::Status Write(const std::vector<Order>& group);
  absl::Status WriteOne(const Order& order);
  absl::Status Step(sqlite3_stmt* statement);

  const std::function<void()> wake_;
  // The thread's alone.
  sqlite3* database_ = nullptr;
  sqlite3_stmt* begin_ = nullptr;
  sqlite3_stmt* commit_ = nullptr;
  sqlite3_stmt* state_ = nullptr;
  sqlite3_stmt* row_ = nullptr;
  std::string filler_;

  base::Mutex mutex_;
  base::Condition changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Order> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<int> durable_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  int64_t transactions_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

}  // namespace keyturn::bench

#endif  // KEYTURN_TESTS_BENCH_BARE_COMMITS_H_
