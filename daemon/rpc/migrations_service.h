// keyturn.v1.Migrations.
#ifndef KEYTURN_DAEMON_RPC_MIGRATIONS_SERVICE_H_
#define KEYTURN_DAEMON_RPC_MIGRATIONS_SERVICE_H_

#include <string>

#include "daemon/engine/engine.h"
#include "daemon/rpc/gate.h"
#include "daemon/rpc/watch_hub.h"
#include "daemon/store/store.h"
#include "keyturn/v1/migrations.grpc.pb.h"

namespace keyturn::rpc {

// Thread-safe. What the constructor gets outlives the service.
//
// WatchMigrations is a raw method: an event is encoded once for all watchers.
class MigrationsService final
    : public v1::Migrations::WithRawCallbackMethod_WatchMigrations<
          v1::Migrations::CallbackService> {
 public:
  MigrationsService(Gate& gate, store::Store& store, engine::Engine& engine,
                    WatchHub& hub);

  grpc::ServerUnaryReactor* CreateMigration(
      grpc::CallbackServerContext* context,
      const v1::CreateMigrationRequest* request,
      v1::Migration* response) override;
  grpc::ServerUnaryReactor* GetMigration(grpc::CallbackServerContext* context,
                                         const v1::GetMigrationRequest* request,
                                         v1::Migration* response) override;
  grpc::ServerUnaryReactor* ListMigrations(
      grpc::CallbackServerContext* context,
      const v1::ListMigrationsRequest* request,
      v1::ListMigrationsResponse* response) override;
  grpc::ServerUnaryReactor* StartMigration(
      grpc::CallbackServerContext* context,
      const v1::StartMigrationRequest* request,
      v1::Migration* response) override;
  grpc::ServerUnaryReactor* PauseMigration(
      grpc::CallbackServerContext* context,
      const v1::PauseMigrationRequest* request,
      v1::Migration* response) override;
  grpc::ServerUnaryReactor* ResumeMigration(
      grpc::CallbackServerContext* context,
      const v1::ResumeMigrationRequest* request,
      v1::Migration* response) override;
  grpc::ServerUnaryReactor* CancelMigration(
      grpc::CallbackServerContext* context,
      const v1::CancelMigrationRequest* request,
      v1::Migration* response) override;
  grpc::ServerUnaryReactor* RetryMigration(
      grpc::CallbackServerContext* context,
      const v1::RetryMigrationRequest* request,
      v1::Migration* response) override;
  grpc::ServerUnaryReactor* RollBackMigration(
      grpc::CallbackServerContext* context,
      const v1::RollBackMigrationRequest* request,
      v1::Migration* response) override;
  grpc::ServerUnaryReactor* ApproveMigration(
      grpc::CallbackServerContext* context,
      const v1::ApproveMigrationRequest* request,
      v1::Migration* response) override;
  grpc::ServerUnaryReactor* RejectMigration(
      grpc::CallbackServerContext* context,
      const v1::RejectMigrationRequest* request,
      v1::Migration* response) override;
  grpc::ServerUnaryReactor* ListEvents(
      grpc::CallbackServerContext* context,
      const v1::ListEventsRequest* request,
      v1::ListEventsResponse* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchMigrations(
      grpc::CallbackServerContext* context,
      const grpc::ByteBuffer* request) override;

 private:
  template <typename Request>
  grpc::ServerUnaryReactor* Command(grpc::CallbackServerContext* context,
                                    std::string_view rpc,
                                    migration::EventKind kind,
                                    const Request& request,
                                    v1::Migration* response);
  absl::Status Answer(const absl::StatusOr<migration::Migration>& result,
                      v1::Migration* response);

  Gate& gate_;
  store::Store& store_;
  engine::Engine& engine_;
  WatchHub& hub_;
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_MIGRATIONS_SERVICE_H_
