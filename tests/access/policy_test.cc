#include "daemon/access/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace keyturn::access {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::MessageIs;

constexpr char kWhoAmI[] = "keyturn.v1.Access/WhoAmI";
constexpr char kGet[] = "keyturn.v1.Migrations/GetMigration";
constexpr char kCreate[] = "keyturn.v1.Migrations/CreateMigration";
constexpr char kCancel[] = "keyturn.v1.Migrations/CancelMigration";
constexpr char kApprove[] = "keyturn.v1.Migrations/ApproveMigration";
constexpr char kSubmit[] = "keyturn.v1.Tasks/SubmitTaskSecret";
constexpr char kCredential[] = "keyturn.v1.Credentials/CreateCredential";

Identity With(Roles roles) {
  Identity identity;
  identity.name = "ann";
  identity.roles = roles;
  return identity;
}

bool May(Roles roles, const char* rpc) {
  return Authorize(With(roles), rpc).ok();
}

TEST(AuthorizeTest, RefusesWhatHasNoRowToEverybody) {
  for (const Role role : kAllRoles) {
    EXPECT_THAT(Authorize(With({role}), "keyturn.v1.Vault/ReadSecret"),
                AllOf(HasCode(absl::StatusCode::kPermissionDenied),
                      HasReason("NOT_PERMITTED")));
  }
}

TEST(AuthorizeTest, RefusesACallerWithoutRolesAllButWhoAmI) {
  EXPECT_TRUE(May({}, kWhoAmI));
  EXPECT_TRUE(May({}, "grpc.health.v1.Health/Check"));
  for (const char* rpc : {kGet, kCreate, kCancel, kApprove, kSubmit}) {
    EXPECT_FALSE(May({}, rpc)) << rpc;
  }
}

TEST(AuthorizeTest, ACallerWithoutACertificateMayOnlyEnroll) {
  const Identity nobody;
  EXPECT_THAT(Authorize(nobody, "keyturn.v1.Access/Enroll"), IsOk());
  for (const char* rpc :
       {kWhoAmI, kGet, kCreate, "grpc.health.v1.Health/Check",
        "keyturn.v1.Access/RenewCertificate", "keyturn.v1.New/Thing"}) {
    EXPECT_THAT(Authorize(nobody, rpc),
                AllOf(HasCode(absl::StatusCode::kUnauthenticated),
                      HasReason("NO_CERTIFICATE")))
        << rpc;
  }
}

TEST(AuthorizeTest, EveryRoleReads) {
  for (const Role role : kAllRoles) {
    EXPECT_TRUE(May({role}, kGet)) << Name(role);
  }
}

TEST(AuthorizeTest, AReaderChangesNothing) {
  for (const char* rpc : {kCreate, kCancel, kApprove, kSubmit, kCredential}) {
    EXPECT_FALSE(May({Role::kReader}, rpc)) << rpc;
    EXPECT_FALSE(May({Role::kAuditor}, rpc)) << rpc;
  }
}

TEST(AuthorizeTest, AutomationBeginsMigrationsAndDecidesNothing) {
  EXPECT_TRUE(May({Role::kAutomation}, kCreate));
  for (const char* rpc : {kCancel, kApprove, kSubmit, kCredential}) {
    EXPECT_FALSE(May({Role::kAutomation}, rpc)) << rpc;
  }
}

TEST(AuthorizeTest, AnOperatorDoesNotApproveAndAnApproverDoesNotOperate) {
  EXPECT_TRUE(May({Role::kOperator}, kCancel));
  EXPECT_FALSE(May({Role::kOperator}, kApprove));
  EXPECT_TRUE(May({Role::kApprover}, kApprove));
  EXPECT_FALSE(May({Role::kApprover}, kCancel));
  EXPECT_TRUE(May({Role::kApprover, Role::kOperator}, kCancel));
}

TEST(AuthorizeTest, OnlyAdministratorsTouchCredentials) {
  for (const Role role : kAllRoles) {
    EXPECT_EQ(May({role}, kCredential), role == Role::kAdministrator)
        << Name(role);
  }
}

TEST(AuthorizeTest, TheAuditTrailIsTheAuditorsAlone) {
  for (const Role role : kAllRoles) {
    for (const char* rpc :
         {"keyturn.v1.Audit/ListAuditEntries", "keyturn.v1.Audit/TailAudit",
          "keyturn.v1.Audit/VerifyAudit"}) {
      EXPECT_EQ(May({role}, rpc), role == Role::kAuditor) << Name(role);
    }
  }
}

TEST(AuthorizeTest, SaysWhichRolesItTakes) {
  EXPECT_THAT(Authorize(With({Role::kReader}), kCancel),
              MessageIs(AllOf(HasSubstr("ann"), HasSubstr(kCancel),
                              HasSubstr("administrator, operator"))));
}

TEST(CheckCompleteTest, NamesWhatHasNoRowAndWhatIsNotServed) {
  EXPECT_THAT(
      CheckComplete({kGet, "keyturn.v1.New/Thing"}),
      AllOf(HasCode(absl::StatusCode::kInternal),
            MessageIs(HasSubstr("keyturn.v1.New/Thing has no row")),
            MessageIs(HasSubstr(std::string(kCancel) + " is not served"))));
}

TEST(RolesTest, AreListedByName) {
  const Roles roles = {Role::kReader, Role::kAdministrator};

  EXPECT_THAT(roles.Names(), ElementsAre("administrator", "reader"));
  EXPECT_TRUE(Roles().empty());
  EXPECT_FALSE(roles.Intersects({Role::kOperator}));
}

TEST(RolesTest, HaveNamesThatReadBack) {
  for (const Role role : kAllRoles) {
    EXPECT_EQ(RoleFromName(Name(role)), role);
  }
  EXPECT_EQ(RoleFromName("root"), std::nullopt);
}

TEST(UnixIdentityTest, IsNamedByTheUserIdAndHasWhatItWasGranted) {
  const Identity identity = UnixIdentity(1001, {{Role::kReader}});

  EXPECT_EQ(identity.name, "uid:1001");
  EXPECT_EQ(identity.roles, Roles({Role::kReader}));
  EXPECT_EQ(identity.transport, Transport::kUnix);
  // Nobody can be given a certificate of that name.
  EXPECT_EQ(identity.certificate_serial, "");
}

TEST(UnixPeersTest, TheOwnersAreAdministratorsWhateverTheConfigurationSays) {
  const UnixPeers peers = WithOwners(
      {{0, {{Role::kReader}}}, {7, {{Role::kReader}}}, {8, {}}}, /*own_uid=*/7);

  EXPECT_EQ(peers.size(), 3u);
  EXPECT_EQ(peers.at(0).roles, Roles({Role::kAdministrator}));
  EXPECT_EQ(peers.at(7).roles, Roles({Role::kAdministrator}));
  EXPECT_EQ(peers.at(8).roles, Roles());
}

}  // namespace
}  // namespace keyturn::access
