#include "daemon/rpc/porter.h"

#include <string_view>

#include "daemon/access/policy.h"
#include "daemon/base/status.h"
#include "daemon/rpc/peer.h"

namespace keyturn::rpc {
namespace {

constexpr std::string_view kOurs = "/keyturn.v1.";

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
  if (path.starts_with(kOurs)) return grpc::Status::OK;
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

grpc::Status Usher::Process(const InputMetadata&, grpc::AuthContext* context,
                            OutputMetadata*, OutputMetadata*) {
  base::MutexLock lock(mutex_);
  if (context->FindPropertyValues(kUidProperty).empty()) {
    context->AddProperty(kUidProperty, uid_);
  }
  return grpc::Status::OK;
}

}  // namespace keyturn::rpc
