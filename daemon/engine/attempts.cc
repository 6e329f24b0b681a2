#include "daemon/engine/attempts.h"

#include <utility>

#include "daemon/base/status.h"
#include "daemon/steps/notes.h"
#include "daemon/steps/step.h"

namespace keyturn::engine {

asio::awaitable<Ending> Attempts::Run(migration::Migration migration,
                                      migration::Action action,
                                      Checkpoint checkpoint) {
  Ending ending;
  absl::StatusOr<steps::Notes> notes = steps::ParseNotes(migration.notes);
  if (!notes.ok()) {
    ending.outcome =
        steps::FromError(notes.status(), "reading what earlier steps noted");
    co_return ending;
  }
  steps::Context context{migration,      *std::move(notes), options_.outside,
                         options_.vault, options_.store,    options_.clock,
                         nullptr};
  context.checkpoint = [&context, &checkpoint](std::string message) {
    return checkpoint(steps::FormatNotes(context.notes), std::move(message));
  };
  const bool undo = action.kind == migration::Action::Kind::kUndo;
  asio::awaitable<steps::Outcome> work =
      undo ? options_.steps.Undo(action.step, context)
           : options_.steps.Run(action.step, context);
  const absl::Time deadline =
      options_.clock.Now() + migration::PolicyOf(action.step).attempt_timeout;
  absl::StatusOr<steps::Outcome> outcome =
      co_await limits_.Run(std::move(work), deadline);
  if (outcome.ok()) {
    ending.outcome = *std::move(outcome);
    ending.notes = std::move(context.notes);
    co_return ending;
  }
  ending.cut_by_stop = base::ReasonOf(outcome.status()) == "STOPPING";
  ending.outcome = OutcomeOfFailure(outcome.status(), action.step);
  // What was found before the time ran out is true all the same.
  if (absl::IsDeadlineExceeded(outcome.status())) {
    ending.notes = std::move(context.notes);
  }
  co_return ending;
}

}  // namespace keyturn::engine
