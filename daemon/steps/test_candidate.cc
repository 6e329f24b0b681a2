// The gate before anything in Celigo changes: Celigo tests the whole new
// document without saving it. Each failed test is a failed login at NetSuite,
// so it is never repeated without a person.
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/adopt.h"
#include "daemon/steps/connection_tests.h"
#include "daemon/steps/steps.h"
#include "daemon/steps/token_proof.h"

namespace keyturn::steps {

asio::awaitable<Outcome> TestCandidate(Context& context) {
  const auto client = context.Celigo();
  if (!client.ok()) {
    co_return FromError(client.status(), "opening the Celigo account");
  }
  const absl::StatusOr<celigo::Document> now =
      co_await (*client)->GetConnection(context.notes.connection_id);
  if (!now.ok()) co_return FromError(now.status(), "reading the connection");
  const bool switched = migration::IsCutOver(context.migration);
  if (!switched) {
    const std::vector<celigo::Difference> changed =
        celigo::ChangedSincePlan(context.notes.pre_image, *now);
    if (!changed.empty()) {
      co_return Failed(absl::StrCat(
          "the connection was changed by somebody else since it was planned (",
          Fields(changed), "); nothing was written; ", AfterTheirChange(*now)));
    }
  }
  // Handed in since issue_token: not looked at yet.
  if (context.notes.token_proved != context.notes.token_version) {
    const auto account = context.NetSuite();
    if (!account.ok()) {
      co_return FromError(account.status(), "opening the NetSuite account");
    }
    Outcome proof = co_await ProveToken(context, *account);
    if (proof.kind != Outcome::Kind::kDone) co_return proof;
  }
  absl::StatusOr<secret::Secret> candidate = WithToken(context, *now);
  if (!candidate.ok()) {
    co_return FromError(candidate.status(), "making the new document");
  }
  const absl::StatusOr<celigo::PingResult> ping =
      co_await (*client)->PingCandidate(*std::move(candidate));
  if (!ping.ok()) {
    co_return TestLost(context, ping.status(), "testing the new document");
  }
  context.notes.tests_lost = 0;
  if (!ping->ok) co_return co_await AskToMend(context, ping->codes);
  co_return Done(
      "Celigo logged in to NetSuite with the new token; nothing is "
      "saved yet",
      {{"test of the unsaved document", "ok"},
       {"token version", absl::StrCat(context.notes.token_version)}});
}

}  // namespace keyturn::steps
