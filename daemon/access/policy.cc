#include "daemon/access/policy.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"

namespace keyturn::access {
namespace {

using enum Role;

constexpr Roles kAdministrators = {kAdministrator};
// Works on migrations.
constexpr Roles kOperators = {kAdministrator, kOperator};
// Begins what was planned; decides nothing that a person should decide.
constexpr Roles kBeginners = {kAdministrator, kOperator, kAutomation};
constexpr Roles kApprovers = {kAdministrator, kApprover};
// Looks at what the others did, and does nothing else.
constexpr Roles kAuditors = {kAuditor};
constexpr Roles kReaders = {kAdministrator, kOperator, kApprover, kAuditor,
                            kReader};
// Look at migrations, and at what one must know to begin one. An automation
// does that and begins them, and nothing else.
constexpr Roles kWatchers = {kAdministrator, kOperator,   kApprover,
                             kAuditor,       kAutomation, kReader};
// Looks at who may call, and at what was done.
constexpr Roles kOverseers = {kAdministrator, kAuditor};
constexpr Roles kEverybody = kWatchers;

// What a caller must have.
enum class Needs {
  // One of the row's roles.
  kRole,
  // A name: a valid certificate or the unix socket, with or without a role.
  kIdentity,
  // Nothing at all.
  kNothing,
};

struct Row {
  std::string_view rpc;
  Roles roles;
  Needs needs = Needs::kRole;
};

// Every RPC that the daemon serves. What is not listed is refused.
constexpr auto kTable = std::to_array<Row>({
    {"keyturn.v1.Access/Enroll", kEverybody, Needs::kNothing},
    {"keyturn.v1.Access/InviteIdentity", kAdministrators},
    {"keyturn.v1.Access/ListIdentities", kOverseers},
    {"keyturn.v1.Access/RenewCertificate", kEverybody, Needs::kIdentity},
    {"keyturn.v1.Access/RevokeIdentity", kAdministrators},
    {"keyturn.v1.Access/WhoAmI", kEverybody, Needs::kIdentity},

    {"keyturn.v1.Accounts/CreateAccount", kAdministrators},
    {"keyturn.v1.Accounts/DeleteAccount", kAdministrators},
    {"keyturn.v1.Accounts/GetAccount", kWatchers},
    {"keyturn.v1.Accounts/ListAccounts", kWatchers},
    {"keyturn.v1.Accounts/TestAccount", kOperators},

    {"keyturn.v1.Admin/BackUp", kAdministrators},
    {"keyturn.v1.Admin/GetServerInfo", kReaders},
    {"keyturn.v1.Admin/GetSupportBundle", kAdministrators},
    {"keyturn.v1.Admin/Restore", kAdministrators},
    {"keyturn.v1.Admin/RotateKey", kAdministrators},
    {"keyturn.v1.Admin/Seal", kAdministrators},
    {"keyturn.v1.Admin/Unseal", kAdministrators},

    {"keyturn.v1.Audit/ListAuditEntries", kAuditors},
    {"keyturn.v1.Audit/TailAudit", kAuditors},
    {"keyturn.v1.Audit/VerifyAudit", kAuditors},

    {"keyturn.v1.Campaigns/AddMembers", kOperators},
    {"keyturn.v1.Campaigns/CancelCampaign", kOperators},
    {"keyturn.v1.Campaigns/CreateCampaign", kOperators},
    {"keyturn.v1.Campaigns/GetCampaign", kReaders},
    {"keyturn.v1.Campaigns/ListCampaigns", kReaders},
    {"keyturn.v1.Campaigns/PauseCampaign", kOperators},
    {"keyturn.v1.Campaigns/RemoveMember", kOperators},
    {"keyturn.v1.Campaigns/ResumeCampaign", kOperators},

    {"keyturn.v1.Credentials/CreateCredential", kAdministrators},
    {"keyturn.v1.Credentials/DeleteCredential", kAdministrators},
    {"keyturn.v1.Credentials/GetCredential", kReaders},
    {"keyturn.v1.Credentials/ListCredentials", kReaders},
    {"keyturn.v1.Credentials/RotateCredential", kAdministrators},
    {"keyturn.v1.Credentials/TestCredential", kOperators},

    {"keyturn.v1.Inventory/Discover", kBeginners},

    {"keyturn.v1.Migrations/ApproveMigration", kApprovers},
    {"keyturn.v1.Migrations/CancelMigration", kOperators},
    {"keyturn.v1.Migrations/CreateMigration", kBeginners},
    {"keyturn.v1.Migrations/GetMigration", kWatchers},
    {"keyturn.v1.Migrations/ListEvents", kWatchers},
    {"keyturn.v1.Migrations/ListMigrations", kWatchers},
    {"keyturn.v1.Migrations/PauseMigration", kOperators},
    {"keyturn.v1.Migrations/RejectMigration", kApprovers},
    {"keyturn.v1.Migrations/ResumeMigration", kOperators},
    {"keyturn.v1.Migrations/RetryMigration", kOperators},
    {"keyturn.v1.Migrations/RollBackMigration", kOperators},
    {"keyturn.v1.Migrations/StartMigration", kBeginners},
    {"keyturn.v1.Migrations/WatchMigrations", kWatchers},

    {"keyturn.v1.Tasks/CompleteTask", kOperators},
    {"keyturn.v1.Tasks/GetTask", kWatchers},
    {"keyturn.v1.Tasks/ListTasks", kWatchers},
    {"keyturn.v1.Tasks/SubmitTaskSecret", kOperators},

    {"grpc.health.v1.Health/Check", kEverybody, Needs::kIdentity},
    {"grpc.health.v1.Health/Watch", kEverybody, Needs::kIdentity},
    {"grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
     kEverybody, Needs::kIdentity},
});

const Row* FindRow(std::string_view rpc) {
  const auto row = std::find_if(kTable.begin(), kTable.end(),
                                [rpc](const Row& r) { return r.rpc == rpc; });
  return row == kTable.end() ? nullptr : &*row;
}

// Only what an automation may call leaves out what lies outside the accounts
// that a caller is limited to; so no other role counts for one who is.
Roles RolesInForce(const Identity& identity) {
  return identity.accounts.limited()
             ? identity.roles.Intersection({kAutomation})
             : identity.roles;
}

bool Has(const Identity& identity, const Row& row) {
  switch (row.needs) {
    case Needs::kRole:
      return row.roles.Intersects(RolesInForce(identity));
    case Needs::kIdentity:
      return !identity.anonymous();
    case Needs::kNothing:
      return true;
  }
  return false;
}

}  // namespace

absl::Status Authorize(const Identity& identity, std::string_view rpc) {
  const Row* row = FindRow(rpc);
  if (row != nullptr && Has(identity, *row)) return absl::OkStatus();
  if (identity.anonymous()) {
    return base::WithReason(
        absl::UnauthenticatedError(
            "a client certificate is needed; with an invitation of an "
            "administrator, keyturn enroll gets one"),
        "NO_CERTIFICATE");
  }
  const std::vector<std::string> roles =
      row == nullptr ? std::vector<std::string>() : row->roles.Names();
  return base::WithReason(
      absl::PermissionDeniedError(absl::StrCat(
          identity.name, " may not call ", base::ToAbsl(rpc),
          roles.empty() ? "" : ": it takes one of the roles ",
          absl::StrJoin(roles, ", "), ". An administrator gives roles out.")),
      "NOT_PERMITTED");
}

absl::Status CheckComplete(const std::vector<std::string>& rpcs) {
  std::vector<std::string> faults;
  for (const std::string& rpc : rpcs) {
    if (FindRow(rpc) == nullptr) faults.push_back(rpc + " has no row");
  }
  for (const Row& row : kTable) {
    if (std::find(rpcs.begin(), rpcs.end(), row.rpc) == rpcs.end()) {
      faults.push_back(std::string(row.rpc) + " is not served");
    }
  }
  if (faults.empty()) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("the table of permissions does not fit the services: ",
                   absl::StrJoin(faults, "; ")));
}

Roles RolesFor(std::string_view rpc) {
  const Row* row = FindRow(rpc);
  return row == nullptr ? Roles() : row->roles;
}

}  // namespace keyturn::access
