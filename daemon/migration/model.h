// The values of the core: what a migration is. Plain data, no behaviour.
//
// Rooms above build and read these; only transition.h changes a Migration.
#ifndef KEYTURN_DAEMON_MIGRATION_MODEL_H_
#define KEYTURN_DAEMON_MIGRATION_MODEL_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace keyturn::migration {

// In the order in which they run. Never renumber: the numbers are stored.
enum class Step : int {
  kPreflight = 1,
  kApprove = 2,
  kEnableTba = 3,
  kCreateRole = 4,
  kAssignRole = 5,
  kIssueToken = 6,
  kTestCandidate = 7,
  kQuiesce = 8,
  kCutOver = 9,
  kVerifyConnection = 10,
  kVerifyFlows = 11,
  kResumeFlows = 12,
  kProveTraffic = 13,
  kFinish = 14,
};

inline constexpr std::array kAllSteps = {
    Step::kPreflight,        Step::kApprove,     Step::kEnableTba,
    Step::kCreateRole,       Step::kAssignRole,  Step::kIssueToken,
    Step::kTestCandidate,    Step::kQuiesce,     Step::kCutOver,
    Step::kVerifyConnection, Step::kVerifyFlows, Step::kResumeFlows,
    Step::kProveTraffic,     Step::kFinish,
};

// "preflight", "enable_tba", ...
std::string_view Name(Step step);
std::optional<Step> StepFromName(std::string_view name);

// What a caller sees. Never renumber: the numbers are stored.
enum class State : int {
  kPlanning = 1,
  kPlanned = 2,
  kAwaitingApproval = 3,
  kRunning = 4,
  kAwaitingTask = 5,
  kPaused = 6,
  kRollingBack = 7,
  kNeedsAttention = 8,
  kSucceeded = 9,
  kRolledBack = 10,
  kCancelled = 11,
};

inline constexpr std::array kAllStates = {
    State::kPlanning,    State::kPlanned,        State::kAwaitingApproval,
    State::kRunning,     State::kAwaitingTask,   State::kPaused,
    State::kRollingBack, State::kNeedsAttention, State::kSucceeded,
    State::kRolledBack,  State::kCancelled,
};

// "PLANNING", "AWAITING_TASK", ...
std::string_view Name(State state);

// Whether nothing will ever happen to it again: SUCCEEDED, ROLLED_BACK,
// CANCELLED.
bool IsAtRest(State state);

// Never renumber: the numbers are stored.
enum class StepState : int {
  kPending = 1,
  kRunning = 2,
  kWaiting = 3,
  kAwaitingTask = 4,
  kDone = 5,
  kFailed = 6,
  kUndone = 7,
};

std::string_view Name(StepState state);

// Read back from an outside system, never concluded from an answer of 200.
struct Proof {
  std::string what;
  std::string value;
  bool operator==(const Proof&) const = default;
};

struct StepRecord {
  StepState state = StepState::kPending;
  // The attempt that runs now or comes next; 0 before the step is entered.
  int attempt = 0;
  // Failures in a row that are worth another attempt.
  int failures = 0;
  // Looks that found the step still under way (a drain, a running job).
  int waits = 0;
  std::optional<absl::Time> started_at;
  std::optional<absl::Time> ended_at;
  // For people: what happens, what it waits for, or why it failed and what to
  // do about it.
  std::string message;
  std::vector<Proof> proofs;
  // Id of the task that was opened last for this step; empty: none.
  std::string task_id;
};

struct Spec {
  struct Celigo {
    std::string account;
    std::string connection;
    std::string tile;
    bool operator==(const Celigo&) const = default;
  };
  struct NetSuite {
    std::string account;
    std::string user;
    bool operator==(const NetSuite&) const = default;
  };
  struct Role {
    std::string name;
    std::string from;
    std::vector<std::string> add_permissions;
    bool operator==(const Role&) const = default;
  };
  struct Token {
    std::string application;
    std::string consumer;
    bool operator==(const Token&) const = default;
  };
  struct Flows {
    // kAll: every flow of the plan; kIds: `test_ids`.
    enum class Test : int { kAll = 1, kNone = 2, kIds = 3 };
    Test test = Test::kAll;
    std::vector<std::string> test_ids;
    std::vector<std::string> run_ids;
    bool operator==(const Flows&) const = default;
  };
  std::string recipe;
  Celigo celigo;
  NetSuite netsuite;
  Role role;
  Token token;
  std::string iclient;
  std::string old_login;
  Flows flows;
  int approvals = 0;
  // So long it waits at the end for somebody to confirm that all works, and
  // goes back without it. Zero: it waits for nobody.
  absl::Duration confirm_within;
  // So long the flows may take to come to rest before an operator is asked.
  // Zero: the default.
  absl::Duration drain_within;
  // The connection is on the new kind of login already, by somebody else's
  // hand: what is there is proved, and nothing outside is changed.
  bool adopt = false;
  bool operator==(const Spec&) const = default;
};

struct PlannedStep {
  enum class Actor : int { kDaemon = 1, kPerson = 2, kNobody = 3 };
  Step step;
  Actor actor = Actor::kDaemon;
  std::string what;
  bool reversible = false;
  std::string undo;
};

struct Plan {
  struct Change {
    std::string field;
    std::string before;
    std::string after;
  };
  struct Flow {
    std::string id;
    std::string name;
    bool enabled = false;
    bool test = false;
    bool run = false;
  };
  // SHA-256, hex, of PlanText.
  std::string hash;
  std::vector<PlannedStep> steps;
  std::vector<Change> changes;
  std::vector<Flow> flows;
  std::vector<std::string> warnings;
  bool reversible_after_cut_over = false;
  std::string reversibility;
  // Sorted by key.
  std::vector<std::pair<std::string, std::string>> findings;
};

// Everything in `plan` but its hash, in one unambiguous text: what an approval
// is bound to.
std::string PlanText(const Plan& plan);

struct Attention {
  // UPPER_SNAKE_CASE, stable.
  std::string reason;
  // Role of the person that must act: "operator", "administrator".
  std::string owner;
  std::string message;
  std::vector<std::string> ways_out;
};

struct Approval {
  std::string by;
  absl::Time at;
};

// A durable request to a person.
struct Task {
  enum class State : int { kOpen = 1, kDone = 2, kWithdrawn = 3 };
  enum class Answer : int { kDoneByHand = 1, kToken = 2, kDoneOrToken = 3 };
  struct Field {
    std::string name;
    std::string label;
    std::string value;
  };
  std::string id;
  std::string migration_id;
  Step step = Step::kPreflight;
  State state = State::kOpen;
  Answer answer = Answer::kDoneByHand;
  std::string title;
  std::string problem;
  std::vector<std::string> instructions;
  std::string menu_path;
  std::string deep_link;
  std::vector<Field> fields;
  std::vector<std::string> common_mistakes;
  std::string token_name;
  bool blocking = true;
  absl::Time created_at;
  // Unanswered at this instant, it is withdrawn and the migration goes back
  // (MayExpire in transition.h). None: it is never too late.
  std::optional<absl::Time> expires_at;
  std::optional<absl::Time> ended_at;
  std::string completed_by;
  std::string evidence;
  // Name of the account in which it is to be done.
  std::string account;
};

struct Migration {
  std::string id;
  // One higher with every change that is stored.
  int64_t revision = 0;
  // One higher with every outcome of a step, and with what takes the place of
  // one. An outcome names the turn it belongs to, so that a late answer cannot
  // pass for another step's.
  int64_t turn = 1;

  Spec spec;
  std::optional<Plan> plan;
  State state = State::kPlanning;
  Step current = Step::kPreflight;
  // Undoing, in reverse order, rather than going on.
  bool going_back = false;
  std::array<StepRecord, kAllSteps.size()> steps;

  // The next attempt or look comes at this instant; none: at once. In
  // AWAITING_TASK: when the task expires; none: never.
  std::optional<absl::Time> wake_at;
  bool start_requested = false;
  bool pause_requested = false;
  // To go back as soon as the attempt that is under way has ended.
  bool cancel_requested = false;
  // Where PAUSED came from and NEEDS_ATTENTION goes back to.
  State resume_to = State::kPlanning;
  std::optional<Attention> attention;
  std::vector<Approval> approvals;
  // Who answered the task of `finish` (Spec::confirm_within).
  std::optional<Approval> confirmed;
  // A task has expired: a second one does not, so that a way back that turned
  // out to be closed is not tried for ever.
  bool task_expired = false;
  std::vector<std::string> left_to_do;
  // Why it goes or went back.
  std::string failure;

  // What steps have found and need again: JSON that only steps read. Holds no
  // secret.
  std::string notes;

  // What at most one live migration may hold (guarantee G9):
  // "{account}/{connection id}"; empty while not known.
  std::string connection_key;
  // For people.
  std::string connection_name;

  std::string creator;
  absl::Time created_at;
  absl::Time updated_at;
  std::optional<absl::Time> ended_at;

  StepRecord& record(Step step) { return steps[static_cast<int>(step) - 1]; }
  const StepRecord& record(Step step) const {
    return steps[static_cast<int>(step) - 1];
  }
};

}  // namespace keyturn::migration

#endif  // KEYTURN_DAEMON_MIGRATION_MODEL_H_
