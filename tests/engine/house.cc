#include "tests/engine/house.h"

#include <asio/executor_work_guard.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "daemon/base/status.h"

namespace keyturn::testing {
namespace {

namespace fs = std::filesystem;
using migration::Migration;

// Real time after which waiting for something that does not come fails a test.
constexpr absl::Duration kPatienceMax = absl::Minutes(4);
// How long the loop waits for the store's thread before it looks again.
constexpr std::chrono::milliseconds kGlance(1);

template <typename T>
Answer<T> NoAnswerYet() {
  return std::make_shared<std::optional<absl::StatusOr<T>>>();
}

template <typename T>
engine::Callback<T> Into(Answer<T> answer) {
  return [answer = std::move(answer)](absl::StatusOr<T> result) {
    EXPECT_FALSE(answer->has_value()) << "answered twice";
    *answer = std::move(result);
  };
}

template <typename T>
T Must(absl::StatusOr<T> value) {
  if (!value.ok()) throw std::runtime_error(value.status().ToString());
  return *std::move(value);
}

}  // namespace

absl::StatusOr<std::shared_ptr<celigo::Client>> FakeOutside::Celigo(
    std::string_view account, vault::Openings&) {
  const auto found = celigo.find(account);
  if (found == celigo.end()) return absl::NotFoundError("no such account");
  return found->second;
}

absl::StatusOr<steps::NetSuiteAccount> FakeOutside::NetSuite(
    std::string_view account, vault::Openings&) {
  const auto found = netsuite.find(account);
  if (found == netsuite.end()) return absl::NotFoundError("no such account");
  return found->second;
}

void House::SetUp() {
  std::string pattern = (fs::temp_directory_path() / "keyturn-XXXXXX").string();
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  directory_ = pattern;
  Open();
  store::Batch batch;
  store::Account celigo;
  celigo.name = "acme";
  celigo.kind = store::AccountKind::kCeligo;
  celigo.region = store::CeligoRegion::kUs;
  store::Account netsuite;
  netsuite.name = "acme-ns";
  netsuite.kind = store::AccountKind::kNetSuite;
  netsuite.account_id = "1234567";
  batch.accounts = {store::CreateAccount{celigo},
                    store::CreateAccount{netsuite}};
  Must(store_->CommitAndWait(std::move(batch)));
}

void House::TearDown() {
  Close();
  fs::remove_all(directory_);
}

void House::Open() {
  context_ = std::make_unique<asio::io_context>(1);
  store::SqliteOptions sqlite;
  sqlite.path = absl::StrCat(directory_, "/data/keyturn.db");
  store_ = std::make_unique<WatchedStore>(
      Must(store::OpenSqliteStore(std::move(sqlite))));
  vault_ = sealed_at_start_
               ? std::make_unique<vault::Vault>(*store_)
               : Must(vault::Vault::Open(*store_, RootKey(), clock_.Now()));
  engine::Engine::Options options{
      *store_,
      *vault_,
      outside_,
      clock_,
      [this](absl::Status why) { broken_.push_back(std::move(why)); },
      [this](const std::string& line) { log_.push_back(line); },
      script_,
      [this] { return jitter_; },
      running_max_};
  engine_ = engine::Engine::Create(*context_, std::move(options));
  const absl::Status started = engine_->Start();
  if (!started.ok()) throw std::runtime_error(started.ToString());
}

void House::Close() {
  engine_.reset();
  vault_.reset();
  store_.reset();
  context_.reset();
}

void House::Crash() {
  Close();
  Open();
}

void House::RunUntil(const std::function<bool()>& done) {
  const auto work = Resume();
  const absl::Time give_up = absl::Now() + kPatienceMax;
  while (true) {
    if (RunReady()) continue;
    if (done()) return;
    if (store_->under_way() > 0) {
      if (absl::Now() > give_up) throw std::runtime_error("no progress");
      context_->run_one_for(kGlance);
      continue;
    }
    // The last callback has posted before it was counted as ended.
    if (RunReady()) continue;
    if (!clock_.AdvanceToNext()) {
      throw std::runtime_error("nothing is left to do, and it is not done");
    }
  }
}

void House::RunUntilQuiet() {
  const auto work = Resume();
  while (RunReady() || store_->under_way() > 0 || RunReady()) {
    context_->run_one_for(kGlance);
  }
}

vault::RootKey House::RootKey() {
  return {secret::Secret(std::string(vault::kRootKeyBytes, 'k')), "a test"};
}

House::Work House::Resume() {
  if (context_->stopped()) context_->restart();
  return asio::make_work_guard(*context_);
}

bool House::RunReady() { return context_->poll() > 0; }

migration::Spec House::SpecFor(int connection) {
  migration::Spec spec;
  spec.celigo.account = "acme";
  spec.celigo.connection = absl::StrFormat("%024x", connection);
  spec.netsuite.account = "acme-ns";
  spec.netsuite.user = "jira.integration@example.com";
  spec.role.name = "CeligoJiraTBA";
  return spec;
}

engine::Caller House::Operator(std::string request_id) {
  engine::Caller caller;
  caller.identity = "anna";
  caller.transport = "tls";
  caller.request_id = std::move(request_id);
  caller.fingerprint = "f1";
  return caller;
}

Answer<Migration> House::AskToCreate(engine::Caller caller,
                                     engine::CreateCommand command) {
  auto answer = NoAnswerYet<Migration>();
  engine_->Create(std::move(caller), std::move(command), Into(answer));
  return answer;
}

absl::StatusOr<Migration> House::Create(bool start, migration::Spec spec) {
  engine::CreateCommand command;
  command.spec = std::move(spec);
  command.start = start;
  return Wait(AskToCreate(Operator(), std::move(command)));
}

std::string House::Started() { return Must(Create()).id; }

Answer<Migration> House::AskTo(migration::EventKind kind, std::string id,
                               engine::Caller caller) {
  engine::MigrationCommand command;
  command.migration_id = std::move(id);
  command.kind = kind;
  command.reason = "as agreed";
  command.plan_hash = "4f5e";
  auto answer = NoAnswerYet<Migration>();
  engine_->Command(std::move(caller), std::move(command), Into(answer));
  return answer;
}

absl::StatusOr<Migration> House::Command(migration::EventKind kind,
                                         std::string id,
                                         engine::Caller caller) {
  return Wait(AskTo(kind, std::move(id), std::move(caller)));
}

absl::StatusOr<migration::Task> House::Complete(std::string task_id,
                                                engine::Caller caller) {
  auto answer = NoAnswerYet<migration::Task>();
  engine_->CompleteTask(std::move(caller), std::move(task_id), "ticket 17",
                        Into(answer));
  return Wait(answer);
}

absl::StatusOr<migration::Task> House::Submit(std::string task_id,
                                              std::string_view token_id,
                                              std::string_view token_secret,
                                              engine::Caller caller) {
  auto answer = NoAnswerYet<migration::Task>();
  engine_->SubmitToken(std::move(caller), std::move(task_id),
                       secret::Secret(token_id), secret::Secret(token_secret),
                       Into(answer));
  return Wait(answer);
}

Migration House::Stored(const std::string& id) {
  return Must(store_->GetMigration(id)).migration;
}

void House::RunToState(const std::string& id, migration::State state) {
  RunUntil([this, &id, state] { return Stored(id).state == state; });
  RunUntilQuiet();
}

std::string House::OpenTask(const std::string& id) {
  const std::vector<std::string> open = Must(store_->ListOpenTaskIds(id));
  return open.empty() ? "" : open.front();
}

std::vector<std::string> House::History(const std::string& id) {
  std::vector<std::string> history;
  int64_t after = 0;
  while (true) {
    const auto page = Must(store_->ListEvents(id, after, store::kPageItemsMax));
    if (page.empty()) return history;
    for (const store::StoredEvent& event : page) {
      history.push_back(
          event.step.has_value()
              ? absl::StrCat(event.kind, " ", base::ToAbsl(Name(*event.step)))
              : event.kind);
      after = event.sequence;
    }
  }
}

std::vector<store::AuditRow> House::Trail() {
  std::vector<store::AuditRow> rows =
      Must(store_->ListAuditRows(0, store::kPageItemsMax));
  std::erase_if(rows, [](const store::AuditRow& row) {
    return row.action == store::kCensusAction;
  });
  return rows;
}

std::vector<store::AuditRow> House::CallersTrail() {
  std::vector<store::AuditRow> rows = Trail();
  std::erase_if(
      rows, [](const store::AuditRow& row) { return row.actor == "daemon"; });
  return rows;
}

std::string House::StoredBytes() {
  std::ostringstream all;
  for (const auto& entry : fs::recursive_directory_iterator(directory_)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    all << file.rdbuf();
  }
  return all.str();
}

}  // namespace keyturn::testing
