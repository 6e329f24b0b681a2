#include "tests/steps/world.h"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "tests/support/run_awaitable.h"

namespace keyturn::steps {

void PrintTo(Outcome::Kind kind, std::ostream* stream) {
  constexpr const char* kNames[] = {"done",    "plan",    "wait",
                                    "retry",   "task",    "failed",
                                    "blocked", "refused", "turn forward"};
  *stream << kNames[static_cast<int>(kind)];
}

}  // namespace keyturn::steps

namespace keyturn::testing {
namespace {

namespace fs = std::filesystem;

constexpr char kOrigin[] = "https://localhost:1";
constexpr char kNetSuiteId[] = "7654321";

template <typename T>
T Must(absl::StatusOr<T> value) {
  if (!value.ok()) throw std::runtime_error(value.status().ToString());
  return *std::move(value);
}

http::Response ResponseOf(const sandbox::Response& answer) {
  http::Response response;
  response.status = answer.status;
  for (const auto& [name, value] : answer.headers) {
    response.headers.push_back({sandbox::Lower(name), value});
  }
  response.body = secret::Secret(answer.body);
  return response;
}

netsuite::AccessCredential AccessOf(const Json& keys) {
  netsuite::Tba tba;
  tba.consumer_key = secret::Secret(sandbox::Text(keys, "consumerKey"));
  tba.consumer_secret = secret::Secret(sandbox::Text(keys, "consumerSecret"));
  tba.token_id = secret::Secret(sandbox::Text(keys, "tokenId"));
  tba.token_secret = secret::Secret(sandbox::Text(keys, "tokenSecret"));
  return netsuite::AccessCredential(std::move(tba));
}

}  // namespace

asio::awaitable<absl::StatusOr<http::Response>> WorldTransport::Send(
    http::Request request) {
  sandbox::Request sent;
  sent.method = std::string(http::Name(request.method));
  sent.host = "localhost:1";
  sent.target = request.url.substr(std::string_view(kOrigin).size());
  for (const http::Header& header : request.headers) {
    sent.headers.emplace_back(header.name, header.value);
  }
  sent.headers.emplace_back("Authorization", request.authorization.Expose());
  sent.body = std::string(request.body.Expose());
  const std::string line = absl::StrCat(sent.method, " ", sent.Path());
  lines.push_back(line);
  for (auto act = before_.begin(); act != before_.end(); ++act) {
    if (!absl::StartsWith(line, act->first)) continue;
    const std::function<void()> happens = std::move(act->second);
    before_.erase(act);
    happens();
    break;
  }
  const sandbox::Response answer = world_.Handle(sent);
  statuses.push_back(answer.status);
  if (answer.ending != sandbox::Ending::kWhole) {
    absl::Status dropped = absl::UnavailableError("the connection was dropped");
    co_return http::WithEffect(std::move(dropped), http::Effect::kUnknown);
  }
  co_return ResponseOf(answer);
}

absl::StatusOr<std::shared_ptr<celigo::Client>> WorldOutside::Celigo(
    std::string_view account, vault::Openings&) {
  if (account != "acme") return absl::NotFoundError("no such account");
  return celigo;
}

absl::StatusOr<steps::NetSuiteAccount> WorldOutside::NetSuite(
    std::string_view account, vault::Openings&) {
  if (account != "acme-ns") return absl::NotFoundError("no such account");
  return steps::NetSuiteAccount{netsuite->account(), netsuite, has_access};
}

StepsTest::StepsTest() {
  const sandbox::SeedOptions seed{.netsuite_access = true, .schedules = false};
  const sandbox::Seeded seeded = Must(sandbox::SeedWorld(seed, &world_));
  info_ = seeded.info;
  connection_ = sandbox::Text(info_, "connection");
  Json access;
  for (const sandbox::SeedFile& file : seeded.files) {
    const Json content = sandbox::ParseJson(file.content);
    if (file.path == "netsuite-tba.json") access = content;
    if (file.path == "old-login.json") {
      old_password_ = sandbox::Text(content, "password");
    }
  }
  const std::string token = sandbox::Text(info_, "celigo_token");
  outside_.celigo = std::make_shared<celigo::Client>(
      transport_, kOrigin, [token]() -> absl::StatusOr<secret::Secret> {
        return secret::Secret(token);
      });
  const netsuite::AccountId id = Must(netsuite::AccountId::Parse(kNetSuiteId));
  netsuite::Client::Parts parts{
      id,
      Must(netsuite::Endpoints::AtBaseUrl(id, kOrigin)),
      [access]() -> absl::StatusOr<netsuite::AccessCredential> {
        return AccessOf(access);
      },
      {},
      {}};
  outside_.netsuite =
      std::make_shared<netsuite::Client>(std::move(parts), transport_, clock_);
  std::string pattern = (fs::temp_directory_path() / "keyturn-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = pattern;
  store::SqliteOptions sqlite;
  sqlite.path = absl::StrCat(directory_, "/keyturn.db");
  store_ = Must(store::OpenSqliteStore(std::move(sqlite)));
  vault::RootKey key;
  key.key = secret::Secret(std::string(vault::kRootKeyBytes, 'k'));
  vault_ = Must(vault::Vault::Open(*store_, std::move(key), clock_.Now()));

  migration_ = NewMigration();
}

migration::Migration StepsTest::NewMigration() {
  migration::Spec spec;
  spec.recipe = "jira";
  spec.celigo.account = "acme";
  spec.celigo.connection = connection_;
  spec.netsuite.account = "acme-ns";
  spec.netsuite.user = sandbox::Text(info_, "user");
  spec.role.name = "CeligoJiraTBA";
  spec.flows.run_ids = {FlowId(2)};
  return migration::NewMigration("m1", std::move(spec), "anna",
                                 /*start=*/true, clock_.Now());
}

StepsTest::~StepsTest() {
  vault_.reset();
  store_.reset();
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

Outcome StepsTest::Attempt(Step step, bool undo, bool lose) {
  migration_.current = step;
  migration::StepRecord& record = migration_.record(step);
  if (!record.started_at.has_value()) record.started_at = clock_.Now();
  if (record.attempt == 0) record.attempt = 1;
  const migration::Migration seen = migration_;
  steps::Context context{seen,      Notes(), outside_, *vault_,
                         openings_, *store_, clock_,   nullptr};
  context.checkpoint = [this, &context](std::string message) {
    const bool fails =
        checkpoints_fail_from_ >= 0 &&
        static_cast<int>(checkpoints_.size()) >= checkpoints_fail_from_;
    if (!fails) {
      checkpoints_.push_back(std::move(message));
      migration_.notes = steps::FormatNotes(context.notes);
    }
    auto answer = [](bool refuse) -> asio::awaitable<absl::Status> {
      co_return refuse ? absl::UnavailableError("the disk") : absl::OkStatus();
    };
    return answer(fails);
  };
  Outcome outcome = RunAwaitable(
      io_, undo ? steps::Undo(step, context) : steps::Run(step, context),
      &clock_);
  if (lose) return outcome;
  migration_.notes = steps::FormatNotes(context.notes);
  Keep(step, undo, outcome);
  return outcome;
}

void StepsTest::Keep(Step step, bool undo, const Outcome& outcome) {
  migration::StepRecord& record = migration_.record(step);
  store::Batch batch;
  batch.credentials = outcome.credentials;
  if (!batch.credentials.empty()) {
    Must(store_->CommitAndWait(std::move(batch)));
  }
  switch (outcome.kind) {
    case Kind::kDone:
    case Kind::kPlan:
      record.state =
          undo ? migration::StepState::kUndone : migration::StepState::kDone;
      if (!undo) record.proofs = outcome.proofs;
      if (outcome.plan.has_value()) migration_.plan = outcome.plan;
      break;
    case Kind::kWait:
      ++record.waits;
      break;
    case Kind::kTask:
      record.task_id = absl::StrCat("task-", record.attempt++);
      break;
    case Kind::kRetry:
    case Kind::kFailed:
    case Kind::kBlocked:
    case Kind::kRefused:
    case Kind::kTurnForward:
      ++record.attempt;
      break;
  }
}

Outcome StepsTest::Settle(Step step, int looks) {
  Outcome outcome = Run(step);
  for (int look = 1; look < looks && outcome.kind == Kind::kWait; ++look) {
    clock_.Advance(outcome.wait);
    outcome = Run(step);
  }
  return outcome;
}

Outcome StepsTest::SettleUndo(Step step, int looks) {
  Outcome outcome = Undo(step);
  for (int look = 1; look < looks && outcome.kind == Kind::kWait; ++look) {
    clock_.Advance(outcome.wait);
    outcome = Undo(step);
  }
  return outcome;
}

void StepsTest::Reach(Step last) {
  for (const Step step : migration::kAllSteps) {
    if (step > last) return;
    if (step == Step::kApprove ||
        migration_.record(step).state == migration::StepState::kDone) {
      continue;
    }
    Outcome outcome = Settle(step);
    if (outcome.kind == Kind::kTask) {
      if (step == Step::kCreateRole) {
        Act("clone-role", {{"from", "Celigo Jira Connector"},
                           {"name", "CeligoJiraTBA"},
                           {"add_permissions", {"ADMI_LOGIN_OAUTH"}}});
      } else if (step == Step::kAssignRole) {
        Act("assign-role", {{"user", sandbox::Text(info_, "user")},
                            {"role", "CeligoJiraTBA"}});
      } else if (step == Step::kIssueToken) {
        const auto [id, token] = MakeToken();
        HandIn(id, token);
      }
      outcome = Settle(step);
    }
    ASSERT_TRUE(outcome.kind == Kind::kDone || outcome.kind == Kind::kPlan)
        << Name(step) << ": " << outcome.message;
    clock_.Advance(absl::Milliseconds(10));
  }
}

void StepsTest::HandIn(const std::string& id, const std::string& token) {
  vault::ConnectionToken payload{secret::Secret(id), secret::Secret(token)};
  const vault::Payload sealed(std::move(payload));
  const std::string name = steps::TokenCredential(migration_.id);
  steps::Notes notes = Notes();
  store::Batch batch;
  constexpr auto kPending = store::VersionLabel::kPending;
  batch.credentials.push_back(
      notes.token_version == 0
          ? Must(vault_->SealNew(name, sealed, kPending, migration_.id, "anna",
                                 clock_.Now()))
          : Must(vault_->SealVersion(name, sealed, kPending, "anna",
                                     clock_.Now())));
  Must(store_->CommitAndWait(std::move(batch)));
  steps::NoteToken(notes, notes.token_version + 1);
  SetNotes(notes);
}

std::pair<std::string, std::string> StepsTest::MakeToken(Json changes) {
  Json arguments = {
      {"application", "High Tech Connectors Token-based Auth"},
      {"user", sandbox::Text(info_, "user")},
      {"role", "CeligoJiraTBA"},
      {"name", steps::TokenName(migration_.id, Notes().tokens_asked)}};
  arguments.update(changes);
  const Json token = Act("create-token", arguments);
  return {sandbox::Text(token, "tokenId"), sandbox::Text(token, "tokenSecret")};
}

Json StepsTest::Control(const std::string& method, const std::string& path,
                        const Json& body) {
  sandbox::Request request;
  request.method = method;
  request.host = "localhost:1";
  request.target = path;
  request.headers = {{"X-Control-Key", "key"}};
  request.body = sandbox::Dump(body);
  const sandbox::Response response = world_.Handle(request);
  EXPECT_EQ(response.status, 200) << path << ": " << response.body;
  return sandbox::ParseJson(response.body);
}

Json StepsTest::Act(const std::string& act, const Json& arguments) {
  return Control("POST", "/control/act/" + act, arguments);
}

void StepsTest::Switch(const std::string& name, const std::string& answer) {
  Control("POST", "/control/switches", {{name, answer}});
}

Json StepsTest::Truth() { return Control("GET", "/control/state"); }

Json StepsTest::Connection() {
  return world_.Seed([this](sandbox::World& world) {
    return *world.celigo().state().connections.Find(connection_);
  });
}

Json StepsTest::Flow(int index) {
  return world_.Seed([this, index](sandbox::World& world) {
    return *world.celigo().state().flows.Find(FlowId(index));
  });
}

bool StepsTest::Enabled(int index) {
  return !sandbox::Flag(Flow(index), "disabled");
}

int StepsTest::LostRecords() {
  return static_cast<int>(sandbox::Number(Truth(), "lost_records"));
}

int StepsTest::FailedLogins() {
  int failed = 0;
  const Json truth = Truth();
  for (const Json& entry : truth["netsuite"][kNetSuiteId]["audit"]) {
    const bool success = sandbox::Flag(entry, "success") ||
                         sandbox::Text(entry, "status") == "Success";
    if (!success &&
        sandbox::Text(entry, "user") == sandbox::Text(info_, "user")) {
      ++failed;
    }
  }
  return failed;
}

int StepsTest::Sent(std::string_view line) const {
  int count = 0;
  for (const std::string& sent : transport_.lines) {
    if (absl::StartsWith(sent, base::ToAbsl(line))) ++count;
  }
  return count;
}

std::vector<std::string> StepsTest::Writes() const {
  std::vector<std::string> writes;
  for (const std::string& line : transport_.lines) {
    const bool reads = absl::StartsWith(line, "GET ") ||
                       absl::EndsWith(line, "/ping") ||
                       absl::EndsWith(line, "/jobs/current") ||
                       absl::EndsWith(line, "/suiteql");
    if (!reads) writes.push_back(line);
  }
  return writes;
}

steps::Notes StepsTest::Notes() {
  return Must(steps::ParseNotes(migration_.notes));
}

void StepsTest::SetNotes(const steps::Notes& notes) {
  migration_.notes = steps::FormatNotes(notes);
}

void StepsTest::AddOldLogin(const std::string& password) {
  vault::NetSuiteLogin login{
      secret::Secret(sandbox::Text(info_, "user")),
      secret::Secret(password.empty() ? old_password_ : password)};
  const vault::Payload payload(std::move(login));
  store::Batch batch;
  constexpr auto kCurrent = store::VersionLabel::kCurrent;
  batch.credentials.push_back(
      migration_.spec.old_login.empty()
          ? Must(vault_->SealNew("old", payload, kCurrent, "", "anna",
                                 clock_.Now()))
          : Must(vault_->SealVersion("old", payload, kCurrent, "anna",
                                     clock_.Now())));
  Must(store_->CommitAndWait(std::move(batch)));
  migration_.spec.old_login = "old";
}

absl::StatusOr<store::CredentialInfo> StepsTest::TokenInfo() {
  return store_->GetCredential(steps::TokenCredential(migration_.id));
}

std::string StepsTest::FlowId(int index) const {
  return sandbox::Member(info_, "flows")[index].get<std::string>();
}

}  // namespace keyturn::testing
