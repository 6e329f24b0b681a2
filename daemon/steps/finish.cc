// Closes the books: the new credential is CURRENT, and what people still have
// to do is written down.
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/steps.h"
#include "daemon/upstream/celigo/document.h"

namespace keyturn::steps {

asio::awaitable<Outcome> Finish(Context& context) {
  const auto client = context.outside.Celigo(context.spec().celigo.account);
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
  if (context.notes.token_version > 1) {
    outcome.left_to_do.push_back(absl::StrCat(
        "revoke in NetSuite the access tokens named ",
        TokenName(context.migration.id, 1),
        " and so on that were made in vain, all but the one in use"));
  }
  co_return outcome;
}

}  // namespace keyturn::steps
