// keyturn.v1.Accounts and keyturn.v1.Credentials.
#ifndef KEYTURN_DAEMON_RPC_REGISTRY_SERVICES_H_
#define KEYTURN_DAEMON_RPC_REGISTRY_SERVICES_H_

#include "daemon/engine/engine.h"
#include "daemon/engine/registry.h"
#include "daemon/rpc/gate.h"
#include "daemon/rpc/wiping_allocator.h"
#include "daemon/store/store.h"
#include "keyturn/v1/accounts.grpc.pb.h"
#include "keyturn/v1/credentials.grpc.pb.h"

namespace keyturn::rpc {

// Thread-safe. What the constructor gets outlives the service.
class AccountsService final : public v1::Accounts::CallbackService {
 public:
  AccountsService(Gate& gate, store::Store& store, engine::Engine& engine,
                  engine::Registry& registry);

  grpc::ServerUnaryReactor* CreateAccount(
      grpc::CallbackServerContext* context,
      const v1::CreateAccountRequest* request, v1::Account* response) override;
  grpc::ServerUnaryReactor* GetAccount(grpc::CallbackServerContext* context,
                                       const v1::GetAccountRequest* request,
                                       v1::Account* response) override;
  grpc::ServerUnaryReactor* ListAccounts(
      grpc::CallbackServerContext* context,
      const v1::ListAccountsRequest* request,
      v1::ListAccountsResponse* response) override;
  grpc::ServerUnaryReactor* TestAccount(
      grpc::CallbackServerContext* context,
      const v1::TestAccountRequest* request,
      v1::TestAccountResponse* response) override;
  grpc::ServerUnaryReactor* DeleteAccount(
      grpc::CallbackServerContext* context,
      const v1::DeleteAccountRequest* request,
      v1::DeleteAccountResponse* response) override;

 private:
  Gate& gate_;
  store::Store& store_;
  engine::Engine& engine_;
  engine::Registry& registry_;
};

// Thread-safe. What the constructor gets outlives the service.
class CredentialsService final : public v1::Credentials::CallbackService {
 public:
  CredentialsService(Gate& gate, store::Store& store,
                     engine::Registry& registry);

  grpc::ServerUnaryReactor* CreateCredential(
      grpc::CallbackServerContext* context,
      const v1::CreateCredentialRequest* request,
      v1::Credential* response) override;
  grpc::ServerUnaryReactor* GetCredential(
      grpc::CallbackServerContext* context,
      const v1::GetCredentialRequest* request,
      v1::Credential* response) override;
  grpc::ServerUnaryReactor* ListCredentials(
      grpc::CallbackServerContext* context,
      const v1::ListCredentialsRequest* request,
      v1::ListCredentialsResponse* response) override;
  grpc::ServerUnaryReactor* RotateCredential(
      grpc::CallbackServerContext* context,
      const v1::RotateCredentialRequest* request,
      v1::Credential* response) override;
  grpc::ServerUnaryReactor* TestCredential(
      grpc::CallbackServerContext* context,
      const v1::TestCredentialRequest* request,
      v1::TestCredentialResponse* response) override;
  grpc::ServerUnaryReactor* DeleteCredential(
      grpc::CallbackServerContext* context,
      const v1::DeleteCredentialRequest* request,
      v1::DeleteCredentialResponse* response) override;

 private:
  Gate& gate_;
  store::Store& store_;
  engine::Registry& registry_;
  WipingAllocator<v1::CreateCredentialRequest, v1::Credential>
      create_allocator_;
  WipingAllocator<v1::RotateCredentialRequest, v1::Credential>
      rotate_allocator_;
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_REGISTRY_SERVICES_H_
