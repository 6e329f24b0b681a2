#include "tests/crash/simulation.h"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "daemon/audit/chain.h"
#include "daemon/base/status.h"
#include "tests/crash/checkers.h"
#include "tests/crash/machine_random.h"

namespace keyturn::crash {
namespace {

namespace fs = std::filesystem;
using sandbox::Json;
using sandbox::Text;

// Things done in one history; more mean that it does not come to rest.
constexpr int kTurnsMax = 200'000;
constexpr char kTrailPurpose[] = "keyturn audit trail 1";

template <typename T>
T Must(absl::StatusOr<T> value) {
  if (!value.ok()) throw std::runtime_error(value.status().ToString());
  return *std::move(value);
}

// In memory where the machine has such a place: nothing here outlives the
// process, and a sync costs nothing.
std::string NewDirectory() {
  const fs::path memory = "/dev/shm";
  const fs::path base =
      fs::is_directory(memory) ? memory : fs::temp_directory_path();
  std::string pattern = (base / "keyturn-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  return pattern;
}

vault::RootKey RootKey() {
  return {secret::Secret(std::string(vault::kRootKeyBytes, 'k')), "a test"};
}

// The sandbox's random source, for what a simulation draws.
class Jitter final : public http::RandomSource {
 public:
  explicit Jitter(sandbox::Random& chance) : chance_(chance) {}
  double Next() override { return chance_.Fraction(); }

 private:
  sandbox::Random& chance_;
};

store::Account CeligoAccount() {
  store::Account account;
  account.name = "acme";
  account.kind = store::AccountKind::kCeligo;
  account.base_url = kOrigin;
  account.credential = "acme-celigo";
  return account;
}

store::Account NetSuiteAccount(bool has_access) {
  store::Account account;
  account.name = "acme-ns";
  account.kind = store::AccountKind::kNetSuite;
  account.account_id = kNetSuiteId;
  account.base_url = kOrigin;
  if (has_access) account.credential = "acme-netsuite";
  return account;
}

vault::NetSuiteTba TbaOf(const Json& file) {
  vault::NetSuiteTba tba;
  tba.consumer_key = secret::Secret(Text(file, "consumerKey"));
  tba.consumer_secret = secret::Secret(Text(file, "consumerSecret"));
  tba.token_id = secret::Secret(Text(file, "tokenId"));
  tba.token_secret = secret::Secret(Text(file, "tokenSecret"));
  return tba;
}

// "CREATED PLAN_MADE by request create", for the history.
std::string Describe(const store::Batch& batch) {
  std::string text;
  if (batch.migration.has_value()) {
    const migration::Migration& value = batch.migration->migration;
    absl::StrAppend(&text, " revision ", value.revision, " ",
                    base::ToAbsl(Name(value.state)), " ",
                    base::ToAbsl(Name(value.current)));
  }
  for (const store::StoredEvent& event : batch.events) {
    absl::StrAppend(&text, " ", event.kind);
  }
  for (const migration::Task& task : batch.opened_tasks) {
    absl::StrAppend(&text, " opens ", task.id);
  }
  for (const store::AuditRow& row : batch.audit) {
    absl::StrAppend(&text, " [", row.action, " ", row.result, "]");
  }
  if (batch.request.has_value()) {
    absl::StrAppend(&text, " for request ", batch.request->request_id);
  }
  if (!batch.credentials.empty()) {
    absl::StrAppend(&text, " with ", batch.credentials.size(), " credentials");
  }
  return text;
}

}  // namespace

Simulation::Simulation(Options options)
    : options_(std::move(options)),
      directory_(NewDirectory()),
      chance_(options_.seed),
      checkers_(std::make_unique<Checkers>(*this)),
      outside_(
          clock_, options_.seed,
          {.reach = [this](const std::string& point) { return Reach(point); },
           .sent =
               [this](const http::Request& request) {
                 checkers_->Sent(request);
               },
           .written =
               [this](const std::string& line, int status, bool changed) {
                 checkers_->Written(line, status, changed);
               },
           .trouble =
               [this](const std::string&) {
                 return troubles_ == nullptr ? Trouble()
                                             : troubles_->AtCall(clock_.Now());
               },
           .alter = options_.mutation.request,
           .repeats_writes = options_.mutation.repeats_writes,
           .tell = [this](std::string line) { Tell(std::move(line)); }}),
      troubles_(options_.troubles
                    ? std::make_unique<Troubles>(
                          options_.seed, outside_, *checkers_,
                          [this](std::string line) { Tell(std::move(line)); })
                    : nullptr),
      people_(options_.scenario, outside_, HooksOfPeople()) {
  SeedMachineRandom(options_.seed);
  checkers_->NoteBeginning();
}

People::Hooks Simulation::HooksOfPeople() {
  People::Hooks hooks;
  hooks.takes_any_plan = options_.mutation.takes_any_plan;
  hooks.tell = [this](std::string line) {
    news_ = true;
    Tell(std::move(line));
  };
  if (troubles_ == nullptr) return hooks;
  hooks.delay = [this] { return troubles_->Delay(); };
  hooks.errs = [this] { return troubles_->Errs(); };
  hooks.retries = troubles_->retries();
  hooks.approval_delay = troubles_->ApprovalDelay();
  hooks.gives_up = troubles_->gives_up();
  return hooks;
}

Simulation::~Simulation() {
  Close();
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

void Simulation::Open() {
  points_.push_back(0);
  context_ = std::make_unique<asio::io_context>(1);
  work_.emplace(context_->get_executor());
  store::SqliteOptions sqlite;
  sqlite.path = absl::StrCat(directory_, "/data/keyturn.db");
  sqlite.audit_sealer = &sealer_;
  store_ = std::make_unique<TurnStore>(
      Must(store::OpenSqliteStore(std::move(sqlite))));
  vault_ = Must(vault::Vault::Open(*store_, RootKey(), clock_.Now()));
  const secret::Secret key = Must(vault_->DeriveKey(kTrailPurpose));
  sealer_.SetKey(std::make_shared<audit::ChainKey>(
      Must(audit::ChainKey::DeriveFrom(key))));
  if (points_.size() == 1) FillStore();
  store_->alter = options_.mutation.batch;
  store_->tells_early = options_.mutation.tells_early;
  store_->BeginTurns();
  clients_ = steps::AccountClients::Over(outside_.NewPool(),
                                         std::make_unique<Jitter>(chance_),
                                         {*store_, *vault_, clock_, {}});
  engine::StepRunner* const steps = options_.mutation.steps;
  engine::Engine::Options options{
      *store_,
      *vault_,
      *clients_,
      clock_,
      [this](const absl::Status& why) {
        Tell(absl::StrCat("broken: ", why.message()));
        stopped_ = true;
      },
      [this](const std::string& line) { Tell(line); },
      steps == nullptr ? engine::RealSteps() : *steps,
      [this] { return chance_.Fraction(); }};
  engine_ = engine::Engine::Create(*context_, std::move(options));
  if (const absl::Status started = engine_->Start(); !started.ok()) {
    throw std::runtime_error(started.ToString());
  }
  news_ = true;
}

void Simulation::Close() {
  engine_.reset();
  clients_.reset();
  vault_.reset();
  store_.reset();
  work_.reset();
  context_.reset();
  wakes_at_.reset();
}

void Simulation::FillStore() {
  const absl::Time now = clock_.Now();
  constexpr auto kCurrent = store::VersionLabel::kCurrent;
  const auto seal = [this, now](std::string_view name, vault::Payload payload) {
    return Must(vault_->SealNew(name, payload, kCurrent, "", "admin", now));
  };
  store::Batch batch;
  vault::CeligoToken celigo{
      secret::Secret(Text(outside_.info(), "celigo_token"))};
  batch.credentials.push_back(seal("acme-celigo", std::move(celigo)));
  vault::NetSuiteTba access = TbaOf(outside_.File("netsuite-tba.json"));
  batch.credentials.push_back(seal("acme-netsuite", std::move(access)));
  const Json old = outside_.File("old-login.json");
  vault::NetSuiteLogin login{secret::Secret(Text(old, "email")),
                             secret::Secret(Text(old, "password"))};
  batch.credentials.push_back(seal("old-login", std::move(login)));
  if (options_.scenario.issues_token) {
    batch.credentials.push_back(seal("consumer", outside_.Consumer()));
  }
  batch.accounts = {
      store::CreateAccount{CeligoAccount()},
      store::CreateAccount{NetSuiteAccount(options_.scenario.netsuite_access)}};
  Must(store_->CommitAndWait(std::move(batch)));
}

void Simulation::Run() {
  Open();
  int turns = 0;
  while (Turn()) {
    if (++turns < kTurnsMax) continue;
    violations_.push_back({"G11", "it does not come to rest"});
    break;
  }
  checkers_->AtRest();
}

bool Simulation::Turn() {
  if (stopped_) {
    Stop();
    return true;
  }
  if (context_->poll() > 0) return true;
  if (stopped_) return true;
  if (store_->waits()) {
    CommitNext();
    return true;
  }
  const std::optional<absl::Time> thought = people_.next();
  if (news_ || (thought.has_value() && *thought <= clock_.Now())) {
    news_ = people_.Act(*engine_, *store_, clock_.Now());
    if (news_) return true;
    if (IsAtRest()) return false;
  }
  if (thought.has_value()) WakeAt(*thought);
  const absl::Duration leap =
      troubles_ == nullptr ? absl::ZeroDuration() : troubles_->AtTurn();
  if (leap > absl::ZeroDuration()) {
    Tell("the clock leaps");
    clock_.Advance(leap);
    return true;
  }
  return clock_.AdvanceToNext();
}

void Simulation::WakeAt(absl::Time instant) {
  if (wakes_at_ == instant) return;
  wakes_at_ = instant;
  asio::co_spawn(*context_, clock_.SleepUntil(instant), asio::detached);
  context_->poll();
}

void Simulation::CommitNext() {
  const store::Batch& batch = store_->next();
  const std::string name = absl::StrCat("commit", Describe(batch));
  if (Reach(absl::StrCat("before ", name))) return;
  if (troubles_ != nullptr) {
    if (absl::Status refusal = troubles_->AtCommit(); !refusal.ok()) {
      Tell(absl::StrCat(name, ": ", refusal.message()));
      store_->RefuseNext(std::move(refusal));
      return;
    }
    if (batch.migration.has_value()) {
      troubles_->Note(batch.migration->migration);
    }
  }
  store_->StoreNext();
  if (Reach(absl::StrCat("durable ", name))) return;
  store_->Publish();
  Tell(name);
  news_ = true;
}

bool Simulation::Reach(const std::string& point) {
  if (stopped_) return true;
  checkers_->AtPoint();
  const size_t life = points_.size() - 1;
  const int number = ++points_.back();
  if (life >= options_.stops.size() || options_.stops[life] != number) {
    return false;
  }
  Tell(absl::StrCat("stopped at point ", number, ": ", point));
  stopped_ = true;
  context_->stop();
  return true;
}

void Simulation::Stop() {
  checkers_->AtStop();
  Close();
  people_.NoteCrash();
  stopped_ = false;
  Open();
  checkers_->AtStart();
}

void Simulation::Tell(std::string line) {
  absl::StrAppend(
      &history_,
      absl::FormatTime("%d %H:%M:%E3S ", clock_.Now(), absl::UTCTimeZone()),
      line, "\n");
}

bool Simulation::IsAtRest() {
  if (people_.busy() || people_.migration_id().empty()) return false;
  const auto stored = store_->GetMigration(people_.migration_id());
  return stored.ok() && migration::IsAtRest(stored->migration.state) &&
         stored->open_task_ids.empty();
}

}  // namespace keyturn::crash
