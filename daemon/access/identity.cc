#include "daemon/access/identity.h"

#include "absl/strings/str_cat.h"

namespace keyturn::access {

std::string_view Name(Role role) {
  switch (role) {
    case Role::kAdministrator:
      return "administrator";
    case Role::kOperator:
      return "operator";
    case Role::kApprover:
      return "approver";
    case Role::kAuditor:
      return "auditor";
    case Role::kAutomation:
      return "automation";
    case Role::kReader:
      return "reader";
  }
  return "";
}

std::optional<Role> RoleFromName(std::string_view name) {
  for (const Role role : kAllRoles) {
    if (Name(role) == name) return role;
  }
  return std::nullopt;
}

std::vector<std::string> Roles::Names() const {
  std::vector<std::string> names;
  for (const Role role : kAllRoles) {
    if (Has(role)) names.emplace_back(Name(role));
  }
  return names;
}

std::string_view Name(Transport transport) {
  switch (transport) {
    case Transport::kTls:
      return "tls";
    case Transport::kUnix:
      return "unix";
  }
  return "";
}

UnixPeers WithOwners(UnixPeers configured, uid_t own_uid) {
  const Grant administrator{{Role::kAdministrator}};
  configured.insert_or_assign(own_uid, administrator);
  configured.insert_or_assign(kRootUid, administrator);
  return configured;
}

Identity UnixIdentity(uid_t uid, const Grant& grant) {
  Identity identity;
  identity.name = absl::StrCat("uid:", uid);
  identity.roles = grant.roles;
  identity.transport = Transport::kUnix;
  return identity;
}

}  // namespace keyturn::access
