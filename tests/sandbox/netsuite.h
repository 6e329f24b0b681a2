#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/sandbox/http.h"
#include "tests/sandbox/netsuite_state.h"
#include "tests/sandbox/random.h"
#include "tests/sandbox/sql.h"
#include "tests/sandbox/switches.h"

namespace keyturn::sandbox {

// How a login came in; decides the form of a refusal and the audit trail's
// column.
enum class Channel { kRest, kRestlet, kTokenEndpoint, kCeligo };

// Who a call turned out to be, or why it was refused.
struct Login {
  NetsuiteAccount* account = nullptr;
  Employee* employee = nullptr;
  Role* role = nullptr;
  Integration* integration = nullptr;
  AccessToken* token = nullptr;
  // NetSuite's audit word; "" when the login succeeded.
  std::string refusal;
  // The header itself was wrong: RESTlets answer 400 instead of 401.
  bool malformed = false;

  bool ok() const { return refusal.empty(); }
};

// The five values a token login is made of. The secrets are the caller's.
struct TokenLogin {
  std::string account;
  std::string consumer_key;
  std::string consumer_secret;
  std::string token_id;
  std::string token_secret;
};

// The simulated NetSuite: rows 1 to 17 of the fact sheet's contract over any
// number of accounts, all behind one base URL; the account comes from the
// realm, the consumer key or the bearer token.
//
// Not thread-safe: part of the world, under its mutex.
class Netsuite {
 public:
  Netsuite(const Switches& switches, Random& random)
      : switches_(switches), random_(random) {}
  Netsuite(const Netsuite&) = delete;
  Netsuite& operator=(const Netsuite&) = delete;

  // Answers a call to a NetSuite path. `now` is the world's time, not yet
  // NetSuite's (see the switch clock_skew_seconds).
  Response Handle(const Request& request, absl::Time now);

  NetsuiteAccount& AddAccount(std::string id, std::string company_name);
  // By id in any form; null when there is none.
  NetsuiteAccount* FindAccount(std::string_view id);
  std::map<std::string, NetsuiteAccount>& accounts() { return accounts_; }

  // A login by token whose signature was made with the given secrets, as Celigo
  // does one for a connection. Counts as a login: audit entry, failure counter,
  // lock.
  Login LogInByToken(const TokenLogin& credentials, absl::Time now);
  // A login by e-mail address and password, as for a basic connection.
  Login LogInByPassword(std::string_view account, std::string_view email,
                        std::string_view password, Channel channel,
                        absl::Time now);

  // Makes a token as the Access Tokens screen does. FailedPrecondition at the
  // limit of active tokens or with the feature off.
  absl::StatusOr<AccessToken*> MakeToken(NetsuiteAccount& account,
                                         int integration, int employee,
                                         int role, std::string name,
                                         std::string created_by, bool on_screen,
                                         absl::Time now);

  // Makes a request token's verifier, as Allow in the browser does. NotFound
  // for an unknown or expired one. Returns the address it redirects to.
  absl::StatusOr<std::string> AuthorizeRequestToken(NetsuiteAccount& account,
                                                    const std::string& token,
                                                    const std::string& state,
                                                    int employee, int role,
                                                    bool allow, absl::Time now);

 private:
  // netsuite_login.cc
  Login LogIn(const Request& request, Channel channel, absl::Time now);
  Login LogInByOAuth(const Request& request, absl::Time now);
  Login LogInByBearer(const Request& request, absl::Time now);
  Login LogInByNlAuth(const Request& request, absl::Time now);
  // The checks from the feature on, for a header or Celigo's five values.
  // `signature_matches` gets the secrets to check against.
  template <typename SignatureMatches>
  void CheckToken(Login& login, const std::string& consumer_key,
                  const std::string& token_id,
                  const SignatureMatches& signature_matches, absl::Time now);
  std::string CheckAssignment(const Login& login);
  std::string CheckFreshness(Login& login, const struct OAuthHeader& header,
                             absl::Time now);
  void CountFailure(Login& login, absl::Time now);
  void Record(const Login& login, Channel channel, absl::Time now);
  Response Refuse(const Login& login, Channel channel) const;

  // netsuite_tokens.cc: rows 1 to 6
  Response RequestTokenCall(const Request& request, absl::Time now);
  Response AuthorizePage(const Request& request, absl::Time now);
  Response AccessTokenCall(const Request& request, absl::Time now);
  Response IssueToken(const Request& request, absl::Time now);
  Response RevokeToken(const Request& request, absl::Time now);
  Response TokenInfo(const Request& request, absl::Time now);
  // Checks header, freshness, feature and record of a three-step call; the
  // audit word, or "".
  std::string CheckFlowCall(const struct OAuthHeader& header,
                            NetsuiteAccount*& account,
                            Integration*& integration, absl::Time now);
  Response RefuseFlow(NetsuiteAccount* account, const Integration* integration,
                      const std::string& detail, absl::Time now);

  // netsuite_oauth2.cc: rows 7 to 9
  Response OAuth2Token(const Request& request, absl::Time now);
  Response Certificates(const Request& request,
                        const std::vector<std::string>& segments,
                        absl::Time now);
  std::string MakeBearer(NetsuiteAccount& account, const Certificate& mapping,
                         absl::Time now);

  // netsuite_suiteql.cc: row 10
  Response SuiteQl(const Request& request, const Login& login);
  std::optional<Response> CheckQuery(const Request& request,
                                     const Login& login) const;
  absl::StatusOr<SqlTable> Table(const std::string& name,
                                 const std::vector<SqlHint>& hints,
                                 const Login& login);
  SqlTable RoleTable(NetsuiteAccount& account);
  SqlTable PermissionTable(NetsuiteAccount& account,
                           const std::vector<SqlHint>& hints);
  SqlTable EmployeeTable(NetsuiteAccount& account,
                         const std::vector<SqlHint>& hints);
  SqlTable AssignmentTable(NetsuiteAccount& account,
                           const std::vector<SqlHint>& hints);
  SqlTable TokenTable(NetsuiteAccount& account,
                      const std::vector<SqlHint>& hints);

  // netsuite_employee.cc: rows 11 to 15
  Response Employees(const Request& request,
                     const std::vector<std::string>& segments,
                     const Login& login);
  Response ListEmployees(const Request& request, const Login& login);
  Response ReadEmployee(const Request& request, const Login& login,
                        const Employee& employee);
  Response ReadRoles(const Request& request, const Login& login,
                     const Employee& employee);
  Response PatchEmployee(const Request& request, const Login& login,
                         Employee& employee);
  Response CreateEmployee(const Request& request, const Login& login);
  Json RolesJson(const std::string& base, NetsuiteAccount& account,
                 const Employee& employee);
  // "" or what is wrong with a `roles` sublist.
  std::string ApplyRoles(NetsuiteAccount& account, const Json& roles,
                         bool replace, Employee& employee);

  // netsuite.cc
  Response TokenEndpoints(const Request& request, const std::string& path,
                          absl::Time now);
  Response RestServices(const Request& request,
                        const std::vector<std::string>& segments,
                        absl::Time now);
  Response CallRestlet(const Request& request, absl::Time now);
  Response DataCenterUrls(const Request& request);
  // Takes a concurrency slot; false when all are taken.
  bool TakeSlot(NetsuiteAccount& account, absl::Time now);
  Response RestError(int status, std::string_view title, std::string_view code,
                     std::string_view detail, std::string_view at_name = "",
                     std::string_view at_value = "") const;
  Response RestletError(int status, std::string_view code,
                        std::string_view message) const;

  const Switches& switches_;
  Random& random_;
  std::map<std::string, NetsuiteAccount> accounts_;
};

// "https://host" of a request, as links in answers begin.
std::string BaseUrl(const Request& request);

}  // namespace keyturn::sandbox
