#include "daemon/rpc/daemon_services.h"

#include <utility>

#include "daemon/base/status.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/names.h"
#include "daemon/rpc/store_view.h"

namespace keyturn::rpc {
namespace {

// Of calls without a request id: they say what is to hold, so a repeated one
// has no second effect.
engine::Callback<engine::VaultStatus> AnswerStatus(v1::VaultStatus* response,
                                                   Finish finish) {
  return [response, finish = std::move(finish)](
             const absl::StatusOr<engine::VaultStatus>& status) {
    if (status.ok()) *response = ToProto(*status);
    finish(status.status());
  };
}

// A newline at the end is the terminal's or the file's, not the passphrase's.
secret::Secret PassphraseOf(std::string_view text) {
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  return secret::Secret(text);
}

}  // namespace

grpc::ServerUnaryReactor* InventoryService::Discover(
    grpc::CallbackServerContext* context, const v1::DiscoverRequest* request,
    v1::DiscoverResponse* response) {
  return gate_.Use(
      context, "keyturn.v1.Inventory/Discover", *request, request->account(),
      [this, request, response](const access::Identity& identity,
                                std::shared_ptr<vault::Openings> openings,
                                Finish finish) -> absl::Status {
        ASSIGN_OR_RETURN(std::string account,
                         ParseAccountName("account", request->account()));
        if (identity.accounts.limited()) {
          StoreView view(store_, identity.accounts);
          RETURN_IF_ERROR(view.GetAccount(account).status());
        }
        engine_.Discover(
            std::move(account), std::move(openings),
            [response, finish = std::move(finish)](
                const absl::StatusOr<std::vector<steps::DiscoveredConnection>>&
                    found) {
              if (found.ok()) *response = ToProto(*found);
              finish(found.status());
            });
        return absl::OkStatus();
      });
}

AdminService::AdminService(Gate& gate, store::Store& store,
                           engine::Custodian& custodian, base::Clock& clock,
                           DaemonFacts facts, BackUpStreams& back_ups)
    : gate_(gate),
      store_(store),
      custodian_(custodian),
      clock_(clock),
      facts_(std::move(facts)),
      back_ups_(back_ups) {
  SetMessageAllocatorFor_Unseal(&unseal_allocator_);
}

absl::Status AdminService::Describe(v1::ServerInfo* info) {
  ASSIGN_OR_RETURN(const auto counts, store_.CountByState());
  ASSIGN_OR_RETURN(const engine::VaultStatus vault, custodian_.Status());
  info->set_version(facts_.version);
  info->set_schema_version(store_.schema_version());
  *info->mutable_start_time() = ToProto(facts_.started_at);
  *info->mutable_server_certificate_expire_time() =
      ToProto(facts_.server_certificate_expires_at);
  *info->mutable_vault() = ToProto(vault);
  info->mutable_allowed_hosts()->Assign(facts_.allowed_hosts.begin(),
                                        facts_.allowed_hosts.end());
  for (const auto& [state, count] : counts) {
    (*info->mutable_migrations())[std::string(migration::Name(state))] = count;
  }
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* AdminService::GetServerInfo(
    grpc::CallbackServerContext* context,
    const v1::GetServerInfoRequest* request, v1::ServerInfo* response) {
  return gate_.Read(
      context, "keyturn.v1.Admin/GetServerInfo", *request,
      [&](const access::Identity&) { return Describe(response); });
}

grpc::ServerUnaryReactor* AdminService::GetSupportBundle(
    grpc::CallbackServerContext* context,
    const v1::GetSupportBundleRequest* request, v1::SupportBundle* response) {
  return gate_.Read(context, "keyturn.v1.Admin/GetSupportBundle", *request,
                    [&](const access::Identity&) -> absl::Status {
                      RETURN_IF_ERROR(Describe(response->mutable_server()));
                      return FillSupportBundle(
                          store_,
                          facts_.diagnose ? facts_.diagnose() : Diagnosis(),
                          clock_.Now(), response);
                    });
}

grpc::ServerUnaryReactor* AdminService::RotateKey(
    grpc::CallbackServerContext* context, const v1::RotateKeyRequest* request,
    v1::VaultStatus* response) {
  return gate_.Change(
      context, "keyturn.v1.Admin/RotateKey", *request,
      [&](const engine::Caller& caller, Finish finish) -> absl::Status {
        auto answer = AnswerStatus(response, std::move(finish));
        if (request->root()) {
          custodian_.Rewrap(caller, std::move(answer));
        } else {
          custodian_.RotateDataKey(caller, std::move(answer));
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AdminService::Seal(
    grpc::CallbackServerContext* context, const v1::SealRequest* request,
    v1::VaultStatus* response) {
  return gate_.Do(
      context, "keyturn.v1.Admin/Seal", *request,
      [&](const engine::Caller& caller, Finish finish) -> absl::Status {
        custodian_.Seal(caller, AnswerStatus(response, std::move(finish)));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AdminService::Unseal(
    grpc::CallbackServerContext* context, const v1::UnsealRequest* request,
    v1::VaultStatus* response) {
  return gate_.Do(
      context, "keyturn.v1.Admin/Unseal", *request,
      [&](const engine::Caller& caller, Finish finish) -> absl::Status {
        vault::Passphrases passphrases;
        passphrases.current = PassphraseOf(request->passphrase());
        passphrases.previous = PassphraseOf(request->previous_passphrase());
        custodian_.Unseal(caller, std::move(passphrases),
                          AnswerStatus(response, std::move(finish)));
        return absl::OkStatus();
      });
}

}  // namespace keyturn::rpc
