// The steps against the sandbox's world, without sockets and without waiting.
#ifndef KEYTURN_TESTS_STEPS_WORLD_H_
#define KEYTURN_TESTS_STEPS_WORLD_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/io_context.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/migration/transition.h"
#include "daemon/steps/step.h"
#include "daemon/store/store.h"
#include "daemon/vault/vault.h"
#include "tests/sandbox/seed.h"
#include "tests/sandbox/world.h"
#include "tests/support/fake_clock.h"

namespace keyturn::steps {

// How GoogleTest shows an outcome; found by the namespace.
void PrintTo(Outcome::Kind kind, std::ostream* stream);

}  // namespace keyturn::steps

namespace keyturn::testing {

using sandbox::Json;
using steps::Outcome;
using Kind = steps::Outcome::Kind;
using migration::Step;

// Hands requests to a world. What the world drops is Unavailable.
class WorldTransport final : public http::Transport {
 public:
  explicit WorldTransport(sandbox::World& world) : world_(world) {}

  // "PUT /v1/connections/5f…", without the query.
  std::vector<std::string> lines;
  // Of all answers, in order.
  std::vector<int> statuses;
  // `act` happens just before the next request whose line begins so.
  void Before(std::string line, std::function<void()> act) {
    before_.emplace_back(std::move(line), std::move(act));
  }

  asio::awaitable<absl::StatusOr<http::Response>> Send(
      http::Request request) override;

 private:
  sandbox::World& world_;
  std::deque<std::pair<std::string, std::function<void()>>> before_;
};

class WorldOutside final : public steps::Outside {
 public:
  absl::StatusOr<std::shared_ptr<celigo::Client>> Celigo(
      std::string_view account, vault::Openings& openings) override;
  absl::StatusOr<steps::NetSuiteAccount> NetSuite(
      std::string_view account, vault::Openings& openings) override;
  void Forget(std::string_view account) override {
    forgotten.emplace_back(account);
  }
  void DropSecrets() override {}

  std::shared_ptr<celigo::Client> celigo;
  std::shared_ptr<netsuite::Client> netsuite;
  bool has_access = true;
  std::vector<std::string> forgotten;
};

// One migration of the seed's connection, driven step by step.
class StepsTest : public ::testing::Test {
 protected:
  StepsTest();
  ~StepsTest() override;

  // Runs one attempt and stores what comes of it, as the engine does.
  Outcome Run(Step step) { return Attempt(step, /*undo=*/false, false); }
  Outcome Undo(Step step) { return Attempt(step, /*undo=*/true, false); }
  // One attempt whose outcome gets lost in a crash: what was checkpointed
  // stays.
  Outcome Lose(Step step) { return Attempt(step, /*undo=*/false, true); }
  Outcome LoseUndo(Step step) { return Attempt(step, /*undo=*/true, true); }
  // Runs attempts until one is no wait, at most `looks` of them.
  Outcome Settle(Step step, int looks = 2000);
  Outcome SettleUndo(Step step, int looks = 2000);
  // Runs every step up to `last`; each must be done. Plays people.
  void Reach(Step last);
  void HandIn(const std::string& id, const std::string& secret);
  // The token as the task asks for it, made in NetSuite.
  std::pair<std::string, std::string> MakeToken(Json changes = Json::object());

  // The sandbox's people, switches and truth.
  Json Control(const std::string& method, const std::string& path,
               const Json& body = Json::object());
  Json Act(const std::string& act, const Json& arguments = Json::object());
  void Switch(const std::string& name, const std::string& answer);
  void Fault(const Json& fault) { Control("POST", "/control/faults", fault); }
  Json Truth();
  Json Connection();
  Json Flow(int index);
  bool Enabled(int index);
  int LostRecords();
  // Failed logins of the integration's user.
  int FailedLogins();
  // How many requests whose line begins so were sent since Forget.
  int Sent(std::string_view line) const;
  // Those that may change something.
  std::vector<std::string> Writes() const;
  void ForgetSent() { transport_.lines.clear(); }

  // The seed's migration, as it was asked for.
  migration::Migration NewMigration();
  steps::Notes Notes();
  void SetNotes(const steps::Notes& notes);
  void AddOldLogin(const std::string& password = "");
  absl::StatusOr<store::CredentialInfo> TokenInfo();
  std::string FlowId(int index) const;
  std::string ConnectionPath() const {
    return "/v1/connections/" + connection_;
  }

  FakeClock clock_;
  struct WorldClock final : sandbox::Clock {
    explicit WorldClock(FakeClock& from) : clock(from) {}
    absl::Time Now() override { return clock.Now(); }
    FakeClock& clock;
  } world_clock_{clock_};
  sandbox::World world_{{.control_key = "key", .seed = 7}, &world_clock_};
  WorldTransport transport_{world_};
  WorldOutside outside_;
  vault::Openings openings_;
  std::string directory_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<vault::Vault> vault_;
  Json info_;
  std::string connection_;
  std::string old_password_;
  migration::Migration migration_;
  std::vector<std::string> checkpoints_;
  // Storing fails from this checkpoint on (counted from 0); -1: never.
  int checkpoints_fail_from_ = -1;

 private:
  Outcome Attempt(Step step, bool undo, bool lose);
  void Keep(Step step, bool undo, const Outcome& outcome);

  asio::io_context io_{1};
};

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_STEPS_WORLD_H_
