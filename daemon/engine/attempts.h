// Runs single attempts at steps.
#ifndef KEYTURN_DAEMON_ENGINE_ATTEMPTS_H_
#define KEYTURN_DAEMON_ENGINE_ATTEMPTS_H_

#include <asio/awaitable.hpp>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "daemon/engine/convert.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/time_limits.h"
#include "daemon/migration/model.h"
#include "daemon/migration/transition.h"
#include "daemon/vault/openings.h"

namespace keyturn::engine {

// Belongs to the engine's thread.
class Attempts {
 public:
  // Makes notes durable in the midst of an attempt.
  using Checkpoint = std::function<asio::awaitable<absl::Status>(
      std::string notes, std::string message)>;

  // Both outlive the object.
  Attempts(const Engine::Options& options, TimeLimits& limits)
      : options_(options), limits_(limits) {}

  // Runs what `action` says (kRun or kUndo) on `migration`, within the step's
  // attempt_timeout, and notes in `openings`, which outlives the attempt, what
  // it opens.
  asio::awaitable<Ending> Run(migration::Migration migration,
                              migration::Action action, Checkpoint checkpoint,
                              vault::Openings& openings);

 private:
  const Engine::Options& options_;
  TimeLimits& limits_;
};

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_ATTEMPTS_H_
