#include "daemon/engine/driver.h"

#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/engine/trail_rows.h"

namespace keyturn::engine {
namespace {

using migration::Action;
using migration::EventKind;

bool IsAttempt(const Action& action) {
  return action.kind == Action::Kind::kRun ||
         action.kind == Action::Kind::kUndo;
}

// Whether it may have something to do without a command.
bool GoesOnByItself(const store::UnfinishedMigration& migration) {
  return migration.state == migration::State::kPlanning ||
         migration.state == migration::State::kRunning ||
         migration.state == migration::State::kRollingBack ||
         // Its task expires.
         (migration.state == migration::State::kAwaitingTask &&
          migration.wake_at.has_value());
}

}  // namespace

Driver::Driver(asio::io_context& context, const Engine::Options& options,
               Ledger& ledger, Attempts& attempts,
               std::function<void()> on_drive_end,
               std::function<void(const migration::Migration&)> on_change)
    : context_(context),
      options_(options),
      ledger_(ledger),
      attempts_(attempts),
      on_drive_end_(std::move(on_drive_end)),
      on_change_(std::move(on_change)),
      alarm_(context, options.clock, [this] { Pump(); }) {}

absl::Status Driver::Start() {
  ASSIGN_OR_RETURN(const std::vector<store::UnfinishedMigration> unfinished,
                   options_.store.ListUnfinished());
  const absl::Time now = options_.clock.Now();
  for (const store::UnfinishedMigration& migration : unfinished) {
    if (!GoesOnByItself(migration)) continue;
    agenda_.Put(migration.id, migration.wake_at.value_or(now));
  }
  parked_ = options_.vault.sealed();
  options_.log(absl::StrCat("engine: ", unfinished.size(),
                            " migrations are not at rest, ", agenda_.size(),
                            " of them go on by themselves"));
  PumpSoon();
  return absl::OkStatus();
}

void Driver::Consider(const migration::Migration& migration) {
  if (stopping_) return;
  const Entry* entry = ledger_.Find(migration.id);
  if (entry != nullptr && entry->driven) return;
  on_change_(migration);
  const absl::Time now = options_.clock.Now();
  const Action action = migration::NextAction(migration, now);
  switch (action.kind) {
    case Action::Kind::kNone:
      agenda_.Remove(migration.id);
      return;
    case Action::Kind::kRun:
    case Action::Kind::kUndo:
    case Action::Kind::kSettle:
      agenda_.Put(migration.id, now);
      break;
    case Action::Kind::kWait:
      agenda_.Put(migration.id, action.at);
      break;
  }
  PumpSoon();
}

void Driver::Stop() {
  stopping_ = true;
  alarm_.Stop();
}

void Driver::Unpark() {
  // It may have been sealed again meanwhile.
  parked_ = options_.vault.sealed();
  PumpSoon();
}

void Driver::PumpSoon() {
  if (std::exchange(pump_posted_, true)) return;
  asio::post(context_, [this] {
    pump_posted_ = false;
    Pump();
  });
}

void Driver::Pump() {
  if (stopping_ || parked_) return;
  for (int taken = 0; running_ < options_.running_max; ++taken) {
    if (taken == kTakenUpAtOnceMax) {
      PumpSoon();
      return;
    }
    const std::optional<std::string> id = agenda_.TakeDue(options_.clock.Now());
    if (!id.has_value()) {
      if (const auto next = agenda_.NextInstant()) alarm_.Set(*next);
      return;
    }
    TakeUp(*id);
  }
}

void Driver::TakeUp(const std::string& id) {
  absl::StatusOr<Entry*> entry = ledger_.Open(id);
  if (!entry.ok()) {
    const bool lost =
        absl::IsDataLoss(entry.status()) || absl::IsNotFound(entry.status());
    options_.log(absl::StrCat("migration ", id, " cannot be read",
                              lost ? ", it stands still: " : ": ",
                              entry.status().message()));
    if (!lost) agenda_.Put(id, options_.clock.Now() + kUnreadableWait);
    return;
  }
  if (std::exchange((*entry)->driven, true)) {
    ledger_.Close(**entry);
    return;
  }
  ++running_;
  asio::co_spawn(context_, Drive(**entry), [this](std::exception_ptr thrown) {
    // It may have kept a turn for ever: better to stop than to stand still.
    if (thrown != nullptr) ledger_.Break(absl::InternalError("a drive threw"));
    --running_;
    PumpSoon();
    on_drive_end_();
  });
}

asio::awaitable<void> Driver::Drive(Entry& entry) {
  co_await entry.turns.Take();
  for (bool goes_on = true; goes_on && !stopping_ && !parked_;) {
    const Action action =
        migration::NextAction(entry.value, options_.clock.Now());
    goes_on = co_await Act(entry, action);
  }
  entry.driven = false;
  Consider(entry.value);
  entry.turns.Pass();
  ledger_.Close(entry);
}

asio::awaitable<bool> Driver::Act(Entry& entry, Action action) {
  if (action.kind == Action::Kind::kSettle) {
    migration::Event settle;
    settle.kind = EventKind::kSettle;
    settle.at = options_.clock.Now();
    Extras nothing;
    const absl::Status status =
        co_await ledger_.Apply(entry, std::move(settle), std::move(nothing));
    if (!status.ok()) ledger_.Break(status);
    co_return status.ok();
  }
  if (!IsAttempt(action)) co_return false;
  const absl::Time now = options_.clock.Now();
  const absl::Status intended = co_await ledger_.Intend(entry, action, now);
  if (!intended.ok()) {
    // Nothing is done that the trail does not tell of.
    ledger_.Break(intended);
    co_return false;
  }
  entry.attempting = true;
  entry.turns.Pass();
  const int64_t turn = entry.value.turn;
  Attempts::Checkpoint checkpoint = [this, &entry, turn](std::string notes,
                                                         std::string message) {
    return Checkpoint(entry, turn, std::move(notes), std::move(message));
  };
  migration::Migration seen = entry.value;
  vault::Openings openings;
  Ending ending = co_await attempts_.Run(std::move(seen), action,
                                         std::move(checkpoint), openings);
  co_await entry.turns.Take();
  entry.attempting = false;
  if (!ending.withdrawn.ok()) {
    co_await Withdraw(entry, action, std::move(ending.withdrawn), openings);
    co_return false;
  }
  co_await Conclude(entry, std::move(ending), openings);
  co_return true;
}

asio::awaitable<void> Driver::Withdraw(Entry& entry, Action action,
                                       absl::Status why,
                                       const vault::Openings& openings) {
  store::Batch batch;
  batch.audit.push_back(
      WithdrawalOf(entry.value, action, why, openings, options_.clock.Now()));
  const absl::Status status = co_await ledger_.Commit(std::move(batch));
  // Secrets were used, and the trail would not tell which.
  if (!status.ok()) ledger_.Break(status);
}

asio::awaitable<void> Driver::Conclude(Entry& entry, Ending ending,
                                       const vault::Openings& openings) {
  Extras extras;
  extras.credentials = std::move(ending.outcome.credentials);
  const absl::Time now = options_.clock.Now();
  migration::Event event =
      EventOf(entry.value, std::move(ending), now, Jitter());
  extras.audit.push_back(OutcomeOf(entry.value, event, openings));
  absl::Status status =
      co_await ledger_.Apply(entry, std::move(event), std::move(extras));
  if (status.ok() || ledger_.broken()) co_return;
  options_.log(absl::StrCat("migration ", entry.value.id,
                            ": outcome refused: ", status.message()));
  event = EventOfRefusal(entry.value, status, now, Jitter());
  Extras refused;
  refused.audit.push_back(OutcomeOf(entry.value, event, openings));
  status = co_await ledger_.Apply(entry, std::move(event), std::move(refused));
  // Neither what happened nor that it cannot be stored can be stored.
  if (!status.ok()) ledger_.Break(status);
}

asio::awaitable<absl::Status> Driver::Checkpoint(Entry& entry, int64_t turn,
                                                 std::string notes,
                                                 std::string message) {
  // Being cut must not end this between taking the turn and passing it.
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await entry.turns.Take();
  migration::Event event;
  event.kind = EventKind::kStepProgress;
  event.at = options_.clock.Now();
  event.turn = turn;
  event.notes = std::move(notes);
  event.message = std::move(message);
  Extras nothing;
  absl::Status status =
      co_await ledger_.Apply(entry, std::move(event), std::move(nothing));
  entry.turns.Pass();
  co_await asio::this_coro::throw_if_cancelled(true);
  co_return status;
}

}  // namespace keyturn::engine
