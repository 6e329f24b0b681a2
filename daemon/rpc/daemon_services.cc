#include "daemon/rpc/daemon_services.h"

#include <utility>

#include "daemon/base/status.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/names.h"

namespace keyturn::rpc {

grpc::ServerUnaryReactor* InventoryService::Discover(
    grpc::CallbackServerContext* context, const v1::DiscoverRequest* request,
    v1::DiscoverResponse* response) {
  return gate_.Record(
      context, "keyturn.v1.Inventory/Discover", *request, request->account(),
      [this, request, response](const access::Identity&,
                                Finish finish) -> absl::Status {
        ASSIGN_OR_RETURN(std::string account,
                         ParseAccountName("account", request->account()));
        engine_.Discover(
            std::move(account),
            [response, finish = std::move(finish)](
                const absl::StatusOr<std::vector<steps::DiscoveredConnection>>&
                    found) {
              if (found.ok()) *response = ToProto(*found);
              finish(found.status());
            });
        return absl::OkStatus();
      });
}

AdminService::AdminService(Gate& gate, store::Store& store, DaemonFacts facts)
    : gate_(gate), store_(store), facts_(std::move(facts)) {}

grpc::ServerUnaryReactor* AdminService::GetServerInfo(
    grpc::CallbackServerContext* context,
    const v1::GetServerInfoRequest* request, v1::ServerInfo* response) {
  return gate_.Read(
      context, "keyturn.v1.Admin/GetServerInfo", *request,
      [&](const access::Identity&) -> absl::Status {
        ASSIGN_OR_RETURN(const auto counts, store_.CountByState());
        response->set_version(facts_.version);
        response->set_schema_version(store_.schema_version());
        *response->mutable_start_time() = ToProto(facts_.started_at);
        *response->mutable_server_certificate_expire_time() =
            ToProto(facts_.server_certificate_expires_at);
        response->mutable_allowed_hosts()->Assign(facts_.allowed_hosts.begin(),
                                                  facts_.allowed_hosts.end());
        for (const auto& [state, count] : counts) {
          (*response
                ->mutable_migrations())[std::string(migration::Name(state))] =
              count;
        }
        return absl::OkStatus();
      });
}

}  // namespace keyturn::rpc
