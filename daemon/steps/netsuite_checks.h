// What NetSuite says about the role, the user and the token of a migration:
// the looks and the proofs of the steps create_role, assign_role and
// issue_token, and the diagnosis when the connection's test fails.
//
// All of these only read. Each may fail with the client's errors;
// netsuite::MeansNoRight then says that our credential may not see it, so that
// a person's word and Celigo's own test must do.
#ifndef KEYTURN_DAEMON_STEPS_NETSUITE_CHECKS_H_
#define KEYTURN_DAEMON_STEPS_NETSUITE_CHECKS_H_

#include <asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/migration/model.h"
#include "daemon/steps/step.h"
#include "daemon/upstream/netsuite/client.h"

namespace keyturn::steps {

struct RoleCheck {
  // Whether any role of that name is there.
  bool found = false;
  bool inactive = false;
  // Permission ids that the role should have and has not, or not at the level
  // of the source role.
  std::vector<std::string> missing;
  // What is wrong, for an administrator; empty: nothing.
  std::string problem;
  // Whether the role that it is made from was there to be compared with.
  bool source_found = false;
  std::string role_id;
  std::vector<migration::Proof> proofs;
};
asio::awaitable<absl::StatusOr<RoleCheck>> CheckRole(Context& context,
                                                     netsuite::Client& client);

struct UserCheck {
  // Exactly one active employee has the address.
  std::optional<netsuite::Employee> employee;
  std::string problem;
};
asio::awaitable<absl::StatusOr<UserCheck>> CheckUser(Context& context,
                                                     netsuite::Client& client);

struct TokenCheck {
  // The newest token of the names that we gave out has the right application,
  // user and role. One that is revoked counts only when there is no other.
  bool good = false;
  std::string problem;
  std::vector<migration::Proof> proofs;
};
asio::awaitable<absl::StatusOr<TokenCheck>> CheckToken(
    Context& context, netsuite::Client& client);

// Those of the names that we gave out under which NetSuite lists a token that
// is not revoked.
asio::awaitable<absl::StatusOr<std::vector<std::string>>> LiveTokens(
    Context& context, netsuite::Client& client);

// Why a login with the new token fails, as far as NetSuite lets us see; each
// line says what is wrong and what to do. Empty: nothing was found, or nothing
// may be seen.
asio::awaitable<std::vector<std::string>> DiagnoseToken(
    Context& context, NetSuiteAccount account);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_NETSUITE_CHECKS_H_
