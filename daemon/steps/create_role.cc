// Makes sure that the role is there with all that it needs. NetSuite has no
// interface that creates a role (record API, SOAP, SuiteScript: NetSuite help
// chapter_1558962745, section_4412278953), so the act is a person's; with an
// access credential the daemon looks and proves.
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/adopt.h"
#include "daemon/steps/netsuite_checks.h"
#include "daemon/steps/steps.h"
#include "daemon/steps/tasks.h"

namespace keyturn::steps {
namespace {

Outcome ByWord(const Context& context, const netsuite::Endpoints& endpoints) {
  if (context.spec().adopt) return AdoptUnseen("the role");
  if (!context.answered()) return Ask(CreateRoleTask(context, endpoints, ""));
  return Done(
      "an administrator says that the role is there; test_candidate proves it",
      {{"role", context.spec().role.name},
       {"task", absl::StrCat("tasks/", context.record().task_id)}});
}

}  // namespace

asio::awaitable<Outcome> CreateRole(Context& context) {
  const absl::StatusOr<NetSuiteAccount> account = context.NetSuite();
  if (!account.ok()) {
    co_return FromError(account.status(), "opening the NetSuite account");
  }
  const netsuite::Endpoints& endpoints = account->client->endpoints();
  if (!MayAsk(context, *account)) co_return ByWord(context, endpoints);
  const absl::StatusOr<RoleCheck> check =
      co_await CheckRole(context, *account->client);
  if (!check.ok()) {
    if (IsForPeople(context, check.status())) {
      co_return ByWord(context, endpoints);
    }
    co_return FromError(check.status(), "reading the role");
  }
  if (!check->found) {
    std::string problem = check->problem;
    if (context.answered()) {
      problem =
          absl::StrCat("NetSuite has no role named ", context.spec().role.name,
                       " yet", problem.empty() ? "" : "; ", problem);
    }
    co_return Ask(CreateRoleTask(context, endpoints, std::move(problem)));
  }
  context.notes.role_id = check->role_id;
  if (!check->problem.empty()) {
    co_return Ask(RepairRoleTask(context, endpoints, check->missing,
                                 check->inactive, check->problem));
  }
  co_return Done(absl::StrCat("the role ", context.spec().role.name,
                              " is as it should be"),
                 check->proofs);
}

}  // namespace keyturn::steps
