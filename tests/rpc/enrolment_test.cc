// Invitations, certificates, renewal, revocation, through the real server.
#include "daemon/rpc/enrolment.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/access/invitation.h"
#include "keyturn/v1/access.grpc.pb.h"
#include "keyturn/v1/audit.grpc.pb.h"
#include "keyturn/v1/migrations.grpc.pb.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/served_daemon.h"
#include "tests/rpc/trail.h"
#include "tests/support/certificate_request.h"
#include "tests/support/status_matchers.h"

namespace keyturn::rpc {
namespace {

using access::Role;
using testing::Call;
using testing::CallRaw;
using testing::DetailsOf;
using ::testing::ElementsAre;
using testing::ErrorDetails;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::KeyAndRequest;
using testing::MakeCertificateRequest;
using ::testing::Not;
using ::testing::SizeIs;

using Channel = std::shared_ptr<grpc::Channel>;

v1::WatchMigrationsRequest EveryMigration() {
  v1::WatchMigrationsRequest request;
  request.set_name("migrations/-");
  return request;
}

class EnrolmentTest : public ::testing::Test {
 protected:
  grpc::Status Invite(const v1::InviteIdentityRequest& request,
                      const Channel& channel = nullptr) {
    return Call(&v1::Access::Stub::InviteIdentity,
                v1::Access::NewStub(channel ? channel : admin_).get(), request,
                &invitation_);
  }
  std::string TokenFor(const std::string& name,
                       const std::string& role = "operator") {
    v1::InviteIdentityRequest request;
    request.set_identity_id(name);
    request.add_roles(role);
    EXPECT_TRUE(Invite(request).ok());
    return invitation_.token();
  }
  grpc::Status Enroll(const std::string& token, const KeyAndRequest& own,
                      const std::string& request_id = "") {
    v1::EnrollRequest request;
    request.set_token(token);
    request.set_certificate_request_pem(own.request_pem);
    request.set_request_id(request_id);
    return Call(&v1::Access::Stub::Enroll,
                v1::Access::NewStub(anonymous_).get(), request, &issued_);
  }
  Channel ConnectAs(const v1::IssuedCertificate& issued,
                    const KeyAndRequest& own) {
    return daemon_.Tls(issued.ca_pem(),
                       {issued.certificate_pem(), secret::Secret(own.key_pem)});
  }
  Channel EnrolledAs(const std::string& name,
                     const std::string& role = "operator") {
    const KeyAndRequest own = MakeCertificateRequest();
    EXPECT_TRUE(Enroll(TokenFor(name, role), own).ok());
    return ConnectAs(issued_, own);
  }
  grpc::Status WhoAmI(const Channel& channel) {
    return Call(&v1::Access::Stub::WhoAmI, v1::Access::NewStub(channel).get(),
                v1::WhoAmIRequest(), &who_);
  }
  grpc::Status Renew(const Channel& channel, const KeyAndRequest& own) {
    v1::RenewCertificateRequest request;
    request.set_certificate_request_pem(own.request_pem);
    return Call(&v1::Access::Stub::RenewCertificate,
                v1::Access::NewStub(channel).get(), request, &issued_);
  }
  grpc::Status Revoke(const std::string& name) {
    v1::RevokeIdentityRequest request;
    request.set_name(name);
    return Call(&v1::Access::Stub::RevokeIdentity,
                v1::Access::NewStub(admin_).get(), request, &identity_);
  }
  v1::ListIdentitiesResponse List() {
    v1::ListIdentitiesResponse response;
    EXPECT_TRUE(Call(&v1::Access::Stub::ListIdentities,
                     v1::Access::NewStub(admin_).get(),
                     v1::ListIdentitiesRequest(), &response)
                    .ok());
    return response;
  }
  void ExpectRefused(const grpc::Status& status, const std::string& reason) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_EQ(DetailsOf(status).reason, reason);
  }

  testing::ServedDaemon daemon_;
  const Channel admin_ = daemon_.Tls({Role::kAdministrator}, "root-admin");
  const Channel anonymous_ = daemon_.Tls(daemon_.ca.certificate_pem, {});
  v1::Invitation invitation_;
  v1::IssuedCertificate issued_;
  v1::WhoAmIResponse who_;
  v1::Identity identity_;
};

TEST_F(EnrolmentTest, AnInvitationBecomesACertificateOfThatNameAndRole) {
  const KeyAndRequest own = MakeCertificateRequest();
  ASSERT_TRUE(Enroll(TokenFor("bob@acme.example"), own).ok());

  EXPECT_EQ(issued_.identity(), "identities/bob@acme.example");
  EXPECT_THAT(issued_.roles(), ElementsAre("operator"));
  EXPECT_EQ(issued_.ca_pem(), daemon_.ca.certificate_pem);
  ASSERT_TRUE(WhoAmI(ConnectAs(issued_, own)).ok());
  EXPECT_EQ(who_.identity(), "bob@acme.example");
  EXPECT_THAT(who_.roles(), ElementsAre("operator"));
  EXPECT_EQ(who_.certificate_serial(), issued_.certificate_serial());
  EXPECT_EQ(who_.certificate_expire_time().seconds(),
            absl::ToUnixSeconds(daemon_.clock.Now() + access::kClientLifetime));
}

TEST_F(EnrolmentTest, TheTokenNamesTheAuthorityAndIsStoredOnlyAsAHash) {
  const std::string token = TokenFor("bob");
  const auto parsed = access::ParseToken(token);
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(parsed->ca_fingerprint,
            access::CertificateFingerprint(daemon_.ca.certificate_pem).value());
  EXPECT_EQ(invitation_.ca_fingerprint(), parsed->ca_fingerprint);

  const auto stored =
      daemon_.store->GetInvitation(access::HashOfSecret(parsed->secret));
  ASSERT_THAT(stored, IsOk());
  EXPECT_EQ(stored->creator, "root-admin");
  const std::vector<store::AuditRow> rows = testing::DeedsIn(*daemon_.store);
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows.front().action, "keyturn.v1.Access/InviteIdentity");
  EXPECT_EQ(rows.front().target, "identities/bob");
  EXPECT_THAT(rows.front().detail, Not(HasSubstr(token.substr(5))));
}

TEST_F(EnrolmentTest, AnInvitationIsGoodOnce) {
  const std::string token = TokenFor("bob");
  ASSERT_TRUE(Enroll(token, MakeCertificateRequest()).ok());

  ExpectRefused(Enroll(token, MakeCertificateRequest()), "INVITATION_REFUSED");
}

TEST_F(EnrolmentTest, AnInvitationIsGoodAsOftenAsItSays) {
  v1::InviteIdentityRequest request;
  request.set_identity_id("fleet");
  request.add_roles("reader");
  request.set_uses(2);
  ASSERT_TRUE(Invite(request).ok());

  EXPECT_TRUE(Enroll(invitation_.token(), MakeCertificateRequest()).ok());
  EXPECT_TRUE(Enroll(invitation_.token(), MakeCertificateRequest()).ok());
  ExpectRefused(Enroll(invitation_.token(), MakeCertificateRequest()),
                "INVITATION_REFUSED");
}

TEST_F(EnrolmentTest, AnExpiredUnknownOrForeignInvitationIsRefusedAlike) {
  const std::string token = TokenFor("bob");
  const std::string unknown =
      std::string(access::EncodeToken({invitation_.ca_fingerprint(),
                                       access::NewInvitationSecret().value()})
                      .Expose());
  const auto parsed = access::ParseToken(token);
  const std::string foreign = std::string(
      access::EncodeToken({std::string(64, '0'), parsed->secret.Clone()})
          .Expose());
  const grpc::Status first = Enroll(unknown, MakeCertificateRequest());
  ExpectRefused(first, "INVITATION_REFUSED");
  for (const std::string& bad : {foreign, std::string("x"), std::string()}) {
    const grpc::Status status = Enroll(bad, MakeCertificateRequest());
    ExpectRefused(status, "INVITATION_REFUSED");
    EXPECT_EQ(status.error_message(), first.error_message());
  }

  daemon_.clock.Advance(access::kInvitationTtlDefault + absl::Seconds(1));
  const grpc::Status expired = Enroll(token, MakeCertificateRequest());
  ExpectRefused(expired, "INVITATION_REFUSED");
  EXPECT_EQ(expired.error_message(), first.error_message());
  EXPECT_EQ(List().refused_enrollments(), 5);
}

TEST_F(EnrolmentTest, ABadCertificateRequestDoesNotUseTheInvitationUp) {
  const std::string token = TokenFor("bob");
  const KeyAndRequest forged = {"", testing::MakeForgedRequest()};
  const grpc::Status status = Enroll(token, forged);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(DetailsOf(status).field, "certificate_request_pem");

  EXPECT_TRUE(Enroll(token, MakeCertificateRequest()).ok());
}

TEST_F(EnrolmentTest, ALostAnswerIsGivenAgain) {
  const std::string token = TokenFor("bob");
  const KeyAndRequest own = MakeCertificateRequest();
  ASSERT_TRUE(Enroll(token, own, "request-1").ok());
  const std::string first = issued_.certificate_pem();

  ASSERT_TRUE(Enroll(token, own, "request-1").ok());
  EXPECT_EQ(issued_.certificate_pem(), first);
  EXPECT_EQ(Enroll(token, MakeCertificateRequest(), "request-1").error_code(),
            grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_THAT(daemon_.store->ListIdentities({})->items, SizeIs(2));
}

TEST_F(EnrolmentTest, ARepeatedInvitationHasTheSameTokenAndNoSecondEffect) {
  v1::InviteIdentityRequest request;
  request.set_identity_id("bob");
  request.add_roles("reader");
  request.set_request_id("request-1");
  ASSERT_TRUE(Invite(request).ok());
  const std::string token = invitation_.token();

  ASSERT_TRUE(Invite(request).ok());
  EXPECT_EQ(invitation_.token(), token);
  EXPECT_EQ(invitation_.identity(), "identities/bob");
  EXPECT_TRUE(Enroll(token, MakeCertificateRequest()).ok());
  ExpectRefused(Enroll(token, MakeCertificateRequest()), "INVITATION_REFUSED");

  request.set_request_id("request-2");
  ASSERT_TRUE(Invite(request).ok());
  EXPECT_NE(invitation_.token(), token);
}

TEST_F(EnrolmentTest, AnInvitationMustSayWhatItGives) {
  const auto field_of = [this](const v1::InviteIdentityRequest& request) {
    const grpc::Status status = Invite(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return DetailsOf(status).field;
  };
  v1::InviteIdentityRequest request;
  request.set_identity_id("not a name");
  request.add_roles("reader");
  EXPECT_EQ(field_of(request), "identity_id");
  request.set_identity_id("bob");
  request.set_roles(0, "king");
  EXPECT_EQ(field_of(request), "roles");
  request.clear_roles();
  EXPECT_EQ(field_of(request), "roles");
  request.add_roles("reader");
  request.set_uses(101);
  EXPECT_EQ(field_of(request), "uses");
  request.set_uses(1);
  request.mutable_ttl()->set_seconds(8 * 24 * 3600);
  EXPECT_EQ(field_of(request), "ttl");
}

TEST_F(EnrolmentTest, WhoGuessesIsHeldOffAndOthersAreNot) {
  for (int i = 0; i < kRefusedEnrolmentsMax; ++i) {
    ExpectRefused(Enroll("guess", MakeCertificateRequest()),
                  "INVITATION_REFUSED");
  }
  const std::string token = TokenFor("bob");

  const grpc::Status held = Enroll(token, MakeCertificateRequest());
  EXPECT_EQ(held.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  const ErrorDetails details = DetailsOf(held);
  EXPECT_EQ(details.reason, "TOO_MANY_REFUSALS");
  EXPECT_TRUE(details.retry_info);
  EXPECT_TRUE(WhoAmI(admin_).ok());

  daemon_.clock.Advance(kRefusedEnrolmentInterval);
  EXPECT_TRUE(Enroll(token, MakeCertificateRequest()).ok());
}

TEST_F(EnrolmentTest, OnlyAnAdministratorInvitesAndRevokes) {
  const Channel reader = daemon_.Tls({Role::kOperator}, "olga");
  v1::InviteIdentityRequest request;
  request.set_identity_id("bob");
  request.add_roles("administrator");
  EXPECT_EQ(Invite(request, reader).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Invite(request, anonymous_).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(EnrolmentTest, TellsTheTrailOfRefusalsButNotOfEach) {
  for (int i = 0; i < kRefusedEnrolmentsMax; ++i) {
    ExpectRefused(Enroll("guess", MakeCertificateRequest()),
                  "INVITATION_REFUSED");
  }
  // A change of the store comes after all that was asked of it before.
  TokenFor("bob");
  const std::vector<store::AuditRow> rows = testing::DeedsIn(*daemon_.store);
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows.front().action, "keyturn.v1.Access/Enroll");
  EXPECT_EQ(rows.front().actor, "(anonymous)");
  EXPECT_EQ(rows.front().result, "UNAUTHENTICATED");
  EXPECT_THAT(rows.front().peer, HasSubstr("127.0.0.1"));
}

TEST_F(EnrolmentTest, ARevokedCertificateIsRefusedOnItsOpenConnection) {
  const Channel bob = EnrolledAs("bob");
  const Channel other = EnrolledAs("cy");
  ASSERT_TRUE(WhoAmI(bob).ok());

  ASSERT_TRUE(Revoke("identities/bob").ok());

  EXPECT_EQ(identity_.state(), v1::Identity::REVOKED);
  ExpectRefused(WhoAmI(bob), "CERTIFICATE_REVOKED");
  EXPECT_EQ(CallRaw(bob, "grpc.health.v1.Health/Check").error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(WhoAmI(other).ok());
  EXPECT_EQ(Revoke("nobody").error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(EnrolmentTest, ARevokedCallersStreamsEndAtOnce) {
  const Channel bob = EnrolledAs("bob");
  const Channel other = EnrolledAs("cy");
  const auto watch = [](const Channel& channel, grpc::ClientContext& context) {
    auto reader = v1::Migrations::NewStub(channel)->WatchMigrations(
        &context, EveryMigration());
    v1::WatchMigrationsResponse bookmark;
    EXPECT_TRUE(reader->Read(&bookmark)) << "the stream stands";
    return reader;
  };
  grpc::ClientContext bobs;
  bobs.set_deadline(std::chrono::system_clock::now() + testing::kCallPatience);
  grpc::ClientContext others;
  const auto cut = watch(bob, bobs);
  const auto kept = watch(other, others);

  ASSERT_TRUE(Revoke("bob").ok());

  v1::WatchMigrationsResponse response;
  while (cut->Read(&response)) {
  }
  ExpectRefused(cut->Finish(), "CERTIFICATE_REVOKED");
  others.TryCancel();
  while (kept->Read(&response)) {
  }
  EXPECT_EQ(kept->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(EnrolmentTest, ARevokedAuditorsTailEndsAtOnce) {
  EnrolledAs("bob");
  const auto audit =
      v1::Audit::NewStub(daemon_.Tls({access::Role::kAuditor}, "auditor"));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       testing::kCallPatience);
  v1::TailAuditRequest request;
  request.set_after_sequence(1);
  const auto tail = audit->TailAudit(&context, request);
  v1::TailAuditResponse response;
  ASSERT_TRUE(tail->Read(&response)) << "the stream stands";

  ASSERT_TRUE(Revoke("auditor").ok());

  while (tail->Read(&response)) {
  }
  ExpectRefused(tail->Finish(), "CERTIFICATE_REVOKED");
}

TEST_F(EnrolmentTest, AStreamEndsSomeTimeAfterItsCertificateHasExpired) {
  const Channel bob = EnrolledAs("bob");
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       testing::kCallPatience);
  const auto reader =
      v1::Migrations::NewStub(bob)->WatchMigrations(&context, EveryMigration());
  v1::WatchMigrationsResponse response;
  ASSERT_TRUE(reader->Read(&response));

  daemon_.clock.Advance(access::kClientLifetime + absl::Minutes(1));

  while (reader->Read(&response)) {
  }
  ExpectRefused(reader->Finish(), "CERTIFICATE_EXPIRED");
}

TEST_F(EnrolmentTest, AnAuditorsTailEndsSomeTimeAfterItsCertificateHasExpired) {
  EnrolledAs("bob");
  const auto audit =
      v1::Audit::NewStub(daemon_.Tls({access::Role::kAuditor}, "auditor"));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       testing::kCallPatience);
  v1::TailAuditRequest request;
  request.set_after_sequence(1);
  const auto tail = audit->TailAudit(&context, request);
  v1::TailAuditResponse response;
  ASSERT_TRUE(tail->Read(&response)) << "the stream stands";

  daemon_.clock.Advance(access::kClientLifetime + absl::Minutes(1));

  while (tail->Read(&response)) {
  }
  ExpectRefused(tail->Finish(), "CERTIFICATE_EXPIRED");
}

TEST_F(EnrolmentTest, RevokingWithdrawsInvitationsAndANewOneMakesAFreshStart) {
  const std::string withdrawn = TokenFor("bob");
  const Channel old = EnrolledAs("bob");
  ASSERT_TRUE(Revoke("bob").ok());

  ExpectRefused(Enroll(withdrawn, MakeCertificateRequest()),
                "INVITATION_REFUSED");
  const Channel fresh = EnrolledAs("bob", "reader");
  EXPECT_TRUE(WhoAmI(fresh).ok());
  EXPECT_THAT(who_.roles(), ElementsAre("reader"));
  ExpectRefused(WhoAmI(old), "CERTIFICATE_REVOKED");
}

TEST_F(EnrolmentTest, ACertificateIsRenewedByItsOwner) {
  const Channel bob = EnrolledAs("bob");
  daemon_.clock.Advance(absl::Hours(24 * 20));
  const KeyAndRequest next = MakeCertificateRequest();

  ASSERT_TRUE(Renew(bob, next).ok());

  EXPECT_EQ(issued_.identity(), "identities/bob");
  EXPECT_THAT(issued_.roles(), ElementsAre("operator"));
  EXPECT_EQ(issued_.certificate_expire_time().seconds(),
            absl::ToUnixSeconds(daemon_.clock.Now() + access::kClientLifetime));
  EXPECT_TRUE(WhoAmI(bob).ok()) << "the former one is still good";
  EXPECT_EQ(List().identities(0).certificate_serial(),
            issued_.certificate_serial());
}

TEST_F(EnrolmentTest, WithoutACertificateThereIsNothingToRenew) {
  const KeyAndRequest own = MakeCertificateRequest();
  const grpc::Status status = Renew(daemon_.Unix(), own);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(DetailsOf(status).reason, "NO_CERTIFICATE");
  ExpectRefused(Renew(anonymous_, own), "NO_CERTIFICATE");
}

TEST_F(EnrolmentTest, ARevokedCertificateIsNotRenewed) {
  const Channel bob = EnrolledAs("bob");
  ASSERT_TRUE(Revoke("bob").ok());

  ExpectRefused(Renew(bob, MakeCertificateRequest()), "CERTIFICATE_REVOKED");
}

TEST_F(EnrolmentTest, TheListShowsWhoIsInAndWhenTheyCalledLast) {
  const Channel bob = EnrolledAs("bob");
  TokenFor("cy", "approver");
  daemon_.clock.Advance(absl::Hours(2));
  ASSERT_TRUE(WhoAmI(bob).ok());
  ASSERT_TRUE(Revoke("root-admin").error_code() == grpc::StatusCode::OK);
  v1::ListIdentitiesResponse response;
  ASSERT_TRUE(Call(&v1::Access::Stub::ListIdentities,
                   v1::Access::NewStub(daemon_.Unix()).get(),
                   v1::ListIdentitiesRequest(), &response)
                  .ok());

  ASSERT_EQ(response.identities_size(), 3);
  const v1::Identity& first = response.identities(0);
  EXPECT_EQ(first.name(), "identities/bob");
  EXPECT_EQ(first.state(), v1::Identity::ACTIVE);
  EXPECT_EQ(first.creator(), "root-admin");
  EXPECT_EQ(first.last_use_time().seconds(),
            absl::ToUnixSeconds(daemon_.clock.Now()));
  EXPECT_EQ(response.identities(1).name(), "identities/cy");
  EXPECT_EQ(response.identities(1).state(), v1::Identity::EXPIRED)
      << "an hour was enough for nobody";
  EXPECT_THAT(response.identities(1).roles(), ElementsAre("approver"));
  EXPECT_EQ(response.identities(2).name(), "identities/root-admin");
  EXPECT_EQ(response.identities(2).state(), v1::Identity::REVOKED);
  EXPECT_TRUE(response.identities(2).has_revoke_time());
}

TEST_F(EnrolmentTest, TheLastUseIsStoredNowAndThen) {
  const Channel bob = EnrolledAs("bob");
  ASSERT_TRUE(WhoAmI(bob).ok());
  const std::string serial = issued_.certificate_serial();
  EXPECT_EQ(daemon_.store->GetCertificate(serial)->used_at, std::nullopt);

  daemon_.clock.Advance(kUseStoredEvery);
  ASSERT_TRUE(WhoAmI(bob).ok());
  // A commit that comes later is stored later.
  TokenFor("cy");

  EXPECT_EQ(daemon_.store->GetCertificate(serial)->used_at,
            daemon_.clock.Now());
}

// A role counts only where the certificate and the store agree: neither an
// edited row nor a stolen signing key gives one alone.
TEST_F(EnrolmentTest, NeitherARowNorACertificateAloneGivesARole) {
  struct Case {
    access::Roles signed_roles;
    std::vector<std::string> stored_roles;
  };
  for (const Case& roles :
       {Case{{Role::kReader}, {"reader", "administrator"}},
        Case{{Role::kReader, Role::kAdministrator}, {"reader"}}}) {
    const auto client =
        access::IssueClientCertificate(daemon_.ca, "eve", roles.signed_roles,
                                       absl::Now(), access::kClientLifetime)
            .value();
    store::AddCertificate write;
    write.certificate.serial =
        access::IdentityOfCertificate(client.certificate_pem)
            ->certificate_serial;
    write.certificate.identity = "eve";
    write.certificate.roles = roles.stored_roles;
    write.certificate.issued_at = daemon_.clock.Now();
    write.certificate.expires_at = daemon_.clock.Now() + absl::Hours(1);
    store::Batch batch;
    batch.identities.push_back(write);
    ASSERT_THAT(daemon_.store->CommitAndWait(batch).status(), IsOk());

    ASSERT_TRUE(WhoAmI(daemon_.Tls(daemon_.ca.certificate_pem, client)).ok());
    EXPECT_THAT(who_.roles(), ElementsAre("reader"));
  }
}

TEST_F(EnrolmentTest, NoLogLineHoldsAToken) {
  const std::string token = TokenFor("bob");
  ASSERT_TRUE(Enroll(token, MakeCertificateRequest()).ok());
  Enroll(token, MakeCertificateRequest());

  for (const CallRecord& call : daemon_.calls()) {
    for (const std::string& text : {call.rpc, call.identity, call.request_id,
                                    call.reason, call.internal_message}) {
      EXPECT_THAT(text, Not(HasSubstr(token.substr(5, 20))));
    }
  }
}

}  // namespace
}  // namespace keyturn::rpc
