#include "daemon/rpc/registry_services.h"

#include <string>
#include <utility>

#include "daemon/base/id.h"
#include "daemon/base/status.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/names.h"
#include "daemon/rpc/pages.h"
#include "daemon/rpc/store_view.h"

namespace keyturn::rpc {
namespace {

// Converts what the registry or the engine answers, and ends the call.
template <typename Value, typename Response>
engine::Callback<Value> AnswerWith(Response* response, Finish finish) {
  return [response,
          finish = std::move(finish)](const absl::StatusOr<Value>& value) {
    if (value.ok()) *response = ToProto(*value);
    finish(value.status());
  };
}

template <typename Response>
engine::Callback<engine::Findings> AnswerFindings(Response* response,
                                                  Finish finish) {
  return [response, finish = std::move(finish)](
             const absl::StatusOr<engine::Findings>& findings) {
    if (findings.ok()) {
      response->set_accepted(findings->accepted);
      for (const std::string& line : findings->lines) {
        response->add_findings(line);
      }
    }
    finish(findings.status());
  };
}

}  // namespace

AccountsService::AccountsService(Gate& gate, store::Store& store,
                                 engine::Engine& engine,
                                 engine::Registry& registry)
    : gate_(gate), store_(store), engine_(engine), registry_(registry) {}

grpc::ServerUnaryReactor* AccountsService::CreateAccount(
    grpc::CallbackServerContext* context,
    const v1::CreateAccountRequest* request, v1::Account* response) {
  return gate_.Change(
      context, "keyturn.v1.Accounts/CreateAccount", *request,
      [&](engine::Caller caller, Finish finish) -> absl::Status {
        ASSIGN_OR_RETURN(store::Account account,
                         FromProto(request->account_id(), request->account()));
        registry_.CreateAccount(
            std::move(caller), std::move(account),
            AnswerWith<store::Account>(response, std::move(finish)));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AccountsService::GetAccount(
    grpc::CallbackServerContext* context, const v1::GetAccountRequest* request,
    v1::Account* response) {
  return gate_.Read(
      context, "keyturn.v1.Accounts/GetAccount", *request,
      [&](const access::Identity& identity) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string name,
                         ParseAccountName("name", request->name()));
        StoreView view(store_, identity.accounts);
        ASSIGN_OR_RETURN(const store::Account account, view.GetAccount(name));
        *response = ToProto(account);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AccountsService::ListAccounts(
    grpc::CallbackServerContext* context,
    const v1::ListAccountsRequest* request,
    v1::ListAccountsResponse* response) {
  return gate_.Read(
      context, "keyturn.v1.Accounts/ListAccounts", *request,
      [&](const access::Identity& identity) -> absl::Status {
        constexpr std::string_view kList = "ListAccounts";
        ASSIGN_OR_RETURN(const int limit,
                         ParsePageSize(request->page_size(), kPageSizeDefault));
        ASSIGN_OR_RETURN(const std::string after,
                         ParsePageToken(kList, request->page_token()));
        StoreView view(store_, identity.accounts);
        return FillPage(limit, response, [&](int size, auto* page) {
          ASSIGN_OR_RETURN(auto found, view.ListAccounts({size, after}));
          for (const store::Account& account : found.items) {
            *page->add_accounts() = ToProto(account);
          }
          page->set_next_page_token(MakePageToken(kList, found.next));
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* AccountsService::TestAccount(
    grpc::CallbackServerContext* context, const v1::TestAccountRequest* request,
    v1::TestAccountResponse* response) {
  return gate_.Use(
      context, "keyturn.v1.Accounts/TestAccount", *request, request->name(),
      [this, request, response](const access::Identity&,
                                std::shared_ptr<vault::Openings> openings,
                                Finish finish) -> absl::Status {
        ASSIGN_OR_RETURN(std::string name,
                         ParseAccountName("name", request->name()));
        engine_.TestAccount(std::move(name), std::move(openings),
                            AnswerFindings(response, std::move(finish)));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AccountsService::DeleteAccount(
    grpc::CallbackServerContext* context,
    const v1::DeleteAccountRequest* request, v1::DeleteAccountResponse*) {
  return gate_.Change(
      context, "keyturn.v1.Accounts/DeleteAccount", *request,
      [&](engine::Caller caller, Finish finish) -> absl::Status {
        ASSIGN_OR_RETURN(std::string name,
                         ParseAccountName("name", request->name()));
        registry_.DeleteAccount(std::move(caller), std::move(name),
                                std::move(finish));
        return absl::OkStatus();
      });
}

CredentialsService::CredentialsService(Gate& gate, store::Store& store,
                                       engine::Registry& registry)
    : gate_(gate), store_(store), registry_(registry) {
  SetMessageAllocatorFor_CreateCredential(&create_allocator_);
  SetMessageAllocatorFor_RotateCredential(&rotate_allocator_);
}

grpc::ServerUnaryReactor* CredentialsService::CreateCredential(
    grpc::CallbackServerContext* context,
    const v1::CreateCredentialRequest* request, v1::Credential* response) {
  return gate_.Change(
      context, "keyturn.v1.Credentials/CreateCredential", *request,
      [&](engine::Caller caller, Finish finish) -> absl::Status {
        if (!base::IsResourceName(request->credential_id())) {
          return base::FieldError("credential_id",
                                  "must be 1 to 63 characters a-z, 0-9, -, "
                                  "beginning with a letter");
        }
        ASSIGN_OR_RETURN(vault::Payload payload, FromProto(request->secret()));
        registry_.CreateCredential(
            std::move(caller), request->credential_id(), std::move(payload),
            AnswerWith<store::CredentialInfo>(response, std::move(finish)));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* CredentialsService::GetCredential(
    grpc::CallbackServerContext* context,
    const v1::GetCredentialRequest* request, v1::Credential* response) {
  return gate_.Read(context, "keyturn.v1.Credentials/GetCredential", *request,
                    [&](const access::Identity&) -> absl::Status {
                      ASSIGN_OR_RETURN(
                          const std::string name,
                          ParseCredentialName("name", request->name()));
                      ASSIGN_OR_RETURN(const store::CredentialInfo credential,
                                       store_.GetCredential(name));
                      *response = ToProto(credential);
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* CredentialsService::ListCredentials(
    grpc::CallbackServerContext* context,
    const v1::ListCredentialsRequest* request,
    v1::ListCredentialsResponse* response) {
  return gate_.Read(
      context, "keyturn.v1.Credentials/ListCredentials", *request,
      [&](const access::Identity&) -> absl::Status {
        constexpr std::string_view kList = "ListCredentials";
        ASSIGN_OR_RETURN(const int limit,
                         ParsePageSize(request->page_size(), kPageSizeDefault));
        ASSIGN_OR_RETURN(const std::string after,
                         ParsePageToken(kList, request->page_token()));
        return FillPage(limit, response, [&](int size, auto* page) {
          ASSIGN_OR_RETURN(auto found, store_.ListCredentials({size, after}));
          for (const store::CredentialInfo& credential : found.items) {
            *page->add_credentials() = ToProto(credential);
          }
          page->set_next_page_token(MakePageToken(kList, found.next));
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* CredentialsService::RotateCredential(
    grpc::CallbackServerContext* context,
    const v1::RotateCredentialRequest* request, v1::Credential* response) {
  return gate_.Change(
      context, "keyturn.v1.Credentials/RotateCredential", *request,
      [&](engine::Caller caller, Finish finish) -> absl::Status {
        ASSIGN_OR_RETURN(std::string name,
                         ParseCredentialName("name", request->name()));
        ASSIGN_OR_RETURN(vault::Payload payload, FromProto(request->secret()));
        registry_.RotateCredential(
            std::move(caller), std::move(name), std::move(payload),
            AnswerWith<store::CredentialInfo>(response, std::move(finish)));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* CredentialsService::TestCredential(
    grpc::CallbackServerContext* context,
    const v1::TestCredentialRequest* request,
    v1::TestCredentialResponse* response) {
  return gate_.Use(
      context, "keyturn.v1.Credentials/TestCredential", *request,
      request->name(),
      [this, request, response](const access::Identity&,
                                std::shared_ptr<vault::Openings> openings,
                                Finish finish) -> absl::Status {
        ASSIGN_OR_RETURN(std::string name,
                         ParseCredentialName("name", request->name()));
        registry_.TestCredential(std::move(name), std::move(openings),
                                 AnswerFindings(response, std::move(finish)));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* CredentialsService::DeleteCredential(
    grpc::CallbackServerContext* context,
    const v1::DeleteCredentialRequest* request, v1::DeleteCredentialResponse*) {
  return gate_.Change(
      context, "keyturn.v1.Credentials/DeleteCredential", *request,
      [&](engine::Caller caller, Finish finish) -> absl::Status {
        ASSIGN_OR_RETURN(std::string name,
                         ParseCredentialName("name", request->name()));
        registry_.DeleteCredential(std::move(caller), std::move(name),
                                   std::move(finish));
        return absl::OkStatus();
      });
}

}  // namespace keyturn::rpc
