// Closes the books, once it was confirmed where the spec asks for that: the new
// credential is CURRENT, and what people still have to do is written down.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"
#include "daemon/steps/adopt.h"
#include "daemon/steps/netsuite_checks.h"
#include "daemon/steps/steps.h"
#include "daemon/steps/tasks.h"
#include "daemon/upstream/celigo/document.h"

namespace keyturn::steps {
namespace {

// So many names are written down, newest last; of more than these the report
// tells what they begin with.
constexpr int kNamesMax = 50;

// Names that were given out beside the one in use.
std::vector<std::string> OtherNames(const Context& context) {
  const Notes& notes = context.notes;
  std::vector<std::string> names;
  const int first = std::max(1, notes.tokens_asked - kNamesMax + 1);
  if (first > 1) {
    names.push_back(absl::StrCat("all from ",
                                 TokenName(context.migration.id, 1), " to ",
                                 TokenName(context.migration.id, first - 1)));
  }
  for (int number = first; number <= notes.tokens_asked; ++number) {
    if (number == notes.token_number) continue;
    names.push_back(TokenName(context.migration.id, number));
  }
  return names;
}

// Where the list shows the token in use, each other one that is in force
// becomes a task. False: it cannot be seen.
asio::awaitable<bool> AskToRevokeListed(Context& context, Outcome& outcome) {
  const auto account = context.NetSuite();
  if (!account.ok() || !MayAsk(context, *account)) co_return false;
  const absl::StatusOr<std::vector<LiveToken>> live =
      co_await LiveTokens(context, *account->client);
  if (!live.ok()) co_return false;
  const int used = context.notes.token_number;
  const bool seen = std::any_of(
      live->begin(), live->end(),
      [used](const LiveToken& token) { return token.number == used; });
  if (!seen) co_return false;
  for (const LiveToken& token : *live) {
    if (token.number == used) continue;
    const std::string name = TokenName(context.migration.id, token.number);
    outcome.follow_up_tasks.push_back(
        RevokeTokenTask(context, account->client->endpoints(), name));
    outcome.left_to_do.push_back(absl::StrCat(
        "revoke the access token ", name, " in NetSuite: it is not in use"));
  }
  co_return true;
}

// Tokens that were made in vain: a secret that was mistyped or never arrived.
asio::awaitable<void> ClearUpTokens(Context& context, Outcome& outcome) {
  const Notes& notes = context.notes;
  if (notes.token_twins > 0) {
    outcome.left_to_do.push_back(absl::StrCat(
        "NetSuite lists ", notes.token_twins + 1, " access tokens named ",
        TokenName(context.migration.id, notes.token_number),
        " in force and the connection uses one of them, as a rule the newest: "
        "revoke the others"));
  }
  if (notes.issue_calls > 0 && !notes.token_listed) {
    outcome.left_to_do.push_back(absl::StrCat(
        "see that NetSuite lists only one access token named ",
        TokenName(context.migration.id, notes.token_number),
        ", and revoke what is more: Keyturn could not read the list"));
  }
  const std::vector<std::string> others = OtherNames(context);
  if (others.empty()) co_return;
  const bool seen = co_await AskToRevokeListed(context, outcome);
  if (seen) co_return;
  outcome.left_to_do.push_back(absl::StrCat(
      "revoke in NetSuite, if it lists them, the access tokens that were made "
      "in vain (",
      absl::StrJoin(others, ", "), "); the connection uses ",
      notes.token_number > 0
          ? TokenName(context.migration.id, notes.token_number)
          : "one of them, which the Login Audit Trail names: that one stays"));
}

}  // namespace

asio::awaitable<Outcome> Finish(Context& context) {
  const auto client = context.Celigo();
  if (!client.ok()) {
    co_return FromError(client.status(), "opening the Celigo account");
  }
  const absl::StatusOr<celigo::Document> now =
      co_await (*client)->GetConnection(context.notes.connection_id);
  if (!now.ok()) co_return FromError(now.status(), "reading the connection");
  if (celigo::AuthTypeOf(*now) != "token") {
    co_return Blocked("CONNECTION_CHANGED", "operator",
                      "somebody has taken the connection off the token again",
                      {"find out who and why, put it right in Celigo, then "
                       "`keyturn retry`"});
  }
  if (now->contains("offline") && now->at("offline") == true) {
    co_return Blocked("CONNECTION_OFFLINE", "operator",
                      "the connection has gone offline since it was verified",
                      {"open the connection in Celigo, test it there and mend "
                       "what it says, then `keyturn retry`"});
  }
  if (context.spec().adopt) co_return Adopted(context, *now);
  const bool on_trial = context.spec().confirm_within > absl::ZeroDuration();
  if (on_trial && !context.migration.confirmed.has_value()) {
    co_return Ask(ConfirmTask(context));
  }
  const std::string credential = TokenCredential(context.migration.id);
  Outcome outcome = Done(
      "the connection runs on the token",
      {{"netsuite.authType", celigo::AuthTypeOf(*now)},
       {"offline", "false"},
       {"credential", absl::StrCat("credentials/", credential, " version ",
                                   context.notes.token_version, ", CURRENT")}});
  outcome.credentials.push_back(store::RelabelVersion{
      credential, context.notes.token_version, store::VersionLabel::kCurrent});
  outcome.left_to_do.push_back(
      absl::StrCat("retire the password of ", context.spec().netsuite.user,
                   " once nothing else logs in with it"));
  if (!context.spec().old_login.empty()) {
    outcome.left_to_do.push_back(absl::StrCat(
        "then `keyturn credential delete ", context.spec().old_login, "`"));
  }
  co_await ClearUpTokens(context, outcome);
  co_return outcome;
}

}  // namespace keyturn::steps
