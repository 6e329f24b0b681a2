// keyturn.v1.Inventory and keyturn.v1.Admin.
#ifndef KEYTURN_DAEMON_RPC_DAEMON_SERVICES_H_
#define KEYTURN_DAEMON_RPC_DAEMON_SERVICES_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "daemon/base/clock.h"
#include "daemon/engine/custodian.h"
#include "daemon/engine/engine.h"
#include "daemon/rpc/back_up_streams.h"
#include "daemon/rpc/gate.h"
#include "daemon/rpc/support_bundle.h"
#include "daemon/rpc/wiping_allocator.h"
#include "daemon/store/store.h"
#include "keyturn/v1/admin.grpc.pb.h"
#include "keyturn/v1/inventory.grpc.pb.h"

namespace keyturn::rpc {

// Thread-safe, as all services here. What constructors get outlives them.
class InventoryService final : public v1::Inventory::CallbackService {
 public:
  InventoryService(Gate& gate, store::Store& store, engine::Engine& engine)
      : gate_(gate), store_(store), engine_(engine) {}

  grpc::ServerUnaryReactor* Discover(grpc::CallbackServerContext* context,
                                     const v1::DiscoverRequest* request,
                                     v1::DiscoverResponse* response) override;

 private:
  Gate& gate_;
  store::Store& store_;
  engine::Engine& engine_;
};

// What does not change while the daemon runs.
struct DaemonFacts {
  std::string version;
  absl::Time started_at;
  absl::Time server_certificate_expires_at;
  std::vector<std::string> allowed_hosts;
  // Asked anew each time; thread-safe.
  std::function<Diagnosis()> diagnose;
};

class AdminService final : public v1::Admin::CallbackService {
 public:
  AdminService(Gate& gate, store::Store& store, engine::Custodian& custodian,
               base::Clock& clock, DaemonFacts facts, BackUpStreams& back_ups);

  grpc::ServerUnaryReactor* GetServerInfo(
      grpc::CallbackServerContext* context,
      const v1::GetServerInfoRequest* request,
      v1::ServerInfo* response) override;
  grpc::ServerUnaryReactor* GetSupportBundle(
      grpc::CallbackServerContext* context,
      const v1::GetSupportBundleRequest* request,
      v1::SupportBundle* response) override;
  grpc::ServerUnaryReactor* RotateKey(grpc::CallbackServerContext* context,
                                      const v1::RotateKeyRequest* request,
                                      v1::VaultStatus* response) override;
  grpc::ServerUnaryReactor* Seal(grpc::CallbackServerContext* context,
                                 const v1::SealRequest* request,
                                 v1::VaultStatus* response) override;
  grpc::ServerUnaryReactor* Unseal(grpc::CallbackServerContext* context,
                                   const v1::UnsealRequest* request,
                                   v1::VaultStatus* response) override;
  grpc::ServerWriteReactor<v1::BackUpResponse>* BackUp(
      grpc::CallbackServerContext* context,
      const v1::BackUpRequest* request) override {
    return back_ups_.BackUp(context, request);
  }
  grpc::ServerReadReactor<v1::RestoreRequest>* Restore(
      grpc::CallbackServerContext* context,
      v1::RestoreResponse* response) override {
    return back_ups_.Restore(context, response);
  }

 private:
  absl::Status Describe(v1::ServerInfo* info);

  Gate& gate_;
  store::Store& store_;
  engine::Custodian& custodian_;
  WipingAllocator<v1::UnsealRequest, v1::VaultStatus> unseal_allocator_;
  base::Clock& clock_;
  const DaemonFacts facts_;
  BackUpStreams& back_ups_;
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_DAEMON_SERVICES_H_
