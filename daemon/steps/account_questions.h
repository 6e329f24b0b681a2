// Questions to an account that belong to no migration. They only read.
// `openings`, which outlives the question: what is opened for it.
#ifndef KEYTURN_DAEMON_STEPS_ACCOUNT_QUESTIONS_H_
#define KEYTURN_DAEMON_STEPS_ACCOUNT_QUESTIONS_H_

#include <asio/awaitable.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/steps/discover.h"
#include "daemon/steps/outside.h"
#include "daemon/store/records.h"
#include "daemon/vault/openings.h"

namespace keyturn::steps {

// What an outside system answered, in lines for people.
struct Findings {
  bool accepted = false;
  std::vector<std::string> lines;
};

// Who we are there. A refusal is an answer; only what says nothing about the
// account (unreachable, busy) is an error. A person asks: what earlier
// refusals have stopped is tried again.
asio::awaitable<absl::StatusOr<Findings>> AskAccount(Outside& outside,
                                                     store::Account account,
                                                     vault::Openings& openings);

// The account's connections. NotFound; Unavailable; FailedPrecondition
// (OUTSIDE_LOGIN_REFUSED).
asio::awaitable<absl::StatusOr<std::vector<DiscoveredConnection>>>
DiscoverAccount(Outside& outside, std::string account,
                vault::Openings& openings);

// Puts what a caller wrote into the form that is stored. InvalidArgument,
// naming the field as the public API does, for an address that is no https
// origin or an id that no account can have.
absl::Status NormalizeAccount(store::Account& account);

// Where calls of the account go to: https origins. The account is normalized.
absl::StatusOr<std::vector<std::string>> OriginsOf(
    const store::Account& account);

// The hosts that the vendors themselves publish, as AllowedHosts takes them.
const std::vector<std::string>& VendorHosts();

// FailedPrecondition (CREDENTIAL_KIND) for a credential that such an account
// cannot log in with.
absl::Status CheckCredentialFits(store::AccountKind account,
                                 store::CredentialKind credential);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_ACCOUNT_QUESTIONS_H_
