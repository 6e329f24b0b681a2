// What every call passes: who calls, may they, what came of it.
#ifndef KEYTURN_DAEMON_RPC_GATE_H_
#define KEYTURN_DAEMON_RPC_GATE_H_

#include <google/protobuf/message.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/access/identity.h"
#include "daemon/base/clock.h"
#include "daemon/engine/engine.h"
#include "daemon/rpc/errors.h"
#include "daemon/rpc/redact.h"
#include "daemon/secret/secret.h"

namespace keyturn::rpc {

// Calls that may be under way at once, streams not counted.
inline constexpr int kCallsMax = 4096;

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

// Thread-safe. Outlives the server whose services use it.
class Gate {
 public:
  struct Options {
    base::Clock& clock;
    CallLog log;
    // The user whose peers come through the listener with local credentials.
    uid_t own_uid;
    // Key of the fingerprints, see FingerprintOf.
    secret::Secret fingerprint_key;
    // Whether records tell what was asked for.
    bool records_requests = false;
  };
  explicit Gate(Options options);

  // What is known of one call from its beginning to its end.
  class Call {
   public:
    Call(Gate& gate, std::string_view rpc, std::string request_id,
         std::string resource);

    const access::Identity& identity() const { return identity_; }
    // The error as the caller gets it, or OK; writes the log's line.
    grpc::Status End(const absl::Status& status);

   private:
    friend class Gate;

    Gate& gate_;
    const std::string rpc_;
    const std::string request_id_;
    const std::string resource_;
    std::string request_;
    const std::chrono::steady_clock::time_point began_;
    access::Identity identity_;
  };

  // Identifies the peer and asks whether it may call. Nothing of the request is
  // looked at before that.
  absl::Status Admit(const grpc::CallbackServerContext& context, Call& call);

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

  // A call that changes something: as Ask, but `body(caller, finish)` gets what
  // makes its repetition harmless.
  template <typename Request, typename Body>
  grpc::ServerUnaryReactor* Change(grpc::CallbackServerContext* context,
                                   std::string_view rpc, const Request& request,
                                   Body body) {
    return Begin(context, rpc, request,
                 [this, rpc, &request, &body](const Call& call,
                                              Finish finish) -> absl::Status {
                   ASSIGN_OR_RETURN(engine::Caller caller,
                                    CallerOf(call.identity(), rpc,
                                             request.request_id(), request));
                   return body(std::move(caller), std::move(finish));
                 });
  }

 private:
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
    return Run(context, std::move(call), work);
  }

  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext* context,
                                std::shared_ptr<Call> call, const Work& work);
  absl::Status Try(const grpc::CallbackServerContext& context, Call& call,
                   const Work& work, Finish finish);
  absl::StatusOr<engine::Caller> CallerOf(
      const access::Identity& identity, std::string_view rpc,
      const std::string& request_id, const google::protobuf::Message& request);

  base::Clock& clock_;
  const CallLog log_;
  const uid_t own_uid_;
  const secret::Secret fingerprint_key_;
  const bool records_requests_;
  std::atomic<int> calls_ = 0;
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_GATE_H_
