#include "daemon/rpc/access_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/access/certificates.h"
#include "daemon/access/invitation.h"
#include "daemon/base/status.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/names.h"
#include "daemon/rpc/pages.h"
#include "daemon/rpc/peer.h"

namespace keyturn::rpc {
namespace {

absl::StatusOr<access::Roles> RolesOf(
    const google::protobuf::RepeatedPtrField<std::string>& names) {
  access::Roles roles;
  for (const std::string& name : names) {
    const auto role = access::RoleFromName(name);
    if (!role.has_value()) roles = access::Roles();
    if (!role.has_value()) break;
    roles.Add(*role);
  }
  if (!roles.empty()) return roles;
  std::vector<std::string_view> known;
  for (const access::Role role : access::kAllRoles) {
    known.push_back(access::Name(role));
  }
  return base::FieldError(
      "roles",
      absl::StrCat("must be one or more of ",
                   absl::StrJoin(known, ", ", [](std::string* out, auto name) {
                     out->append(name);
                   })));
}

absl::StatusOr<access::AccountScope> AccountsOf(
    const v1::InviteIdentityRequest& request, access::Roles roles) {
  std::vector<std::string> names;
  for (const std::string& account : request.accounts()) {
    ASSIGN_OR_RETURN(std::string name, ParseAccountName("accounts", account));
    names.push_back(std::move(name));
  }
  if (names.size() > access::kAccountsNamedMax) {
    return base::FieldError(
        "accounts",
        absl::StrCat("must be at most ", access::kAccountsNamedMax));
  }
  if (!names.empty() && roles != access::Roles{access::Role::kAutomation}) {
    return base::FieldError("accounts",
                            "go only with the role automation, and with no "
                            "other beside it");
  }
  return access::AccountScope::OfList(names);
}

absl::StatusOr<absl::Duration> TtlOf(const v1::InviteIdentityRequest& request) {
  if (!request.has_ttl()) return access::kInvitationTtlDefault;
  const absl::Duration ttl = FromProto(request.ttl());
  if (ttl > absl::ZeroDuration() && ttl <= access::kInvitationTtlMax) {
    return ttl;
  }
  return base::FieldError(
      "ttl", absl::StrCat("must be above zero and at most ",
                          absl::FormatDuration(access::kInvitationTtlMax)));
}

absl::StatusOr<InvitationRequest> FromProto(
    const v1::InviteIdentityRequest& request) {
  InvitationRequest invitation;
  ASSIGN_OR_RETURN(invitation.name,
                   ParseIdentityName("identity_id", request.identity_id()));
  ASSIGN_OR_RETURN(invitation.roles, RolesOf(request.roles()));
  ASSIGN_OR_RETURN(invitation.accounts, AccountsOf(request, invitation.roles));
  ASSIGN_OR_RETURN(invitation.ttl, TtlOf(request));
  invitation.uses = request.uses() == 0 ? 1 : request.uses();
  if (invitation.uses < 1 || invitation.uses > access::kInvitationUsesMax) {
    return base::FieldError(
        "uses", absl::StrCat("must be 1 to ", access::kInvitationUsesMax));
  }
  return invitation;
}

// Gives a message that tells of an identity its accounts.
template <typename Message>
void AddAccounts(const std::vector<std::string>& names, Message* message) {
  for (const std::string& name : names) {
    message->add_accounts(FullName(kAccountPrefix, name));
  }
}

void Fill(const IssuedInvitation& issued, v1::Invitation* response) {
  response->set_token(std::string(issued.token.Expose()));
  response->set_identity(FullName(kIdentityPrefix, issued.invitation.identity));
  for (const std::string& role : issued.invitation.roles) {
    response->add_roles(role);
  }
  AddAccounts(issued.invitation.accounts, response);
  *response->mutable_expire_time() = ToProto(issued.invitation.expires_at);
  response->set_uses(issued.invitation.uses_left);
  response->set_ca_fingerprint(issued.ca_fingerprint);
}

void Fill(const IssuedCertificate& issued, v1::IssuedCertificate* response) {
  response->set_certificate_pem(issued.certificate_pem);
  response->set_ca_pem(issued.ca_pem);
  response->set_identity(FullName(kIdentityPrefix, issued.identity.name));
  for (const std::string& role : issued.identity.roles.Names()) {
    response->add_roles(role);
  }
  AddAccounts(issued.identity.accounts.Names(), response);
  response->set_certificate_serial(issued.identity.certificate_serial);
  *response->mutable_certificate_expire_time() =
      ToProto(*issued.identity.certificate_expires_at);
}

// Fills the response and ends the call.
template <typename Value, typename Response>
engine::Callback<Value> AnswerWith(Response* response, Finish finish) {
  return [response,
          finish = std::move(finish)](const absl::StatusOr<Value>& value) {
    if (value.ok()) Fill(*value, response);
    finish(value.status());
  };
}

v1::Identity::State StateOf(const store::IdentityInfo& info, absl::Time now) {
  const auto& newest = info.newest;
  if (newest.has_value() && !newest->revoked_at.has_value() &&
      newest->expires_at > now) {
    return v1::Identity::ACTIVE;
  }
  if (info.invitation.has_value() && info.invitation->expires_at > now) {
    return v1::Identity::INVITED;
  }
  return newest.has_value() && newest->revoked_at.has_value()
             ? v1::Identity::REVOKED
             : v1::Identity::EXPIRED;
}

}  // namespace

AccessService::AccessService(Options options) : options_(options) {
  SetMessageAllocatorFor_Enroll(&enroll_allocator_);
}

grpc::ServerUnaryReactor* AccessService::WhoAmI(
    grpc::CallbackServerContext* context, const v1::WhoAmIRequest* request,
    v1::WhoAmIResponse* response) {
  return options_.gate.Read(
      context, "keyturn.v1.Access/WhoAmI", *request,
      [&](const access::Identity& identity) {
        response->set_identity(identity.name);
        for (const std::string& role : identity.roles.Names()) {
          response->add_roles(role);
        }
        AddAccounts(identity.accounts.Names(), response);
        response->set_transport(std::string(access::Name(identity.transport)));
        response->set_certificate_serial(identity.certificate_serial);
        if (identity.certificate_expires_at.has_value()) {
          *response->mutable_certificate_expire_time() =
              rpc::ToProto(*identity.certificate_expires_at);
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AccessService::InviteIdentity(
    grpc::CallbackServerContext* context,
    const v1::InviteIdentityRequest* request, v1::Invitation* response) {
  return options_.gate.Change(
      context, "keyturn.v1.Access/InviteIdentity", *request,
      [&](engine::Caller caller, Finish finish) -> absl::Status {
        ASSIGN_OR_RETURN(InvitationRequest invitation, FromProto(*request));
        options_.enrolment.Invite(
            std::move(caller), std::move(invitation),
            AnswerWith<IssuedInvitation>(response, std::move(finish)));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AccessService::Enroll(
    grpc::CallbackServerContext* context, const v1::EnrollRequest* request,
    v1::IssuedCertificate* response) {
  return options_.gate.Change(
      context, "keyturn.v1.Access/Enroll", *request,
      [&](engine::Caller caller, Finish finish) -> absl::Status {
        options_.enrolment.Enroll(
            std::move(caller), AddressOf(context->peer()), request->token(),
            request->certificate_request_pem(),
            AnswerWith<IssuedCertificate>(response, std::move(finish)));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AccessService::RenewCertificate(
    grpc::CallbackServerContext* context,
    const v1::RenewCertificateRequest* request,
    v1::IssuedCertificate* response) {
  return options_.gate.ChangeOwn(
      context, "keyturn.v1.Access/RenewCertificate", *request,
      [&](const access::Identity& identity, engine::Caller caller,
          Finish finish) -> absl::Status {
        options_.enrolment.Renew(
            std::move(caller), identity, request->certificate_request_pem(),
            AnswerWith<IssuedCertificate>(response, std::move(finish)));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AccessService::ListIdentities(
    grpc::CallbackServerContext* context,
    const v1::ListIdentitiesRequest* request,
    v1::ListIdentitiesResponse* response) {
  return options_.gate.Read(
      context, "keyturn.v1.Access/ListIdentities", *request,
      [&](const access::Identity&) -> absl::Status {
        constexpr std::string_view kList = "ListIdentities";
        ASSIGN_OR_RETURN(const int limit,
                         ParsePageSize(request->page_size(), kPageSizeDefault));
        ASSIGN_OR_RETURN(const std::string after,
                         ParsePageToken(kList, request->page_token()));
        RETURN_IF_ERROR(FillPage(
            limit, response, [&](int size, auto* page) -> absl::Status {
              ASSIGN_OR_RETURN(auto found,
                               options_.store.ListIdentities({size, after}));
              for (const store::IdentityInfo& info : found.items) {
                *page->add_identities() = ToProto(info);
              }
              page->set_next_page_token(MakePageToken(kList, found.next));
              return absl::OkStatus();
            }));
        response->set_refused_enrollments(options_.enrolment.refusals());
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AccessService::RevokeIdentity(
    grpc::CallbackServerContext* context,
    const v1::RevokeIdentityRequest* request, v1::Identity* response) {
  return options_.gate.Change(
      context, "keyturn.v1.Access/RevokeIdentity", *request,
      [&](engine::Caller caller, Finish finish) -> absl::Status {
        ASSIGN_OR_RETURN(std::string name,
                         ParseIdentityName("name", request->name()));
        response->set_name(FullName(kIdentityPrefix, name));
        response->set_state(v1::Identity::REVOKED);
        options_.enrolment.Revoke(
            std::move(caller), name,
            [this, response, name,
             finish = std::move(finish)](const absl::Status& status) {
              // It had nothing but an invitation when it is gone now.
              const auto info = options_.store.GetIdentity(name);
              if (status.ok() && info.ok()) *response = ToProto(*info);
              finish(status);
            });
        return absl::OkStatus();
      });
}

v1::Identity AccessService::ToProto(const store::IdentityInfo& info) const {
  v1::Identity identity;
  identity.set_name(FullName(kIdentityPrefix, info.name));
  identity.set_state(StateOf(info, options_.clock.Now()));
  const auto& roles =
      info.newest.has_value() ? info.newest->roles : info.invitation->roles;
  for (const std::string& role : roles) identity.add_roles(role);
  AddAccounts(info.newest.has_value() ? info.newest->accounts
                                      : info.invitation->accounts,
              &identity);
  identity.set_creator(info.newest.has_value() ? info.newest->creator
                                               : info.invitation->creator);
  if (info.invitation.has_value()) {
    *identity.mutable_invitation_expire_time() =
        rpc::ToProto(info.invitation->expires_at);
  }
  if (!info.newest.has_value()) return identity;
  const store::Certificate& newest = *info.newest;
  identity.set_certificate_serial(newest.serial);
  *identity.mutable_certificate_create_time() = rpc::ToProto(newest.issued_at);
  *identity.mutable_certificate_expire_time() = rpc::ToProto(newest.expires_at);
  if (newest.revoked_at.has_value()) {
    *identity.mutable_revoke_time() = rpc::ToProto(*newest.revoked_at);
  }
  const std::optional<absl::Time> use =
      std::max(newest.used_at, options_.book.LastUse(info.name));
  if (use.has_value()) *identity.mutable_last_use_time() = rpc::ToProto(*use);
  return identity;
}

}  // namespace keyturn::rpc
