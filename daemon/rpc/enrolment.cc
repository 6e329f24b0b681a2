#include "daemon/rpc/enrolment.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/access/invitation.h"
#include "daemon/base/status.h"
#include "daemon/engine/trail_rows.h"
#include "daemon/rpc/names.h"
#include "daemon/secret/digest.h"
#include "daemon/store/codec.h"
#include "daemon/upstream/http/retry_after.h"

namespace keyturn::rpc {
namespace {

constexpr std::string_view kInviteAction = "keyturn.v1.Access/InviteIdentity";
constexpr std::string_view kEnrollAction = "keyturn.v1.Access/Enroll";
constexpr std::string_view kRenewAction = "keyturn.v1.Access/RenewCertificate";
constexpr std::string_view kRevokeAction = "keyturn.v1.Access/RevokeIdentity";
// Sets the secrets of invitations apart from what else the key is used for.
constexpr std::string_view kSecretPurpose = "keyturn invitation 1";

access::Roles RolesOf(const std::vector<std::string>& names) {
  access::Roles roles;
  for (const std::string& name : names) {
    if (const auto role = access::RoleFromName(name)) roles.Add(*role);
  }
  return roles;
}

std::string EncodeInvitation(const store::Invitation& invitation) {
  const nlohmann::json answer = {
      {"identity", invitation.identity},
      {"roles", invitation.roles},
      {"expires_at_ns", store::EncodeTime(invitation.expires_at)},
      {"creator", invitation.creator},
      {"uses", invitation.uses_left},
      {"accounts", invitation.accounts}};
  return answer.dump();
}

absl::StatusOr<store::Invitation> DecodeInvitation(const std::string& answer) {
  try {
    const nlohmann::json json = nlohmann::json::parse(answer);
    store::Invitation invitation;
    invitation.identity = json.at("identity").get<std::string>();
    invitation.roles = json.at("roles").get<std::vector<std::string>>();
    invitation.expires_at =
        store::DecodeTime(json.at("expires_at_ns").get<int64_t>());
    invitation.creator = json.at("creator").get<std::string>();
    invitation.uses_left = json.at("uses").get<int>();
    // Older answers have none.
    invitation.accounts = json.value("accounts", std::vector<std::string>());
    return invitation;
  } catch (const nlohmann::json::exception&) {
    return absl::DataLossError(
        "the stored answer to this request id cannot be read");
  }
}

}  // namespace

Enrolment::Enrolment(Options options)
    : store_(options.store),
      clock_(options.clock),
      book_(options.book),
      trail_(options.trail),
      token_key_(std::move(options.token_key)),
      refused_({kRefusedEnrolmentsMax, kRefusedEnrolmentInterval}) {
  if (options.authority.has_value()) {
    SetAuthority(*std::move(options.authority));
  }
}

void Enrolment::SetAuthority(access::CertifiedKey authority) {
  auto next = std::make_shared<Authority>();
  next->fingerprint =
      access::CertificateFingerprint(authority.certificate_pem).value_or("");
  next->ca = std::move(authority);
  base::MutexLock lock(mutex_);
  authority_ = std::move(next);
}

absl::StatusOr<std::shared_ptr<const Enrolment::Authority>>
Enrolment::GetAuthority() const {
  base::MutexLock lock(mutex_);
  if (authority_ != nullptr) return authority_;
  return base::WithReason(
      absl::FailedPreconditionError(
          "this daemon gives out no certificates: its configuration names no "
          "tls.caKey"),
      "ENROLLMENT_OFF");
}

// Whoever sends the same request again gets the same token, although it is
// stored nowhere.
absl::StatusOr<secret::Secret> Enrolment::SecretFor(
    const engine::Caller& caller) const {
  if (caller.request_id.empty()) return access::NewInvitationSecret();
  ASSIGN_OR_RETURN(const secret::Secret key, token_key_());
  std::string hex = secret::HmacSha256Hex(
      key, absl::StrJoin({std::string(kSecretPurpose), caller.identity,
                          caller.request_id, caller.fingerprint},
                         "\n"));
  std::string bytes = absl::HexStringToBytes(hex);
  secret::WipeString(hex);
  return secret::Secret::Take(bytes);
}

void Enrolment::Invite(engine::Caller caller, InvitationRequest request,
                       engine::Callback<IssuedInvitation> callback) {
  const absl::StatusOr<std::shared_ptr<const Authority>> authority =
      GetAuthority();
  absl::StatusOr<secret::Secret> made =
      authority.ok() ? SecretFor(caller)
                     : absl::StatusOr<secret::Secret>(authority.status());
  if (!made.ok()) {
    callback(made.status());
    return;
  }
  store::Invitation invitation;
  invitation.hash = access::HashOfSecret(*made);
  invitation.identity = request.name;
  invitation.roles = request.roles.Names();
  invitation.accounts = request.accounts.Names();
  invitation.expires_at = clock_.Now() + request.ttl;
  invitation.creator = caller.identity;
  invitation.uses_left = request.uses;
  // std::function wants what it holds to be copyable.
  auto secret = std::make_shared<secret::Secret>(*std::move(made));
  const Answer answer = [authority = *authority, secret,
                         callback = std::move(callback)](
                            const absl::StatusOr<std::string>& text) {
    absl::StatusOr<store::Invitation> stored =
        text.ok() ? DecodeInvitation(*text)
                  : absl::StatusOr<store::Invitation>(text.status());
    if (!stored.ok()) {
      callback(stored.status());
      return;
    }
    IssuedInvitation issued;
    issued.token =
        access::EncodeToken({authority->fingerprint, secret->Clone()});
    issued.invitation = *std::move(stored);
    issued.ca_fingerprint = authority->fingerprint;
    callback(std::move(issued));
  };
  if (AnswerRepeated(caller, answer)) return;
  store::Batch batch = NewBatch(caller, kInviteAction, request.name,
                                EncodeInvitation(invitation));
  batch.audit.front().detail = absl::StrCat(
      "roles ", absl::StrJoin(invitation.roles, ","),
      request.accounts.limited() ? "; accounts " : "",
      absl::StrJoin(invitation.accounts, ","), "; uses ", request.uses);
  batch.identities.push_back(store::AddInvitation{std::move(invitation)});
  Commit(caller, std::move(batch), answer);
}

absl::Status Enrolment::Refuse(const engine::Caller& caller,
                               const std::string& address) {
  ++refusals_;
  refused_.Charge(address, clock_.Now());
  return Tell(caller,
              base::WithReason(
                  absl::UnauthenticatedError(
                      "this invitation is not good: it is unknown, used up, "
                      "expired or withdrawn; ask an administrator for a new "
                      "one"),
                  "INVITATION_REFUSED"));
}

absl::Status Enrolment::Tell(const engine::Caller& caller,
                             absl::Status refused) {
  store::AuditRow row =
      engine::RowOf(caller, kEnrollAction, "", refused, clock_.Now());
  // Nobody yet; and nothing of the token, which may be good elsewhere.
  row.actor = kNobody;
  row.digest.clear();
  trail_.Deny(std::move(row));
  return refused;
}

absl::StatusOr<store::Invitation> Enrolment::OpenInvitation(
    const std::string& hash) const {
  ASSIGN_OR_RETURN(store::Invitation invitation, store_.GetInvitation(hash));
  if (invitation.uses_left > 0 && invitation.expires_at > clock_.Now()) {
    return invitation;
  }
  return absl::NotFoundError("the invitation is not open any more");
}

void Enrolment::Enroll(engine::Caller caller, const std::string& address,
                       std::string_view token,
                       const std::string& certificate_request,
                       engine::Callback<IssuedCertificate> callback) {
  const absl::StatusOr<std::shared_ptr<const Authority>> authority =
      GetAuthority();
  if (!authority.ok()) {
    callback(authority.status());
    return;
  }
  const absl::Time now = clock_.Now();
  const absl::Duration wait = refused_.Wait(address, now);
  if (wait > absl::ZeroDuration()) {
    const absl::Status refused = base::WithReason(
        absl::ResourceExhaustedError(
            "too many invitations from this address were not good; try again "
            "later"),
        "TOO_MANY_REFUSALS");
    callback(http::WithRetryAfter(Tell(caller, refused), wait));
    return;
  }
  const absl::StatusOr<access::InvitationToken> parsed =
      access::ParseToken(token);
  if (!parsed.ok() || parsed->ca_fingerprint != (*authority)->fingerprint) {
    callback(Refuse(caller, address));
    return;
  }
  const std::string hash = access::HashOfSecret(parsed->secret);
  // The fingerprint of a request covers its token, so nobody gets another's
  // answer.
  caller.identity = absl::StrCat("invitation:", hash);
  const Answer answer = AnswerCertificate(*authority, std::move(callback));
  if (AnswerRepeated(caller, answer)) return;
  const absl::StatusOr<store::Invitation> invitation = OpenInvitation(hash);
  if (!invitation.ok()) {
    const bool missing =
        invitation.status().code() == absl::StatusCode::kNotFound;
    answer(missing ? Refuse(caller, address) : invitation.status());
    return;
  }
  const absl::StatusOr<IssuedCertificate> issued =
      Sign(**authority, certificate_request, invitation->identity,
           {RolesOf(invitation->roles),
            access::AccountScope::OfList(invitation->accounts)},
           now);
  if (!issued.ok()) {
    answer(issued.status());
    return;
  }
  store::AddCertificate write;
  write.certificate.creator = invitation->creator;
  write.invitation_hash = hash;
  StoreCertificate(caller, std::string(kEnrollAction), *issued,
                   std::move(write),
                   [this, caller, address,
                    answer](const absl::StatusOr<std::string>& stored) {
                     const bool lost = base::ReasonOf(stored.status()) ==
                                       "INVITATION_NOT_FOUND";
                     answer(lost ? Refuse(caller, address) : stored);
                   });
}

void Enrolment::Renew(engine::Caller caller, const access::Identity& identity,
                      const std::string& certificate_request,
                      engine::Callback<IssuedCertificate> callback) {
  const absl::StatusOr<std::shared_ptr<const Authority>> authority =
      GetAuthority();
  if (!authority.ok()) {
    callback(authority.status());
    return;
  }
  const Answer answer = AnswerCertificate(*authority, std::move(callback));
  if (identity.certificate_serial.empty() || identity.outside) {
    answer(base::WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            identity.name,
            " came without a certificate of this daemon's: there is none to be "
            "renewed")),
        "NO_CERTIFICATE"));
    return;
  }
  if (AnswerRepeated(caller, answer)) return;
  const absl::StatusOr<store::Certificate> present =
      store_.GetCertificate(identity.certificate_serial);
  const absl::StatusOr<IssuedCertificate> issued =
      present.ok() ? Sign(**authority, certificate_request, identity.name,
                          {identity.roles, identity.accounts}, clock_.Now())
                   : absl::StatusOr<IssuedCertificate>(present.status());
  if (!issued.ok()) {
    answer(issued.status());
    return;
  }
  store::AddCertificate write;
  write.certificate.creator = present->creator;
  write.predecessor = identity.certificate_serial;
  StoreCertificate(std::move(caller), std::string(kRenewAction), *issued,
                   std::move(write), answer);
}

absl::StatusOr<IssuedCertificate> Enrolment::Sign(const Authority& authority,
                                                  const std::string& request,
                                                  const std::string& name,
                                                  const access::Grant& grant,
                                                  absl::Time now) {
  IssuedCertificate issued;
  absl::StatusOr<std::string> pem = access::SignCertificateRequest(
      authority.ca, request, name, grant.roles, now, access::kClientLifetime,
      grant.accounts);
  if (pem.status().code() == absl::StatusCode::kInvalidArgument) {
    return base::FieldError("certificate_request_pem",
                            base::MessageOf(pem.status()));
  }
  RETURN_IF_ERROR(pem.status());
  issued.certificate_pem = *std::move(pem);
  issued.ca_pem = authority.ca.certificate_pem;
  ASSIGN_OR_RETURN(issued.identity,
                   access::IdentityOfCertificate(issued.certificate_pem));
  return issued;
}

void Enrolment::StoreCertificate(engine::Caller caller, std::string action,
                                 const IssuedCertificate& issued,
                                 store::AddCertificate write, Answer answer) {
  const access::Identity& identity = issued.identity;
  write.certificate.serial = identity.certificate_serial;
  write.certificate.identity = identity.name;
  write.certificate.roles = identity.roles.Names();
  write.certificate.accounts = identity.accounts.Names();
  write.certificate.issued_at = clock_.Now();
  write.certificate.expires_at = *identity.certificate_expires_at;
  store::Batch batch =
      NewBatch(caller, action, identity.name, issued.certificate_pem);
  store::AuditRow& row = batch.audit.front();
  row.actor = identity.name;
  row.detail = absl::StrCat("serial ", identity.certificate_serial,
                            "; invited by ", write.certificate.creator);
  batch.identities.push_back(std::move(write));
  Commit(caller, std::move(batch), std::move(answer));
}

void Enrolment::Revoke(engine::Caller caller, std::string name,
                       std::function<void(absl::Status)> callback) {
  const Answer answer = [callback = std::move(callback)](
                            const absl::StatusOr<std::string>& text) {
    callback(text.status());
  };
  if (AnswerRepeated(caller, answer)) return;
  store::Batch batch = NewBatch(caller, kRevokeAction, name, "");
  batch.identities.push_back(store::RevokeIdentity{name, clock_.Now()});
  Commit(caller, std::move(batch),
         [this, name, answer](const absl::StatusOr<std::string>& text) {
           if (text.ok()) book_.NoteRevocation(name);
           answer(text);
         });
}

bool Enrolment::AnswerRepeated(const engine::Caller& caller,
                               const Answer& answer) {
  if (caller.request_id.empty()) return false;
  const absl::StatusOr<std::optional<store::RequestRecord>> found =
      store_.FindRequest(caller.identity, caller.request_id);
  if (!found.ok()) {
    answer(found.status());
    return true;
  }
  if (!found->has_value()) return false;
  if ((*found)->fingerprint == caller.fingerprint) {
    answer((*found)->answer);
  } else {
    answer(base::WithReason(
        absl::AlreadyExistsError(
            "this request id was used for another request; choose a new one"),
        "REQUEST_ID_REUSED"));
  }
  return true;
}

store::Batch Enrolment::NewBatch(const engine::Caller& caller,
                                 std::string_view action,
                                 const std::string& name, std::string answer) {
  store::Batch batch;
  const absl::Time now = clock_.Now();
  store::RequestRecord record{caller.identity, caller.request_id,
                              caller.fingerprint, std::move(answer), now};
  batch.audit.push_back(engine::RowOf(
      caller, action, FullName(kIdentityPrefix, name), absl::OkStatus(), now));
  batch.request = std::move(record);
  return batch;
}

void Enrolment::Commit(const engine::Caller& caller, store::Batch batch,
                       Answer answer) {
  const std::string text = batch.request->answer;
  if (caller.request_id.empty()) batch.request.reset();
  store_.Commit(
      std::move(batch),
      [this, caller, text, answer = std::move(answer)](
          const absl::StatusOr<store::CommitResult>& committed) {
        if (committed.ok()) {
          answer(text);
          return;
        }
        // Another call with the same id was faster.
        if (base::ReasonOf(committed.status()) == "REQUEST_REPEATED" &&
            AnswerRepeated(caller, answer)) {
          return;
        }
        answer(committed.status());
      });
}

Enrolment::Answer Enrolment::AnswerCertificate(
    std::shared_ptr<const Authority> authority,
    engine::Callback<IssuedCertificate> callback) {
  return [authority = std::move(authority), callback = std::move(callback)](
             const absl::StatusOr<std::string>& pem) {
    if (!pem.ok()) {
      callback(pem.status());
      return;
    }
    IssuedCertificate issued;
    issued.certificate_pem = *pem;
    issued.ca_pem = authority->ca.certificate_pem;
    absl::StatusOr<access::Identity> identity =
        access::IdentityOfCertificate(*pem);
    if (!identity.ok()) {
      callback(identity.status());
      return;
    }
    issued.identity = *std::move(identity);
    callback(std::move(issued));
  };
}

}  // namespace keyturn::rpc
