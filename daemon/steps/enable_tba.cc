// Looks whether NetSuite accepts token logins at all. There is no interface to
// read or set the feature, and setting it asks a person to accept terms
// (NetSuite help section_1500942398): the act is always a person's. The proof
// is a token login that was accepted: Keyturn's own, or later the connection's.
//
// That login may be refused for another reason: Keyturn's own credential is
// wrong. It is tried once before and once after a person's word and then not
// again, since five refusals lock its user out; people do the rest.
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/adopt.h"
#include "daemon/steps/netsuite_checks.h"
#include "daemon/steps/steps.h"
#include "daemon/steps/tasks.h"
#include "daemon/upstream/netsuite/client.h"

namespace keyturn::steps {

namespace {

using Verdict = netsuite::ProbeResult::Verdict;

Outcome ByWord(const Context& context, const netsuite::Endpoints& endpoints) {
  if (context.spec().adopt) return AdoptUnseen("whether token logins are on");
  if (!context.answered()) return Ask(EnableTbaTask(context, endpoints, ""));
  return Done(
      "an administrator says that the feature is on; test_candidate proves it",
      {{"feature", "on, by a person's word"},
       {"task", absl::StrCat("tasks/", context.record().task_id)}});
}

// The login was refused: the feature may be off, or our credential be wrong.
Outcome Refused(Context& context, const netsuite::Endpoints& endpoints,
                std::string summary) {
  context.notes.login_problem = summary;
  if (!context.answered()) {
    return Ask(EnableTbaTask(context, endpoints, std::move(summary)));
  }
  context.notes.access_closed = true;
  absl::StrAppend(
      &summary,
      " Keyturn does not try its own login again in this migration. If the "
      "feature is on, answer this task as done again: people then do "
      "NetSuite's part, and Celigo's test proves it.");
  return Ask(EnableTbaTask(context, endpoints, std::move(summary)));
}

}  // namespace

asio::awaitable<Outcome> EnableTba(Context& context) {
  const absl::StatusOr<NetSuiteAccount> account = context.NetSuite();
  if (!account.ok()) {
    co_return FromError(account.status(), "opening the NetSuite account");
  }
  const netsuite::Endpoints& endpoints = account->client->endpoints();
  if (!MayAsk(context, *account)) co_return ByWord(context, endpoints);
  // Refused a moment ago: nobody has mended anything since.
  if (!context.answered() && !context.notes.login_problem.empty()) {
    co_return Ask(
        EnableTbaTask(context, endpoints, context.notes.login_problem));
  }
  // A person has just mended something: what was refused before may be tried
  // again.
  if (context.answered()) {
    context.outside.Forget(context.spec().netsuite.account);
  }
  const absl::StatusOr<NetSuiteAccount> fresh = context.NetSuite();
  if (!fresh.ok()) {
    co_return FromError(fresh.status(), "opening the NetSuite account");
  }
  const absl::StatusOr<netsuite::ProbeResult> probe =
      co_await fresh->client->Probe();
  if (!probe.ok()) {
    co_return FromError(probe.status(),
                        "asking NetSuite whether it accepts tokens");
  }
  const bool refused = probe->verdict == Verdict::kLoginRefused ||
                       probe->verdict == Verdict::kWrongHost;
  if (refused) co_return Refused(context, endpoints, probe->summary);
  context.notes.login_problem.clear();
  context.notes.access_closed = !probe->reads;
  if (probe->token_authentication_on) {
    co_return Done("NetSuite accepts token logins",
                   {{"feature", "on: a token login was accepted"}});
  }
  // Logged in by other means (OAuth 2.0): only a person can see the box.
  co_return ByWord(context, endpoints);
}

}  // namespace keyturn::steps
