#include "daemon/engine/creation.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/id.h"
#include "daemon/base/resource.h"
#include "daemon/base/status.h"
#include "daemon/engine/trail_rows.h"
#include "daemon/migration/spec.h"
#include "daemon/store/lists.h"

namespace keyturn::engine {
namespace {

using steps::Outcome;

asio::awaitable<absl::Status> KeepInMemory() { co_return absl::OkStatus(); }

absl::Status NotThere(std::string_view field, const absl::Status& status,
                      std::string_view what, const std::string& name) {
  if (!absl::IsNotFound(status)) return status;
  const absl::Status missing = absl::NotFoundError(
      absl::StrCat("there is no ", base::ToAbsl(what), " ", name, "; `keyturn ",
                   base::ToAbsl(what), " list` shows those there are"));
  return base::WithResource(
      base::WithField(base::WithReason(missing, base::ReasonOf(status)), field),
      name);
}

// Errors that say about a plan what would otherwise be stored.
absl::Status RefusalOf(const Outcome& outcome) {
  if (outcome.kind == Outcome::Kind::kRefused) {
    return outcome.refusal.ok()
               ? absl::InternalError("preflight refused without a reason")
               : outcome.refusal;
  }
  const bool passes = outcome.kind == Outcome::Kind::kRetry ||
                      outcome.kind == Outcome::Kind::kWait;
  const std::string reason =
      outcome.attention.has_value() ? outcome.attention->reason : "";
  if (passes) {
    return base::WithReason(absl::UnavailableError(outcome.message),
                            reason.empty() || reason == "ATTEMPTS_EXHAUSTED"
                                ? "OUTSIDE_UNAVAILABLE"
                                : reason);
  }
  return base::WithReason(absl::FailedPreconditionError(outcome.message),
                          reason.empty() ? "BLOCKED" : reason);
}

}  // namespace

asio::awaitable<absl::StatusOr<migration::Migration>> Creation::Create(
    Request request, CreateCommand command) {
  CO_RETURN_IF_ERROR(Check(command));
  const absl::Time now = options_.clock.Now();
  migration::Migration created =
      migration::NewMigration(base::NewId(), std::move(command.spec),
                              request.caller.identity, command.start, now);
  const migration::Action preflight = migration::NextAction(created, now);
  Attempts::Checkpoint checkpoint = [](std::string, std::string) {
    return KeepInMemory();
  };
  // Preflight opens secrets, so the trail tells of it first.
  absl::StatusOr<std::string> secrets = SecretsOf(created, options_.store);
  if (!secrets.ok()) co_return secrets.status();
  store::Batch intent;
  intent.audit.push_back(
      RowOf(request.caller, request.action, request.target, kIntended, now));
  intent.audit.back().detail = absl::StrCat("preflight may use ", *secrets);
  const absl::Status told = co_await ledger_.Commit(std::move(intent));
  if (!told.ok()) co_return told;
  migration::Migration seen = created;
  Ending ending = co_await attempts_.Run(
      std::move(seen), preflight, std::move(checkpoint), *request.openings);
  if (!ending.withdrawn.ok()) co_return ending.withdrawn;
  const Outcome::Kind kind = ending.outcome.kind;
  const bool refused = kind == Outcome::Kind::kRefused;
  if (refused || (command.validate_only && kind != Outcome::Kind::kPlan)) {
    co_return RefusalOf(ending.outcome);
  }
  if (!command.validate_only) {
    co_return co_await Store(std::move(request), std::move(created),
                             std::move(ending), std::move(command.member));
  }
  const absl::Time planned = options_.clock.Now();
  const migration::Event event =
      EventOf(created, std::move(ending), planned, driver_.Jitter());
  absl::StatusOr<Change> change = ChangeOf(created, event, /*settle=*/true);
  if (!change.ok()) co_return change.status();
  change->after.id.clear();
  co_return std::move(change->after);
}

asio::awaitable<absl::StatusOr<migration::Migration>> Creation::Store(
    Request request, migration::Migration created, Ending ending,
    std::optional<store::MemberWrite> member) {
  const absl::Time now = options_.clock.Now();
  const migration::Happening made{
      "CREATED", absl::StrCat("created by ", request.caller.identity),
      migration::Step::kPreflight};
  store::StoredEvent first =
      StoredEventOf(created, made, request.caller.identity, created.created_at);
  std::vector<store::CredentialWrite> credentials =
      std::move(ending.outcome.credentials);
  migration::Event event =
      EventOf(created, std::move(ending), now, driver_.Jitter());
  absl::StatusOr<Change> change = ChangeOf(created, event, /*settle=*/true);
  if (!change.ok()) co_return change.status();
  store::Batch& batch = change->batch;
  batch.events.insert(batch.events.begin(), std::move(first));
  request.target = absl::StrCat("migrations/", created.id);
  Extras extras = ExtrasOf(request, request.target, now);
  batch.request = std::move(extras.request);
  batch.audit = std::move(extras.audit);
  batch.credentials = std::move(credentials);
  if (member.has_value()) {
    member->member.state = migration::MemberState::kBegun;
    member->member.migration_id = created.id;
    batch.members.push_back(*std::move(member));
  }
  absl::StatusOr<std::string> secrets =
      SecretsOf(change->after, options_.store);
  if (!secrets.ok()) co_return secrets.status();
  const bool intends = Ledger::AddIntent(change->after, *secrets, now, batch);
  const absl::Status status = co_await ledger_.Commit(std::move(batch));
  if (!status.ok()) co_return status;
  if (intends) ledger_.NoteIntent(change->after);
  ledger_.Log(change->log);
  driver_.Consider(change->after);
  co_return std::move(change->after);
}

absl::Status Creation::Check(const CreateCommand& command) {
  const migration::Spec& spec = command.spec;
  RETURN_IF_ERROR(migration::ValidateSpec(spec));
  RETURN_IF_ERROR(CheckAccount(command, "spec.celigo.account",
                               spec.celigo.account,
                               store::AccountKind::kCeligo));
  RETURN_IF_ERROR(CheckAccount(command, "spec.netsuite.account",
                               spec.netsuite.account,
                               store::AccountKind::kNetSuite));
  RETURN_IF_ERROR(CheckCredential(command, "spec.token.consumer",
                                  spec.token.consumer,
                                  store::CredentialKind::kNetSuiteTba));
  RETURN_IF_ERROR(CheckCredential(command, "spec.old_login", spec.old_login,
                                  store::CredentialKind::kNetSuiteLogin));
  return CheckConnectionIsFree(spec);
}

absl::Status Creation::CheckAccount(const CreateCommand& command,
                                    std::string_view field,
                                    const std::string& name,
                                    store::AccountKind kind) {
  const absl::StatusOr<store::Account> account = FindAccount(command, name);
  if (!account.ok()) return NotThere(field, account.status(), "account", name);
  if (account->kind == kind) return absl::OkStatus();
  return base::FieldError(
      field,
      absl::StrCat(name, " is a ", base::ToAbsl(store::Name(account->kind)),
                   " account; name a ", base::ToAbsl(store::Name(kind)),
                   " account"));
}

absl::Status Creation::CheckCredential(const CreateCommand& command,
                                       std::string_view field,
                                       const std::string& name,
                                       store::CredentialKind kind) {
  if (name.empty()) return absl::OkStatus();
  const absl::StatusOr<store::CredentialInfo> credential =
      FindCredential(command, name);
  if (!credential.ok()) {
    return NotThere(field, credential.status(), "credential", name);
  }
  if (credential->kind == kind) return absl::OkStatus();
  return base::FieldError(
      field,
      absl::StrCat(name, " is a credential of kind ",
                   base::ToAbsl(store::Name(credential->kind)),
                   "; name one of kind ", base::ToAbsl(store::Name(kind))));
}

absl::StatusOr<store::Account> Creation::FindAccount(
    const CreateCommand& command, const std::string& name) {
  if (!command.accounts.has_value() || command.accounts->contains(name)) {
    return options_.store.GetAccount(name);
  }
  return store::NoSuch("account", name, "ACCOUNT_NOT_FOUND");
}

absl::StatusOr<store::CredentialInfo> Creation::FindCredential(
    const CreateCommand& command, const std::string& name) {
  if (!command.accounts.has_value()) return options_.store.GetCredential(name);
  for (const std::string& own : *command.accounts) {
    const absl::StatusOr<store::Account> account =
        options_.store.GetAccount(own);
    if (absl::IsNotFound(account.status())) continue;
    RETURN_IF_ERROR(account.status());
    if (account->credential == name) return options_.store.GetCredential(name);
  }
  return store::NoSuch("credential", name, "CREDENTIAL_NOT_FOUND");
}

absl::Status Creation::CheckConnectionIsFree(const migration::Spec& spec) {
  const std::string key =
      ConnectionKey(spec.celigo.account, spec.celigo.connection);
  if (key.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::optional<std::string> other,
                   options_.store.FindLiveByConnection(key));
  if (!other.has_value()) return absl::OkStatus();
  return base::WithResource(
      base::WithReason(
          absl::FailedPreconditionError(absl::StrCat(
              "migration ", *other,
              " works on this connection already; let it end, or cancel it")),
          "LIVE_MIGRATION"),
      *other);
}

}  // namespace keyturn::engine
