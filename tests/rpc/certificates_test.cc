// New certificates for a server that runs.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "keyturn/v1/access.grpc.pb.h"
#include "keyturn/v1/migrations.grpc.pb.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/served_daemon.h"
#include "tests/support/certificate_request.h"
#include "tests/support/status_matchers.h"

namespace keyturn::rpc {
namespace {

using access::Role;
using testing::Call;
using testing::CallRaw;
using testing::IsOk;

using Channel = std::shared_ptr<grpc::Channel>;

v1::WatchMigrationsRequest EveryMigration() {
  v1::WatchMigrationsRequest request;
  request.set_name("migrations/-");
  return request;
}

class NewCertificatesTest : public ::testing::Test {
 protected:
  Server::Tcp Certificates(const access::CertifiedKey& ca,
                           const std::string& trusted) {
    access::CertifiedKey server =
        access::IssueServerCertificate(ca, {}, absl::Now()).value();
    return {"", trusted, server.certificate_pem, std::move(server.key_pem),
            ca.key_pem.Clone()};
  }
  grpc::Status WhoAmI(const Channel& channel) {
    v1::WhoAmIResponse response;
    return Call(&v1::Access::Stub::WhoAmI, v1::Access::NewStub(channel).get(),
                v1::WhoAmIRequest(), &response);
  }

  testing::ServedDaemon daemon_;
  const access::CertifiedKey next_ca_ =
      access::MakeCa("next-ca", absl::Now()).value();
};

TEST_F(NewCertificatesTest, AreServedToNewConnectionsAndKeepTheOpenOnes) {
  const Channel open = daemon_.Tls({Role::kReader}, "ann");
  ASSERT_TRUE(WhoAmI(open).ok());
  grpc::ClientContext context;
  const auto watch = v1::Migrations::NewStub(open)->WatchMigrations(
      &context, EveryMigration());
  v1::WatchMigrationsResponse response;
  ASSERT_TRUE(watch->Read(&response));

  ASSERT_THAT(daemon_.server->UseCertificates(Certificates(
                  next_ca_, absl::StrCat(next_ca_.certificate_pem,
                                         daemon_.ca.certificate_pem))),
              IsOk());

  EXPECT_TRUE(WhoAmI(open).ok()) << "its connection stands";
  // Who trusts the next authority finds the daemon, with a certificate that the
  // former one signed; who trusts only the former one does not any more.
  const auto client =
      access::IssueClientCertificate(daemon_.ca, "bob", {Role::kReader},
                                     absl::Now(), access::kClientLifetime)
          .value();
  daemon_.Enter(client);
  EXPECT_TRUE(WhoAmI(daemon_.Tls(next_ca_.certificate_pem, client)).ok());
  EXPECT_EQ(
      WhoAmI(daemon_.Tls(daemon_.ca.certificate_pem, client)).error_code(),
      grpc::StatusCode::UNAVAILABLE);
  context.TryCancel();
  while (watch->Read(&response)) {
  }
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(NewCertificatesTest, TheNextAuthoritySignsAndBothAreHandedOut) {
  const std::string both =
      absl::StrCat(next_ca_.certificate_pem, daemon_.ca.certificate_pem);
  const Channel ann = daemon_.Tls({Role::kReader}, "ann");
  ASSERT_THAT(daemon_.server->UseCertificates(Certificates(next_ca_, both)),
              IsOk());

  const testing::KeyAndRequest own = testing::MakeCertificateRequest();
  v1::RenewCertificateRequest request;
  request.set_certificate_request_pem(own.request_pem);
  v1::IssuedCertificate issued;
  // `ann` is not connected yet, and knows the former authority only.
  ASSERT_FALSE(WhoAmI(ann).ok());
  const auto client =
      access::IssueClientCertificate(daemon_.ca, "bob", {Role::kReader},
                                     absl::Now(), access::kClientLifetime)
          .value();
  daemon_.Enter(client);
  ASSERT_TRUE(Call(&v1::Access::Stub::RenewCertificate,
                   v1::Access::NewStub(daemon_.Tls(both, client)).get(),
                   request, &issued)
                  .ok());

  EXPECT_EQ(issued.ca_pem(), both);
  EXPECT_TRUE(
      WhoAmI(daemon_.Tls(issued.ca_pem(), {issued.certificate_pem(),
                                           secret::Secret(own.key_pem)}))
          .ok());
}

TEST_F(NewCertificatesTest, OfManyOldOnesOnlyAFewAreKept) {
  for (int i = 0; i < 8; ++i) {
    ASSERT_THAT(daemon_.server->UseCertificates(
                    Certificates(daemon_.ca, daemon_.ca.certificate_pem)),
                IsOk());
    EXPECT_TRUE(WhoAmI(daemon_.Tls({Role::kReader})).ok());
  }
  EXPECT_TRUE(WhoAmI(daemon_.Unix()).ok());
}

TEST_F(NewCertificatesTest, OnesThatCannotBeUsedChangeNothing) {
  Server::Tcp broken = Certificates(daemon_.ca, daemon_.ca.certificate_pem);
  broken.key_pem = secret::Secret("no key");
  EXPECT_FALSE(daemon_.server->UseCertificates(std::move(broken)).ok());

  EXPECT_TRUE(WhoAmI(daemon_.Tls({Role::kReader})).ok());
}

}  // namespace
}  // namespace keyturn::rpc
