// The steps of a migration: each looks whether its effect is already there,
// then acts, then proves by reading back (guarantee G3). After a crash a step
// runs again from its beginning, and the look makes that harmless.
#ifndef KEYTURN_DAEMON_STEPS_STEP_H_
#define KEYTURN_DAEMON_STEPS_STEP_H_

#include <asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/base/clock.h"
#include "daemon/migration/model.h"
#include "daemon/steps/notes.h"
#include "daemon/steps/outcome.h"
#include "daemon/steps/outside.h"
#include "daemon/store/store.h"
#include "daemon/vault/openings.h"
#include "daemon/vault/vault.h"

namespace keyturn::steps {

// What an attempt works with. Lives as long as the attempt.
struct Context {
  // As it was when the attempt began.
  const migration::Migration& migration;
  // What steps have found; changed by the step, stored with its outcome.
  Notes notes;
  Outside& outside;
  vault::Vault& vault;
  // What the attempt opens.
  vault::Openings& openings;
  store::Store& store;
  base::Clock& clock;
  // Makes `notes` durable before the attempt goes on: for what must be known
  // again after a crash between an act and its outcome.
  std::function<asio::awaitable<absl::Status>(std::string message)> checkpoint;

  const migration::Spec& spec() const { return migration.spec; }
  // See Outside.
  absl::StatusOr<std::shared_ptr<celigo::Client>> Celigo() const {
    return outside.Celigo(spec().celigo.account, openings);
  }
  absl::StatusOr<NetSuiteAccount> NetSuite() const {
    return outside.NetSuite(spec().netsuite.account, openings);
  }
  const migration::StepRecord& record() const {
    return migration.record(migration.current);
  }
  // Whether a person has answered this step's task at least once.
  bool answered() const { return !record().task_id.empty(); }
};

// Runs one attempt at `step`. Any step but kApprove, which is the core's.
asio::awaitable<Outcome> Run(migration::Step step, Context& context);

// Runs one attempt at undoing `step`, one of those with migration::HasUndo.
asio::awaitable<Outcome> Undo(migration::Step step, Context& context);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_STEP_H_
