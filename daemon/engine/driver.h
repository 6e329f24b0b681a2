// The loop: takes up what is due, runs attempts, stores their outcomes.
#ifndef KEYTURN_DAEMON_ENGINE_DRIVER_H_
#define KEYTURN_DAEMON_ENGINE_DRIVER_H_

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "daemon/engine/agenda.h"
#include "daemon/engine/alarm.h"
#include "daemon/engine/attempts.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/ledger.h"
#include "daemon/migration/model.h"
#include "daemon/migration/transition.h"

namespace keyturn::engine {

// Drives taken up in one turn of the loop, so that a start with a hundred
// thousand due migrations does not hold everybody up.
inline constexpr int kTakenUpAtOnceMax = 64;
// A migration that the store cannot give at this moment is tried again then.
inline constexpr absl::Duration kUnreadableWait = absl::Minutes(1);

// Belongs to the engine's thread.
class Driver {
 public:
  // All outlive the driver. `on_drive_end` is called from the loop, `on_change`
  // from Consider, with what has come to stand still or goes on.
  Driver(asio::io_context& context, const Engine::Options& options,
         Ledger& ledger, Attempts& attempts, std::function<void()> on_drive_end,
         std::function<void(const migration::Migration&)> on_change);

  // Puts every migration that is not at rest on the agenda, without reading
  // one. The work begins when the context runs.
  absl::Status Start();

  // To be called when a migration was made or changed, with its stored value.
  void Consider(const migration::Migration& migration);

  // Takes up nothing any more; drives end after the attempt they are at.
  void Stop();

  // Takes up nothing until Unpark; drives end after the attempt they are at,
  // and what is due stays on the agenda. A driver that starts over a sealed
  // vault is parked.
  void Park() { parked_ = true; }
  void Unpark();

  // Drives under way.
  int running() const { return running_; }

  // A number in [0, 1).
  double Jitter() const { return options_.jitter(); }

 private:
  void PumpSoon();
  void Pump();
  void TakeUp(const std::string& id);
  asio::awaitable<void> Drive(Entry& entry);
  // In the entry's turn; has it again when it ends.
  asio::awaitable<bool> Act(Entry& entry, migration::Action action);
  asio::awaitable<void> Withdraw(Entry& entry, migration::Action action,
                                 absl::Status why,
                                 const vault::Openings& openings);
  asio::awaitable<void> Conclude(Entry& entry, Ending ending,
                                 const vault::Openings& openings);
  asio::awaitable<absl::Status> Checkpoint(Entry& entry, int64_t turn,
                                           std::string notes,
                                           std::string message);

  asio::io_context& context_;
  const Engine::Options& options_;
  Ledger& ledger_;
  Attempts& attempts_;
  const std::function<void()> on_drive_end_;
  const std::function<void(const migration::Migration&)> on_change_;

  bool stopping_ = false;
  bool parked_ = false;
  bool pump_posted_ = false;
  int running_ = 0;
  Agenda agenda_;
  Alarm alarm_;
};

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_DRIVER_H_
