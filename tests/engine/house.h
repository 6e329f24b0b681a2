// A whole engine on a fake clock: real store, real vault, scripted steps.
#ifndef KEYTURN_TESTS_ENGINE_HOUSE_H_
#define KEYTURN_TESTS_ENGINE_HOUSE_H_

#include <gtest/gtest.h>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/engine/engine.h"
#include "daemon/secret/secret.h"
#include "daemon/store/store.h"
#include "daemon/vault/vault.h"
#include "tests/engine/script.h"
#include "tests/engine/watched_store.h"
#include "tests/support/fake_clock.h"

namespace keyturn::testing {

// Clients that a test has put there; NotFound for any other account.
class FakeOutside final : public steps::Outside {
 public:
  absl::StatusOr<std::shared_ptr<celigo::Client>> Celigo(
      std::string_view account, vault::Openings& openings) override;
  absl::StatusOr<steps::NetSuiteAccount> NetSuite(
      std::string_view account, vault::Openings& openings) override;
  void Forget(std::string_view account) override {
    forgotten.emplace_back(account);
  }
  void DropSecrets() override { ++secrets_dropped; }

  std::map<std::string, std::shared_ptr<celigo::Client>, std::less<>> celigo;
  std::map<std::string, steps::NetSuiteAccount, std::less<>> netsuite;
  std::vector<std::string> forgotten;
  int secrets_dropped = 0;
};

// The result of a call, once its callback has come.
template <typename T>
using Answer = std::shared_ptr<std::optional<absl::StatusOr<T>>>;

class House : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Opens store, vault and engine, and starts the engine.
  void Open();
  // Drops everything where it stands, as a crash does, and opens it again.
  void Crash();
  void Close();

  // Runs until `done`, which is asked whenever no handler is ready; when
  // nothing else is left to do the clock jumps to the next instant that
  // somebody waits for.
  void RunUntil(const std::function<bool()>& done);
  // Runs until nothing is left to do without the clock moving.
  void RunUntilQuiet();
  template <typename T>
  absl::StatusOr<T> Wait(const Answer<T>& answer) {
    RunUntil([&answer] { return answer->has_value(); });
    return **answer;
  }

  static migration::Spec SpecFor(int connection = 1);
  static engine::Caller Operator(std::string request_id = "");

  Answer<migration::Migration> AskToCreate(engine::Caller caller,
                                           engine::CreateCommand command);
  absl::StatusOr<migration::Migration> Create(bool start = true,
                                              migration::Spec spec = SpecFor());
  // A migration that runs, for tests that do not mind how it came there.
  std::string Started();
  Answer<migration::Migration> AskTo(migration::EventKind kind, std::string id,
                                     engine::Caller caller = Operator());
  absl::StatusOr<migration::Migration> Command(
      migration::EventKind kind, std::string id,
      engine::Caller caller = Operator());
  absl::StatusOr<migration::Task> Complete(std::string task_id,
                                           engine::Caller caller = Operator());
  absl::StatusOr<migration::Task> Submit(std::string task_id,
                                         std::string_view token_id,
                                         std::string_view token_secret,
                                         engine::Caller caller = Operator());

  static vault::RootKey RootKey();
  migration::Migration Stored(const std::string& id);
  void RunToState(const std::string& id, migration::State state);
  std::string OpenTask(const std::string& id);
  // "STEP_DONE preflight", in order; also those of several pages.
  std::vector<std::string> History(const std::string& id);
  // Without what the store says of all credentials.
  std::vector<store::AuditRow> Trail();
  // Without what the daemon does by itself.
  std::vector<store::AuditRow> CallersTrail();
  // Every byte of the database's files.
  std::string StoredBytes();

  using Work = asio::executor_work_guard<asio::io_context::executor_type>;
  Work Resume();
  // Whether there was something to run.
  bool RunReady();

  std::string directory_;
  FakeClock clock_;
  Script script_;
  FakeOutside outside_;
  // What the test itself opens.
  vault::Openings openings_;
  std::vector<std::string> log_;
  std::vector<absl::Status> broken_;
  int running_max_ = engine::kRunningMax;
  double jitter_ = 1.0;
  bool sealed_at_start_ = false;

  // In the order in which they depend on each other.
  std::unique_ptr<asio::io_context> context_;
  std::unique_ptr<WatchedStore> store_;
  std::unique_ptr<vault::Vault> vault_;
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_ENGINE_HOUSE_H_
