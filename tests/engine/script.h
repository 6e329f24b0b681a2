// Steps that do as a test says.
#ifndef KEYTURN_TESTS_ENGINE_SCRIPT_H_
#define KEYTURN_TESTS_ENGINE_SCRIPT_H_

#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/engine/engine.h"
#include "tests/support/fake_clock.h"

namespace keyturn::testing {

// A door that attempts wait at. Waiting ends with a cancellation, too.
class Door {
 public:
  asio::awaitable<void> Wait();
  void Open();
  int waiting() const { return waiting_; }

 private:
  bool open_ = false;
  int waiting_ = 0;
  // Those who wait own them: a door may outlive its context.
  std::vector<std::weak_ptr<asio::steady_timer>> timers_;
};

// Attempts that nothing was scripted for succeed: preflight with a plan for the
// connection that the spec names.
class Script final : public engine::StepRunner {
 public:
  using Attempt =
      std::function<asio::awaitable<steps::Outcome>(steps::Context&)>;

  // What the next attempts at `step` do, one after the other.
  Script& OnRun(migration::Step step, Attempt attempt);
  Script& OnRun(migration::Step step, steps::Outcome outcome);
  Script& OnUndo(migration::Step step, Attempt attempt);
  Script& OnUndo(migration::Step step, steps::Outcome outcome);

  asio::awaitable<steps::Outcome> Run(migration::Step step,
                                      steps::Context& context) override;
  asio::awaitable<steps::Outcome> Undo(migration::Step step,
                                       steps::Context& context) override;

  // "run preflight", "undo cut_over", in the order in which they began.
  std::vector<std::string> calls;
  int under_way = 0;
  int under_way_max = 0;
  // Of one migration: more than one is a fault of the engine.
  int under_way_of_one_max = 0;
  bool reversible_after_cut_over = false;
  // What attempts do that nothing was scripted for; null: they succeed.
  std::function<Attempt(migration::Step step, bool undo)> otherwise;

 private:
  using Key = std::pair<migration::Step, bool>;

  asio::awaitable<steps::Outcome> Play(Key key, steps::Context& context);
  Attempt Next(Key key);

  std::map<Key, std::deque<Attempt>> scripted_;
  std::map<std::string, int> under_way_by_id_;
};

// --- Attempts ---

// Gives `outcome` at once.
Script::Attempt Giving(steps::Outcome outcome);
// Waits at `door` first.
Script::Attempt GivingBehind(Door& door, steps::Outcome outcome);
// Would take `duration`.
Script::Attempt GivingAfter(absl::Duration duration, steps::Outcome outcome);
// Throws.
Script::Attempt Throwing();

// --- Outcomes ---

steps::Outcome PlanFor(const migration::Spec& spec, bool reversible = false);
steps::Outcome Retry(std::string message);
steps::Outcome AskFor(migration::Task::Answer answer);

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_ENGINE_SCRIPT_H_
