// What NetSuite says about the role, the user and the token of a migration:
// the looks and the proofs of the steps create_role, assign_role and
// issue_token, and the diagnosis when the connection's test fails.
//
// All of these only read. Each may fail with the client's errors; IsForPeople
// then says that our credential may not see it, so that a person's word and
// Celigo's own test must do.
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

// Whether Keyturn's own access may be asked: there is one, and this migration
// has not found it closed.
bool MayAsk(const Context& context, const NetSuiteAccount& account);

// Whether `status` means that people must take the place of our own look or
// act: a right that our role lacks, a table that it does not see, a login that
// is refused. After a refused login our access is not used again: five lock its
// user out.
bool IsForPeople(Context& context, const absl::Status& status);

struct RoleCheck {
  // Whether any role of that name is there.
  bool found = false;
  bool inactive = false;
  // Permission ids that the role should have and has not, or not at the level
  // of the source role.
  std::vector<std::string> missing;
  // What is wrong, for an administrator; empty: nothing.
  std::string problem;
  // Whether the role that it is made from was there to be compared with, or to
  // be made from.
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
// Notes whom the checks of the token are to find.
void NoteUser(Context& context, const netsuite::Employee& employee);

struct TokenCheck {
  // The newest token of the names that we gave out has the right application,
  // user and role. One that is revoked counts only when there is no other.
  bool good = false;
  // Whether any token of these names is listed.
  bool listed = false;
  // How many of the name that decides are in force.
  int live = 0;
  std::string problem;
  std::vector<migration::Proof> proofs;
};
asio::awaitable<absl::StatusOr<TokenCheck>> CheckToken(
    Context& context, netsuite::Client& client);

// A token of whatever name that is in force for the right application, user and
// role: people leave the name as NetSuite fills it in. `listed` says only that.
asio::awaitable<absl::StatusOr<TokenCheck>> CheckTokenOfAnyName(
    Context& context, netsuite::Client& client);

// A name that we gave out, and how many tokens of it NetSuite lists that are
// not revoked.
struct LiveToken {
  int number = 0;
  int count = 0;
};
// Those with at least one.
asio::awaitable<absl::StatusOr<std::vector<LiveToken>>> LiveTokens(
    Context& context, netsuite::Client& client);

// Why a login with the new token fails, as far as NetSuite lets us see; each
// line says what is wrong and what to do. Empty: nothing was found, or nothing
// may be seen.
asio::awaitable<std::vector<std::string>> DiagnoseToken(
    Context& context, NetSuiteAccount account);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_NETSUITE_CHECKS_H_
