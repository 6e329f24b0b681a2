#include "daemon/engine/engine.h"

#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <exception>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/engine/alarm.h"
#include "daemon/engine/attempts.h"
#include "daemon/engine/campaigns.h"
#include "daemon/engine/commands.h"
#include "daemon/engine/creation.h"
#include "daemon/engine/driver.h"
#include "daemon/engine/ledger.h"
#include "daemon/engine/questions.h"
#include "daemon/engine/requests.h"
#include "daemon/engine/time_limits.h"

namespace keyturn::engine {
namespace {

using migration::Migration;
using migration::Task;

static_assert(kRunningMax + kCallsMax + kBeginningMax + kLiveCampaignsMax <
              store::kQueuedBatchesMax);

std::function<double()> RandomJitter() {
  return [generator = std::mt19937_64(std::random_device()())]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(generator);
  };
}

Engine::Options WithDefaults(Engine::Options options) {
  if (options.jitter == nullptr) options.jitter = RandomJitter();
  return options;
}

std::string MigrationName(const std::string& id) {
  return absl::StrCat("migrations/", id);
}

std::string TaskName(const std::string& id) {
  return absl::StrCat("tasks/", id);
}

std::string IdOf(const std::string& resource_name) {
  return resource_name.substr(resource_name.find('/') + 1);
}

class EngineImpl final : public Engine {
 public:
  EngineImpl(asio::io_context& context, Options options)
      : context_(context),
        options_(WithDefaults(std::move(options))),
        limits_(context, options_.clock),
        attempts_(options_, limits_),
        ledger_(context, options_.store, options_.log,
                [this](absl::Status why) { OnBroken(std::move(why)); }),
        driver_(
            context, options_, ledger_, attempts_, [this] { EndIfIdle(); },
            [this](const Migration& changed) { campaigns_.Note(changed); }),
        requests_(options_.store, options_.clock, ledger_),
        creation_(options_, ledger_, attempts_, driver_),
        commands_(options_, ledger_, driver_),
        campaigns_(context, options_, ledger_, creation_,
                   [this] { EndIfIdle(); }),
        last_call_(context, options_.clock, [this] { limits_.CutAll(); }) {}

  absl::Status Start() override {
    RETURN_IF_ERROR(driver_.Start());
    return campaigns_.Start();
  }

  void Stop(absl::Time deadline, std::function<void()> done) override;
  void Park(std::function<void()> done) override;
  void Unpark() override;
  void Create(Caller caller, CreateCommand command,
              Callback<Migration> callback) override;
  void Command(Caller caller, MigrationCommand command,
               Callback<Migration> callback) override;
  void CompleteTask(Caller caller, std::string task_id, std::string evidence,
                    Callback<Task> callback) override;
  void SubmitToken(Caller caller, std::string task_id, secret::Secret token_id,
                   secret::Secret token_secret,
                   Callback<Task> callback) override;
  void CreateCampaign(Caller caller, CreateCampaignCommand command,
                      Callback<store::StoredCampaign> callback) override;
  void ChangeCampaign(Caller caller, ChangeCampaignCommand command,
                      Callback<store::StoredCampaign> callback) override;
  void Discover(
      std::string account, std::shared_ptr<vault::Openings> openings,
      Callback<std::vector<steps::DiscoveredConnection>> callback) override;
  void TestAccount(std::string account,
                   std::shared_ptr<vault::Openings> openings,
                   Callback<Findings> callback) override;

 private:
  // What a call cannot do without.
  enum class Needs { kNothing, kSecrets };

  // Runs `work` on the engine's thread and gives its result to `callback`.
  template <typename T>
  void Call(Needs needs, Callback<T> callback,
            asio::awaitable<absl::StatusOr<T>> work);
  absl::Status Admit(Needs needs) const;
  Requests::Recall<Migration> RecallMigration();
  Requests::Recall<Task> RecallTask();
  Requests::Recall<store::StoredCampaign> RecallCampaign();
  void OnBroken(absl::Status why);
  void EndIfIdle();

  asio::io_context& context_;
  const Options options_;

  bool stopping_ = false;
  int calls_ = 0;
  std::function<void()> on_idle_;

  TimeLimits limits_;
  Attempts attempts_;
  Ledger ledger_;
  Driver driver_;
  Requests requests_;
  Creation creation_;
  Commands commands_;
  Campaigns campaigns_;
  Alarm last_call_;
};

template <typename T>
void EngineImpl::Call(Needs needs, Callback<T> callback,
                      asio::awaitable<absl::StatusOr<T>> work) {
  asio::post(context_, [this, needs, callback = std::move(callback),
                        work = std::move(work)]() mutable {
    if (absl::Status status = Admit(needs); !status.ok()) {
      callback(std::move(status));
      return;
    }
    ++calls_;
    asio::co_spawn(context_, std::move(work),
                   [this, callback = std::move(callback)](
                       std::exception_ptr thrown, absl::StatusOr<T> result) {
                     --calls_;
                     // It may have kept a turn for ever, as a drive may.
                     if (thrown != nullptr) {
                       result = absl::InternalError("a bug: a call threw");
                       ledger_.Break(result.status());
                     }
                     callback(std::move(result));
                     EndIfIdle();
                   });
  });
}

absl::Status EngineImpl::Admit(Needs needs) const {
  if (stopping_) return StoppingError();
  if (needs == Needs::kSecrets && options_.vault.sealed()) {
    return vault::SealedError();
  }
  if (calls_ < kCallsMax) return absl::OkStatus();
  return base::WithReason(
      absl::UnavailableError(
          "too many calls are under way; try again in a moment"),
      "BUSY");
}

void EngineImpl::Create(Caller caller, CreateCommand command,
                        Callback<Migration> callback) {
  Request request;
  request.caller = std::move(caller);
  request.action = "keyturn.v1.Migrations/CreateMigration";
  request.target = "migrations";
  request.dry_run = command.validate_only;
  request.openings = std::make_shared<vault::Openings>();
  asio::awaitable<absl::StatusOr<Migration>> work =
      creation_.Create(request, std::move(command));
  Call(Needs::kSecrets, std::move(callback),
       requests_.Once(std::move(request), std::move(work), RecallMigration()));
}

void EngineImpl::Command(Caller caller, MigrationCommand command,
                         Callback<Migration> callback) {
  Request request;
  request.caller = std::move(caller);
  request.action = ActionOf(command.kind);
  request.target = MigrationName(command.migration_id);
  asio::awaitable<absl::StatusOr<Migration>> work =
      commands_.Command(request, std::move(command));
  Call(Needs::kNothing, std::move(callback),
       requests_.Once(std::move(request), std::move(work), RecallMigration()));
}

void EngineImpl::CompleteTask(Caller caller, std::string task_id,
                              std::string evidence, Callback<Task> callback) {
  Request request;
  request.caller = std::move(caller);
  request.action = "keyturn.v1.Tasks/CompleteTask";
  request.target = TaskName(task_id);
  asio::awaitable<absl::StatusOr<Task>> work =
      commands_.CompleteTask(request, std::move(task_id), std::move(evidence));
  Call(Needs::kNothing, std::move(callback),
       requests_.Once(std::move(request), std::move(work), RecallTask()));
}

void EngineImpl::SubmitToken(Caller caller, std::string task_id,
                             secret::Secret token_id,
                             secret::Secret token_secret,
                             Callback<Task> callback) {
  Request request;
  request.caller = std::move(caller);
  request.action = "keyturn.v1.Tasks/SubmitTaskSecret";
  request.target = TaskName(task_id);
  asio::awaitable<absl::StatusOr<Task>> work =
      commands_.SubmitToken(request, std::move(task_id), std::move(token_id),
                            std::move(token_secret));
  Call(Needs::kSecrets, std::move(callback),
       requests_.Once(std::move(request), std::move(work), RecallTask()));
}

void EngineImpl::CreateCampaign(Caller caller, CreateCampaignCommand command,
                                Callback<store::StoredCampaign> callback) {
  Request request;
  request.caller = std::move(caller);
  request.action = "keyturn.v1.Campaigns/CreateCampaign";
  request.target = "campaigns";
  request.dry_run = command.validate_only;
  asio::awaitable<absl::StatusOr<store::StoredCampaign>> work =
      campaigns_.Create(request, std::move(command));
  Call(Needs::kNothing, std::move(callback),
       requests_.Once(std::move(request), std::move(work), RecallCampaign()));
}

void EngineImpl::ChangeCampaign(Caller caller, ChangeCampaignCommand command,
                                Callback<store::StoredCampaign> callback) {
  Request request;
  request.caller = std::move(caller);
  request.action = ActionOf(command);
  request.target = absl::StrCat("campaigns/", command.campaign_id);
  asio::awaitable<absl::StatusOr<store::StoredCampaign>> work =
      campaigns_.Change(request, std::move(command));
  Call(Needs::kNothing, std::move(callback),
       requests_.Once(std::move(request), std::move(work), RecallCampaign()));
}

void EngineImpl::Discover(
    std::string account, std::shared_ptr<vault::Openings> openings,
    Callback<std::vector<steps::DiscoveredConnection>> callback) {
  Call(Needs::kSecrets, std::move(callback),
       engine::Discover(options_, limits_, std::move(account),
                        std::move(openings)));
}

void EngineImpl::TestAccount(std::string account,
                             std::shared_ptr<vault::Openings> openings,
                             Callback<Findings> callback) {
  Call(Needs::kSecrets, std::move(callback),
       engine::TestAccount(options_, limits_, std::move(account),
                           std::move(openings)));
}

Requests::Recall<Migration> EngineImpl::RecallMigration() {
  return [this](const std::string& name) -> absl::StatusOr<Migration> {
    ASSIGN_OR_RETURN(store::StoredMigration stored,
                     options_.store.GetMigration(IdOf(name)));
    return std::move(stored.migration);
  };
}

Requests::Recall<Task> EngineImpl::RecallTask() {
  return [this](const std::string& name) {
    return options_.store.GetTask(IdOf(name));
  };
}

Requests::Recall<store::StoredCampaign> EngineImpl::RecallCampaign() {
  return [this](const std::string& name) {
    return options_.store.GetCampaign(IdOf(name));
  };
}

void EngineImpl::Stop(absl::Time deadline, std::function<void()> done) {
  asio::post(context_, [this, deadline, done = std::move(done)]() mutable {
    stopping_ = true;
    on_idle_ = std::move(done);
    driver_.Stop();
    campaigns_.Stop();
    last_call_.Set(deadline);
    EndIfIdle();
  });
}

void EngineImpl::Park(std::function<void()> done) {
  // On this thread, between two turns of the loop: no step can meet the sealed
  // vault before it is cut, and take that for a failure of its own.
  asio::post(context_, [this, done = std::move(done)] {
    options_.vault.DropKeys();
    driver_.Park();
    campaigns_.Park();
    limits_.CutRunning(vault::SealedError());
    options_.outside.DropSecrets();
    done();
  });
}

void EngineImpl::Unpark() {
  asio::post(context_, [this] {
    driver_.Unpark();
    campaigns_.Unpark();
  });
}

void EngineImpl::OnBroken(absl::Status why) {
  stopping_ = true;
  driver_.Stop();
  campaigns_.Stop();
  limits_.CutAll();
  options_.log(
      absl::StrCat("engine: stopped, the store failed: ", why.message()));
  options_.on_broken(std::move(why));
}

void EngineImpl::EndIfIdle() {
  if (on_idle_ == nullptr || calls_ > 0 || driver_.running() > 0 ||
      campaigns_.running() > 0) {
    return;
  }
  last_call_.Stop();
  limits_.CutAll();
  asio::post(context_, std::exchange(on_idle_, nullptr));
}

}  // namespace

std::unique_ptr<Engine> Engine::Create(asio::io_context& context,
                                       Options options) {
  return std::make_unique<EngineImpl>(context, std::move(options));
}

}  // namespace keyturn::engine
