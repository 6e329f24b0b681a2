// Drives migrations: takes commands, runs steps, keeps timers.
//
// The way of a command: Apply (core) -> one Batch (store) -> answer. The way of
// a migration: NextAction (core) -> the step runs -> its outcome is applied and
// stored -> again, until nothing is left to be done now. A restart enters the
// same loop from the stored state.
#ifndef KEYTURN_DAEMON_ENGINE_ENGINE_H_
#define KEYTURN_DAEMON_ENGINE_ENGINE_H_

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/base/clock.h"
#include "daemon/migration/campaign.h"
#include "daemon/migration/model.h"
#include "daemon/migration/transition.h"
#include "daemon/secret/secret.h"
#include "daemon/steps/account_questions.h"
#include "daemon/steps/discover.h"
#include "daemon/steps/outcome.h"
#include "daemon/steps/outside.h"
#include "daemon/steps/step.h"
#include "daemon/store/store.h"
#include "daemon/vault/openings.h"
#include "daemon/vault/vault.h"

namespace keyturn::engine {

// Who asks, and how the request is known again when it is repeated.
struct Caller {
  // "admin", "uid:0": the certificate's common name or the peer.
  std::string identity;
  // "tls" or "unix".
  std::string transport;
  // For the trail, see store::AuditRow.
  std::string subject;
  std::string serial;
  std::string peer;
  // Empty: each call counts as a new one.
  std::string request_id;
  // Keyed hash of the whole request, its secrets included: tells a repeated
  // request from another one under the same id.
  std::string fingerprint;
};

struct CreateCommand {
  migration::Spec spec;
  bool validate_only = false;
  bool start = false;
  // The accounts that the spec may name; none: every one. Others, and
  // credentials that none of these logs in with, are refused as if they were
  // not there.
  std::optional<std::set<std::string>> accounts = {};
  // The campaign's member that begins with this migration, in one transaction
  // with it; none: a caller asks.
  std::optional<store::MemberWrite> member = {};
};

struct MigrationCommand {
  std::string migration_id;
  // One of the callers' commands, but not a task's answer.
  migration::EventKind kind;
  std::optional<int64_t> expected_revision;
  std::string reason;
  std::string plan_hash;
};

struct CreateCampaignCommand {
  std::string title;
  migration::CampaignPolicy policy;
  // Its first members, in the order in which they begin.
  std::vector<migration::Spec> specs;
  bool validate_only = false;
};

struct AddMembers {
  std::vector<migration::Spec> specs;
};

struct RemoveMember {
  int number = 0;
};

struct ChangeCampaignCommand {
  std::string campaign_id;
  std::optional<int64_t> expected_revision;
  std::variant<migration::CampaignCommand, AddMembers, RemoveMember> change;
};

using steps::Findings;

template <typename T>
using Callback = std::function<void(absl::StatusOr<T>)>;

// How many migrations may be driven at once; the others wait in the order in
// which they became due.
inline constexpr int kRunningMax = 4096;
// How many calls from outside may be under way at once. One more is refused
// with Unavailable (BUSY). Together with kRunningMax below the store's
// kQueuedBatchesMax, since each has at most one commit under way.
inline constexpr int kCallsMax = 3072;
// Members of campaigns whose migrations are being made at once; they count like
// calls, but apart from them.
inline constexpr int kBeginningMax = 256;
// Campaigns that are not at rest.
inline constexpr int kLiveCampaignsMax = 100;
inline constexpr size_t kTitleBytesMax = 200;
// Bytes of a command's reason and of a task's evidence.
inline constexpr size_t kReasonBytesMax = 1000;
inline constexpr size_t kEvidenceBytesMax = 4000;
// Of a token id or secret; they have 64 characters today.
inline constexpr size_t kTokenBytesMax = 256;

// How attempts are run. An interface, so that the engine can be tested with
// scripted outcomes, without the steps and the outside systems.
class StepRunner {
 public:
  virtual ~StepRunner() = default;
  // As steps::Run and steps::Undo.
  virtual asio::awaitable<steps::Outcome> Run(migration::Step step,
                                              steps::Context& context) = 0;
  virtual asio::awaitable<steps::Outcome> Undo(migration::Step step,
                                               steps::Context& context) = 0;
};

// The steps themselves. Lives as long as the process.
StepRunner& RealSteps();

// Thread-safe. Callbacks run on the engine's thread and must not block it. A
// callback's OK means that the change is durable.
//
// Every call may return Unavailable (STOPPING) while the daemon stops or the
// store cannot be trusted, Unavailable (BUSY) beyond kCallsMax, AlreadyExists
// (REQUEST_ID_REUSED) for a request id that was used with another fingerprint,
// and the store's errors; only the other errors are listed.
//
// A repeated request (same caller, id and fingerprint) has no second effect and
// gets what it made as it is now; one that comes while the first is still under
// way waits for it. What was refused is not remembered.
class Engine {
 public:
  struct Options {
    store::Store& store;
    vault::Vault& vault;
    steps::Outside& outside;
    base::Clock& clock;
    // Called once when the store cannot be trusted any more: the daemon stops.
    std::function<void(absl::Status)> on_broken;
    // One line for the operator's log; holds no secret.
    std::function<void(const std::string&)> log;
    StepRunner& steps = RealSteps();
    // Spreads the attempts; gives numbers in [0, 1). Empty: at random.
    std::function<double()> jitter;
    int running_max = kRunningMax;
  };

  // `context`'s one thread is the engine's thread; it is run by the caller.
  //
  // The engine is destroyed after Stop has called `done`, or when the context
  // does not run any more: what was under way is then dropped, as by a crash.
  // The context is destroyed last, after the store, whose callbacks post to it.
  static std::unique_ptr<Engine> Create(asio::io_context& context,
                                        Options options);
  virtual ~Engine() = default;

  // Takes up every migration that is not at rest. Call once, before the
  // context runs.
  virtual absl::Status Start() = 0;

  // No new attempts; those under way end or are cut at `deadline`; everything
  // that was answered is durable. `done` is called when nothing runs any more.
  virtual void Stop(absl::Time deadline, std::function<void()> done) = 0;

  // Seals the vault: drops its keys and what clients keep of secrets, and cuts
  // the attempts under way, which then count as never begun. `done` is called
  // when the keys are gone; attempts take up to a moment to end. Until Unpark
  // no attempt begins, and calls that need a secret return FailedPrecondition
  // (SEALED); all others are answered as ever. An engine that starts over a
  // sealed vault is parked.
  virtual void Park(std::function<void()> done) = 0;
  // After the vault was unsealed: everything goes on.
  virtual void Unpark() = 0;

  // Runs preflight at once; the answer comes when it has ended, at the latest
  // after its attempt_timeout. Errors: see Migrations.CreateMigration in the
  // public API. With `validate_only` nothing is stored, the answer has no id,
  // and what would be tried again or brought to an operator is an error:
  // Unavailable, FailedPrecondition.
  virtual void Create(Caller caller, CreateCommand command,
                      Callback<migration::Migration> callback) = 0;

  // NotFound; and what migration::Apply refuses.
  virtual void Command(Caller caller, MigrationCommand command,
                       Callback<migration::Migration> callback) = 0;

  // Also for a task that does not block, whose migration may be at rest.
  // NotFound; FailedPrecondition (TASK_CLOSED, SECRET_REQUIRED);
  // InvalidArgument naming `evidence`.
  virtual void CompleteTask(Caller caller, std::string task_id,
                            std::string evidence,
                            Callback<migration::Task> callback) = 0;

  // The values are durable in the vault when `callback` gets OK (guarantee G2).
  // A newline at the end of a value is not part of it.
  // NotFound; FailedPrecondition (TASK_CLOSED; NO_SECRET_ASKED for a task that
  // is done by hand); InvalidArgument for values that cannot be a token id and
  // secret, naming the field.
  virtual void SubmitToken(Caller caller, std::string task_id,
                           secret::Secret token_id, secret::Secret token_secret,
                           Callback<migration::Task> callback) = 0;

  // Stores a campaign, which begins at once. Its members' specs are checked in
  // their form; whether a migration can be made of each is found when its turn
  // comes. With `validate_only` nothing is stored, and the answer has no id.
  // InvalidArgument naming the field; FailedPrecondition (TOO_MANY_CAMPAIGNS).
  virtual void CreateCampaign(Caller caller, CreateCampaignCommand command,
                              Callback<store::StoredCampaign> callback) = 0;

  // NotFound (CAMPAIGN_NOT_FOUND, MEMBER_NOT_FOUND); Aborted (ETAG_MISMATCH);
  // what migration::Apply and migration::TakeOut refuse; for new members as
  // CreateCampaign.
  virtual void ChangeCampaign(Caller caller, ChangeCampaignCommand command,
                              Callback<store::StoredCampaign> callback) = 0;

  // Reads an account's connections; changes nothing. `openings`, as of
  // TestAccount too, is complete when `callback` is called. NotFound;
  // Unavailable; FailedPrecondition (OUTSIDE_LOGIN_REFUSED).
  virtual void Discover(
      std::string account, std::shared_ptr<vault::Openings> openings,
      Callback<std::vector<steps::DiscoveredConnection>> callback) = 0;

  // Asks the outside system who we are there, also when it refused us before
  // (see steps::Outside::Forget): a person asks. A refusal is an answer.
  // NotFound; Unavailable when it cannot be reached.
  virtual void TestAccount(std::string account,
                           std::shared_ptr<vault::Openings> openings,
                           Callback<Findings> callback) = 0;
};

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_ENGINE_H_
