// The outside systems, by the names of the daemon's accounts.
#ifndef KEYTURN_DAEMON_STEPS_OUTSIDE_H_
#define KEYTURN_DAEMON_STEPS_OUTSIDE_H_

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "daemon/upstream/celigo/client.h"
#include "daemon/upstream/netsuite/account_id.h"
#include "daemon/upstream/netsuite/client.h"
#include "daemon/vault/openings.h"

namespace keyturn::steps {

struct NetSuiteAccount {
  netsuite::AccountId id;
  // Always there: some calls carry their own login.
  std::shared_ptr<netsuite::Client> client;
  // Whether the account has an access credential; without one people's tasks
  // do the work.
  bool has_access = false;
};

// Belongs to the engine's thread, as do the clients it gives out.
class Outside {
 public:
  virtual ~Outside() = default;

  // A client that logs in with the account's credential, and notes in
  // `openings`, which outlives it, what it opens for that. NotFound, naming the
  // account; InvalidArgument for an account of the other kind.
  virtual absl::StatusOr<std::shared_ptr<celigo::Client>> Celigo(
      std::string_view account, vault::Openings& openings) = 0;
  virtual absl::StatusOr<NetSuiteAccount> NetSuite(
      std::string_view account, vault::Openings& openings) = 0;

  // Forgets the account's clients and whatever stopped them (two refused
  // logins): the next call builds them anew from what is stored.
  virtual void Forget(std::string_view account) = 0;

  // Overwrites what clients keep of secrets between calls (access tokens). What
  // stopped them stays.
  virtual void DropSecrets() = 0;
};

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_OUTSIDE_H_
