#include "daemon/engine/attempts.h"

#include <utility>

#include "daemon/base/status.h"
#include "daemon/steps/notes.h"
#include "daemon/steps/step.h"

namespace keyturn::engine {
namespace {

// Whether the outcome holds although the attempt was cut. A failure then is
// most likely the cut itself, as the step saw it.
bool HoldsWhenCut(steps::Outcome::Kind kind) {
  switch (kind) {
    case steps::Outcome::Kind::kDone:
    case steps::Outcome::Kind::kPlan:
    case steps::Outcome::Kind::kWait:
    case steps::Outcome::Kind::kTask:
    case steps::Outcome::Kind::kTurnForward:
      return true;
    case steps::Outcome::Kind::kRetry:
    case steps::Outcome::Kind::kFailed:
    case steps::Outcome::Kind::kBlocked:
    case steps::Outcome::Kind::kRefused:
      return false;
  }
  return false;
}

// Fills in all of `ending` but the notes.
void Conclude(Limited<steps::Outcome> limited, migration::Step step,
              Ending& ending) {
  const bool cut = !limited.cut.ok();
  if (limited.value.ok() && (!cut || HoldsWhenCut(limited.value->kind))) {
    ending.outcome = *std::move(limited.value);
    return;
  }
  const std::string reason = base::ReasonOf(limited.cut);
  if (reason == "STOPPING" || reason == "SEALED") {
    ending.withdrawn = limited.cut;
  }
  ending.outcome =
      OutcomeOfFailure(cut ? limited.cut : limited.value.status(), step);
  if (limited.value.ok()) {
    ending.outcome.credentials = std::move(limited.value->credentials);
  }
}

}  // namespace

asio::awaitable<Ending> Attempts::Run(migration::Migration migration,
                                      migration::Action action,
                                      Checkpoint checkpoint,
                                      vault::Openings& openings) {
  Ending ending;
  absl::StatusOr<steps::Notes> notes = steps::ParseNotes(migration.notes);
  if (!notes.ok()) {
    ending.outcome =
        steps::FromError(notes.status(), "reading what earlier steps noted");
    co_return ending;
  }
  steps::Context context{
      migration, *std::move(notes), options_.outside, options_.vault,
      openings,  options_.store,    options_.clock,   nullptr};
  context.checkpoint = [&context, &checkpoint](std::string message) {
    return checkpoint(steps::FormatNotes(context.notes), std::move(message));
  };
  const bool undo = action.kind == migration::Action::Kind::kUndo;
  asio::awaitable<steps::Outcome> work =
      undo ? options_.steps.Undo(action.step, context)
           : options_.steps.Run(action.step, context);
  const absl::Time deadline =
      options_.clock.Now() + migration::PolicyOf(action.step).attempt_timeout;
  Limited<steps::Outcome> limited =
      co_await limits_.Run(std::move(work), deadline);
  // What was found before the time ran out is true all the same; an attempt
  // that broke off may have left anything behind.
  const bool known = limited.value.ok() || !limited.cut.ok();
  if (known) ending.notes = std::move(context.notes);
  Conclude(std::move(limited), action.step, ending);
  co_return ending;
}

}  // namespace keyturn::engine
