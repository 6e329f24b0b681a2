// Makes migrations.
#ifndef KEYTURN_DAEMON_ENGINE_CREATION_H_
#define KEYTURN_DAEMON_ENGINE_CREATION_H_

#include <asio/awaitable.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/engine/attempts.h"
#include "daemon/engine/driver.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/ledger.h"
#include "daemon/engine/requests.h"
#include "daemon/migration/model.h"

namespace keyturn::engine {

// Belongs to the engine's thread.
class Creation {
 public:
  // All outlive the object.
  Creation(const Engine::Options& options, Ledger& ledger, Attempts& attempts,
           Driver& driver)
      : options_(options),
        ledger_(ledger),
        attempts_(attempts),
        driver_(driver) {}

  // Engine::Create, but for repeated requests.
  asio::awaitable<absl::StatusOr<migration::Migration>> Create(
      Request request, CreateCommand command);

 private:
  // Everything that can be said without asking outside.
  absl::Status Check(const CreateCommand& command);
  absl::Status CheckAccount(const CreateCommand& command,
                            std::string_view field, const std::string& name,
                            store::AccountKind kind);
  absl::Status CheckCredential(const CreateCommand& command,
                               std::string_view field, const std::string& name,
                               store::CredentialKind kind);
  // As of the store, but NotFound for what `command` may not name.
  absl::StatusOr<store::Account> FindAccount(const CreateCommand& command,
                                             const std::string& name);
  absl::StatusOr<store::CredentialInfo> FindCredential(
      const CreateCommand& command, const std::string& name);
  absl::Status CheckConnectionIsFree(const migration::Spec& spec);
  asio::awaitable<absl::StatusOr<migration::Migration>> Store(
      Request request, migration::Migration created, Ending ending,
      std::optional<store::MemberWrite> member);

  const Engine::Options& options_;
  Ledger& ledger_;
  Attempts& attempts_;
  Driver& driver_;
};

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_CREATION_H_
