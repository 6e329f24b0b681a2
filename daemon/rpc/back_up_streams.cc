#include "daemon/rpc/back_up_streams.h"

#include <pthread.h>

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/engine/back_up.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/nesting.h"

namespace keyturn::rpc {
namespace {

constexpr char kBackUp[] = "keyturn.v1.Admin/BackUp";
constexpr char kRestore[] = "keyturn.v1.Admin/Restore";
constexpr char kTarget[] = "store";

absl::Status Busy() {
  return base::WithReason(
      absl::ResourceExhaustedError(
          "another back-up is made or taken back already; try again when it is "
          "done"),
      "BUSY");
}

}  // namespace

// What both have in common: who may, one at a time, an entry in the trail
// before and after, an end when the other side stands still. Everything but
// gRPC's own callbacks runs on the thread of `streams`.
template <typename Reactor>
class BackUpStreams::Stream
    : public Reactor,
      public std::enable_shared_from_this<Stream<Reactor>> {
 public:
  Stream(BackUpStreams& streams, grpc::CallbackServerContext* context,
         const char* rpc)
      : streams_(streams),
        options_(streams.options_),
        context_(context),
        call_(std::make_shared<Gate::Call>(options_.gate, rpc,
                                           /*request_id=*/"",
                                           /*resource=*/kTarget)),
        timer_(streams.context_) {}

  // Keeps the stream alive until gRPC is done with it.
  void Open() {
    self_ = this->shared_from_this();
    const absl::Status admitted =
        options_.gate.Admit(*context_, *call_, Gate::Kind::kStream);
    if (!admitted.ok()) {
      this->Finish(call_->End(admitted));
      return;
    }
    call_->CutWhenRevoked(
        [weak = this->weak_from_this()](const absl::Status& why) {
          if (const auto open = weak.lock()) {
            open->Post([open, why] { open->Cut(why); });
          }
        });
    options_.trail.Write(options_.gate.RowOf(*call_, kTarget, "INTENDED"),
                         [this](const absl::Status& told) {
                           Post([this, told] { Begin(told); });
                         });
  }

 protected:
  // The first act; an error ends the stream, as that of every other act.
  virtual absl::Status Start() = 0;
  // Lets go of what it works on.
  virtual void Drop() = 0;

  void Post(std::function<void()> act) {
    asio::post(streams_.context_, [kept = this->shared_from_this(),
                                   act = std::move(act)] { act(); });
  }

  // The other side is to move; see Moved.
  void AwaitPeer() {
    timer_.expires_after(absl::ToChronoNanoseconds(options_.stall_max));
    timer_.async_wait(
        [this, kept = this->shared_from_this()](const asio::error_code& error) {
          if (!error) {
            Cut(base::WithReason(
                absl::DeadlineExceededError("the other end stands still"),
                "STALLED"));
          }
        });
  }
  void Moved() { timer_.cancel(); }

  // Ends what gRPC has under way, whose callback then ends the stream.
  void Cut(const absl::Status& why) {
    if (ended_) return;
    cut_.Update(why);
    context_->TryCancel();
  }
  // OK unless it was cut, or the caller has gone.
  absl::Status CheckOpen() const {
    if (!cut_.ok()) return cut_;
    return context_->IsCancelled() ? absl::CancelledError("the caller has gone")
                                   : absl::OkStatus();
  }

  void End(const absl::Status& status) {
    if (std::exchange(ended_, true)) return;
    timer_.cancel();
    Drop();
    if (placed_) streams_.busy_ = false;
    store::AuditRow row = options_.gate.RowOf(
        *call_, kTarget, absl::StatusCodeToString(status.code()));
    row.detail = base::MessageOf(status);
    options_.trail.Write(std::move(row),
                         [this, status](const absl::Status& told) {
                           this->Finish(call_->End(told.ok() ? status : told));
                         });
  }

  void OnDone() override { self_ = nullptr; }

  const Options& options() const { return options_; }
  const Gate::Call& call() const { return *call_; }

 private:
  void Begin(const absl::Status& told) {
    if (!told.ok()) {
      ended_ = true;
      this->Finish(call_->End(told));
      return;
    }
    absl::Status status = CheckOpen();
    if (status.ok() && streams_.busy_) status = Busy();
    if (status.ok()) {
      streams_.busy_ = placed_ = true;
      status = Start();
    }
    if (!status.ok()) End(status);
  }

  BackUpStreams& streams_;
  const Options& options_;
  // Valid until Finish.
  grpc::CallbackServerContext* const context_;
  const std::shared_ptr<Gate::Call> call_;
  std::shared_ptr<Stream> self_;
  asio::steady_timer timer_;
  absl::Status cut_;
  bool placed_ = false;
  bool ended_ = false;
};

class BackUpStreams::Outgoing final
    : public Stream<grpc::ServerWriteReactor<v1::BackUpResponse>> {
 public:
  Outgoing(BackUpStreams& streams, grpc::CallbackServerContext* context)
      : Stream(streams, context, kBackUp) {}

 private:
  absl::Status Start() override {
    ASSIGN_OR_RETURN(
        back_up_, engine::BackUp::Make(options().store, options().custodian));
    return SendNext();
  }
  void Drop() override { back_up_ = nullptr; }

  absl::Status SendNext() {
    RETURN_IF_ERROR(CheckOpen());
    ASSIGN_OR_RETURN(std::string bytes, back_up_->Next());
    if (bytes.empty()) {
      End(absl::OkStatus());
      return absl::OkStatus();
    }
    piece_.set_data(std::move(bytes));
    AwaitPeer();
    StartWrite(&piece_);
    return absl::OkStatus();
  }

  void OnWriteDone(bool) override {
    Post([this] {
      Moved();
      if (const absl::Status status = SendNext(); !status.ok()) End(status);
    });
  }

  std::unique_ptr<engine::BackUp> back_up_;
  v1::BackUpResponse piece_;
};

class BackUpStreams::Incoming final
    : public Stream<grpc::ServerReadReactor<v1::RestoreRequest>> {
 public:
  Incoming(BackUpStreams& streams, grpc::CallbackServerContext* context,
           v1::RestoreResponse* response)
      : Stream(streams, context, kRestore), response_(response) {}

 private:
  absl::Status Start() override {
    ASSIGN_OR_RETURN(restoration_, engine::Restoration::Begin(
                                       options().store, options().custodian,
                                       options().store_path));
    return ReadNext();
  }
  void Drop() override { restoration_ = nullptr; }

  absl::Status ReadNext() {
    AwaitPeer();
    StartRead(&piece_);
    return absl::OkStatus();
  }

  absl::Status Take(bool there) {
    RETURN_IF_ERROR(CheckOpen());
    if (!there) return Restore();
    RETURN_IF_ERROR(CheckNesting(piece_));
    RETURN_IF_ERROR(restoration_->Add(piece_.data()));
    return ReadNext();
  }

  absl::Status Restore() {
    ASSIGN_OR_RETURN(
        const engine::Restored restored,
        restoration_->Finish(Gate::CallerOf(call()), options().clock.Now()));
    *response_->mutable_back_up_time() = ToProto(restored.made_at);
    response_->set_migrations(restored.holdings.migrations);
    response_->set_credentials(restored.holdings.credentials);
    response_->set_accounts(restored.holdings.accounts);
    restored_ = true;
    End(absl::OkStatus());
    return absl::OkStatus();
  }

  void OnReadDone(bool there) override {
    Post([this, there] {
      Moved();
      if (const absl::Status status = Take(there); !status.ok()) End(status);
    });
  }

  void OnDone() override {
    if (restored_) options().on_restored();
    Stream::OnDone();
  }

  v1::RestoreResponse* const response_;
  std::unique_ptr<engine::Restoration> restoration_;
  v1::RestoreRequest piece_;
  bool restored_ = false;
};

BackUpStreams::BackUpStreams(Options options)
    : options_(std::move(options)), thread_([this] { context_.run(); }) {
  pthread_setname_np(thread_.native_handle(), "kt-back-up");
}

BackUpStreams::~BackUpStreams() {
  context_.stop();
  thread_.join();
}

grpc::ServerWriteReactor<v1::BackUpResponse>* BackUpStreams::BackUp(
    grpc::CallbackServerContext* context, const v1::BackUpRequest*) {
  const auto stream = std::make_shared<Outgoing>(*this, context);
  stream->Open();
  return stream.get();
}

grpc::ServerReadReactor<v1::RestoreRequest>* BackUpStreams::Restore(
    grpc::CallbackServerContext* context, v1::RestoreResponse* response) {
  const auto stream = std::make_shared<Incoming>(*this, context, response);
  stream->Open();
  return stream.get();
}

}  // namespace keyturn::rpc
