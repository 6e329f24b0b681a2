#include "daemon/rpc/watch_hub.h"

#include <pthread.h>

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/post.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/rpc/convert.h"

namespace keyturn::rpc {
namespace {

absl::Status Stopping() {
  return base::WithReason(
      absl::UnavailableError(
          "the daemon stops; watch again after the last event that came"),
      "STOPPING");
}

}  // namespace

absl::StatusOr<std::unique_ptr<WatchHub>> WatchHub::Start(
    store::Store& store, base::Clock& clock,
    std::function<void()> at_bookmarks) {
  std::unique_ptr<WatchHub> hub(
      new WatchHub(store, clock, std::move(at_bookmarks)));
  RETURN_IF_ERROR(hub->Run());
  return hub;
}

WatchHub::WatchHub(store::Store& store, base::Clock& clock,
                   std::function<void()> at_bookmarks)
    : store_(store),
      clock_(clock),
      at_bookmarks_(std::move(at_bookmarks)),
      work_(context_.get_executor()),
      accounts_(store) {}

absl::Status WatchHub::Run() {
  // In this order no event is missed: it is told of, or it is read.
  subscription_ = store_.Subscribe([this](int64_t last_sequence) {
    durable_ = last_sequence;
    SchedulePublish();
  });
  ASSIGN_OR_RETURN(published_, store_.LastSequence(/*migration_id=*/""));
  asio::co_spawn(context_, SendBookmarks(), asio::detached);
  thread_ = std::thread([this] { context_.run(); });
  pthread_setname_np(thread_.native_handle(), "kt-watch");
  return absl::OkStatus();
}

WatchHub::~WatchHub() {
  subscription_ = nullptr;
  if (!thread_.joinable()) return;
  Stop();
  asio::post(context_, [this] { context_.stop(); });
  thread_.join();
}

void WatchHub::Stop() {
  asio::post(context_, [this] {
    stopping_ = true;
    EndAll(Stopping());
  });
}

void WatchHub::Add(std::shared_ptr<WatchStream> stream) {
  stream->OnGone([this, weak = std::weak_ptr<WatchStream>(stream)] {
    asio::post(context_, [this, weak] {
      if (const auto gone = weak.lock()) Forget(gone);
    });
  });
  asio::post(context_, [this, stream = std::move(stream)]() mutable {
    Begin(std::move(stream));
  });
}

void WatchHub::SchedulePublish() {
  if (publish_posted_.exchange(true)) return;
  asio::post(context_, [this] {
    publish_posted_ = false;
    Publish();
  });
}

void WatchHub::Begin(std::shared_ptr<WatchStream> stream) {
  if (stopping_) {
    stream->End(Stopping());
    return;
  }
  if (all_.size() >= kWatchersMax) {
    stream->End(base::WithReason(
        absl::ResourceExhaustedError(absl::StrCat(
            kWatchersMax, " streams are open already; end some of them")),
        "TOO_MANY_WATCHERS"));
    return;
  }
  all_.insert(stream);
  if (const absl::Status status = Prepare(*stream); !status.ok()) {
    stream->End(status);
    return;
  }
  CatchUp(std::move(stream));
}

absl::Status WatchHub::Prepare(WatchStream& stream) {
  const WatchStream::Request& request = stream.request();
  if (!request.migration_id.empty()) {
    StoreView view(store_, request.accounts);
    ASSIGN_OR_RETURN(const store::StoredMigration stored,
                     view.GetMigration(request.migration_id));
    if (request.snapshot_first) {
      v1::WatchMigrationsResponse response;
      *response.mutable_snapshot() = ToProto(stored);
      stream.Push(EncodeItem(response, /*sequence=*/stored.last_sequence));
      stream.position = stored.last_sequence;
      stream.shown = stored.last_sequence;
      return absl::OkStatus();
    }
  }
  ASSIGN_OR_RETURN(const int64_t last, store_.LastSequence(""));
  if (request.after_sequence > last) {
    return base::WithField(
        base::WithReason(
            absl::OutOfRangeError(
                request.accounts.limited()
                    ? "lies beyond the newest event"
                    : absl::StrCat("lies beyond the newest event, which is ",
                                   last)),
            "SEQUENCE_UNKNOWN"),
        "after_sequence");
  }
  return absl::OkStatus();
}

void WatchHub::CatchUp(std::shared_ptr<WatchStream> stream) {
  absl::StatusOr<bool> complete = ReadHistory(*stream);
  if (complete.ok() && *complete) {
    const absl::Status joined = Join(stream);
    if (!joined.ok()) stream->End(joined);
    return;
  }
  if (!complete.ok()) {
    stream->End(complete.status());
    return;
  }
  stream->WhenDrained([this, weak = std::weak_ptr<WatchStream>(stream)] {
    asio::post(context_, [this, weak] {
      if (auto waiting = weak.lock()) CatchUp(std::move(waiting));
    });
  });
}

absl::StatusOr<bool> WatchHub::ReadHistory(WatchStream& stream) {
  ASSIGN_OR_RETURN(const std::vector<store::StoredEvent> events,
                   store_.ListEvents(stream.request().migration_id,
                                     stream.position, kWatchPageMax));
  for (const store::StoredEvent& event : events) {
    stream.position = event.sequence;
    ASSIGN_OR_RETURN(const bool shown, IsShown(stream, event.migration_id));
    if (!shown) continue;
    stream.Push(EncodeEvent(event));
    stream.shown = event.sequence;
  }
  return events.size() < static_cast<size_t>(kWatchPageMax);
}

// The history read last was complete up to some instant that lies after
// everything published: whatever is published from now on is either newer than
// `position` or was read already.
absl::Status WatchHub::Join(std::shared_ptr<WatchStream> stream) {
  stream->Push(BookmarkFor(*stream));
  const std::string& id = stream->request().migration_id;
  if (!id.empty()) {
    ASSIGN_OR_RETURN(const store::StoredMigration stored,
                     store_.GetMigration(id));
    if (migration::IsAtRest(stored.migration.state) &&
        stored.last_sequence <= stream->position) {
      stream->End(absl::OkStatus());
      return absl::OkStatus();
    }
  }
  joined_[id].insert(std::move(stream));
  return absl::OkStatus();
}

void WatchHub::Publish() {
  const int64_t durable = durable_;
  if (durable <= published_) return;
  if (joined_.empty()) {
    published_ = durable;
    return;
  }
  const absl::StatusOr<std::vector<store::StoredEvent>> events =
      store_.ListEvents(/*migration_id=*/"", published_, kWatchPageMax);
  if (!events.ok()) {
    if (events.status().code() == absl::StatusCode::kUnavailable) {
      if (!std::exchange(retry_pending_, true)) {
        asio::co_spawn(context_, PublishLater(), asio::detached);
      }
    } else {
      EndAll(events.status());
    }
    return;
  }
  if (events->empty()) return;
  PublishPage(*events);
  published_ = events->back().sequence;
  // Others get their turn between two pages.
  if (published_ < durable) SchedulePublish();
}

void WatchHub::PublishPage(const std::vector<store::StoredEvent>& events) {
  std::vector<std::shared_ptr<WatchStream>> ended;
  for (const store::StoredEvent& event : events) {
    std::shared_ptr<const WatchItem> item;
    for (const std::string& key : {std::string(), event.migration_id}) {
      const auto streams = joined_.find(key);
      if (streams == joined_.end()) continue;
      if (item == nullptr) item = EncodeEvent(event);
      for (const std::shared_ptr<WatchStream>& stream : streams->second) {
        if (event.sequence <= stream->position) continue;
        const bool taken = Offer(*stream, event, item);
        const bool over = !key.empty() && migration::IsAtRest(event.state);
        if (!taken || over) ended.push_back(stream);
      }
    }
  }
  for (const std::shared_ptr<WatchStream>& stream : ended) {
    stream->End(absl::OkStatus());
    Forget(stream);
  }
}

bool WatchHub::Offer(WatchStream& stream, const store::StoredEvent& event,
                     const std::shared_ptr<const WatchItem>& item) {
  const absl::StatusOr<bool> shown = IsShown(stream, event.migration_id);
  if (!shown.ok()) {
    stream.End(shown.status());
    return false;
  }
  stream.position = event.sequence;
  if (!*shown) return true;
  stream.shown = event.sequence;
  return stream.Push(item);
}

absl::StatusOr<bool> WatchHub::IsShown(const WatchStream& stream,
                                       const std::string& migration_id) {
  // Who watches one migration was let in to see it.
  const WatchStream::Request& request = stream.request();
  if (!request.accounts.limited() || !request.migration_id.empty()) return true;
  return accounts_.AreIn(request.accounts, migration_id);
}

asio::awaitable<void> WatchHub::PublishLater() {
  co_await clock_.SleepUntil(clock_.Now() + kWatchRetryDelay);
  retry_pending_ = false;
  SchedulePublish();
}

asio::awaitable<void> WatchHub::SendBookmarks() {
  for (;;) {
    co_await clock_.SleepUntil(clock_.Now() + kBookmarkInterval);
    at_bookmarks_();
    for (const auto& [id, streams] : joined_) {
      for (const std::shared_ptr<WatchStream>& stream : streams) {
        stream->PushIfNoneWaits(BookmarkFor(*stream));
      }
    }
  }
}

std::shared_ptr<const WatchItem> WatchHub::BookmarkFor(
    const WatchStream& stream) const {
  // Who sees only a part learns from it nothing of the rest.
  if (stream.request().accounts.limited()) return EncodeBookmark(stream.shown);
  return EncodeBookmark(std::max(stream.position, published_));
}

void WatchHub::EndAll(const absl::Status& status) {
  for (const std::shared_ptr<WatchStream>& stream : all_) stream->End(status);
  joined_.clear();
}

void WatchHub::Forget(const std::shared_ptr<WatchStream>& stream) {
  all_.erase(stream);
  const auto joined = joined_.find(stream->request().migration_id);
  if (joined == joined_.end()) return;
  joined->second.erase(stream);
  if (joined->second.empty()) joined_.erase(joined);
}

}  // namespace keyturn::rpc
