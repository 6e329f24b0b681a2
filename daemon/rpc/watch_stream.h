// One watcher's stream.
#ifndef KEYTURN_DAEMON_RPC_WATCH_STREAM_H_
#define KEYTURN_DAEMON_RPC_WATCH_STREAM_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "daemon/access/identity.h"
#include "daemon/base/mutex.h"
#include "daemon/store/records.h"
#include "keyturn/v1/migrations.pb.h"

namespace keyturn::rpc {

// Items that wait to be sent to one watcher; one more, and it is dropped.
inline constexpr size_t kQueuedItemsMax = 1024;

// An encoded WatchMigrationsResponse, shared by all who get it. Immutable.
struct WatchItem {
  grpc::ByteBuffer bytes;
  // Of an event; 0 for snapshots and bookmarks.
  int64_t sequence = 0;
};

std::shared_ptr<const WatchItem> EncodeItem(
    const v1::WatchMigrationsResponse& response, int64_t sequence);
std::shared_ptr<const WatchItem> EncodeEvent(const store::StoredEvent& event);
std::shared_ptr<const WatchItem> EncodeBookmark(int64_t sequence);

// Sends what is pushed, in order, as fast as the reader takes it, and never
// waits for the reader. Thread-safe, except for what belongs to the hub.
//
// Lives as long as gRPC or the hub needs it.
class WatchStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                          public std::enable_shared_from_this<WatchStream> {
 public:
  struct Request {
    // Empty: all migrations.
    std::string migration_id;
    int64_t after_sequence = 0;
    bool snapshot_first = false;
    // What lies outside is not there for this watcher.
    access::AccountScope accounts = {};
  };
  // `to_status` turns the end into what the caller gets.
  WatchStream(Request request,
              std::function<grpc::Status(const absl::Status&)> to_status);

  // Keeps the stream alive until gRPC is done with it. Call once, before it is
  // given to gRPC.
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Serve();

  const Request& request() const { return request_; }

  // False when the stream has ended or ends now, because it fell behind.
  bool Push(std::shared_ptr<const WatchItem> item);
  // As Push, but nothing happens when other items still wait. One that is being
  // sent does not count: a quick reader may have it before gRPC says so.
  void PushIfNoneWaits(std::shared_ptr<const WatchItem> item);
  // Ends the stream with `status` once everything that was pushed is sent;
  // nothing can be pushed any more. Only the first call counts.
  void End(absl::Status status);
  // As End, but what was pushed and is not being sent yet is not sent any more.
  void Cut(absl::Status status);
  // Calls `callback` once, soon, on any thread, when everything that was pushed
  // is sent; never when the stream ends before.
  void WhenDrained(std::function<void()> callback);
  // `callback` is called once, on any thread, when gRPC is done with the
  // stream. To be set before Serve.
  void OnGone(std::function<void()> callback) {
    on_gone_ = std::move(callback);
  }

  // For the hub: the newest event that was looked at, or where the stream
  // began.
  int64_t position = 0;
  // The same without what this watcher does not get to see.
  int64_t shown = 0;

 private:
  // What to do after the lock was given back: at most one of them.
  struct Next {
    std::shared_ptr<const WatchItem> write;
    std::optional<absl::Status> finish;
    std::function<void()> drained;
  };

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  Next TakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Do(Next next);

  const Request request_;
  const std::function<grpc::Status(const absl::Status&)> to_status_;
  std::function<void()> on_gone_;
  std::shared_ptr<WatchStream> self_;

  base::Mutex mutex_;
  std::deque<std::shared_ptr<const WatchItem>> queue_ ABSL_GUARDED_BY(mutex_);
  // Being written; gRPC refers to it.
  std::shared_ptr<const WatchItem> writing_ ABSL_GUARDED_BY(mutex_);
  int64_t last_sent_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> drained_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_WATCH_STREAM_H_
