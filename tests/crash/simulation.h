// The whole daemon in one process, on one thread of control and a clock of its
// own: engine, core, store, vault, audit trail, steps and both clients with all
// their layers are the real ones; Celigo, NetSuite, the network and the people
// are played.
//
// One seed gives one history, to the byte. Its points are numbered as they are
// reached: before and after each commit, and before each call, between its
// effect and its answer, and after its answer. At any of them the daemon can be
// stopped; what is not stored is lost, and another life of it begins from what
// is.
#ifndef KEYTURN_TESTS_CRASH_SIMULATION_H_
#define KEYTURN_TESTS_CRASH_SIMULATION_H_

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/audit/sealer.h"
#include "daemon/engine/engine.h"
#include "daemon/migration/model.h"
#include "daemon/steps/account_clients.h"
#include "daemon/store/store.h"
#include "daemon/vault/vault.h"
#include "tests/crash/outside.h"
#include "tests/crash/people.h"
#include "tests/crash/scenario.h"
#include "tests/crash/troubles.h"
#include "tests/crash/turn_store.h"
#include "tests/crash/violation.h"
#include "tests/sandbox/random.h"
#include "tests/support/fake_clock.h"

namespace keyturn::crash {

// Deliberate faults of the product: what a checker must find. None by default.
struct Mutation {
  engine::StepRunner* steps = nullptr;
  std::function<void(store::Batch&)> batch;
  std::function<void(http::Request&)> request;
  bool tells_early = false;
  bool repeats_writes = false;
  // An approval of any plan is taken for one of the plan that there is.
  bool takes_any_plan = false;
};

struct Options {
  Scenario scenario;
  uint64_t seed = 1;
  // At which point of each life, counted from 1, the daemon is stopped. The
  // life after the last one goes on undisturbed.
  std::vector<int> stops;
  // Network, disk and people make trouble, as the seed draws it.
  bool troubles = false;
  Mutation mutation;
};

class Simulation {
 public:
  explicit Simulation(Options options);
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // Runs until nothing is left to be done by anybody, then checks.
  void Run();

  // What happened, a line each.
  const std::string& history() const { return history_; }
  // How many points each life reached.
  const std::vector<int>& points() const { return points_; }
  // What was wrong, at any time.
  const Violations& violations() const { return violations_; }
  int troubles() const { return troubles_ == nullptr ? 0 : troubles_->count(); }
  // How the migration ended; null when it never was.
  const std::optional<migration::Migration>& end() const { return end_; }

 private:
  friend class Checkers;

  People::Hooks HooksOfPeople();
  // Opens store, vault, clients and engine, and starts the engine.
  void Open();
  void Close();
  void FillStore();
  void Stop();
  // Does one thing. False: nothing is left to do.
  bool Turn();
  void CommitNext();
  // So that the clock stops at `instant` on its way.
  void WakeAt(absl::Time instant);
  // Counts a point; true: the daemon stops here.
  bool Reach(const std::string& point);
  void Tell(std::string line);
  bool IsAtRest();

  const Options options_;
  std::string directory_;
  testing::FakeClock clock_;
  sandbox::Random chance_;
  std::string history_;
  std::vector<int> points_;
  bool stopped_ = false;
  // People look again when something has become known.
  bool news_ = false;
  std::optional<absl::Time> wakes_at_;
  Violations violations_;
  std::optional<migration::Migration> end_;
  std::unique_ptr<class Checkers> checkers_;
  Outside outside_;
  // Null: nothing goes wrong.
  std::unique_ptr<Troubles> troubles_;
  People people_;

  // One life, in the order in which they depend on each other.
  audit::Sealer sealer_;
  std::unique_ptr<asio::io_context> context_;
  using Work = asio::executor_work_guard<asio::io_context::executor_type>;
  std::optional<Work> work_;
  std::unique_ptr<TurnStore> store_;
  std::unique_ptr<vault::Vault> vault_;
  std::unique_ptr<steps::AccountClients> clients_;
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace keyturn::crash

#endif  // KEYTURN_TESTS_CRASH_SIMULATION_H_
