// What every call passes: who calls, may they, what came of it.
#ifndef KEYTURN_DAEMON_RPC_GATE_H_
#define KEYTURN_DAEMON_RPC_GATE_H_

#include <google/protobuf/message.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/access/authorities.h"
#include "daemon/access/identity.h"
#include "daemon/access/rate_limit.h"
#include "daemon/audit/trail.h"
#include "daemon/base/clock.h"
#include "daemon/base/mutex.h"
#include "daemon/engine/engine.h"
#include "daemon/rpc/errors.h"
#include "daemon/rpc/identity_book.h"
#include "daemon/rpc/nesting.h"
#include "daemon/rpc/redact.h"
#include "daemon/rpc/strangers.h"
#include "daemon/secret/secret.h"
#include "daemon/vault/openings.h"

namespace keyturn::rpc {

// Calls that may be under way at once, streams not counted: of all callers, of
// one, and of those who are nobody yet (they can only enrol).
inline constexpr int kCallsMax = 4096;
inline constexpr int kCallsPerCallerMax = 512;
inline constexpr int kAnonymousCallsMax = 64;
inline constexpr int kStreamsPerCallerMax = 4096;
// Answers to one caller that are given and not sent yet, because he does not
// read: gRPC keeps them, and its quota does not count them.
inline constexpr int kUnreadAnswersMax = 512;
// Calls of one caller: so many at once, and then one after each interval. Far
// above what people and their programs need; what it stops is a loop gone wild.
inline constexpr int kCallBurstMax = 20'000;
inline constexpr absl::Duration kCallInterval = absl::Microseconds(250);
// A unary call that takes longer, because its caller set no deadline or a later
// one, is cancelled.
inline constexpr absl::Duration kCallTimeMax = absl::Minutes(15);

// One line of the log.
struct CallRecord {
  std::string rpc;
  // Empty when the caller could not be identified.
  std::string identity;
  std::string transport;
  std::string request_id;
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string reason;
  absl::Duration duration;
  // The request, see Redacted; only where the log asks for it.
  std::string request;
  // Only for INTERNAL: the id that the caller was given, and what happened.
  std::string internal_id;
  std::string internal_message;
};

// Called on gRPC's, the engine's or the store's thread; must not block.
using CallLog = std::function<void(const CallRecord&)>;

// Gives the key of the fingerprints, the same after every start;
// FailedPrecondition (SEALED) while it is not to be had.
using FingerprintKeySource = std::function<absl::StatusOr<secret::Secret>()>;

// What a request is about, as it names it; empty: it names nothing.
template <typename Request>
std::string ResourceNamedBy(const Request& request) {
  if constexpr (requires { request.name(); }) {
    return request.name();
  } else if constexpr (requires { request.account_id(); }) {
    return request.account_id();
  } else if constexpr (requires { request.credential_id(); }) {
    return request.credential_id();
  } else {
    return "";
  }
}

// Ends a call; to be called exactly once, from any thread.
using Finish = std::function<void(absl::Status)>;

// Who calls, for the trail, when nobody is known; no identity has such a name.
inline constexpr char kNobody[] = "(anonymous)";

class Answer;

// Thread-safe. Outlives the server whose services use it.
class Gate {
 public:
  struct Options {
    base::Clock& clock;
    IdentityBook& book;
    access::Authorities& authorities;
    audit::Trail& trail;
    CallLog log;
    // Who may come by the unix socket.
    access::UnixPeers unix_peers;
    // Of requests that may carry secrets, see FingerprintOf.
    FingerprintKeySource fingerprint_key;
    // Whether records tell what was asked for.
    bool records_requests = false;
    access::RateLimit::Options call_rate = {kCallBurstMax, kCallInterval};
    absl::Duration call_time_max = kCallTimeMax;
    // Whose connections are no strangers' from their first call that is
    // admitted, see Strangers. Outlives the gate.
    Strangers& strangers;
  };
  explicit Gate(Options options);

  // Whether a call is over soon or lasts.
  enum class Kind { kUnary, kStream };

  // What is known of one call from its beginning to its end.
  class Call {
   public:
    Call(Gate& gate, std::string_view rpc, std::string request_id,
         std::string resource);

    const access::Identity& identity() const { return identity_; }
    // The error as the caller gets it, or OK; writes the log's line. Once,
    // before gRPC is told: what is left of this object afterwards may outlive
    // the gate.
    grpc::Status End(const absl::Status& status);
    // For a call that lasts: `cut` is called as IdentityBook::Follow says when
    // the caller's certificate does not count any more. Once, after Admit.
    void CutWhenRevoked(std::function<void(absl::Status)> cut);

   private:
    friend class Gate;
    friend class Answer;

    Gate& gate_;
    const std::string rpc_;
    const std::string request_id_;
    const std::string resource_;
    std::string request_;
    const std::chrono::steady_clock::time_point began_;
    access::Identity identity_;
    base::Mutex mutex_;
    bool ended_ ABSL_GUARDED_BY(mutex_) = false;
    std::unique_ptr<IdentityBook::Follower> follower_ ABSL_GUARDED_BY(mutex_);
    // Whom and what this call counts for; empty: it was not admitted.
    std::string counted_for_;
    std::optional<Kind> counted_;
    // Whether the answer counts as unread.
    bool unread_ = false;
    // For the trail.
    std::string peer_;
    std::string subject_;
  };

  // Who is at the other end; errors as of IdentityOf and IdentityBook::Check,
  // with `identity` filled in as far as it is known.
  absl::Status Identify(const grpc::AuthContext& auth, std::string_view peer,
                        access::Identity& identity);

  // Identifies the peer, asks whether it may call, and counts the call until
  // its end. Nothing of the request is looked at before that. A refusal of the
  // caller goes to the trail.
  //
  // Beside the refusals of Identify and access::Authorize: ResourceExhausted
  // (TOO_MANY_CALLS), which says when to come again.
  absl::Status Admit(const grpc::CallbackServerContext& context, Call& call,
                     Kind kind = Kind::kUnary);

  // A call that changes nothing: `body(identity)` fills the response and
  // returns a Status.
  template <typename Request, typename Body>
  grpc::ServerUnaryReactor* Read(grpc::CallbackServerContext* context,
                                 std::string_view rpc, const Request& request,
                                 Body body) {
    return Begin(context, rpc, request,
                 [&body](const Call& call, Finish finish) -> absl::Status {
                   RETURN_IF_ERROR(body(call.identity()));
                   finish(absl::OkStatus());
                   return absl::OkStatus();
                 });
  }

  // A call that somebody else answers later: `body(identity, finish)` returns
  // an error, or OK after it has handed on `finish`.
  template <typename Request, typename Body>
  grpc::ServerUnaryReactor* Ask(grpc::CallbackServerContext* context,
                                std::string_view rpc, const Request& request,
                                Body body) {
    return Begin(context, rpc, request,
                 [&body](const Call& call, Finish finish) {
                   return body(call.identity(), std::move(finish));
                 });
  }

  // A call that does no harm when it is repeated: as Ask, but
  // `body(caller, finish)` gets what the trail is to know of the caller.
  template <typename Request, typename Body>
  grpc::ServerUnaryReactor* Do(grpc::CallbackServerContext* context,
                               std::string_view rpc, const Request& request,
                               Body body) {
    return Begin(context, rpc, request,
                 [&body](const Call& call, Finish finish) {
                   return body(CallerOf(call), std::move(finish));
                 });
  }

  // A call that changes something: as Ask, but `body(caller, finish)` gets what
  // makes its repetition harmless.
  template <typename Request, typename Body>
  grpc::ServerUnaryReactor* Change(grpc::CallbackServerContext* context,
                                   std::string_view rpc, const Request& request,
                                   Body body) {
    return ChangeOwn(
        context, rpc, request,
        [&body](const access::Identity&, engine::Caller caller, Finish finish) {
          return body(std::move(caller), std::move(finish));
        });
  }

  // As Change, but `body(identity, caller, finish)` also gets who calls.
  template <typename Request, typename Body>
  grpc::ServerUnaryReactor* ChangeOwn(grpc::CallbackServerContext* context,
                                      std::string_view rpc,
                                      const Request& request, Body body) {
    return Begin(
        context, rpc, request,
        [this, rpc, &request, &body](const Call& call,
                                     Finish finish) -> absl::Status {
          ASSIGN_OR_RETURN(engine::Caller caller,
                           CallerOf(call, rpc, request.request_id(), request));
          const absl::Status status =
              body(call.identity(), std::move(caller), std::move(finish));
          if (!status.ok()) Deny(call, status);
          return status;
        });
  }

  // A call that reads the trail: as Ask, but the trail tells of it before and
  // after. `body` is copied, and runs on the store's thread once the first row
  // is durable.
  template <typename Request, typename Body>
  grpc::ServerUnaryReactor* Record(grpc::CallbackServerContext* context,
                                   std::string_view rpc, const Request& request,
                                   std::string target, Body body) {
    return Begin(context, rpc, request,
                 [this, &target, &body](const Call& call, Finish finish) {
                   RecordAround(
                       call, std::move(target), /*openings=*/nullptr,
                       [body, identity = call.identity()](Finish end) {
                         return body(identity, std::move(end));
                       },
                       std::move(finish));
                   return absl::OkStatus();
                 });
  }

  // A call that changes nothing here but uses secrets outside: as Record, but
  // the second row tells what `body(identity, openings, finish)` has noted in
  // its openings before it is finished.
  template <typename Request, typename Body>
  grpc::ServerUnaryReactor* Use(grpc::CallbackServerContext* context,
                                std::string_view rpc, const Request& request,
                                std::string target, Body body) {
    return Begin(
        context, rpc, request,
        [this, &target, &body](const Call& call, Finish finish) {
          auto openings = std::make_shared<vault::Openings>();
          RecordAround(
              call, std::move(target), openings,
              [body, identity = call.identity(), openings](Finish end) {
                return body(identity, openings, std::move(end));
              },
              std::move(finish));
          return absl::OkStatus();
        });
  }

  // What the trail is to know of who makes `call`, which was admitted.
  static engine::Caller CallerOf(const Call& call);

  // What the trail says of `call` when it came to `result`.
  store::AuditRow RowOf(const Call& call, std::string target,
                        std::string_view result) const;

 private:
  friend class Answer;
  using Work = std::function<absl::Status(const Call&, Finish)>;

  template <typename Request>
  grpc::ServerUnaryReactor* Begin(grpc::CallbackServerContext* context,
                                  std::string_view rpc, const Request& request,
                                  const Work& work) {
    std::string request_id;
    if constexpr (requires { request.request_id(); }) {
      request_id = request.request_id();
    }
    auto call = std::make_shared<Call>(*this, rpc, std::move(request_id),
                                       ResourceNamedBy(request));
    if (records_requests_) call->request_ = Redacted(request);
    return Run(
        context, std::move(call),
        [&request, &work](const Call& admitted, Finish finish) -> absl::Status {
          RETURN_IF_ERROR(CheckNesting(request));
          return work(admitted, std::move(finish));
        });
  }

  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext* context,
                                std::shared_ptr<Call> call, const Work& work);
  absl::Status Try(const grpc::CallbackServerContext& context, Call& call,
                   const Work& work, Finish finish);
  absl::Status IdentifyCaller(const grpc::CallbackServerContext& context,
                              Call& call);
  void Deny(const Call& call, const absl::Status& status);
  // `openings` is null for what opens nothing.
  void RecordAround(const Call& call, std::string target,
                    std::shared_ptr<const vault::Openings> openings,
                    std::function<absl::Status(Finish)> body, Finish finish);
  absl::Status Count(Call& call, Kind kind);
  void Uncount(const Call& call);
  // An answer is about to be sent; it was sent, or never will be.
  void CountUnread(Call& call);
  void UncountUnread(const Call& call);
  // Without what tells one request from another.
  absl::StatusOr<engine::Caller> CallerOf(
      const Call& call, std::string_view rpc, const std::string& request_id,
      const google::protobuf::Message& request);

  base::Clock& clock_;
  IdentityBook& book_;
  access::Authorities& authorities_;
  audit::Trail& trail_;
  const CallLog log_;
  const access::UnixPeers unix_peers_;
  const FingerprintKeySource fingerprint_key_;
  const bool records_requests_;
  access::RateLimit rate_;
  const absl::Duration call_time_max_;
  Strangers& strangers_;

  base::Mutex mutex_;
  // Of unary calls.
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  // By counted_for_: streams and calls of a caller count apart.
  std::unordered_map<std::string, int> calls_by_caller_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<std::string, int> unread_by_caller_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_GATE_H_
