// Stands before the services that do not pass the gate.
#ifndef KEYTURN_DAEMON_RPC_PORTER_H_
#define KEYTURN_DAEMON_RPC_PORTER_H_

#include <grpcpp/security/auth_metadata_processor.h>

#include "daemon/rpc/gate.h"

namespace keyturn::rpc {

// gRPC's own services (health, reflection) know no gate, and RPCs that nobody
// serves are answered by gRPC itself. For the callers of the TLS port this lets
// none of them through without a valid certificate. Calls of our services go
// on: they pass the gate, which can tell the caller more. Thread-safe.
class Porter final : public grpc::AuthMetadataProcessor {
 public:
  // `gate` outlives the server.
  explicit Porter(Gate& gate) : gate_(gate) {}

  // Runs on gRPC's thread, before anything of the request's message is read.
  bool IsBlocking() const override { return false; }
  grpc::Status Process(const InputMetadata& metadata,
                       grpc::AuthContext* context, OutputMetadata* consumed,
                       OutputMetadata* response) override;

 private:
  Gate& gate_;
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_PORTER_H_
