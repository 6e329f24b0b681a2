// Sends events to watchers as they become durable.
//
// One thread for all watchers: it reads each new event once, encodes it once,
// and hands it to those who want it. A watcher that begins in the past first
// reads pages of history at its own pace, then joins. Since both happen on the
// same thread, a watcher joins exactly where its history ends: nothing is left
// out and nothing comes twice.
//
// Threads: everything the hub knows belongs to its own thread ("kt-watch"). A
// WatchStream is shared with gRPC's threads and has a lock of its own.
#ifndef KEYTURN_DAEMON_RPC_WATCH_HUB_H_
#define KEYTURN_DAEMON_RPC_WATCH_HUB_H_

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/base/clock.h"
#include "daemon/rpc/store_view.h"
#include "daemon/rpc/watch_stream.h"
#include "daemon/store/store.h"

namespace keyturn::rpc {

inline constexpr size_t kWatchersMax = 10'000;
// Events of one read, from the history or of what is new.
inline constexpr int kWatchPageMax = 256;
inline constexpr absl::Duration kBookmarkInterval = absl::Seconds(15);
// After the store could not be read for the moment.
inline constexpr absl::Duration kWatchRetryDelay = absl::Seconds(1);

static_assert(kWatchPageMax < kQueuedItemsMax,
              "a page of history fits into an empty queue");

class WatchHub {
 public:
  // Unavailable or DataLoss when the store cannot be read. `store` and `clock`
  // outlive the hub. `at_bookmarks` is called after each kBookmarkInterval, on
  // the hub's thread.
  static absl::StatusOr<std::unique_ptr<WatchHub>> Start(
      store::Store& store, base::Clock& clock,
      std::function<void()> at_bookmarks);
  // Ends every stream, see Stop, and the thread. gRPC is done with all streams
  // before.
  ~WatchHub();

  // Serves `stream` until it ends; to be called before gRPC gets it.
  // Thread-safe.
  //
  // The stream ends with NotFound (MIGRATION_NOT_FOUND); OutOfRange
  // (SEQUENCE_UNKNOWN) for a beginning beyond the newest event;
  // ResourceExhausted (TOO_MANY_WATCHERS), and (WATCHER_TOO_SLOW) when it falls
  // behind by kQueuedItemsMax; OK when its one migration is at rest and all was
  // sent;
  // Unavailable (STOPPING) when the daemon stops.
  void Add(std::shared_ptr<WatchStream> stream);

  // Ends every stream that is there or comes later. Thread-safe.
  void Stop();

 private:
  using Streams = std::set<std::shared_ptr<WatchStream>>;

  WatchHub(store::Store& store, base::Clock& clock,
           std::function<void()> at_bookmarks);

  absl::Status Run();
  asio::awaitable<void> SendBookmarks();
  asio::awaitable<void> PublishLater();
  void SchedulePublish();

  // On the hub's thread:
  void Begin(std::shared_ptr<WatchStream> stream);
  absl::Status Prepare(WatchStream& stream);
  void CatchUp(std::shared_ptr<WatchStream> stream);
  absl::StatusOr<bool> ReadHistory(WatchStream& stream);
  absl::Status Join(std::shared_ptr<WatchStream> stream);
  void Publish();
  void PublishPage(const std::vector<store::StoredEvent>& events);
  // Whether the stream's watcher gets to see events of that migration.
  absl::StatusOr<bool> IsShown(const WatchStream& stream,
                               const std::string& migration_id);
  // False when the stream has ended or ends now.
  bool Offer(WatchStream& stream, const store::StoredEvent& event,
             const std::shared_ptr<const WatchItem>& item);
  void EndAll(const absl::Status& status);
  void Forget(const std::shared_ptr<WatchStream>& stream);
  std::shared_ptr<const WatchItem> BookmarkFor(const WatchStream& stream) const;

  store::Store& store_;
  base::Clock& clock_;
  const std::function<void()> at_bookmarks_;

  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  // The newest sequence that is durable, told by the store's thread.
  std::atomic<int64_t> durable_ = 0;
  std::atomic<bool> publish_posted_ = false;

  // Everything up to it was given to all joined streams.
  int64_t published_ = 0;
  bool stopping_ = false;
  // The store could not be read; PublishLater tries again.
  bool retry_pending_ = false;
  MigrationAccounts accounts_;
  Streams all_;
  // Joined streams, by the migration they watch; empty: all migrations.
  std::unordered_map<std::string, Streams> joined_;

  std::unique_ptr<store::Subscription> subscription_;
  std::thread thread_;
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_WATCH_HUB_H_
