// Looks whether NetSuite accepts token logins at all. There is no interface to
// read or set the feature, and setting it asks a person to accept terms
// (NetSuite help section_1500942398): the act is always a person's. The proof
// is a token login that was accepted: Keyturn's own, or later the connection's.
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/steps.h"
#include "daemon/steps/tasks.h"
#include "daemon/upstream/netsuite/client.h"

namespace keyturn::steps {

using Verdict = netsuite::ProbeResult::Verdict;

asio::awaitable<Outcome> EnableTba(Context& context) {
  const absl::StatusOr<NetSuiteAccount> account =
      context.outside.NetSuite(context.spec().netsuite.account);
  if (!account.ok()) {
    co_return FromError(account.status(), "opening the NetSuite account");
  }
  const netsuite::Endpoints& endpoints = account->client->endpoints();
  if (!account->has_access) {
    if (!context.answered()) {
      co_return Ask(EnableTbaTask(context, endpoints, ""));
    }
    co_return Done(
        "an administrator says that the feature is on; test_candidate proves "
        "it",
        {{"feature", "on, by a person's word"},
         {"task", absl::StrCat("tasks/", context.record().task_id)}});
  }
  // A person has just mended something: what was refused before may be tried
  // again.
  if (context.answered()) {
    context.outside.Forget(context.spec().netsuite.account);
  }
  const absl::StatusOr<NetSuiteAccount> fresh =
      context.outside.NetSuite(context.spec().netsuite.account);
  if (!fresh.ok()) {
    co_return FromError(fresh.status(), "opening the NetSuite account");
  }
  const absl::StatusOr<netsuite::ProbeResult> probe =
      co_await fresh->client->Probe();
  if (!probe.ok()) {
    co_return FromError(probe.status(),
                        "asking NetSuite whether it accepts "
                        "tokens");
  }
  if (probe->token_authentication_on) {
    co_return Done("NetSuite accepts token logins",
                   {{"feature", "on: a token login was accepted"}});
  }
  switch (probe->verdict) {
    case Verdict::kWorks:
    case Verdict::kNoSuiteQl:
      // Logged in by other means (OAuth 2.0): only a person can see the box.
      if (context.answered()) {
        co_return Done("an administrator says that the feature is on",
                       {{"feature", "on, by a person's word"}});
      }
      co_return Ask(EnableTbaTask(context, endpoints, ""));
    case Verdict::kLoginRefused:
    case Verdict::kWrongHost:
      break;
  }
  co_return Ask(EnableTbaTask(context, endpoints, probe->summary));
}

}  // namespace keyturn::steps
