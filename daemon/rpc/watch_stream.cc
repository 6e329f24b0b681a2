#include "daemon/rpc/watch_stream.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/errors.h"

namespace keyturn::rpc {
namespace {

// Whether a reader may watch again from where it was.
bool CanGoOn(absl::StatusCode code) {
  return code == absl::StatusCode::kResourceExhausted ||
         code == absl::StatusCode::kUnavailable;
}

}  // namespace

std::shared_ptr<const WatchItem> EncodeItem(
    const v1::WatchMigrationsResponse& response, int64_t sequence) {
  const grpc::Slice slice(response.SerializeAsString());
  auto item = std::make_shared<WatchItem>();
  item->bytes = grpc::ByteBuffer(&slice, 1);
  item->sequence = sequence;
  return item;
}

std::shared_ptr<const WatchItem> EncodeEvent(const store::StoredEvent& event) {
  v1::WatchMigrationsResponse response;
  *response.mutable_event() = ToProto(event);
  return EncodeItem(response, event.sequence);
}

std::shared_ptr<const WatchItem> EncodeBookmark(int64_t sequence) {
  v1::WatchMigrationsResponse response;
  response.mutable_bookmark()->set_sequence(sequence);
  return EncodeItem(response, /*sequence=*/0);
}

WatchStream::WatchStream(
    Request request, std::function<grpc::Status(const absl::Status&)> to_status)
    : position(request.after_sequence),
      shown(request.after_sequence),
      request_(std::move(request)),
      to_status_(std::move(to_status)),
      last_sent_(request_.after_sequence) {}

grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchStream::Serve() {
  self_ = shared_from_this();
  return this;
}

bool WatchStream::Push(std::shared_ptr<const WatchItem> item) {
  Next next;
  bool taken = true;
  {
    base::MutexLock lock(mutex_);
    if (end_.has_value()) return false;
    if (queue_.size() >= kQueuedItemsMax) {
      queue_.clear();
      end_ = base::WithReason(
          absl::ResourceExhaustedError(absl::StrCat(
              "the reader is more than ", kQueuedItemsMax,
              " events behind; watch again after the last one that came")),
          "WATCHER_TOO_SLOW");
      taken = false;
    } else {
      queue_.push_back(std::move(item));
    }
    next = TakeNext();
  }
  Do(std::move(next));
  return taken;
}

void WatchStream::PushIfNoneWaits(std::shared_ptr<const WatchItem> item) {
  {
    base::MutexLock lock(mutex_);
    if (!queue_.empty()) return;
  }
  Push(std::move(item));
}

void WatchStream::End(absl::Status status) {
  Next next;
  {
    base::MutexLock lock(mutex_);
    if (end_.has_value()) return;
    end_ = std::move(status);
    next = TakeNext();
  }
  Do(std::move(next));
}

void WatchStream::Cut(absl::Status status) {
  Next next;
  {
    base::MutexLock lock(mutex_);
    queue_.clear();
    end_ = std::move(status);
    next = TakeNext();
  }
  Do(std::move(next));
}

void WatchStream::WhenDrained(std::function<void()> callback) {
  Next next;
  {
    base::MutexLock lock(mutex_);
    drained_ = std::move(callback);
    next = TakeNext();
  }
  Do(std::move(next));
}

WatchStream::Next WatchStream::TakeNext() {
  Next next;
  if (finished_ || writing_ != nullptr) return next;
  if (!queue_.empty()) {
    writing_ = std::move(queue_.front());
    queue_.pop_front();
    next.write = writing_;
  } else if (end_.has_value()) {
    finished_ = true;
    next.finish =
        CanGoOn(end_->code()) ? WithLastSequence(*end_, last_sent_) : *end_;
  } else {
    next.drained = std::exchange(drained_, nullptr);
  }
  return next;
}

void WatchStream::Do(Next next) {
  if (next.write != nullptr) {
    StartWrite(&next.write->bytes);
  } else if (next.finish.has_value()) {
    Finish(to_status_(*next.finish));
  } else if (next.drained) {
    next.drained();
  }
}

void WatchStream::OnWriteDone(bool ok) {
  Next next;
  {
    base::MutexLock lock(mutex_);
    if (ok && writing_->sequence != 0) last_sent_ = writing_->sequence;
    writing_ = nullptr;
    if (!ok) {
      queue_.clear();
      end_ = absl::CancelledError("the reader has gone");
    }
    next = TakeNext();
  }
  Do(std::move(next));
}

void WatchStream::OnCancel() {
  Next next;
  {
    base::MutexLock lock(mutex_);
    queue_.clear();
    end_ = absl::CancelledError("the reader has gone");
    next = TakeNext();
  }
  Do(std::move(next));
}

void WatchStream::OnDone() {
  if (on_gone_) on_gone_();
  self_ = nullptr;
}

}  // namespace keyturn::rpc
