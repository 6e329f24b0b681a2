// What Keyturn asks of a NetSuite account, in NetSuite's words.
#ifndef KEYTURN_DAEMON_UPSTREAM_NETSUITE_CLIENT_H_
#define KEYTURN_DAEMON_UPSTREAM_NETSUITE_CLIENT_H_

#include <asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/base/clock.h"
#include "daemon/secret/secret.h"
#include "daemon/upstream/http/retry_transport.h"
#include "daemon/upstream/http/transport.h"
#include "daemon/upstream/netsuite/account_id.h"
#include "daemon/upstream/netsuite/credential.h"
#include "daemon/upstream/netsuite/errors.h"
#include "daemon/upstream/netsuite/oauth1.h"
#include "daemon/upstream/netsuite/oauth2.h"

namespace keyturn::netsuite {

// SuiteQL's own limits (NetSuite help section_157909186990).
inline constexpr size_t kSuiteQlPageSize = 1000;
inline constexpr size_t kSuiteQlPagesMax = 100;
inline constexpr size_t kSuiteQlQuerySizeMax = 16 * 1024;
// A read is tried this often in all, each time signed afresh.
inline constexpr int kReadAttemptsMax = 3;
inline constexpr absl::Duration kBackoffFirst = absl::Milliseconds(500);
// A longer Retry-After is not waited for: the call ends with Unavailable.
inline constexpr absl::Duration kReadWaitMax = absl::Seconds(20);
// Of the name of an access token; the limit is ours.
inline constexpr size_t kTokenNameSizeMax = 100;

// Reason of a call that needs an access credential where there is none.
inline constexpr char kNoAccessCredential[] = "NO_ACCESS_CREDENTIAL";

// One row of a query: values as text under column names in lower case. A
// column that is null is absent.
using Row = std::map<std::string, std::string, std::less<>>;

// The value under `column`, or empty.
std::string_view ValueOf(const Row& row, std::string_view column);

// `text` as a SuiteQL literal: in apostrophes, those inside doubled. There are
// no bound parameters over REST. InvalidArgument for control characters, bytes
// that are not UTF-8, and more than 1000 bytes.
absl::StatusOr<std::string> Quote(std::string_view text);

struct Role {
  std::string id;
  std::string script_id;
  std::string name;
  bool inactive = false;
};

// NetSuite's numbers.
enum class Level : uint8_t {
  kNone = 0,
  kView = 1,
  kCreate = 2,
  kEdit = 3,
  kFull = 4,
};
std::string_view Name(Level level);

struct Permission {
  // "ADMI_LOGIN_OAUTH"; PermissionName (screens.h) has the words for it.
  std::string id;
  Level level = Level::kNone;
  std::string restriction;
};

struct Employee {
  std::string id;
  // The name shown in lists.
  std::string entity_id;
  std::string email;
  std::string first_name;
  std::string last_name;
  bool inactive = false;
  // Also where NetSuite does not say.
  bool has_access = false;
};

struct EmployeeRole {
  std::string id;
  // As NetSuite displays it; may be empty.
  std::string name;
};

// An access token as the list shows it, all names as displayed.
struct Token {
  std::string name;
  std::string application;
  std::string entity;
  std::string role;
  std::string created;
  bool inactive = false;
  bool revoked = false;
};

// Empty fields match everything, others must be equal.
struct TokenFilter {
  std::string name;
  std::string application;
  std::string entity;
  std::string role;
};

// For whom a credential stands, as far as NetSuite says. Informative only:
// the names of the answer's fields are not published.
struct TokenIdentity {
  std::string company_id;
  std::string company_name;
  std::string role_id;
  std::string role_name;
  std::string entity_id;
};

// What the account accepts from our access credential.
struct ProbeResult {
  enum class Verdict {
    // The login works, and REST with SuiteQL answers.
    kWorks,
    // The login works; SuiteQL is refused or sees nothing: the role lacks a
    // permission or the account a feature.
    kNoSuiteQl,
    // Refused with the generic answer. The feature may be off, or the
    // credential be wrong: only the Login Audit Trail tells.
    kLoginRefused,
    // The address is not this account's.
    kWrongHost,
  };
  Verdict verdict = Verdict::kLoginRefused;
  // Proved on: a token login was accepted. False means unknown, since a
  // feature that is off looks like any other refused login.
  bool token_authentication_on = false;
  // Queries are answered, although perhaps not for every table.
  bool reads = false;
  TokenIdentity identity;
  // What was found and, unless it works, what to look at; for a person.
  std::string summary;
};

// Whether a PATCH of an employee also gives the person access to NetSuite.
enum class Access { kLeaveAsIs, kGive };

// How the transport that a Client is given must retry: not at all.
http::RetryOptions AccountRetry();

// One NetSuite account under one access credential.
//
// Every attempt is signed with a nonce and a time of its own, so this class
// repeats reads itself: at most kReadAttemptsMax times in all, after 429, 5xx
// or a broken exchange, honouring Retry-After. A refused login (401) and a
// refused right (403) are never repeated, and neither is anything that writes.
// The layers below must not repeat (AccountRetry): a nonce that comes twice is
// a refused login, and IssueToken and RevokeToken are GETs that act.
//
// Every call may fail with the errors of the CredentialSource, with those of
// Transport::Send, and with those that errors.h lists; below only what is
// special to a call. Unavailable after a write carries http::EffectOf.
//
// Belongs to the transport's executor. Calls may overlap. The object must
// outlive its calls.
class Client {
 public:
  struct Parts {
    AccountId account;
    Endpoints endpoints;
    // Empty: only the calls that bring their own credential work, the others
    // end with FailedPrecondition, reason NO_ACCESS_CREDENTIAL.
    CredentialSource credential;
    // For tests; empty: NewNonce, and a random share of each wait.
    NonceSource nonce;
    std::function<double()> jitter;
  };
  // `transport` and `clock` must outlive the client.
  Client(Parts parts, http::Transport& transport, base::Clock& clock);

  // The same account under another source of the same credential; the access
  // token is shared.
  std::unique_ptr<Client> With(CredentialSource credential) const;

  const AccountId& account() const { return parts_.account; }
  const Endpoints& endpoints() const { return parts_.endpoints; }

  // Logs in and reads for whom the credential stands: the cheapest call that
  // proves the login (NetSuite help chapter_157017286140). It proves no right
  // to REST or to any record. With an M2m credential the bearer token itself is
  // read instead.
  asio::awaitable<absl::StatusOr<TokenIdentity>> TokenInfo();

  // Finds out what works, with at most one refused login. Only a failure that
  // says nothing about the account is an error here (unreachable, busy, the
  // vault); a refusal is a result.
  asio::awaitable<absl::StatusOr<ProbeResult>> Probe();

  // All rows of `query`, page by page. The query must order by a unique key, or
  // pages may overlap; literals in it come from Quote. ResourceExhausted when
  // there are more than kSuiteQlPagesMax pages.
  asio::awaitable<absl::StatusOr<std::vector<Row>>> SuiteQl(std::string query);

  // Roles of exactly that name; names are not unique in NetSuite. Roles that
  // are inactive are among them.
  asio::awaitable<absl::StatusOr<std::vector<Role>>> FindRoles(
      std::string name);

  // By permission id. Permissions of level None are left out.
  asio::awaitable<absl::StatusOr<std::vector<Permission>>> RolePermissions(
      std::string role_id);

  // Employees of exactly that address: none, one, or several, since NetSuite
  // allows an address on several records.
  asio::awaitable<absl::StatusOr<std::vector<Employee>>> FindEmployee(
      std::string email);

  // The roles on an employee record, in the record's order, page by page; with
  // a second call where NetSuite lists links instead of lines. NotFound for an
  // unknown employee. ResourceExhausted when there are more than can be read.
  asio::awaitable<absl::StatusOr<std::vector<EmployeeRole>>>
  EmployeeRecordRoles(std::string employee_id);

  // Access tokens, revoked and inactive ones among them. FailedPrecondition
  // with reason OUTSIDE_TABLE_NOT_VISIBLE or OUTSIDE_FORBIDDEN when our role
  // may not see tokens (MeansNoRight): that says nothing about the token.
  asio::awaitable<absl::StatusOr<std::vector<Token>>> ListTokens(
      TokenFilter filter);

  // Adds one role to an employee: a PATCH with that single line. NetSuite does
  // not publish whether it then merges or appends lines, so read the roles
  // before (a line that is there is not sent again) and after. This class has
  // no way to replace the list, which could take roles away.
  //
  // NotFound when there is no such employee. InvalidArgument when NetSuite
  // refuses the content, for instance a role that cannot be assigned.
  asio::awaitable<absl::Status> AddEmployeeRole(std::string employee_id,
                                                std::string role_id,
                                                Access access);

  // Makes an access token for the login's own user (GET /rest/issuetoken). Sent
  // once, whatever comes back. The integration record needs the box "TBA:
  // IssueToken Endpoint", the role "User Access Tokens"; a role that demands
  // two-factor authentication is refused (OUTSIDE_LOGIN_REFUSED). After
  // Unavailable a token may exist: look for `token_name`.
  asio::awaitable<absl::StatusOr<IssuedToken>> IssueToken(
      Login login, std::string role_id, secret::Secret consumer_key,
      std::string token_name);

  // Revokes a token for ever, logged in with that token. Sent once. A token
  // that no longer works is refused with OUTSIDE_LOGIN_REFUSED, which may mean
  // that it is revoked already.
  asio::awaitable<absl::Status> RevokeToken(Tba token);

  // Overwrites the access token that is kept between calls; the next call asks
  // for a new one.
  void DropAccessToken() { bearer_->Forget(); }

 private:
  // A request as it is before it is signed.
  struct Call {
    http::Method method = http::Method::kGet;
    std::string url;
    std::vector<http::Header> headers;
    secret::Secret body;
    absl::Duration timeout = absl::Seconds(30);
    Purpose purpose;

    http::Request ToRequest() const;
  };

  Client(Parts parts, http::Transport& transport, base::Clock& clock,
         std::shared_ptr<BearerCache> bearer);

  absl::StatusOr<AccessCredential> OpenCredential();
  absl::StatusOr<secret::Secret> SignTba(const Tba& credential,
                                         const http::Request& request);
  asio::awaitable<absl::StatusOr<secret::Secret>> Authorize(
      const AccessCredential& credential, const http::Request& request);
  // One attempt with a request that is signed; what is not 2xx is an error.
  asio::awaitable<absl::StatusOr<http::Response>> Exchange(
      http::Request request, const Purpose& purpose);
  asio::awaitable<absl::StatusOr<http::Response>> SendOnce(
      const Call& call, const AccessCredential& credential);
  asio::awaitable<absl::StatusOr<http::Response>> Read(Call call);
  asio::awaitable<absl::StatusOr<http::Response>> Write(Call call);
  absl::Duration WaitBefore(int next_attempt, const absl::Status& failure);

  Call TokenInfoCall() const;
  asio::awaitable<absl::StatusOr<std::vector<Row>>> Query(std::string query,
                                                          Purpose purpose);
  asio::awaitable<absl::StatusOr<http::Response>> ReadEmployee(
      std::string path);
  // The roles in the record itself, its sublists written out.
  asio::awaitable<absl::StatusOr<std::vector<EmployeeRole>>> ExpandedRoles(
      std::string employee_id);

  const Parts parts_;
  http::Transport& transport_;
  base::Clock& clock_;
  const std::shared_ptr<BearerCache> bearer_;
};

}  // namespace keyturn::netsuite

#endif  // KEYTURN_DAEMON_UPSTREAM_NETSUITE_CLIENT_H_
