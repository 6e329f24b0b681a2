#ifndef KEYTURN_CLI_PROGRESS_WATCH_H_
#define KEYTURN_CLI_PROGRESS_WATCH_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <thread>
#include <variant>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cli/client.h"
#include "keyturn/v1/migrations.pb.h"

namespace keyturn::cli {

struct WatchOptions {
  // Begin with the migration as it is; otherwise with its first event.
  bool snapshot_first = true;
  // How long without a word from the daemon until the watch is given up.
  absl::Duration give_up_after = absl::Minutes(10);
  absl::Duration pause_first = absl::Milliseconds(250);
  absl::Duration pause_max = absl::Seconds(5);
};

// The connection broke; the watch goes on by itself.
struct WatchBroken {
  absl::Status why;
};

// The last thing that a watch tells. OK: the migration is at rest and all its
// events were told. Unavailable: given up. Other errors: the daemon refuses.
struct WatchEnded {
  absl::Status status;
};

using WatchItem =
    std::variant<v1::Migration, v1::Event, WatchBroken, WatchEnded>;

// Watches one migration on a thread of its own ("watch") across broken
// connections and restarts of the daemon: each event is told once, in order,
// none is left out. Where the daemon has forgotten the events in between, a new
// snapshot is told instead. Thread-safe.
class Watcher {
 public:
  // `client` must live longer. `name` is a full resource name.
  Watcher(Client& client, std::string name, const WatchOptions& options);
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  // Ends the stream; the work goes on.
  ~Watcher();

  // Readable while there is something to take.
  int descriptor() const { return ready_; }

  // The next item, or nothing when none is there yet. Does not wait.
  std::optional<WatchItem> Take();

 private:
  void Run();
  // Reads one stream to its end.
  absl::Status ReadStream();
  // Notes how far the watch has come; false for what was told before.
  bool Advance(const v1::WatchMigrationsResponse& response);
  // Waits for room; false when the watch is to stop.
  bool Put(WatchItem item);
  // Works on the connection meanwhile, and goes on at once when it stands
  // again. False when the watch is to stop.
  bool PauseAfter(const absl::Status& status);
  bool Stopping();

  Client& client_;
  const std::string name_;
  const WatchOptions options_;
  const int ready_;

  // Of the thread alone.
  bool snapshot_next_;
  int64_t last_sequence_ = 0;
  bool at_rest_ = false;
  absl::Duration pause_;
  absl::Time last_contact_;

  absl::Mutex mutex_;
  std::deque<WatchItem> inbox_ ABSL_GUARDED_BY(mutex_);
  grpc::ClientContext* stream_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_PROGRESS_WATCH_H_
