#ifndef KEYTURN_CLI_OUTPUT_RESOURCE_PAGE_H_
#define KEYTURN_CLI_OUTPUT_RESOURCE_PAGE_H_

#include <google/protobuf/repeated_ptr_field.h>

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/output/style.h"
#include "keyturn/v1/access.pb.h"
#include "keyturn/v1/accounts.pb.h"
#include "keyturn/v1/admin.pb.h"
#include "keyturn/v1/credentials.pb.h"
#include "keyturn/v1/inventory.pb.h"

namespace keyturn::cli {

// Credentials, accounts, what was discovered, the daemon and the caller, as
// people read them. All functions are pure.

std::string CredentialTable(const std::vector<v1::Credential>& credentials,
                            const Style& style);
std::string CredentialPage(const v1::Credential& credential,
                           const Style& style);

std::string AccountTable(const std::vector<v1::Account>& accounts,
                         const Style& style);
std::string AccountPage(const v1::Account& account, const Style& style);

// "accepted" or "refused", and what was found.
std::string TestPage(
    bool accepted,
    const google::protobuf::RepeatedPtrField<std::string>& findings,
    const Style& style);

std::string DiscoverPage(const v1::DiscoverResponse& response,
                         const Style& style);

// What became of the spec file of a connection.
struct SpecFate {
  // kLeft: there was such a file, and it is as it was.
  enum Kind { kWritten, kLeft, kBlocked };
  v1::DiscoveredConnection connection;
  Kind kind;
  // Empty when it is blocked.
  std::string file;
  // The fields that a written file leaves to a person.
  std::vector<std::string> to_fill_in;
  // Why it is blocked.
  std::vector<std::string> why;
};
// "written", "left", "blocked".
std::string SpecFateName(SpecFate::Kind kind);
std::string SpecsPage(const std::vector<SpecFate>& fates, const Style& style);

// `client_version` stands beside the daemon's; a difference is pointed out.
std::string ServerPage(const v1::ServerInfo& server,
                       const std::string& client_version, absl::Time now,
                       const Style& style);

std::string IdentityTable(const v1::ListIdentitiesResponse& response,
                          absl::Time now, const Style& style);
std::string VaultPage(const v1::VaultStatus& vault, const Style& style);

std::string WhoAmIPage(const v1::WhoAmIResponse& caller, absl::Time now,
                       const Style& style);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_OUTPUT_RESOURCE_PAGE_H_
