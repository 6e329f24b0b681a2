// Who may connect, by which way, and as whom.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/access/policy.h"
#include "daemon/rpc/peer.h"
#include "keyturn/v1/access.grpc.pb.h"
#include "keyturn/v1/migrations.grpc.pb.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/served_daemon.h"
#include "tests/support/status_matchers.h"

namespace keyturn::rpc {
namespace {

using access::Role;
using testing::Call;
using testing::CallRaw;
using testing::DetailsOf;
using ::testing::Each;
using ::testing::ElementsAre;
using testing::ErrorDetails;
using ::testing::HasSubstr;
using testing::IsOk;

class TransportsTest : public ::testing::Test {
 protected:
  grpc::Status WhoAmI(const std::shared_ptr<grpc::Channel>& channel) {
    return Call(&v1::Access::Stub::WhoAmI, v1::Access::NewStub(channel).get(),
                v1::WhoAmIRequest(), &who_);
  }

  testing::ServedDaemon daemon_;
  v1::WhoAmIResponse who_;
};

TEST_F(TransportsTest, OverTlsACallerIsWhatItsCertificateSays) {
  ASSERT_TRUE(
      WhoAmI(daemon_.Tls({Role::kOperator, Role::kReader}, "ann")).ok());

  EXPECT_EQ(who_.identity(), "ann");
  EXPECT_THAT(who_.roles(), ElementsAre("operator", "reader"));
  EXPECT_EQ(who_.transport(), "tls");
  EXPECT_EQ(who_.certificate_serial().size(), 32u);
  EXPECT_TRUE(who_.has_certificate_expire_time());
}

TEST_F(TransportsTest, OverTheUnixSocketACallerIsItsUser) {
  ASSERT_TRUE(WhoAmI(daemon_.Unix()).ok());

  EXPECT_EQ(who_.identity(), absl::StrCat("uid:", geteuid()));
  EXPECT_THAT(who_.roles(), ElementsAre("administrator"));
  EXPECT_EQ(who_.transport(), "unix");
  EXPECT_EQ(who_.certificate_serial(), "");
  EXPECT_FALSE(who_.has_certificate_expire_time());
}

TEST_F(TransportsTest, TheUnixSocketIsClosedToOthers) {
  struct stat info {};
  ASSERT_EQ(stat(daemon_.unix_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

// Two users of the machine beside the daemon's own, whom the configuration
// names.
class UnixPeersTest : public ::testing::Test {
 protected:
  static constexpr uid_t kOperatorUid = 40001;
  static constexpr uid_t kReaderUid = 40002;
  static constexpr uid_t kNobodysUid = 40003;

  void SetUp() override {
    if (!testing::CanActAsOthers()) {
      GTEST_SKIP() << "only root can come as other users";
    }
  }
  grpc::Status WhoAmI(const std::shared_ptr<grpc::Channel>& channel) {
    return Call(&v1::Access::Stub::WhoAmI, v1::Access::NewStub(channel).get(),
                v1::WhoAmIRequest(), &who_);
  }
  // Those of the trail that tell of refusals, once there is one.
  std::vector<store::AuditRow> Refusals() {
    std::vector<store::AuditRow> refusals;
    while (refusals.empty()) {
      store::AuditFilter filter;
      filter.action = "connect";
      refusals = daemon_.store->FindAuditRows(filter, {}).value().items;
    }
    return refusals;
  }

  testing::ServedDaemon daemon_{[](Server::Options& options) {
    options.unix_peers = {{kOperatorUid, {{Role::kOperator}}},
                          {kReaderUid, {{Role::kReader}}}};
  }};
  v1::WhoAmIResponse who_;
};

TEST_F(UnixPeersTest, EachUserHasTheRolesOfTheConfiguration) {
  ASSERT_TRUE(WhoAmI(daemon_.UnixAs(kOperatorUid)).ok());
  EXPECT_EQ(who_.identity(), "uid:40001");
  EXPECT_THAT(who_.roles(), ElementsAre("operator"));
  EXPECT_EQ(who_.transport(), "unix");

  ASSERT_TRUE(WhoAmI(daemon_.UnixAs(kReaderUid)).ok());
  EXPECT_EQ(who_.identity(), "uid:40002");
  EXPECT_THAT(who_.roles(), ElementsAre("reader"));

  ASSERT_TRUE(WhoAmI(daemon_.Unix()).ok());
  EXPECT_EQ(who_.identity(), absl::StrCat("uid:", geteuid()));
  EXPECT_THAT(who_.roles(), ElementsAre("administrator"));
}

TEST_F(UnixPeersTest, AUserIsTheSameInEveryCallOfAConnection) {
  const auto operators = daemon_.UnixAs(kOperatorUid);
  const auto readers = daemon_.UnixAs(kReaderUid);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(WhoAmI(operators).ok());
    EXPECT_EQ(who_.identity(), "uid:40001");
    ASSERT_TRUE(WhoAmI(readers).ok());
    EXPECT_EQ(who_.identity(), "uid:40002");
  }
}

TEST_F(UnixPeersTest, ACallerCannotSayItIsAnother) {
  grpc::ClientContext context;
  context.AddMetadata(kUidProperty, "0");
  ASSERT_TRUE(v1::Access::NewStub(daemon_.UnixAs(kReaderUid))
                  ->WhoAmI(&context, v1::WhoAmIRequest(), &who_)
                  .ok());
  EXPECT_EQ(who_.identity(), "uid:40002");
}

TEST_F(UnixPeersTest, AUserWhomTheConfigurationDoesNotNameIsHungUpOn) {
  EXPECT_EQ(WhoAmI(daemon_.UnixAs(kNobodysUid)).error_code(),
            grpc::StatusCode::UNAVAILABLE);

  const store::AuditRow refusal = Refusals().front();
  EXPECT_EQ(refusal.actor, "uid:40003");
  EXPECT_EQ(refusal.transport, "unix");
  EXPECT_EQ(refusal.result, "PERMISSION_DENIED");
}

TEST_F(UnixPeersTest, TheSocketsFileIsOpenOnlyWhereSomebodyIsNamed) {
  struct stat info {};
  ASSERT_EQ(stat(daemon_.unix_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0666u);

  const testing::ServedDaemon grouped([](Server::Options& options) {
    options.unix_peers = {{kReaderUid, {{Role::kReader}}}};
    options.unix_group = gid_t{40000};
  });
  ASSERT_EQ(stat(grouped.unix_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660u);
  EXPECT_EQ(info.st_gid, gid_t{40000});
}

TEST_F(TransportsTest, WithoutTlsNobodyGetsInOverTcp) {
  EXPECT_EQ(WhoAmI(daemon_.PlainTcp()).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TransportsTest, WithoutACertificateNobodyGetsInOverTcp) {
  const auto channel = daemon_.Tls(daemon_.ca.certificate_pem, {});
  const grpc::Status status = WhoAmI(channel);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(DetailsOf(status).reason, "NO_CERTIFICATE");
  // Not even what is no RPC of ours, or none at all.
  for (const char* rpc :
       {"grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch",
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "unknown.Service/Call"}) {
    EXPECT_EQ(CallRaw(channel, rpc).error_code(),
              grpc::StatusCode::UNAUTHENTICATED)
        << rpc;
  }
}

TEST_F(TransportsTest, ACallerHearsThatNobodyServesAnUnknownRpc) {
  EXPECT_EQ(CallRaw(daemon_.Tls({Role::kReader}), "unknown.Service/Call")
                .error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(TransportsTest, ACertificateThatIsNotInTheStoreIsRefused) {
  const auto client =
      access::IssueClientCertificate(daemon_.ca, "ann", {Role::kAdministrator},
                                     absl::Now(), access::kClientLifetime)
          .value();
  const auto channel = daemon_.Tls(daemon_.ca.certificate_pem, client);
  const grpc::Status status = WhoAmI(channel);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(DetailsOf(status).reason, "CERTIFICATE_UNKNOWN");
  EXPECT_EQ(CallRaw(channel, "grpc.health.v1.Health/Check").error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(TransportsTest, AnotherAuthoritysCertificateIsRefused) {
  const auto other = access::MakeCa("test-ca", absl::Now()).value();
  const auto client =
      access::IssueClientCertificate(other, "ann", {Role::kAdministrator},
                                     absl::Now(), access::kClientLifetime)
          .value();
  EXPECT_EQ(
      WhoAmI(daemon_.Tls(daemon_.ca.certificate_pem, client)).error_code(),
      grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TransportsTest, AnExpiredCertificateIsRefused) {
  const auto client = access::IssueClientCertificate(
                          daemon_.ca, "ann", {Role::kAdministrator},
                          absl::Now() - absl::Hours(48), absl::Hours(24))
                          .value();
  EXPECT_EQ(
      WhoAmI(daemon_.Tls(daemon_.ca.certificate_pem, client)).error_code(),
      grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TransportsTest, AServersCertificateIsNoCallers) {
  const auto server =
      access::IssueServerCertificate(daemon_.ca, {}, absl::Now()).value();
  EXPECT_EQ(
      WhoAmI(daemon_.Tls(daemon_.ca.certificate_pem, server)).error_code(),
      grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TransportsTest, ACertificateThatExpiresWhileConnectedIsRefused) {
  const auto channel = daemon_.Tls({Role::kReader});
  ASSERT_TRUE(WhoAmI(channel).ok());

  daemon_.clock.Advance(access::kClientLifetime + absl::Hours(1));

  const grpc::Status status = WhoAmI(channel);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(DetailsOf(status).reason, "CERTIFICATE_EXPIRED");
}

TEST_F(TransportsTest, ACallerChecksThatItTalksToTheRightDaemon) {
  const auto other = access::MakeCa("test-ca", absl::Now()).value();
  const auto client =
      access::IssueClientCertificate(daemon_.ca, "ann", {Role::kReader},
                                     absl::Now(), access::kClientLifetime)
          .value();
  EXPECT_EQ(WhoAmI(daemon_.Tls(other.certificate_pem, client)).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

// Every RPC, called under its own name by a caller without roles: the table is
// asked for exactly that RPC, before the (empty, hence wrong) request is looked
// at.
TEST_F(TransportsTest, EveryRpcIsRefusedToACallerWithoutRoles) {
  const auto channel = daemon_.Tls(access::Roles(), "nobody");
  for (const std::string& rpc : ServedRpcs()) {
    if (rpc.starts_with("grpc.") || rpc == "keyturn.v1.Access/WhoAmI" ||
        rpc == "keyturn.v1.Access/Enroll" ||
        rpc == "keyturn.v1.Access/RenewCertificate") {
      continue;
    }

    const grpc::Status status = CallRaw(channel, rpc);

    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << rpc;
    const ErrorDetails details = DetailsOf(status);
    EXPECT_EQ(details.reason, "NOT_PERMITTED") << rpc;
    EXPECT_EQ(details.metadata.at("rpc"), rpc);
  }
}

TEST_F(TransportsTest, EveryRpcIsOpenToExactlyTheRolesOfItsRow) {
  for (const Role role : access::kAllRoles) {
    const auto channel = daemon_.Tls({role});
    for (const std::string& rpc : ServedRpcs()) {
      if (rpc.starts_with("grpc.")) continue;

      const grpc::Status status = CallRaw(channel, rpc);

      EXPECT_EQ(status.error_code() != grpc::StatusCode::PERMISSION_DENIED,
                access::RolesFor(rpc).Has(role))
          << rpc << " for " << access::Name(role) << ": "
          << status.error_message();
    }
  }
}

TEST_F(TransportsTest, HealthAndReflectionAreOpenToEveryCaller) {
  const auto channel = daemon_.Tls(access::Roles(), "nobody");

  EXPECT_TRUE(CallRaw(channel, "grpc.health.v1.Health/Check").ok());
  EXPECT_TRUE(
      CallRaw(channel,
              "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              /*request=*/std::string("\x3a\x00", 2))
          .ok());
  EXPECT_EQ(
      CallRaw(daemon_.PlainTcp(), "grpc.health.v1.Health/Check").error_code(),
      grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TransportsTest, HealthKnowsEveryServiceAndTellsOfTheStop) {
  const auto channel = daemon_.Unix();
  // HealthCheckRequest{service: NAME}; HealthCheckResponse{status: SERVING}.
  const std::string tasks = "\x0a\x10keyturn.v1.Tasks";
  std::string answer;
  ASSERT_TRUE(
      CallRaw(channel, "grpc.health.v1.Health/Check", tasks, &answer).ok());
  EXPECT_EQ(answer, std::string("\x08\x01", 2));

  daemon_.server->AnnounceStop();

  ASSERT_TRUE(
      CallRaw(channel, "grpc.health.v1.Health/Check", tasks, &answer).ok());
  EXPECT_EQ(answer, std::string("\x08\x02", 2));
  EXPECT_TRUE(WhoAmI(channel).ok()) << "calls are still answered";
}

TEST_F(TransportsTest, ThePolicyHasARowForEveryServedRpc) {
  EXPECT_THAT(access::CheckComplete(ServedRpcs()), IsOk());
}

TEST_F(TransportsTest, EachCallLeavesOneLineWithoutItsContent) {
  ASSERT_TRUE(WhoAmI(daemon_.Tls({Role::kReader}, "ann")).ok());
  CallRaw(daemon_.Tls(access::Roles(), "eve"),
          "keyturn.v1.Migrations/GetMigration");

  const auto calls = daemon_.calls();
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].rpc, "keyturn.v1.Access/WhoAmI");
  EXPECT_EQ(calls[0].identity, "ann");
  EXPECT_EQ(calls[0].transport, "tls");
  EXPECT_EQ(calls[0].code, grpc::StatusCode::OK);
  EXPECT_EQ(calls[1].identity, "eve");
  EXPECT_EQ(calls[1].code, grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(calls[1].reason, "NOT_PERMITTED");
}

TEST_F(TransportsTest, ARequestThatIsTooLargeIsRefused) {
  EXPECT_EQ(CallRaw(daemon_.Unix(), "keyturn.v1.Migrations/GetMigration",
                    std::string(kRequestBytesMax + 1, 'x'))
                .error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(TransportsTest, ASecondServerOnTheSamePortOrSocketIsRefused) {
  rpc::Server::Options options{*daemon_.store,
                               daemon_.engine,
                               *daemon_.registry,
                               *daemon_.trail,
                               *daemon_.custodian,
                               daemon_.clock,
                               {},
                               [] { return secret::Secret("key"); },
                               std::nullopt,
                               daemon_.unix_path(),
                               [](const CallRecord&) {},
                               [](const std::string&) {}};
  EXPECT_THAT(Server::Start(std::move(options)),
              testing::HasReason("SOCKET_IN_USE"));

  auto key =
      access::IssueServerCertificate(daemon_.ca, {}, absl::Now()).value();
  rpc::Server::Options tcp{
      *daemon_.store,
      daemon_.engine,
      *daemon_.registry,
      *daemon_.trail,
      *daemon_.custodian,
      daemon_.clock,
      {},
      [] { return secret::Secret("key"); },
      rpc::Server::Tcp{absl::StrCat("127.0.0.1:", daemon_.server->tcp_port()),
                       daemon_.ca.certificate_pem, key.certificate_pem,
                       std::move(key.key_pem)},
      "",
      [](const CallRecord&) {},
      [](const std::string&) {}};
  EXPECT_THAT(Server::Start(std::move(tcp)),
              testing::HasCode(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace keyturn::rpc
