// Who calls.
#ifndef KEYTURN_DAEMON_ACCESS_IDENTITY_H_
#define KEYTURN_DAEMON_ACCESS_IDENTITY_H_

#include <sys/types.h>

#include <array>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace keyturn::access {

// Never renumber: the bits of Roles are counted by these.
enum class Role : int {
  kAdministrator = 0,
  kOperator = 1,
  kApprover = 2,
  kAuditor = 3,
  kAutomation = 4,
  kReader = 5,
};

inline constexpr std::array kAllRoles = {
    Role::kAdministrator, Role::kOperator,   Role::kApprover,
    Role::kAuditor,       Role::kAutomation, Role::kReader,
};

// "administrator", "operator", ...
std::string_view Name(Role role);
std::optional<Role> RoleFromName(std::string_view name);

// A set of roles. No role implies another: what a role may do stands in the
// table of policy.h alone.
class Roles {
 public:
  constexpr Roles() = default;
  constexpr Roles(std::initializer_list<Role> roles) {
    for (const Role role : roles) Add(role);
  }

  constexpr void Add(Role role) { bits_ |= 1u << static_cast<int>(role); }
  constexpr bool Has(Role role) const {
    return (bits_ & (1u << static_cast<int>(role))) != 0;
  }
  constexpr bool Intersects(Roles other) const {
    return (bits_ & other.bits_) != 0;
  }
  constexpr Roles Intersection(Roles other) const {
    Roles both;
    both.bits_ = bits_ & other.bits_;
    return both;
  }
  constexpr bool empty() const { return bits_ == 0; }

  // In the order of kAllRoles.
  std::vector<std::string> Names() const;

  bool operator==(const Roles&) const = default;

 private:
  unsigned bits_ = 0;
};

// Accounts that one caller can be limited to.
inline constexpr size_t kAccountsNamedMax = 32;

// Which accounts somebody may have to do with: all of them, or only some. Who
// is limited is never more than an automation (policy.h).
class AccountScope {
 public:
  // All of them.
  AccountScope() = default;
  static AccountScope Only(std::set<std::string> names);
  // Of a list as it is stored and configured: without a name it means all.
  static AccountScope OfList(const std::vector<std::string>& names);

  bool limited() const { return names_.has_value(); }
  // Limited, and to nothing at all.
  bool empty() const { return limited() && names_->empty(); }
  bool Has(const std::string& name) const {
    return !limited() || names_->contains(name);
  }
  AccountScope Intersection(const AccountScope& other) const;
  // In the order of their names; empty when it is not limited.
  std::vector<std::string> Names() const;
  const std::optional<std::set<std::string>>& names() const { return names_; }

  bool operator==(const AccountScope&) const = default;

 private:
  std::optional<std::set<std::string>> names_;
};

enum class Transport {
  // TCP with mutual TLS.
  kTls,
  // The unix socket.
  kUnix,
};

// "tls", "unix".
std::string_view Name(Transport transport);

struct Identity {
  // The certificate's common name; of an outside authority's its SPIFFE id;
  // "uid:{number}" on the unix socket. A common name cannot have a colon, and
  // they begin differently, so none passes for another. Empty: a TLS client
  // without a certificate, which is nobody and has no role.
  std::string name;
  Roles roles;
  AccountScope accounts;
  Transport transport = Transport::kTls;
  // Its certificate is an outside authority's: the store knows nothing of it,
  // and its serial says nothing.
  bool outside = false;
  // Of the client certificate: hexadecimal digits; empty on the unix socket.
  std::string certificate_serial;
  std::optional<absl::Time> certificate_expires_at;

  bool anonymous() const { return name.empty(); }
};

// What the configuration gives somebody whom it names.
struct Grant {
  Roles roles;
  AccountScope accounts = {};
};

// For people: "automation of acme,acme-ns".
std::string ToText(const Grant& grant);

// Who may connect to the unix socket, by user id.
using UnixPeers = std::map<uid_t, Grant>;

inline constexpr uid_t kRootUid = 0;
// How the kernel shows every user that the daemon's user namespace has no
// number for: it must never stand for somebody.
inline constexpr uid_t kUnmappedUid = 65534;
// Users that the configuration may name: each costs a listener, see rpc/peer.h.
inline constexpr size_t kUnixPeersMax = 64;

// Those of the configuration, and beside them the daemon's own user and root:
// administrators whatever the configuration says, since they can read the
// daemon's files anyway.
UnixPeers WithOwners(UnixPeers configured, uid_t own_uid);

// The peer of the unix socket with that user id.
Identity UnixIdentity(uid_t uid, const Grant& grant);

}  // namespace keyturn::access

#endif  // KEYTURN_DAEMON_ACCESS_IDENTITY_H_
