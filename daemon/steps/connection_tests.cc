#include "daemon/steps/connection_tests.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"
#include "daemon/steps/netsuite_checks.h"
#include "daemon/steps/tasks.h"
#include "daemon/vault/vault.h"

namespace keyturn::steps {

absl::StatusOr<secret::Secret> WithToken(Context& context,
                                         const celigo::Document& document) {
  ASSIGN_OR_RETURN(const vault::ConnectionToken token,
                   context.vault.OpenAs<vault::ConnectionToken>(
                       TokenCredential(context.migration.id),
                       context.notes.token_version, context.openings));
  return celigo::MakeTokenDocument(document, token.token_id, token.token_secret,
                                   context.notes.iclient_id);
}

absl::StatusOr<OldLogin> WithOldLogin(Context& context,
                                      const celigo::Document& document) {
  if (context.spec().old_login.empty()) {
    return base::WithReason(
        absl::FailedPreconditionError("the old login is not held"),
        "NO_OLD_LOGIN");
  }
  ASSIGN_OR_RETURN(
      const vault::OpenedCredential opened,
      context.vault.Open(context.spec().old_login,
                         store::VersionLabel::kCurrent, context.openings));
  const auto* login = std::get_if<vault::NetSuiteLogin>(&opened.payload);
  if (login == nullptr) {
    return base::WithReason(
        absl::InvalidArgumentError(absl::StrCat(
            context.spec().old_login, " is not a netsuite-login credential")),
        "CREDENTIAL_KIND");
  }
  OldLogin old;
  old.version = opened.number;
  ASSIGN_OR_RETURN(old.document, celigo::MakeBasicDocument(
                                     document, login->email, login->password));
  return old;
}

asio::awaitable<absl::StatusOr<bool>> RunsOnAToken(Context& context) {
  const auto client = context.Celigo();
  if (!client.ok()) co_return client.status();
  const absl::StatusOr<celigo::Document> now =
      co_await (*client)->GetConnection(context.notes.connection_id);
  if (now.ok()) co_return celigo::AuthTypeOf(*now) != "basic";
  const Outcome outcome = FromError(now.status(), "reading the connection");
  if (outcome.kind == Outcome::Kind::kRetry) co_return now.status();
  co_return false;
}

Outcome TestLost(Context& context, const absl::Status& status,
                 std::string_view doing) {
  Outcome outcome = FromError(status, doing);
  const bool tried = outcome.kind == Outcome::Kind::kRetry &&
                     http::EffectOf(status) == http::Effect::kUnknown;
  if (!tried || ++context.notes.tests_lost < kTestsLostMax) return outcome;
  context.notes.tests_lost = 0;
  return Blocked(
      "TEST_UNANSWERED", "operator",
      absl::StrCat(outcome.message,
                   ". Celigo may have tried the login each time; it is not "
                   "tried again by itself, since five refused logins lock the "
                   "user out of NetSuite for 30 minutes"),
      {"see that Celigo answers again, then `keyturn retry`"});
}

std::string Fields(const std::vector<celigo::Difference>& differences) {
  return absl::StrJoin(
      differences, ", ",
      [](std::string* out, const celigo::Difference& difference) {
        out->append(difference.path);
      });
}

namespace {

// The token is not ours to be replaced.
Outcome TheirTokenFails(std::string problem) {
  return Blocked(
      "ADOPTED_LOGIN_FAILS", "administrator",
      absl::StrCat("the connection does not work on the token that it has: ",
                   problem),
      {"mend that token, its role or its user in NetSuite, or give the "
       "connection another one in Celigo, then `keyturn retry`",
       "`keyturn cancel` ends the adoption and changes nothing"});
}

}  // namespace

asio::awaitable<Outcome> AskToMend(Context& context,
                                   std::vector<std::string> codes) {
  const absl::StatusOr<NetSuiteAccount> account = context.NetSuite();
  if (!account.ok()) {
    co_return FromError(account.status(), "opening the NetSuite account");
  }
  const std::vector<std::string> found =
      co_await DiagnoseToken(context, *account);
  std::string problem = absl::StrCat(
      "Celigo could not log in to NetSuite with the ",
      context.spec().adopt ? "" : "new ", "token",
      codes.empty() ? "" : absl::StrCat(" (", absl::StrJoin(codes, ", "), ")"));
  if (!found.empty()) {
    absl::StrAppend(&problem, ". Found: ", absl::StrJoin(found, "; "));
  } else {
    absl::StrAppend(
        &problem,
        ". NetSuite tells the reason only in its Login Audit Trail: a mistyped "
        "token id or secret; a token made for another application, user or "
        "role; a role without the permission Log in using Access Tokens; a "
        "role that is not assigned to the user; the application ",
        context.notes.application,
        " blocked; or the feature Token-Based Authentication off");
  }
  if (context.spec().adopt) co_return TheirTokenFails(std::move(problem));
  TakeNextTokenName(context.notes);
  co_return Ask(
      MendTokenTask(context, account->client->endpoints(), std::move(problem)));
}

}  // namespace keyturn::steps
