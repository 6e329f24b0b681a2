// Callers' commands to one migration, and their answers to tasks.
#ifndef KEYTURN_DAEMON_ENGINE_COMMANDS_H_
#define KEYTURN_DAEMON_ENGINE_COMMANDS_H_

#include <asio/awaitable.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/engine/driver.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/ledger.h"
#include "daemon/engine/requests.h"
#include "daemon/migration/model.h"
#include "daemon/vault/payload.h"

namespace keyturn::engine {

// The RPC by which `kind` comes, and empty for what is no caller's command.
std::string ActionOf(migration::EventKind kind);

// A token id and secret as they are kept: without a newline at the end.
// InvalidArgument naming `token_id` or `token_secret`.
absl::StatusOr<vault::ConnectionToken> CheckToken(
    const secret::Secret& token_id, const secret::Secret& token_secret);

// Belongs to the engine's thread. The methods are those of Engine, but for
// repeated requests.
class Commands {
 public:
  // All outlive the object.
  Commands(const Engine::Options& options, Ledger& ledger, Driver& driver)
      : options_(options), ledger_(ledger), driver_(driver) {}

  asio::awaitable<absl::StatusOr<migration::Migration>> Command(
      Request request, MigrationCommand command);
  asio::awaitable<absl::StatusOr<migration::Task>> CompleteTask(
      Request request, std::string task_id, std::string evidence);
  asio::awaitable<absl::StatusOr<migration::Task>> SubmitToken(
      Request request, std::string task_id, secret::Secret token_id,
      secret::Secret token_secret);

 private:
  asio::awaitable<absl::StatusOr<migration::Migration>> CommandInTurn(
      Entry& entry, const Request& request, const MigrationCommand& command);
  asio::awaitable<absl::StatusOr<migration::Task>> CompleteInTurn(
      Entry& entry, const Request& request, const migration::Task& task,
      const std::string& evidence);
  // A task that does not block: its migration, which may be at rest, does not
  // change.
  asio::awaitable<absl::StatusOr<migration::Task>> CloseFollowUp(
      Entry& entry, const Request& request, const migration::Task& task,
      const std::string& evidence);
  asio::awaitable<absl::StatusOr<migration::Task>> SubmitInTurn(
      Entry& entry, const Request& request, const migration::Task& task,
      const vault::Payload& token);
  asio::awaitable<absl::StatusOr<migration::Task>> AnswerTask(
      Entry& entry, migration::Event event, Extras extras);

  const Engine::Options& options_;
  Ledger& ledger_;
  Driver& driver_;
};

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_COMMANDS_H_
