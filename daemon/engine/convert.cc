#include "daemon/engine/convert.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/id.h"
#include "daemon/base/status.h"

namespace keyturn::engine {
namespace {

using migration::EventKind;
using steps::Outcome;

EventKind KindOf(Outcome::Kind kind) {
  switch (kind) {
    case Outcome::Kind::kDone:
      return EventKind::kStepDone;
    case Outcome::Kind::kPlan:
      return EventKind::kPlanMade;
    case Outcome::Kind::kWait:
      return EventKind::kStepWait;
    case Outcome::Kind::kRetry:
      return EventKind::kStepRetry;
    case Outcome::Kind::kTask:
      return EventKind::kTaskNeeded;
    case Outcome::Kind::kFailed:
      return EventKind::kStepFailed;
    case Outcome::Kind::kBlocked:
    case Outcome::Kind::kRefused:
      return EventKind::kStepBlocked;
    case Outcome::Kind::kTurnForward:
      return EventKind::kTurnForward;
  }
  return EventKind::kStepBlocked;
}

migration::Attention AttentionOfRefusal(const absl::Status& refusal) {
  const std::string reason = base::ReasonOf(refusal);
  return {reason.empty() ? "SPEC_REFUSED" : reason,
          "operator",
          base::MessageOf(refusal),
          {"`keyturn cancel`, then create a migration with a corrected spec",
           "or mend outside what the message says, then `keyturn retry`"}};
}

migration::Task TaskOf(migration::Task task, const migration::Migration& seen,
                       absl::Time now, bool blocking) {
  task.id = base::NewId();
  task.migration_id = seen.id;
  task.step = seen.current;
  task.state = migration::Task::State::kOpen;
  task.blocking = blocking;
  task.created_at = now;
  if (task.account.empty()) task.account = seen.spec.netsuite.account;
  return task;
}

void SetTimes(const Outcome& outcome, absl::Time now, migration::Event& event) {
  if (outcome.kind == Outcome::Kind::kWait) {
    event.not_before = now + std::max(outcome.wait, kWaitMin);
  }
  if (outcome.kind == Outcome::Kind::kRetry && outcome.retry_after) {
    event.not_before = now + *outcome.retry_after;
  }
}

}  // namespace

Outcome OutcomeOfFailure(const absl::Status& failure, migration::Step step) {
  const auto name = base::ToAbsl(Name(step));
  Outcome outcome;
  if (absl::IsDeadlineExceeded(failure)) {
    outcome.kind = Outcome::Kind::kRetry;
    outcome.message = absl::StrCat(
        name, " was not done within ",
        absl::FormatDuration(migration::PolicyOf(step).attempt_timeout));
    return outcome;
  }
  outcome.kind = Outcome::Kind::kBlocked;
  outcome.message =
      absl::StrCat(name, " broke off because of a bug: ", failure.message());
  outcome.attention = migration::Attention{
      "INTERNAL",
      "administrator",
      outcome.message,
      {"report it with the daemon's log, then `keyturn retry`"}};
  return outcome;
}

migration::Event EventOf(const migration::Migration& seen, Ending ending,
                         absl::Time now, double jitter) {
  Outcome& outcome = ending.outcome;
  migration::Event event;
  event.kind = KindOf(outcome.kind);
  event.at = now;
  event.turn = seen.turn;
  event.jitter = jitter;
  event.message = std::move(outcome.message);
  event.proofs = std::move(outcome.proofs);
  event.left_to_do = std::move(outcome.left_to_do);
  event.attention = std::move(outcome.attention);
  SetTimes(outcome, now, event);
  if (outcome.task.has_value()) {
    event.task = TaskOf(*std::move(outcome.task), seen, now, /*blocking=*/true);
  }
  for (migration::Task& task : outcome.follow_up_tasks) {
    event.follow_up_tasks.push_back(
        TaskOf(std::move(task), seen, now, /*blocking=*/false));
  }
  if (outcome.kind == Outcome::Kind::kRefused) {
    event.attention = AttentionOfRefusal(outcome.refusal);
  }
  if (outcome.kind == Outcome::Kind::kPlan && ending.notes.has_value()) {
    event.connection_key =
        ConnectionKey(seen.spec.celigo.account, ending.notes->connection_id);
    event.connection_name = ending.notes->connection_name;
  }
  event.plan = std::move(outcome.plan);
  if (ending.notes.has_value()) event.notes = steps::FormatNotes(*ending.notes);
  return event;
}

migration::Event EventOfRefusal(const migration::Migration& seen,
                                const absl::Status& refusal, absl::Time now,
                                double jitter) {
  migration::Event event;
  event.at = now;
  event.turn = seen.turn;
  event.jitter = jitter;
  event.message = base::MessageOf(refusal);
  if (base::ReasonOf(refusal) == "LIVE_MIGRATION") {
    event.kind = EventKind::kStepBlocked;
    event.attention =
        migration::Attention{"LIVE_MIGRATION",
                             "operator",
                             event.message,
                             {"`keyturn cancel` this one",
                              "or `keyturn retry` it when the other "
                              "one is at rest"}};
    return event;
  }
  event.kind = EventKind::kStepRetry;
  event.message =
      absl::StrCat("the outcome could not be stored: ", refusal.message());
  return event;
}

std::string ConnectionKey(std::string_view account,
                          std::string_view connection_id) {
  if (connection_id.empty()) return "";
  return absl::StrCat(base::ToAbsl(account), "/",
                      absl::AsciiStrToLower(base::ToAbsl(connection_id)));
}

}  // namespace keyturn::engine
