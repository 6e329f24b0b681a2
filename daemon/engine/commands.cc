#include "daemon/engine/commands.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::engine {

using migration::EventKind;

std::string ActionOf(EventKind kind) {
  constexpr char kService[] = "keyturn.v1.Migrations/";
  switch (kind) {
    case EventKind::kStart:
      return absl::StrCat(kService, "StartMigration");
    case EventKind::kApprove:
      return absl::StrCat(kService, "ApproveMigration");
    case EventKind::kReject:
      return absl::StrCat(kService, "RejectMigration");
    case EventKind::kPause:
      return absl::StrCat(kService, "PauseMigration");
    case EventKind::kResume:
      return absl::StrCat(kService, "ResumeMigration");
    case EventKind::kCancel:
      return absl::StrCat(kService, "CancelMigration");
    case EventKind::kRetry:
      return absl::StrCat(kService, "RetryMigration");
    case EventKind::kRollBack:
      return absl::StrCat(kService, "RollBackMigration");
    case EventKind::kTaskDone:
    case EventKind::kTokenSubmitted:
    case EventKind::kPlanMade:
    case EventKind::kStepDone:
    case EventKind::kStepProgress:
    case EventKind::kStepWait:
    case EventKind::kStepRetry:
    case EventKind::kTaskNeeded:
    case EventKind::kStepFailed:
    case EventKind::kStepBlocked:
    case EventKind::kTurnForward:
    case EventKind::kSettle:
      return "";
  }
  return "";
}

asio::awaitable<absl::StatusOr<migration::Migration>> Commands::Command(
    Request request, MigrationCommand command) {
  if (ActionOf(command.kind).empty()) {
    co_return absl::InternalError(absl::StrCat(
        "no caller's command: ", base::ToAbsl(migration::Name(command.kind))));
  }
  if (command.reason.size() > kReasonBytesMax) {
    co_return base::FieldError(
        "reason", absl::StrCat("must be at most ", kReasonBytesMax, " bytes"));
  }
  Ledger::Work<migration::Migration> work = [this, &request,
                                             &command](Entry& entry) {
    return CommandInTurn(entry, request, command);
  };
  co_return co_await ledger_.InTurn<migration::Migration>(command.migration_id,
                                                          std::move(work));
}

asio::awaitable<absl::StatusOr<migration::Migration>> Commands::CommandInTurn(
    Entry& entry, const Request& request, const MigrationCommand& command) {
  migration::Event event;
  event.kind = command.kind;
  event.at = options_.clock.Now();
  event.actor = request.caller.identity;
  event.expected_revision = command.expected_revision;
  event.message = command.reason;
  event.plan_hash = command.plan_hash;
  Extras extras = ExtrasOf(request, request.target, event.at);
  const absl::Status status =
      co_await ledger_.Apply(entry, std::move(event), std::move(extras));
  if (!status.ok()) co_return status;
  driver_.Consider(entry.value);
  co_return entry.value;
}

}  // namespace keyturn::engine
