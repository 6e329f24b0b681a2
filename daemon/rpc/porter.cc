#include "daemon/rpc/porter.h"

#include <grpc/grpc_security_constants.h>

#include <string_view>

#include "daemon/access/policy.h"
#include "daemon/base/status.h"
#include "daemon/rpc/peer.h"
#include "daemon/rpc/strangers.h"

namespace keyturn::rpc {
namespace {

constexpr std::string_view kOurs = "/keyturn.v1.";
// Of a connection's context: once for each call that has begun.
constexpr char kBegunProperty[] = "keyturn_begun";

// gRPC takes no more than code and message from here.
grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      base::MessageOf(status));
}

}  // namespace

grpc::Status Porter::Process(const InputMetadata& metadata,
                             grpc::AuthContext* context, OutputMetadata*,
                             OutputMetadata*) {
  const auto found = metadata.find(":path");
  std::string_view path;
  if (found != metadata.end()) {
    path = std::string_view(found->second.data(), found->second.size());
  }
  if (path.starts_with(kOurs)) {
    if (MayBegin(*context)) return grpc::Status::OK;
    log_("refused a call without a certificate: its connection made many");
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                        "too many calls without a certificate; connect again");
  }
  access::Identity identity;
  const absl::Status known = gate_.Identify(*context, /*peer=*/"tcp", identity);
  if (!known.ok()) return ToGrpc(known);
  const std::string_view rpc = path.substr(path.empty() ? 0 : 1);
  // A caller with a name may hear from gRPC that nobody serves this.
  if (!identity.anonymous() && access::RolesFor(rpc).empty()) {
    return grpc::Status::OK;
  }
  return ToGrpc(access::Authorize(identity, rpc));
}

bool Porter::MayBegin(grpc::AuthContext& context) {
  if (!context.FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME).empty()) {
    return true;
  }
  base::MutexLock lock(mutex_);
  if (context.FindPropertyValues(kBegunProperty).size() >= kUnnamedCallsMax) {
    return false;
  }
  context.AddProperty(kBegunProperty, "");
  return true;
}

grpc::Status Usher::Process(const InputMetadata&, grpc::AuthContext* context,
                            OutputMetadata*, OutputMetadata*) {
  base::MutexLock lock(mutex_);
  if (context->FindPropertyValues(kUidProperty).empty()) {
    context->AddProperty(kUidProperty, uid_);
  }
  return grpc::Status::OK;
}

}  // namespace keyturn::rpc
