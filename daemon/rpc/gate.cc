#include "daemon/rpc/gate.h"

#include <grpcpp/alarm.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "daemon/access/policy.h"
#include "daemon/base/status.h"
#include "daemon/engine/trail_rows.h"
#include "daemon/rpc/fingerprint.h"
#include "daemon/rpc/names.h"
#include "daemon/rpc/peer.h"
#include "daemon/upstream/http/retry_after.h"

namespace keyturn::rpc {
namespace {

// What of a request's text may stand in a log or an error before it was
// checked.
std::string Bounded(std::string text) {
  constexpr size_t kShownMax = 128;
  if (text.size() > kShownMax) text.resize(kShownMax);
  return text;
}

// After too many calls at once: one of them is over soon.
constexpr absl::Duration kBusyDelay = absl::Milliseconds(200);

absl::Status TooMany(std::string_view how, absl::Duration wait) {
  return http::WithRetryAfter(
      base::WithReason(
          absl::ResourceExhaustedError(absl::StrCat(
              "too many calls ", base::ToAbsl(how), "; try again later")),
          "TOO_MANY_CALLS"),
      wait);
}

// Cancels a call that nobody would ever end. The caller hears of it at once;
// what was begun goes on and is answered into nothing.
class Overtime {
 public:
  // Null when the call's own deadline comes first.
  static std::shared_ptr<Overtime> Watch(grpc::CallbackServerContext& context,
                                         absl::Duration call_time_max) {
    const auto latest = std::chrono::system_clock::now() +
                        absl::ToChronoNanoseconds(call_time_max);
    if (context.deadline() <= latest) return nullptr;
    auto overtime = std::make_shared<Overtime>(context);
    overtime->alarm_.Set(
        std::chrono::time_point_cast<std::chrono::system_clock::duration>(
            latest),
        // An alarm keeps what it calls for as long as it lives itself.
        [weak = std::weak_ptr<Overtime>(overtime)](bool rang) {
          const std::shared_ptr<Overtime> call = weak.lock();
          if (rang && call != nullptr) call->Cancel();
        });
    return overtime;
  }

  explicit Overtime(grpc::CallbackServerContext& context)
      : context_(&context) {}

  // The call is over, and its context goes.
  void End() {
    {
      base::MutexLock lock(mutex_);
      context_ = nullptr;
    }
    alarm_.Cancel();
  }

 private:
  void Cancel() {
    base::MutexLock lock(mutex_);
    if (context_ != nullptr) context_->TryCancel();
  }

  grpc::Alarm alarm_;
  base::Mutex mutex_;
  grpc::CallbackServerContext* context_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

// Ends a unary call; is there until its answer was sent.
class Answer final : public grpc::ServerUnaryReactor {
 public:
  explicit Answer(std::shared_ptr<Gate::Call> call) : call_(std::move(call)) {}

  void Give(grpc::Status status) {
    call_->gate_.CountUnread(*call_);
    Finish(std::move(status));
  }

 private:
  // Before the server has shut down, which the gate outlives.
  void OnDone() override {
    call_->gate_.UncountUnread(*call_);
    delete this;
  }

  const std::shared_ptr<Gate::Call> call_;
};

Gate::Gate(Options options)
    : clock_(options.clock),
      book_(options.book),
      authorities_(options.authorities),
      trail_(options.trail),
      log_(std::move(options.log)),
      unix_peers_(std::move(options.unix_peers)),
      fingerprint_key_(std::move(options.fingerprint_key)),
      records_requests_(options.records_requests),
      rate_(options.call_rate),
      call_time_max_(options.call_time_max),
      strangers_(options.strangers) {}

Gate::Call::Call(Gate& gate, std::string_view rpc, std::string request_id,
                 std::string resource)
    : gate_(gate),
      rpc_(rpc),
      request_id_(Bounded(std::move(request_id))),
      resource_(Bounded(std::move(resource))),
      began_(std::chrono::steady_clock::now()) {}

grpc::Status Gate::Call::End(const absl::Status& status) {
  std::unique_ptr<IdentityBook::Follower> follower;
  {
    base::MutexLock lock(mutex_);
    ended_ = true;
    follower = std::move(follower_);
  }
  gate_.Uncount(*this);
  CallRecord record;
  record.rpc = rpc_;
  record.identity = identity_.name;
  if (!identity_.name.empty()) record.transport = Name(identity_.transport);
  record.request_id = request_id_;
  record.request = std::move(request_);
  record.duration = absl::FromChrono(std::chrono::steady_clock::now() - began_);
  if (status.ok()) {
    gate_.log_(record);
    return grpc::Status::OK;
  }
  CallError error = ToCallError(status, {rpc_, resource_});
  record.code = error.status.error_code();
  record.reason = error.reason;
  record.internal_id = error.internal_id;
  if (!error.internal_id.empty()) {
    record.internal_message = base::MessageOf(status);
  }
  gate_.log_(record);
  return std::move(error.status);
}

absl::Status Gate::Admit(const grpc::CallbackServerContext& context, Call& call,
                         Kind kind) {
  absl::Status status = IdentifyCaller(context, call);
  if (status.ok()) status = access::Authorize(call.identity_, call.rpc_);
  if (!status.ok()) {
    Deny(call, status);
    return status;
  }
  if (!call.identity_.anonymous()) strangers_.Vouch(call.peer_);
  return Count(call, kind);
}

absl::Status Gate::IdentifyCaller(const grpc::CallbackServerContext& context,
                                  Call& call) {
  call.peer_ = context.peer();
  const std::shared_ptr<const grpc::AuthContext> auth = context.auth_context();
  if (auth == nullptr) {
    return absl::UnauthenticatedError("the connection has no identity");
  }
  const absl::Status status = Identify(*auth, context.peer(), call.identity_);
  if (call.identity_.transport == access::Transport::kUnix) {
    call.peer_ = call.identity_.name;
  } else {
    call.subject_ = SubjectOf(*auth);
  }
  return status;
}

absl::Status Gate::Count(Call& call, Kind kind) {
  const std::string& name = call.identity_.name;
  if (!name.empty()) {
    const absl::Duration wait = rate_.Take(name, clock_.Now());
    if (wait > absl::ZeroDuration()) return TooMany("a second", wait);
  }
  const bool stream = kind == Kind::kStream;
  const int most = name.empty() ? kAnonymousCallsMax
                   : stream     ? kStreamsPerCallerMax
                                : kCallsPerCallerMax;
  // No caller's name begins with a blank.
  std::string counted_for = stream ? absl::StrCat(" ", name) : name;
  base::MutexLock lock(mutex_);
  const auto unread = unread_by_caller_.find(name);
  if (unread != unread_by_caller_.end() &&
      unread->second >= kUnreadAnswersMax) {
    return TooMany("whose answers nobody reads", kBusyDelay);
  }
  int& own = calls_by_caller_[counted_for];
  if (own >= most || (!stream && calls_ >= kCallsMax)) {
    if (own == 0) calls_by_caller_.erase(counted_for);
    return TooMany("at once", kBusyDelay);
  }
  ++own;
  if (!stream) ++calls_;
  call.counted_for_ = std::move(counted_for);
  call.counted_ = kind;
  return absl::OkStatus();
}

absl::Status Gate::Identify(const grpc::AuthContext& auth,
                            std::string_view peer, access::Identity& identity) {
  ASSIGN_OR_RETURN(identity, IdentityOf(auth, peer, unix_peers_, authorities_,
                                        clock_.Now()));
  if (identity.certificate_serial.empty() || identity.outside)
    return absl::OkStatus();
  return book_.Check(identity);
}

void Gate::Call::CutWhenRevoked(std::function<void(absl::Status)> cut) {
  if (identity_.certificate_serial.empty()) return;
  std::unique_ptr<IdentityBook::Follower> follower =
      gate_.book_.Follow(identity_, std::move(cut));
  base::MutexLock lock(mutex_);
  if (!ended_) follower_ = std::move(follower);
}

void Gate::Uncount(const Call& call) {
  if (!call.counted_.has_value()) return;
  base::MutexLock lock(mutex_);
  const auto own = calls_by_caller_.find(call.counted_for_);
  if (--own->second == 0) calls_by_caller_.erase(own);
  if (*call.counted_ == Kind::kUnary) --calls_;
}

void Gate::CountUnread(Call& call) {
  if (!call.counted_.has_value()) return;
  call.unread_ = true;
  base::MutexLock lock(mutex_);
  ++unread_by_caller_[call.counted_for_];
}

void Gate::UncountUnread(const Call& call) {
  if (!call.unread_) return;
  base::MutexLock lock(mutex_);
  const auto own = unread_by_caller_.find(call.counted_for_);
  if (--own->second == 0) unread_by_caller_.erase(own);
}

store::AuditRow Gate::RowOf(const Call& call, std::string target,
                            std::string_view result) const {
  store::AuditRow row;
  row.time = clock_.Now();
  row.actor =
      call.identity_.name.empty() ? std::string(kNobody) : call.identity_.name;
  if (!call.identity_.name.empty()) {
    row.transport = Name(call.identity_.transport);
  }
  row.subject = call.subject_;
  row.serial = call.identity_.certificate_serial;
  row.peer = call.peer_;
  row.action = call.rpc_;
  row.target = std::move(target);
  row.request_id = call.request_id_;
  row.result = result;
  return row;
}

void Gate::Deny(const Call& call, const absl::Status& status) {
  store::AuditRow row =
      RowOf(call, call.resource_, absl::StatusCodeToString(status.code()));
  row.detail = base::MessageOf(status);
  trail_.Deny(std::move(row));
}

void Gate::RecordAround(const Call& call, std::string target,
                        std::shared_ptr<const vault::Openings> openings,
                        std::function<absl::Status(Finish)> body,
                        Finish finish) {
  store::AuditRow before = RowOf(call, Bounded(std::move(target)), "INTENDED");
  Finish end = [this, row = before, openings = std::move(openings),
                finish](const absl::Status& status) {
    store::AuditRow after = row;
    after.time = clock_.Now();
    after.result = absl::StatusCodeToString(status.code());
    after.detail = base::MessageOf(status);
    if (openings != nullptr) {
      after.detail = engine::DetailOf(*openings, after.detail);
    }
    trail_.Write(std::move(after), [finish, status](const absl::Status& told) {
      finish(told.ok() ? status : told);
    });
  };
  trail_.Write(std::move(before), [body = std::move(body), end = std::move(end),
                                   finish](const absl::Status& told) {
    if (!told.ok()) {
      finish(told);
      return;
    }
    const absl::Status status = body(end);
    if (!status.ok()) end(status);
  });
}

grpc::ServerUnaryReactor* Gate::Run(grpc::CallbackServerContext* context,
                                    std::shared_ptr<Call> call,
                                    const Work& work) {
  auto* const reactor = new Answer(call);
  const std::shared_ptr<Overtime> overtime =
      Overtime::Watch(*context, call_time_max_);
  const Finish finish = [reactor, call, overtime](const absl::Status& status) {
    if (overtime != nullptr) overtime->End();
    reactor->Give(call->End(status));
  };
  const absl::Status status = Try(*context, *call, work, finish);
  if (!status.ok()) finish(status);
  return reactor;
}

absl::Status Gate::Try(const grpc::CallbackServerContext& context, Call& call,
                       const Work& work, Finish finish) {
  RETURN_IF_ERROR(Admit(context, call));
  return work(call, std::move(finish));
}

engine::Caller Gate::CallerOf(const Call& call) {
  engine::Caller caller;
  caller.identity = call.identity_.name;
  caller.transport = Name(call.identity_.transport);
  caller.subject = call.subject_;
  caller.serial = call.identity_.certificate_serial;
  caller.peer = call.peer_;
  return caller;
}

absl::StatusOr<engine::Caller> Gate::CallerOf(
    const Call& call, std::string_view rpc, const std::string& request_id,
    const google::protobuf::Message& request) {
  RETURN_IF_ERROR(CheckRequestId(request_id));
  engine::Caller caller = CallerOf(call);
  caller.request_id = request_id;
  if (!MayCarrySecret(*request.GetDescriptor())) {
    caller.fingerprint = PlainFingerprintOf(rpc, request);
    return caller;
  }
  ASSIGN_OR_RETURN(const secret::Secret key, fingerprint_key_());
  caller.fingerprint = FingerprintOf(key, rpc, request);
  return caller;
}

}  // namespace keyturn::rpc
