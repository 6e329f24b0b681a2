// The people of a history: an operator with a command line, an approver, and
// NetSuite's administrator at the screens.
#ifndef KEYTURN_TESTS_CRASH_PEOPLE_H_
#define KEYTURN_TESTS_CRASH_PEOPLE_H_

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "daemon/engine/engine.h"
#include "daemon/migration/model.h"
#include "daemon/store/store.h"
#include "tests/crash/outside.h"
#include "tests/crash/scenario.h"

namespace keyturn::crash {

// One request of a person's. While its answer does not come it is sent again,
// with the same id, as the command line does (guarantee G10).
struct Asked {
  using Done = std::function<void(absl::Status status, std::string made)>;

  // "create", "complete task …": for the history.
  std::string what;
  engine::Caller caller;
  std::function<void(engine::Engine& engine, engine::Caller caller, Done done)>
      send;
  // Whether an OK would break a guarantee; which, otherwise empty.
  std::string must_be_refused;
  bool under_way = false;
  bool answered = false;
  int times_sent = 0;
  absl::Status answer;
  absl::Time answered_at;
  // Name of the resource that it made or changed.
  std::string made;
};

// People outlive every crash: what they did, know and asked for stays with
// them. Belongs to one thread.
class People {
 public:
  struct Hooks {
    std::function<void(std::string line)> tell;
    // How long a person takes before the answer to a task; empty: no time.
    std::function<absl::Duration()> delay;
    // Whether a task is answered without being done; empty: never.
    std::function<bool()> errs;
    // How often an operator retries what needs attention.
    int retries = 0;
    // How long the approver takes; infinite: is not there.
    absl::Duration approval_delay;
    // The operator cancels while the approval is awaited, and the approver says
    // yes nevertheless.
    bool gives_up = false;
    // See Mutation.
    bool takes_any_plan = false;
  };

  People(const Scenario& scenario, Outside& outside, Hooks hooks);

  // Does one thing, if there is one to do at `now`; says whether it did.
  bool Act(engine::Engine& engine, store::Store& store, absl::Time now);
  // The daemon is gone, and with it every answer that had not come.
  void NoteCrash();
  // When a person has thought long enough; none: nobody thinks.
  std::optional<absl::Time> next() const;

  // Sends every request that was answered with OK since `since` once more, with
  // its own id.
  void RepeatAll(absl::Time since);
  // A request's answer is awaited, or is to be sent.
  bool busy() const;

  // Empty until the migration is known to be there.
  const std::string& migration_id() const { return migration_id_; }
  const std::deque<Asked>& asked() const { return asked_; }
  // Tokens that people made and the daemon was not told of yet.
  const std::set<std::string>& tokens_in_hand() const {
    return tokens_in_hand_;
  }

 private:
  bool Send(engine::Engine& engine);
  void Receive(Asked& asked, absl::Status status, std::string made);
  // What the approver says, and an operator who does not wait for it.
  bool Approve(const migration::Migration& migration);
  // What the state of the migration calls for; once each.
  bool Command(const migration::Migration& migration);
  bool Answer(store::Store& store, absl::Time now);
  void Perform(const migration::Task& task);
  sandbox::Json TokenFor(const migration::Task& task);
  void Do(const std::string& act, const sandbox::Json& arguments);

  void AskToCreate(std::string request_id, std::string must_be_refused);
  void AskTo(std::string what, migration::EventKind kind, std::string identity,
             std::string plan_hash, std::string must_be_refused = "");
  void AskToComplete(const std::string& task_id);
  void AskToSubmit(const std::string& task_id, const sandbox::Json& token);
  Asked& Ask(std::string what, std::string identity);

  migration::Spec Spec() const;

  const Scenario scenario_;
  Outside& outside_;
  const Hooks hooks_;
  absl::Time now_;
  int retries_ = 0;
  int creations_ = 0;
  std::string migration_id_;
  // When the approver has made up his mind; none: is not asked.
  std::optional<absl::Time> approves_at_;
  // A deque: what is under way keeps its place.
  std::deque<Asked> asked_;
  std::set<std::string> said_;
  // When the answer to a task comes, by its id; far in the past: it was given.
  std::map<std::string, absl::Time> tasks_;
  std::set<std::string> tokens_in_hand_;
};

}  // namespace keyturn::crash

#endif  // KEYTURN_TESTS_CRASH_PEOPLE_H_
