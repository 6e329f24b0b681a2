#include "daemon/engine/trail_rows.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/notes.h"

namespace keyturn::engine {
namespace {

using migration::Action;

store::AuditRow RowOfAttempt(const migration::Migration& migration,
                             migration::Step step, bool undo, absl::Time now) {
  store::AuditRow row;
  row.time = now;
  row.actor = "daemon";
  row.transport = "internal";
  row.action = absl::StrCat(undo ? "undo/" : "step/",
                            base::ToAbsl(migration::Name(step)));
  row.target = absl::StrCat("migrations/", migration.id);
  return row;
}

store::AuditRow RowOfAttempt(const migration::Migration& migration,
                             const Action& action, absl::Time now) {
  return RowOfAttempt(migration, action.step,
                      action.kind == Action::Kind::kUndo, now);
}

}  // namespace

std::string DetailOf(const vault::Openings& openings, std::string_view why) {
  const std::string opened = openings.Text();
  if (opened.empty()) return std::string(why);
  return absl::StrCat("opened ", opened, why.empty() ? "" : "; ",
                      base::ToAbsl(why));
}

absl::StatusOr<std::string> SecretsOf(const migration::Migration& migration,
                                      store::Store& store) {
  std::vector<std::string> names = {steps::TokenCredential(migration.id),
                                    migration.spec.old_login,
                                    migration.spec.token.consumer};
  for (const std::string& account :
       {migration.spec.celigo.account, migration.spec.netsuite.account}) {
    const absl::StatusOr<store::Account> stored = store.GetAccount(account);
    if (absl::IsNotFound(stored.status())) continue;
    if (!stored.ok()) return stored.status();
    names.push_back(stored->credential);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::string text;
  for (const std::string& name : names) {
    if (name.empty()) continue;
    absl::StrAppend(&text, text.empty() ? "" : ", ", "credentials/", name);
  }
  return text;
}

store::AuditRow RowOf(const Caller& caller, std::string_view action,
                      std::string target, std::string_view result,
                      absl::Time now) {
  store::AuditRow row;
  row.time = now;
  row.actor = caller.identity;
  row.transport = caller.transport;
  row.subject = caller.subject;
  row.serial = caller.serial;
  row.peer = caller.peer;
  row.action = action;
  row.target = std::move(target);
  row.request_id = caller.request_id;
  row.digest = caller.fingerprint;
  row.result = result;
  return row;
}

store::AuditRow RowOf(const Caller& caller, std::string_view action,
                      std::string target, const absl::Status& status,
                      absl::Time now) {
  store::AuditRow row = RowOf(caller, action, std::move(target),
                              absl::StatusCodeToString(status.code()), now);
  row.detail = base::MessageOf(status);
  return row;
}

store::AuditRow IntentOf(const migration::Migration& migration,
                         const Action& action, std::string_view secrets,
                         absl::Time now) {
  store::AuditRow row = RowOfAttempt(migration, action, now);
  row.result = kIntended;
  row.detail = absl::StrCat("may use ", base::ToAbsl(secrets));
  return row;
}

store::AuditRow OutcomeOf(const migration::Migration& migration,
                          const migration::Event& outcome,
                          const vault::Openings& openings) {
  store::AuditRow row = RowOfAttempt(migration, migration.current,
                                     migration.going_back, outcome.at);
  row.result =
      absl::AsciiStrToUpper(base::ToAbsl(migration::Name(outcome.kind)));
  row.detail = DetailOf(openings);
  return row;
}

store::AuditRow WithdrawalOf(const migration::Migration& migration,
                             const Action& action, const absl::Status& why,
                             const vault::Openings& openings, absl::Time now) {
  store::AuditRow row = RowOfAttempt(migration, action, now);
  row.result = base::ReasonOf(why);
  row.detail = DetailOf(openings);
  return row;
}

}  // namespace keyturn::engine
