// Callers with certificates of an authority outside, known by SPIFFE ids.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "keyturn/v1/access.grpc.pb.h"
#include "keyturn/v1/audit.grpc.pb.h"
#include "keyturn/v1/migrations.grpc.pb.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/served_daemon.h"
#include "tests/support/certificate_request.h"
#include "tests/support/status_matchers.h"
#include "tests/support/svid.h"

namespace keyturn::rpc {
namespace {

using access::Role;
using testing::AuthoritySvid;
using testing::Call;
using testing::CallRaw;
using testing::DetailsOf;
using ::testing::ElementsAre;
using testing::IsOk;
using testing::IssueSvid;
using testing::PemPair;
using testing::Svid;

using Channel = std::shared_ptr<grpc::Channel>;

constexpr char kAnn[] = "spiffe://acme.example/ops/ann";
constexpr char kCi[] = "spiffe://acme.example/ci/main";
constexpr char kEve[] = "spiffe://acme.example/audit/eve";

class OutsideCaTest : public ::testing::Test {
 protected:
  access::OutsideCa Outside(bool with_eve = true) {
    access::OutsideCa outside{outside_.certificate_pem, {}};
    EXPECT_THAT(outside.grants.Add(kAnn, {{Role::kOperator}}), IsOk());
    EXPECT_THAT(
        outside.grants.Add("spiffe://acme.example/ci/*",
                           {{Role::kAutomation},
                            access::AccountScope::Only({"acme", "acme-ns"})}),
        IsOk());
    if (with_eve) {
      EXPECT_THAT(outside.grants.Add(kEve, {{Role::kAuditor}}), IsOk());
    }
    return outside;
  }
  // What the daemon takes up on a signal.
  absl::Status Use(std::optional<access::OutsideCa> outside) {
    access::CertifiedKey server =
        access::IssueServerCertificate(daemon_.ca, {}, absl::Now()).value();
    Server::Tcp tcp{"", daemon_.ca.certificate_pem, server.certificate_pem,
                    std::move(server.key_pem), daemon_.ca.key_pem.Clone()};
    tcp.outside_ca = std::move(outside);
    return daemon_.server->UseCertificates(std::move(tcp));
  }
  Channel As(const PemPair& pair) {
    return daemon_.Tls(daemon_.ca.certificate_pem,
                       {pair.certificate_pem, secret::Secret(pair.key_pem)});
  }
  Channel As(const Svid& svid) { return As(IssueSvid(&outside_, svid)); }
  grpc::Status WhoAmI(const Channel& channel) {
    return Call(&v1::Access::Stub::WhoAmI, v1::Access::NewStub(channel).get(),
                v1::WhoAmIRequest(), &who_);
  }
  void ExpectRefused(const grpc::Status& status, const std::string& reason) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_EQ(DetailsOf(status).reason, reason);
  }

  const PemPair outside_ = IssueSvid(nullptr, AuthoritySvid("acme-ca"));
  testing::ServedDaemon daemon_{[this](Server::Options& options) {
    options.tcp->outside_ca = Outside();
  }};
  v1::WhoAmIResponse who_;
};

TEST_F(OutsideCaTest, ACallerIsItsSpiffeIdAndHasWhatTheConfigurationGives) {
  ASSERT_TRUE(WhoAmI(As(Svid{.uris = {kAnn}})).ok());
  EXPECT_EQ(who_.identity(), kAnn);
  EXPECT_THAT(who_.roles(), ElementsAre("operator"));
  EXPECT_EQ(who_.transport(), "tls");
  EXPECT_EQ(who_.certificate_serial(), "77");

  ASSERT_TRUE(WhoAmI(As(Svid{.uris = {kCi}})).ok());
  EXPECT_THAT(who_.roles(), ElementsAre("automation"));
  EXPECT_THAT(who_.accounts(),
              ElementsAre("accounts/acme", "accounts/acme-ns"));
}

TEST_F(OutsideCaTest, OurOwnCallersComeInAsBefore) {
  ASSERT_TRUE(WhoAmI(daemon_.Tls({Role::kReader}, "bob")).ok());
  EXPECT_EQ(who_.identity(), "bob");
}

TEST_F(OutsideCaTest, WhoIsNotNamedOrHasTwoNamesIsRefusedEverywhere) {
  const Channel unnamed = As(Svid{.uris = {"spiffe://acme.example/ops/bob"}});
  ExpectRefused(WhoAmI(unnamed), "IDENTITY_UNKNOWN");
  const Channel doubled = As(Svid{.uris = {kAnn, kCi}});
  ExpectRefused(WhoAmI(doubled), "BAD_CERTIFICATE");
  for (const Channel& channel : {unnamed, doubled}) {
    EXPECT_EQ(CallRaw(channel, "grpc.health.v1.Health/Check").error_code(),
              grpc::StatusCode::UNAUTHENTICATED);
  }
}

// The whole of a certificate of ours, as far as an authority outside can write
// it: the name, the roles, the serial that stands in the store.
TEST_F(OutsideCaTest, ACopyOfOurCertificateByTheOutsideAuthorityIsRefused) {
  const auto ours = access::IssueClientCertificate(
                        daemon_.ca, "root-admin", {Role::kAdministrator},
                        absl::Now(), access::kClientLifetime)
                        .value();
  daemon_.Enter(ours);
  const Svid copy{.uris = {"keyturn:role:administrator"},
                  .common_name = "root-admin",
                  .serial = access::IdentityOfCertificate(ours.certificate_pem)
                                ->certificate_serial};
  ExpectRefused(WhoAmI(As(copy)), "BAD_CERTIFICATE");
}

TEST_F(OutsideCaTest, AnIdInACertificateOfOursGivesNothing) {
  const PemPair ca{daemon_.ca.certificate_pem,
                   std::string(daemon_.ca.key_pem.Expose())};
  const Channel channel =
      As(IssueSvid(&ca, Svid{.uris = {kAnn}, .common_name = "ann"}));
  ExpectRefused(WhoAmI(channel), "CERTIFICATE_UNKNOWN");
}

TEST_F(OutsideCaTest, ItsCertificatesAreNotRenewedHere) {
  const testing::KeyAndRequest own = testing::MakeCertificateRequest();
  v1::RenewCertificateRequest request;
  v1::IssuedCertificate issued;
  request.set_certificate_request_pem(own.request_pem);
  EXPECT_EQ(DetailsOf(Call(&v1::Access::Stub::RenewCertificate,
                           v1::Access::NewStub(As(Svid{.uris = {kAnn}})).get(),
                           request, &issued))
                .reason,
            "NO_CERTIFICATE");
}

TEST_F(OutsideCaTest, WhoIsTakenOutIsRefusedOnItsOpenConnectionAndStream) {
  const Channel eve = As(Svid{.uris = {kEve}});
  const Channel ann = As(Svid{.uris = {kAnn}});
  // So that the trail has an entry before that of the tail itself.
  CallRaw(ann, "keyturn.v1.Admin/Seal");
  v1::Audit::Stub audit(eve);
  v1::Migrations::Stub migrations(ann);
  const auto patience =
      std::chrono::system_clock::now() + testing::kCallPatience;
  grpc::ClientContext tail_context;
  tail_context.set_deadline(patience);
  v1::TailAuditRequest from_the_first;
  from_the_first.set_after_sequence(1);
  ASSERT_TRUE(WhoAmI(ann).ok());
  const auto tail = audit.TailAudit(&tail_context, from_the_first);
  v1::TailAuditResponse entry;
  ASSERT_TRUE(tail->Read(&entry)) << "the stream stands";
  grpc::ClientContext watch_context;
  watch_context.set_deadline(patience);
  v1::WatchMigrationsRequest all;
  all.set_name("migrations/-");
  const auto watch = migrations.WatchMigrations(&watch_context, all);
  v1::WatchMigrationsResponse bookmark;
  ASSERT_TRUE(watch->Read(&bookmark));

  ASSERT_THAT(Use(Outside(/*with_eve=*/false)), IsOk());

  while (tail->Read(&entry)) {
  }
  ExpectRefused(tail->Finish(), "IDENTITY_UNKNOWN");
  ExpectRefused(WhoAmI(eve), "IDENTITY_UNKNOWN");
  EXPECT_TRUE(WhoAmI(ann).ok()) << "nothing has changed for the others";

  ASSERT_THAT(Use(std::nullopt), IsOk());
  while (watch->Read(&bookmark)) {
  }
  ExpectRefused(watch->Finish(), "IDENTITY_UNKNOWN");
  ExpectRefused(WhoAmI(ann), "BAD_CERTIFICATE");
  EXPECT_EQ(WhoAmI(As(Svid{.uris = {kAnn}})).error_code(),
            grpc::StatusCode::UNAVAILABLE)
      << "TLS does not know that authority any more";
}

TEST_F(OutsideCaTest, AnAuthorityThatIsOursIsNoOutsideOne) {
  access::OutsideCa wrong = Outside();
  wrong.ca_pem = daemon_.ca.certificate_pem;
  EXPECT_FALSE(Use(std::move(wrong)).ok());
  EXPECT_TRUE(WhoAmI(As(Svid{.uris = {kAnn}})).ok()) << "as before";
}

}  // namespace
}  // namespace keyturn::rpc
