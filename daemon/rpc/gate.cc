#include "daemon/rpc/gate.h"

#include "absl/strings/str_cat.h"
#include "daemon/access/policy.h"
#include "daemon/base/status.h"
#include "daemon/rpc/fingerprint.h"
#include "daemon/rpc/names.h"
#include "daemon/rpc/peer.h"

namespace keyturn::rpc {
namespace {

// What of a request's text may stand in a log or an error before it was
// checked.
std::string Bounded(std::string text) {
  constexpr size_t kShownMax = 128;
  if (text.size() > kShownMax) text.resize(kShownMax);
  return text;
}

}  // namespace

Gate::Gate(Options options)
    : clock_(options.clock),
      log_(std::move(options.log)),
      own_uid_(options.own_uid),
      fingerprint_key_(std::move(options.fingerprint_key)),
      records_requests_(options.records_requests) {}

Gate::Call::Call(Gate& gate, std::string_view rpc, std::string request_id,
                 std::string resource)
    : gate_(gate),
      rpc_(rpc),
      request_id_(Bounded(std::move(request_id))),
      resource_(Bounded(std::move(resource))),
      began_(std::chrono::steady_clock::now()) {}

grpc::Status Gate::Call::End(const absl::Status& status) {
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

absl::Status Gate::Admit(const grpc::CallbackServerContext& context,
                         Call& call) {
  const std::shared_ptr<const grpc::AuthContext> auth = context.auth_context();
  if (auth == nullptr) {
    return absl::UnauthenticatedError("the connection has no identity");
  }
  ASSIGN_OR_RETURN(call.identity_,
                   IdentityOf(*auth, context.peer(), own_uid_, clock_.Now()));
  return access::Authorize(call.identity_, call.rpc_);
}

grpc::ServerUnaryReactor* Gate::Run(grpc::CallbackServerContext* context,
                                    std::shared_ptr<Call> call,
                                    const Work& work) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  const Finish finish = [this, reactor, call](const absl::Status& status) {
    --calls_;
    reactor->Finish(call->End(status));
  };
  ++calls_;
  const absl::Status status = Try(*context, *call, work, finish);
  if (!status.ok()) finish(status);
  return reactor;
}

absl::Status Gate::Try(const grpc::CallbackServerContext& context, Call& call,
                       const Work& work, Finish finish) {
  RETURN_IF_ERROR(Admit(context, call));
  if (calls_ > kCallsMax) {
    return base::WithReason(
        absl::ResourceExhaustedError(absl::StrCat(
            kCallsMax, " calls are under way already; try again later")),
        "TOO_MANY_CALLS");
  }
  return work(call, std::move(finish));
}

absl::StatusOr<engine::Caller> Gate::CallerOf(
    const access::Identity& identity, std::string_view rpc,
    const std::string& request_id, const google::protobuf::Message& request) {
  RETURN_IF_ERROR(CheckRequestId(request_id));
  engine::Caller caller;
  caller.identity = identity.name;
  caller.transport = Name(identity.transport);
  caller.request_id = request_id;
  caller.fingerprint = FingerprintOf(fingerprint_key_, rpc, request);
  return caller;
}

}  // namespace keyturn::rpc
