#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/engine/commands.h"
#include "daemon/steps/notes.h"

namespace keyturn::engine {
namespace {

using migration::EventKind;
using migration::Task;

std::string_view WithoutNewline(std::string_view text) {
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  return text;
}

absl::Status CheckValue(std::string_view field, std::string_view value) {
  if (value.empty()) return base::FieldError(field, "is empty");
  if (value.size() > kTokenBytesMax) {
    return base::FieldError(
        field, absl::StrCat("must be at most ", kTokenBytesMax, " characters"));
  }
  if (std::any_of(value.begin(), value.end(),
                  [](char c) { return c <= ' ' || c > '~'; })) {
    return base::FieldError(field,
                            "must be printable ASCII without spaces, as "
                            "it was shown");
  }
  if (std::all_of(value.begin(), value.end(),
                  [](char c) { return c == '*'; })) {
    return base::FieldError(field,
                            "is a mask of asterisks; give the value that "
                            "was shown when the token was made");
  }
  return absl::OkStatus();
}

absl::Status TaskClosed(const Task& task) {
  return base::WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "task ", task.id,
          task.state == Task::State::kDone ? " was answered before"
                                           : " is not needed any more",
          "; `keyturn task list` shows what is open")),
      "TASK_CLOSED");
}

absl::Status CheckOpenFor(const Task& task, bool token) {
  if (task.state != Task::State::kOpen) return TaskClosed(task);
  if (!token && task.answer == Task::Answer::kToken) {
    return base::WithReason(
        absl::FailedPreconditionError(
            "this task is done by handing in the token id and secret: "
            "`keyturn task submit`"),
        "SECRET_REQUIRED");
  }
  if (token && task.answer == Task::Answer::kDoneByHand) {
    return base::WithReason(
        absl::FailedPreconditionError(
            "this task asks for no token; say `keyturn task done` when it is "
            "done"),
        "NO_SECRET_ASKED");
  }
  return absl::OkStatus();
}

int NumberOf(const store::CredentialWrite& write) {
  if (const auto* version = std::get_if<store::NewVersion>(&write)) {
    return version->version.number;
  }
  return 1;
}

// Seals `token` as the migration's newest, in place of one that was handed in
// before and never came into use.
absl::StatusOr<std::vector<store::CredentialWrite>> Seal(
    const Engine::Options& options, const std::string& migration_id,
    const vault::Payload& token, const std::string& creator) {
  const std::string name = steps::TokenCredential(migration_id);
  const absl::Time now = options.clock.Now();
  constexpr auto kPending = store::VersionLabel::kPending;
  const absl::StatusOr<store::CredentialInfo> stored =
      options.store.GetCredential(name);
  if (absl::IsNotFound(stored.status())) {
    ASSIGN_OR_RETURN(store::CredentialWrite first,
                     options.vault.SealNew(name, token, kPending, migration_id,
                                           creator, now));
    std::vector<store::CredentialWrite> writes;
    writes.push_back(std::move(first));
    return writes;
  }
  RETURN_IF_ERROR(stored.status());
  ASSIGN_OR_RETURN(
      store::CredentialWrite next,
      options.vault.SealVersion(name, token, kPending, creator, now));
  std::vector<store::CredentialWrite> writes;
  for (const store::CredentialInfo::Version& version : stored->versions) {
    if (version.label != kPending) continue;
    writes.push_back(store::RelabelVersion{name, version.number,
                                           store::VersionLabel::kRevoked});
  }
  writes.push_back(std::move(next));
  return writes;
}

}  // namespace

absl::StatusOr<vault::ConnectionToken> CheckToken(
    const secret::Secret& token_id, const secret::Secret& token_secret) {
  const std::string_view id = WithoutNewline(token_id.Expose());
  const std::string_view secret = WithoutNewline(token_secret.Expose());
  RETURN_IF_ERROR(CheckValue("token_id", id));
  RETURN_IF_ERROR(CheckValue("token_secret", secret));
  if (id == secret) {
    return base::FieldError("token_secret", "is the same as the token id");
  }
  return vault::ConnectionToken{secret::Secret(id), secret::Secret(secret)};
}

asio::awaitable<absl::StatusOr<Task>> Commands::CompleteTask(
    Request request, std::string task_id, std::string evidence) {
  if (evidence.size() > kEvidenceBytesMax) {
    co_return base::FieldError(
        "evidence",
        absl::StrCat("must be at most ", kEvidenceBytesMax, " bytes"));
  }
  absl::StatusOr<Task> task = options_.store.GetTask(task_id);
  if (!task.ok()) co_return task.status();
  CO_RETURN_IF_ERROR(CheckOpenFor(*task, /*token=*/false));
  Ledger::Work<Task> work = [this, &request, &task, &evidence](Entry& entry) {
    return task->blocking ? CompleteInTurn(entry, request, *task, evidence)
                          : CloseFollowUp(entry, request, *task, evidence);
  };
  co_return co_await ledger_.InTurn<Task>(task->migration_id, std::move(work));
}

asio::awaitable<absl::StatusOr<Task>> Commands::CompleteInTurn(
    Entry& entry, const Request& request, const Task& task,
    const std::string& evidence) {
  migration::Event event;
  event.kind = EventKind::kTaskDone;
  event.at = options_.clock.Now();
  event.actor = request.caller.identity;
  event.task_id = task.id;
  event.evidence = evidence;
  Extras extras = ExtrasOf(request, request.target, event.at);
  co_return co_await AnswerTask(entry, std::move(event), std::move(extras));
}

asio::awaitable<absl::StatusOr<Task>> Commands::CloseFollowUp(
    Entry& entry, const Request& request, const Task& task,
    const std::string& evidence) {
  const absl::Time now = options_.clock.Now();
  const std::string& actor = request.caller.identity;
  const migration::Happening done{
      "TASK_DONE", absl::StrCat(task.title, ": done by ", actor), task.step};
  store::TaskClosing closing;
  closing.task = {task.id, Task::State::kDone, actor, evidence};
  closing.at = now;
  Extras extras = ExtrasOf(request, request.target, now);
  store::Batch batch;
  batch.closed_tasks.push_back(std::move(closing));
  batch.events.push_back(StoredEventOf(entry.value, done, actor, now));
  batch.request = std::move(extras.request);
  batch.audit = std::move(extras.audit);
  const absl::Status status = co_await ledger_.Commit(std::move(batch));
  if (!status.ok()) co_return status;
  co_return options_.store.GetTask(task.id);
}

asio::awaitable<absl::StatusOr<Task>> Commands::SubmitToken(
    Request request, std::string task_id, secret::Secret token_id,
    secret::Secret token_secret) {
  absl::StatusOr<vault::ConnectionToken> token =
      CheckToken(token_id, token_secret);
  if (!token.ok()) co_return token.status();
  absl::StatusOr<Task> task = options_.store.GetTask(task_id);
  if (!task.ok()) co_return task.status();
  CO_RETURN_IF_ERROR(CheckOpenFor(*task, /*token=*/true));
  const vault::Payload payload(*std::move(token));
  Ledger::Work<Task> work = [this, &request, &task, &payload](Entry& entry) {
    return SubmitInTurn(entry, request, *task, payload);
  };
  co_return co_await ledger_.InTurn<Task>(task->migration_id, std::move(work));
}

asio::awaitable<absl::StatusOr<Task>> Commands::SubmitInTurn(
    Entry& entry, const Request& request, const Task& task,
    const vault::Payload& token) {
  absl::StatusOr<steps::Notes> notes = steps::ParseNotes(entry.value.notes);
  if (!notes.ok()) co_return notes.status();
  absl::StatusOr<std::vector<store::CredentialWrite>> writes =
      Seal(options_, entry.value.id, token, request.caller.identity);
  if (!writes.ok()) co_return writes.status();
  steps::NoteToken(*notes, NumberOf(writes->back()));
  migration::Event event;
  event.kind = EventKind::kTokenSubmitted;
  event.at = options_.clock.Now();
  event.actor = request.caller.identity;
  event.task_id = task.id;
  event.notes = steps::FormatNotes(*notes);
  Extras extras = ExtrasOf(request, request.target, event.at);
  extras.credentials = *std::move(writes);
  co_return co_await AnswerTask(entry, std::move(event), std::move(extras));
}

asio::awaitable<absl::StatusOr<Task>> Commands::AnswerTask(
    Entry& entry, migration::Event event, Extras extras) {
  const std::string task_id = event.task_id;
  const absl::Status status =
      co_await ledger_.Apply(entry, std::move(event), std::move(extras));
  if (!status.ok()) co_return status;
  driver_.Consider(entry.value);
  co_return options_.store.GetTask(task_id);
}

}  // namespace keyturn::engine
