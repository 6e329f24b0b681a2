// Stands before the services that do not pass the gate.
#ifndef KEYTURN_DAEMON_RPC_PORTER_H_
#define KEYTURN_DAEMON_RPC_PORTER_H_

#include <grpcpp/security/auth_metadata_processor.h>
#include <sys/types.h>

#include <functional>
#include <string>
#include <utility>

#include "daemon/base/mutex.h"
#include "daemon/rpc/gate.h"

namespace keyturn::rpc {

// gRPC's own services (health, reflection) know no gate, and RPCs that nobody
// serves are answered by gRPC itself. For the callers of the TLS port this lets
// none of them through without a valid certificate. Calls of our services go
// on: they pass the gate, which can tell the caller more. But it gets a call
// only with its whole message, so a connection without a certificate may begin
// no more than kUnnamedCallsMax. Thread-safe.
class Porter final : public grpc::AuthMetadataProcessor {
 public:
  // `gate` outlives the server; `log` writes one line for the operator.
  Porter(Gate& gate, std::function<void(const std::string&)> log)
      : gate_(gate), log_(std::move(log)) {}

  // Runs on gRPC's thread, before anything of the request's message is read.
  bool IsBlocking() const override { return false; }
  grpc::Status Process(const InputMetadata& metadata,
                       grpc::AuthContext* context, OutputMetadata* consumed,
                       OutputMetadata* response) override;

 private:
  // Whether one more call may begin on a connection without a certificate.
  bool MayBegin(grpc::AuthContext& context);

  Gate& gate_;
  const std::function<void(const std::string&)> log_;
  base::Mutex mutex_;
};

// Tells the handlers which user is at the other end of the unix socket, for one
// listener of that user: see peer.h. Thread-safe.
//
// gRPC (1.51) keeps one context for all calls of a connection, so it is written
// by the first of them alone, and under a lock.
class Usher final : public grpc::AuthMetadataProcessor {
 public:
  explicit Usher(uid_t uid) : uid_(std::to_string(uid)) {}

  bool IsBlocking() const override { return false; }
  grpc::Status Process(const InputMetadata& metadata,
                       grpc::AuthContext* context, OutputMetadata* consumed,
                       OutputMetadata* response) override;

 private:
  const std::string uid_;
  base::Mutex mutex_;
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_PORTER_H_
