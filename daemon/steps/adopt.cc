#include "daemon/steps/adopt.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/netsuite_checks.h"
#include "daemon/upstream/celigo/document.h"

namespace keyturn::steps {
namespace {

using migration::Step;

constexpr char kNotOurs[] =
    "adopted: the token in use is somebody else's; none was made, none is "
    "stored";

// The list of tokens shows one in force that fits, where it may be read.
asio::awaitable<Outcome> AdoptToken(Context& context) {
  const absl::StatusOr<NetSuiteAccount> account = context.NetSuite();
  if (!account.ok()) {
    co_return FromError(account.status(), "opening the NetSuite account");
  }
  Outcome unseen = AdoptUnseen("the list of access tokens");
  if (!MayAsk(context, *account)) co_return unseen;
  const absl::StatusOr<TokenCheck> check =
      co_await CheckTokenOfAnyName(context, *account->client);
  if (!check.ok()) {
    if (IsForPeople(context, check.status())) co_return unseen;
    co_return FromError(check.status(), "reading the list of access tokens");
  }
  if (check->good) co_return Done(kNotOurs, check->proofs);
  co_return Blocked(
      "TOKEN_NOT_LISTED", "operator",
      absl::StrCat(
          "NetSuite lists no access token in force of the application ",
          context.notes.application, " for ", context.spec().netsuite.user,
          " with the role ", context.spec().role.name,
          ": the connection uses another one; its Login Audit Trail "
          "names it"),
      {"`keyturn cancel`, which changes nothing, and adopt it with a spec that "
       "names the application, user and role of the token in use",
       "or make it so in NetSuite, then `keyturn retry`"});
}

// The saved document is what cut_over would have made of it.
asio::awaitable<Outcome> AdoptSwitch(Context& context) {
  const auto client = context.Celigo();
  if (!client.ok()) {
    co_return FromError(client.status(), "opening the Celigo account");
  }
  const absl::StatusOr<celigo::Document> now =
      co_await (*client)->GetConnection(context.notes.connection_id);
  if (!now.ok()) co_return FromError(now.status(), "reading the connection");
  const std::string auth = celigo::AuthTypeOf(*now);
  if (auth != "token") {
    co_return Failed(
        "the connection was taken off the token since it was planned; nothing "
        "was written, plan again");
  }
  co_return Done(
      "adopted: the connection logs in with a token already; it was "
      "not written",
      {{"netsuite.authType", auth},
       {"netsuite._iClientId", context.notes.iclient_id}});
}

}  // namespace

bool WouldWrite(Step step) {
  switch (step) {
    case Step::kIssueToken:
    case Step::kTestCandidate:
    case Step::kQuiesce:
    case Step::kCutOver:
    case Step::kResumeFlows:
      return true;
    case Step::kPreflight:
    case Step::kApprove:
    case Step::kEnableTba:
    case Step::kCreateRole:
    case Step::kAssignRole:
    case Step::kVerifyConnection:
    case Step::kVerifyFlows:
    case Step::kProveTraffic:
    case Step::kFinish:
      break;
  }
  return false;
}

asio::awaitable<Outcome> Adopt(Step step, Context& context) {
  if (step == Step::kIssueToken) co_return co_await AdoptToken(context);
  if (step == Step::kCutOver) co_return co_await AdoptSwitch(context);
  if (step == Step::kTestCandidate) {
    co_return Done(
        "adopted: there is no new document to be tested; verify_connection "
        "tests the saved one");
  }
  co_return Done("adopted: nothing is written, so the flows stay as they are");
}

Outcome NothingToUndo() {
  return Done("adopted: nothing was changed, so nothing is undone");
}

Outcome AdoptUnseen(std::string_view what) {
  return Done(
      absl::StrCat("adopted: Keyturn may not look at ", base::ToAbsl(what),
                   " in NetSuite; verify_connection proves it"),
      {{std::string(what), "not looked at"}});
}

Outcome Adopted(const Context& context, const celigo::Document& now) {
  Outcome outcome =
      Done("adopted: the connection runs on a token that somebody else made",
           {{"netsuite.authType", celigo::AuthTypeOf(now)},
            {"offline", "false"},
            {"credential", "none: Keyturn does not hold this token"},
            {"written", "nothing"}});
  outcome.left_to_do = {
      absl::StrCat("Keyturn does not hold the token that ",
                   context.notes.connection_name,
                   " runs on and can neither rotate nor revoke it: find out "
                   "who made it and where its secret is kept"),
      absl::StrCat("retire the password of ", context.spec().netsuite.user,
                   " once nothing else logs in with it")};
  return outcome;
}

std::string AfterTheirChange(const celigo::Document& now) {
  if (celigo::AuthTypeOf(now) != "token") return "plan again";
  return "it logs in with a token by now: adopt that with a new spec that says "
         "`adopt: true`, or put it back on its password in Celigo and plan "
         "again";
}

}  // namespace keyturn::steps
