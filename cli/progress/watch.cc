#include "cli/progress/watch.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/names.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr size_t kInboxMax = 1024;
// How soon a watch that is connecting notices that it is to stop.
constexpr absl::Duration kConnectSlice = absl::Milliseconds(100);

// Whether another stream may do better. What the daemon will refuse again is
// not tried again.
bool IsTransient(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
      return false;
    case absl::StatusCode::kOk:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDataLoss:
    default:  // absl::StatusCode is open: it asks for a default.
      return true;
  }
}

}  // namespace

Watcher::Watcher(Client& client, std::string name, const WatchOptions& options)
    : client_(client),
      name_(std::move(name)),
      options_(options),
      ready_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      snapshot_next_(options.snapshot_first),
      pause_(options.pause_first),
      last_contact_(absl::Now()),
      thread_([this] { Run(); }) {
  pthread_setname_np(thread_.native_handle(), "watch");
}

Watcher::~Watcher() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    if (stream_ != nullptr) stream_->TryCancel();
  }
  thread_.join();
  close(ready_);
}

std::optional<WatchItem> Watcher::Take() {
  absl::MutexLock lock(&mutex_);
  if (inbox_.empty()) {
    eventfd_t ignored;
    (void)eventfd_read(ready_, &ignored);
    return std::nullopt;
  }
  WatchItem item = std::move(inbox_.front());
  inbox_.pop_front();
  return item;
}

void Watcher::Run() {
  while (!Stopping()) {
    const absl::Status status = ReadStream();
    if (status.ok() && at_rest_) {
      Put(WatchEnded{absl::OkStatus()});
      return;
    }
    if (!IsTransient(status)) {
      Put(WatchEnded{status});
      return;
    }
    if (absl::Now() - last_contact_ > options_.give_up_after) {
      Put(WatchEnded{absl::UnavailableError(
          absl::StrCat("nothing heard of the daemon for ",
                       FormatSpan(absl::Now() - last_contact_),
                       "; the last try: ", std::string(status.message())))});
      return;
    }
    const bool first_of_several = pause_ == options_.pause_first;
    if (first_of_several && !Put(WatchBroken{status})) return;
    if (!PauseAfter(status)) return;
  }
}

absl::Status Watcher::ReadStream() {
  v1::WatchMigrationsRequest request;
  request.set_name(name_);
  request.set_snapshot_first(snapshot_next_);
  request.set_after_sequence(snapshot_next_ ? 0 : last_sequence_);
  grpc::ClientContext context;
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return absl::CancelledError("stopping");
    stream_ = &context;
  }
  const auto stream = client_.Watch(context, request);
  v1::WatchMigrationsResponse response;
  while (stream->Read(&response)) {
    last_contact_ = absl::Now();
    pause_ = options_.pause_first;
    if (!Advance(response)) continue;
    const bool wanted = response.has_snapshot()
                            ? Put(std::move(*response.mutable_snapshot()))
                            : Put(std::move(*response.mutable_event()));
    if (!wanted) context.TryCancel();
  }
  const absl::Status status = client_.Tell(stream->Finish());
  absl::MutexLock lock(&mutex_);
  stream_ = nullptr;
  return status;
}

bool Watcher::Advance(const v1::WatchMigrationsResponse& response) {
  if (response.has_snapshot()) {
    snapshot_next_ = false;
    last_sequence_ =
        std::max(last_sequence_, response.snapshot().last_sequence());
    at_rest_ = AtRest(response.snapshot().state());
    return true;
  }
  if (response.has_event()) {
    if (response.event().sequence() <= last_sequence_) return false;
    last_sequence_ = response.event().sequence();
    at_rest_ = AtRest(response.event().state());
    return true;
  }
  last_sequence_ = std::max(last_sequence_, response.bookmark().sequence());
  return false;
}

bool Watcher::Put(WatchItem item) {
  absl::MutexLock lock(&mutex_);
  const auto may_go_on = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || inbox_.size() < kInboxMax;
  };
  mutex_.Await(absl::Condition(&may_go_on));
  if (stopping_) return false;
  inbox_.push_back(std::move(item));
  (void)eventfd_write(ready_, 1);
  return true;
}

bool Watcher::PauseAfter(const absl::Status& status) {
  if (absl::IsOutOfRange(status)) snapshot_next_ = true;
  const absl::Time until = absl::Now() + pause_;
  pause_ = std::min(2 * pause_, options_.pause_max);
  const bool was_connected = client_.WaitForConnection(absl::Now());
  while (!was_connected && !Stopping() && absl::Now() < until) {
    if (client_.WaitForConnection(
            std::min(until, absl::Now() + kConnectSlice))) {
      return true;
    }
  }
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(&stopping_), until - absl::Now());
  return !stopping_;
}

bool Watcher::Stopping() {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

}  // namespace keyturn::cli
