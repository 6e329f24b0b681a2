// An engine that notes what it is asked and answers as the test says.
#ifndef KEYTURN_TESTS_RPC_FAKE_ENGINE_H_
#define KEYTURN_TESTS_RPC_FAKE_ENGINE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/mutex.h"
#include "daemon/engine/engine.h"

namespace keyturn::testing {

// Answers at once, on the calling thread. Thread-safe once the answers are set.
class FakeEngine final : public engine::Engine {
 public:
  struct Submitted {
    std::string task_id;
    std::string token_id;
    std::string token_secret;
  };

  // What the calls answer.
  absl::StatusOr<migration::Migration> migration =
      absl::UnimplementedError("the test sets no migration");
  absl::StatusOr<migration::Task> task =
      absl::UnimplementedError("the test sets no task");
  absl::StatusOr<store::StoredCampaign> campaign =
      absl::UnimplementedError("the test sets no campaign");
  absl::StatusOr<std::vector<steps::DiscoveredConnection>> discovered =
      std::vector<steps::DiscoveredConnection>();
  std::function<absl::StatusOr<engine::Findings>(const std::string&)> test =
      [](const std::string&) {
        return engine::Findings{true, {"works"}};
      };

  // What parking does: a real engine drops the vault's keys.
  std::function<void()> on_park;
  int unparked = 0;

  // TestAccount and Discover open the second version of "ACCOUNT-token".

  // What was asked last.
  engine::Caller caller;
  std::optional<engine::CreateCommand> created;
  std::optional<engine::MigrationCommand> commanded;
  std::optional<engine::CreateCampaignCommand> campaign_created;
  std::optional<engine::ChangeCampaignCommand> campaign_changed;
  std::optional<Submitted> submitted;
  std::string completed_task;
  std::string evidence;
  std::string discovered_account;

  // Set before the calls: Discover is not answered until Release.
  bool hold_discover = false;
  size_t held() {
    base::MutexLock lock(mutex_);
    return held_.size();
  }
  void Release() {
    decltype(held_) waiting;
    {
      base::MutexLock lock(mutex_);
      waiting.swap(held_);
    }
    for (const auto& callback : waiting) callback(discovered);
  }

  absl::Status Start() override { return absl::OkStatus(); }
  void Stop(absl::Time, std::function<void()> done) override { done(); }
  void Park(std::function<void()> done) override {
    if (on_park) on_park();
    done();
  }
  void Unpark() override { ++unparked; }

  void CreateCampaign(
      engine::Caller who, engine::CreateCampaignCommand command,
      engine::Callback<store::StoredCampaign> callback) override {
    caller = std::move(who);
    campaign_created = std::move(command);
    callback(campaign);
  }
  void ChangeCampaign(
      engine::Caller who, engine::ChangeCampaignCommand command,
      engine::Callback<store::StoredCampaign> callback) override {
    caller = std::move(who);
    campaign_changed = std::move(command);
    callback(campaign);
  }
  void Create(engine::Caller who, engine::CreateCommand command,
              engine::Callback<migration::Migration> callback) override {
    caller = std::move(who);
    created = std::move(command);
    callback(migration);
  }
  void Command(engine::Caller who, engine::MigrationCommand command,
               engine::Callback<migration::Migration> callback) override {
    caller = std::move(who);
    commanded = std::move(command);
    callback(migration);
  }
  void CompleteTask(engine::Caller who, std::string task_id, std::string text,
                    engine::Callback<migration::Task> callback) override {
    caller = std::move(who);
    completed_task = std::move(task_id);
    evidence = std::move(text);
    callback(task);
  }
  void SubmitToken(engine::Caller who, std::string task_id,
                   secret::Secret token_id, secret::Secret token_secret,
                   engine::Callback<migration::Task> callback) override {
    caller = std::move(who);
    submitted = Submitted{std::move(task_id), std::string(token_id.Expose()),
                          std::string(token_secret.Expose())};
    callback(task);
  }
  void Discover(std::string account, std::shared_ptr<vault::Openings> openings,
                engine::Callback<std::vector<steps::DiscoveredConnection>>
                    callback) override {
    if (hold_discover) {
      base::MutexLock lock(mutex_);
      held_.push_back(std::move(callback));
      return;
    }
    openings->Note(absl::StrCat(account, "-token"), 2);
    discovered_account = std::move(account);
    callback(discovered);
  }
  void TestAccount(std::string account,
                   std::shared_ptr<vault::Openings> openings,
                   engine::Callback<engine::Findings> callback) override {
    openings->Note(absl::StrCat(account, "-token"), 2);
    callback(test(account));
  }

 private:
  base::Mutex mutex_;
  std::vector<engine::Callback<std::vector<steps::DiscoveredConnection>>> held_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_RPC_FAKE_ENGINE_H_
