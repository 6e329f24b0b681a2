#include "daemon/access/identity.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

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

AccountScope AccountScope::Only(std::set<std::string> names) {
  AccountScope scope;
  scope.names_ = std::move(names);
  return scope;
}

AccountScope AccountScope::OfList(const std::vector<std::string>& names) {
  return names.empty()
             ? AccountScope()
             : Only(std::set<std::string>(names.begin(), names.end()));
}

AccountScope AccountScope::Intersection(const AccountScope& other) const {
  if (!limited()) return other;
  std::set<std::string> both;
  for (const std::string& name : *names_) {
    if (other.Has(name)) both.insert(name);
  }
  return Only(std::move(both));
}

std::vector<std::string> AccountScope::Names() const {
  if (!limited()) return {};
  return std::vector<std::string>(names_->begin(), names_->end());
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

std::string ToText(const Grant& grant) {
  return absl::StrCat(absl::StrJoin(grant.roles.Names(), ","),
                      grant.accounts.limited() ? " of " : "",
                      absl::StrJoin(grant.accounts.Names(), ","));
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
  identity.accounts = grant.accounts;
  identity.transport = Transport::kUnix;
  return identity;
}

}  // namespace keyturn::access
