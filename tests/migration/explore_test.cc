// Walks every migration that can arise, up to what makes no difference (times,
// texts, counts), through every event, and looks at what comes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "tests/migration/walk.h"

namespace keyturn::migration {
namespace {

using base::ToAbsl;
using testing::IsDaemons;
using ::testing::IsEmpty;
using testing::Variant;
using testing::Walk;

// More than arise; a loop that makes ever new migrations ends here.
constexpr size_t kMigrationsMax = 200'000;
// More events than any migration needs to end once everybody helps.
constexpr int kEventsToEndMax = 80;

using Ways = std::map<std::pair<State, EventKind>, std::set<State>>;

constexpr State kPlanning = State::kPlanning;
constexpr State kPlanned = State::kPlanned;
constexpr State kApproval = State::kAwaitingApproval;
constexpr State kRunning = State::kRunning;
constexpr State kTask = State::kAwaitingTask;
constexpr State kPaused = State::kPaused;
constexpr State kBack = State::kRollingBack;
constexpr State kAttention = State::kNeedsAttention;
constexpr State kSucceeded = State::kSucceeded;
constexpr State kRolledBack = State::kRolledBack;
constexpr State kCancelled = State::kCancelled;

// What the design says, told a second time: where each event may lead. Each of
// these is reached below, and nothing else is.
const Ways& ExpectedWays() {
  static const auto* const kWays = new Ways{
      {{kPlanning, EventKind::kPlanMade},
       {kPlanned, kApproval, kRunning, kCancelled}},
      {{kPlanning, EventKind::kStepProgress}, {kPlanning}},
      {{kPlanning, EventKind::kStepWait}, {kPlanning, kAttention, kCancelled}},
      {{kPlanning, EventKind::kStepRetry}, {kPlanning, kAttention, kCancelled}},
      {{kPlanning, EventKind::kStepFailed}, {kAttention, kCancelled}},
      {{kPlanning, EventKind::kStepBlocked}, {kAttention, kCancelled}},
      {{kPlanning, EventKind::kStart}, {kPlanning}},
      {{kPlanning, EventKind::kPause}, {kPlanning}},
      {{kPlanning, EventKind::kCancel}, {kPlanning}},
      {{kPlanning, EventKind::kRetry}, {kPlanning}},
      {{kPlanning, EventKind::kSettle}, {kPaused, kCancelled}},
      {{kPlanned, EventKind::kStart}, {kApproval, kRunning}},
      {{kPlanned, EventKind::kCancel}, {kCancelled}},
      {{kApproval, EventKind::kApprove}, {kApproval, kRunning}},
      {{kApproval, EventKind::kReject}, {kCancelled}},
      {{kApproval, EventKind::kCancel}, {kCancelled}},
      {{kRunning, EventKind::kStepDone},
       {kRunning, kBack, kSucceeded, kRolledBack}},
      {{kRunning, EventKind::kStepProgress}, {kRunning}},
      {{kRunning, EventKind::kStepWait},
       {kRunning, kAttention, kBack, kRolledBack}},
      {{kRunning, EventKind::kStepRetry},
       {kRunning, kAttention, kBack, kRolledBack}},
      {{kRunning, EventKind::kTaskNeeded},
       {kTask, kPaused, kBack, kRolledBack}},
      {{kRunning, EventKind::kStepFailed}, {kAttention, kBack, kRolledBack}},
      {{kRunning, EventKind::kStepBlocked}, {kAttention, kBack, kRolledBack}},
      {{kRunning, EventKind::kPause}, {kRunning}},
      {{kRunning, EventKind::kCancel}, {kRunning}},
      {{kRunning, EventKind::kRollBack}, {kRunning}},
      {{kRunning, EventKind::kRetry}, {kRunning}},
      {{kRunning, EventKind::kSettle}, {kPaused, kBack, kRolledBack}},
      {{kTask, EventKind::kTaskDone}, {kRunning, kBack}},
      {{kTask, EventKind::kTokenSubmitted}, {kRunning, kBack}},
      {{kTask, EventKind::kPause}, {kPaused}},
      {{kTask, EventKind::kCancel}, {kBack, kRolledBack}},
      {{kTask, EventKind::kRollBack}, {kBack, kRolledBack}},
      {{kTask, EventKind::kSettle}, {kBack}},
      {{kPaused, EventKind::kResume}, {kPlanning, kRunning, kTask, kBack}},
      {{kPaused, EventKind::kTaskDone}, {kPaused}},
      {{kPaused, EventKind::kTokenSubmitted}, {kPaused}},
      {{kPaused, EventKind::kCancel}, {kBack, kRolledBack, kCancelled}},
      {{kPaused, EventKind::kRollBack}, {kBack, kRolledBack, kCancelled}},
      {{kBack, EventKind::kStepDone}, {kBack, kRolledBack}},
      {{kBack, EventKind::kStepProgress}, {kBack}},
      {{kBack, EventKind::kStepWait}, {kBack, kAttention}},
      {{kBack, EventKind::kStepRetry}, {kBack, kAttention}},
      {{kBack, EventKind::kTaskNeeded}, {kTask, kPaused}},
      {{kBack, EventKind::kStepFailed}, {kAttention}},
      {{kBack, EventKind::kStepBlocked}, {kAttention}},
      {{kBack, EventKind::kTurnForward}, {kRunning}},
      {{kBack, EventKind::kPause}, {kBack}},
      {{kBack, EventKind::kRetry}, {kBack}},
      {{kBack, EventKind::kSettle}, {kPaused}},
      {{kAttention, EventKind::kRetry}, {kPlanning, kRunning, kBack}},
      {{kAttention, EventKind::kCancel}, {kBack, kRolledBack, kCancelled}},
      {{kAttention, EventKind::kRollBack}, {kBack, kRolledBack, kCancelled}},
  };
  return *kWays;
}

// Everything of a migration that decides what may come of it.
std::string Essence(const Migration& migration) {
  std::string text =
      absl::StrCat(static_cast<int>(migration.state), " ",
                   static_cast<int>(migration.current), " ",
                   migration.going_back, migration.start_requested,
                   migration.pause_requested, migration.cancel_requested,
                   migration.wake_at.has_value(), migration.plan.has_value(),
                   IsCutOver(migration), migration.task_expired, " ",
                   migration.state == kPaused || migration.state == kAttention
                       ? static_cast<int>(migration.resume_to)
                       : 0,
                   " ", migration.approvals.size(), " ");
  for (const StepRecord& record : migration.steps) {
    absl::StrAppend(&text, static_cast<int>(record.state),
                    record.attempt > 0 ? "+" : "-",
                    record.proofs.empty() ? "" : "p");
  }
  return text;
}

struct Node {
  Walk walk;
  // The events that made it, for the person who reads a failure.
  std::string story;
};

struct Edge {
  std::string to;
  EventKind event;
};

struct World {
  std::map<std::string, Node> nodes;
  std::map<std::string, std::vector<Edge>> edges;
  Ways ways;
  std::map<std::pair<State, EventKind>, std::set<std::string>> refusals;
  std::set<std::string> flaws;
};

// Goes through `kind` as often as it takes to leave the state: what the limit
// of attempts or looks leads to. False: it does not end.
bool Wear(Walk& walk, EventKind kind) {
  const State from = walk.migration().state;
  if (kind == EventKind::kStepWait) walk.SpendWaits();
  for (int i = 0; i < kEventsToEndMax; ++i) {
    if (!walk.Send(kind).ok()) return false;
    if (walk.migration().state != from) return true;
  }
  return false;
}

class Explorer {
 public:
  void Explore(const Variant& variant) {
    variant_ = absl::StrCat("approvals=", variant.approvals,
                            variant.start ? " start" : "",
                            variant.reversible ? " reversible" : "");
    Arrive("", EventKind::kStart, Walk(variant), variant_);
    while (!queue_.empty() && world_.nodes.size() < kMigrationsMax) {
      const std::string essence = queue_.front();
      queue_.pop_front();
      const Node node = world_.nodes.at(essence);
      for (const EventKind kind : kAllEventKinds) Try(essence, node, kind);
    }
  }

  World Take() { return std::move(world_); }

 private:
  void Try(const std::string& from, const Node& node, EventKind kind) {
    const State state = node.walk.migration().state;
    Walk next = node.walk;
    const absl::StatusOr<Transition> sent = next.Send(kind);
    if (!sent.ok()) {
      world_.refusals[{state, kind}].insert(base::ReasonOf(sent.status()));
      if (next.migration().revision != node.walk.migration().revision) {
        world_.flaws.insert(absl::StrCat(node.story, ": refused and changed"));
      }
      return;
    }
    world_.ways[{state, kind}].insert(next.migration().state);
    Arrive(from, kind, next, Tell(node, kind));
    if (kind != EventKind::kStepRetry && kind != EventKind::kStepWait) return;
    Walk worn = node.walk;
    if (!Wear(worn, kind)) {
      world_.flaws.insert(
          absl::StrCat(node.story, ": ", ToAbsl(Name(kind)), " has no limit"));
      return;
    }
    world_.ways[{state, kind}].insert(worn.migration().state);
    Arrive(from, kind, std::move(worn),
           absl::StrCat(Tell(node, kind), " (to the limit)"));
  }

  std::string Tell(const Node& node, EventKind kind) const {
    return absl::StrCat(node.story, ", ", ToAbsl(Name(kind)));
  }

  void Arrive(const std::string& from, EventKind event, Walk walk,
              const std::string& story) {
    for (const std::string& flaw : walk.TakeFlaws()) {
      world_.flaws.insert(absl::StrCat(flaw, "\n    after: ", story));
    }
    const std::string essence =
        absl::StrCat(variant_, " ", Essence(walk.migration()));
    if (!from.empty()) world_.edges[from].push_back({essence, event});
    if (world_.nodes.insert({essence, Node{std::move(walk), story}}).second) {
      queue_.push_back(essence);
    }
  }

  std::string variant_;
  World world_;
  std::deque<std::string> queue_;
};

const World& TheWorld() {
  static const World* const kWorld = [] {
    Explorer explorer;
    for (const int approvals : {0, 2}) {
      for (const bool start : {true, false}) {
        for (const bool reversible : {true, false}) {
          explorer.Explore({approvals, start, reversible});
        }
      }
    }
    return new World(explorer.Take());
  }();
  return *kWorld;
}

std::string Describe(const Ways& ways) {
  std::string text;
  for (const auto& [from, to] : ways) {
    absl::StrAppend(&text, ToAbsl(Name(from.first)), " ",
                    ToAbsl(Name(from.second)), " >");
    for (const State state : to) {
      absl::StrAppend(&text, " ", ToAbsl(Name(state)));
    }
    text.push_back('\n');
  }
  return text;
}

TEST(ExploreTest, EveryMigrationThatCanAriseIsSoundAndTheyAreFinite) {
  EXPECT_LT(TheWorld().nodes.size(), kMigrationsMax);
  EXPECT_GT(TheWorld().nodes.size(), 1000u);
  EXPECT_THAT(TheWorld().flaws, IsEmpty());
}

TEST(ExploreTest, EachEventLeadsWhereTheDesignSaysAndNowhereElse) {
  EXPECT_EQ(Describe(TheWorld().ways), Describe(ExpectedWays()));
}

TEST(ExploreTest, APairThatIsNotListedIsRefusedAsIllegal) {
  for (const State state : kAllStates) {
    for (const EventKind kind : kAllEventKinds) {
      if (ExpectedWays().contains({state, kind})) continue;
      const auto refusal = TheWorld().refusals.find({state, kind});
      ASSERT_NE(refusal, TheWorld().refusals.end())
          << Name(state) << " was never sent " << Name(kind);
      EXPECT_EQ(refusal->second, std::set<std::string>{"ILLEGAL_TRANSITION"})
          << Name(state) << " " << Name(kind);
    }
  }
}

// The pairs that are listed and depend on more than the state.
TEST(ExploreTest, AListedPairIsRefusedOnlyForAReasonThatItNames) {
  const std::set<std::string> cancel = {"AFTER_CUT_OVER"};
  const std::set<std::string> one_way = {"ONE_WAY"};
  const std::set<std::string> illegal = {"ILLEGAL_TRANSITION"};
  const auto also_going_back = [](std::set<std::string> reasons) {
    reasons.insert("ILLEGAL_TRANSITION");
    return reasons;
  };
  std::map<std::pair<State, EventKind>, std::set<std::string>> expected = {
      {{kRunning, EventKind::kCancel}, cancel},
      {{kRunning, EventKind::kRollBack}, one_way},
      {{kPlanning, EventKind::kSettle}, illegal},
      {{kRunning, EventKind::kSettle}, illegal},
      {{kBack, EventKind::kSettle}, illegal},
      {{kTask, EventKind::kSettle}, illegal},
      {{kBack, EventKind::kTurnForward}, illegal},
  };
  for (const State state : {kTask, kPaused, kAttention}) {
    expected[{state, EventKind::kCancel}] = also_going_back(cancel);
    expected[{state, EventKind::kRollBack}] = also_going_back(one_way);
  }
  for (const State state : {kPaused}) {
    // Paused, but not from a task.
    expected[{state, EventKind::kTaskDone}] = {"TASK_CLOSED"};
    expected[{state, EventKind::kTokenSubmitted}] = {"TASK_CLOSED"};
  }
  for (const auto& [pair, reasons] : TheWorld().refusals) {
    if (!ExpectedWays().contains(pair)) continue;
    EXPECT_EQ(reasons, expected[pair])
        << Name(pair.first) << " " << Name(pair.second);
  }
}

TEST(ExploreTest, NothingMovesAMigrationThatIsAtRest) {
  for (const auto& [essence, node] : TheWorld().nodes) {
    if (!IsAtRest(node.walk.migration().state)) continue;
    EXPECT_FALSE(TheWorld().edges.contains(essence)) << node.story;
  }
}

// Guarantee G11: from wherever it is, it ends once steps succeed and people do
// what is asked of them.
TEST(ExploreTest, EveryMigrationEndsOnceEverybodyHelps) {
  for (const auto& [essence, node] : TheWorld().nodes) {
    Walk walk = node.walk;
    for (int i = 0; i < kEventsToEndMax; ++i) {
      if (!walk.Act(walk.Success()) && !walk.Help()) break;
    }
    EXPECT_TRUE(IsAtRest(walk.migration().state))
        << Name(walk.migration().state) << " after: " << node.story;
    EXPECT_THAT(walk.flaws(), IsEmpty()) << node.story;
  }
}

// What the daemon may do again and again without a person. Progress belongs to
// one attempt, which has a timeout; looks and attempts have their own limits,
// which are walked too, and so lead somewhere else.
bool MayRepeat(EventKind kind) {
  return kind == EventKind::kStepProgress || kind == EventKind::kStepWait ||
         kind == EventKind::kStepRetry;
}

class CircleFinder {
 public:
  explicit CircleFinder(const World& world) : world_(world) {}

  // The story of a migration that comes round to itself; empty: none.
  std::string Find(const std::string& essence) {
    Mark& mark = marks_[essence];
    if (mark == Mark::kDone) return "";
    if (mark == Mark::kOpen) return world_.nodes.at(essence).story;
    mark = Mark::kOpen;
    const auto edges = world_.edges.find(essence);
    if (edges != world_.edges.end()) {
      for (const Edge& edge : edges->second) {
        if (!IsDaemons(edge.event)) continue;
        if (MayRepeat(edge.event) && !LeavesState(essence, edge.to)) continue;
        const std::string circle = Find(edge.to);
        if (!circle.empty()) return circle;
      }
    }
    marks_[essence] = Mark::kDone;
    return "";
  }

 private:
  enum class Mark { kNew, kOpen, kDone };

  bool LeavesState(const std::string& from, const std::string& to) const {
    return world_.nodes.at(from).walk.migration().state !=
           world_.nodes.at(to).walk.migration().state;
  }

  const World& world_;
  std::map<std::string, Mark> marks_;
};

// Guarantee G11: nothing retries for ever. Whatever the steps answer, a
// migration comes to rest or to a person.
TEST(ExploreTest, WithoutPeopleNoMigrationGoesInCircles) {
  CircleFinder finder(TheWorld());
  for (const auto& [essence, node] : TheWorld().nodes) {
    ASSERT_EQ(finder.Find(essence), "");
  }
}

// Guarantee G8 rests on this: what was entered is undone, last first, once.
TEST(ExploreTest, GoingBackUndoesWhatWasEnteredLastFirstAndOnce) {
  size_t went_back = 0;
  for (const auto& [essence, node] : TheWorld().nodes) {
    const Migration& start = node.walk.migration();
    Walk walk = node.walk;
    if (start.going_back || IsAtRest(start.state)) continue;
    if (!walk.Send(EventKind::kCancel).ok() &&
        !walk.Send(EventKind::kRollBack).ok()) {
      continue;
    }
    if (walk.migration().cancel_requested) {
      ASSERT_TRUE(walk.Send(EventKind::kSettle).ok()) << node.story;
    }
    std::vector<Step> expected;
    for (auto step = kAllSteps.rbegin(); step != kAllSteps.rend(); ++step) {
      const StepRecord& record = start.record(*step);
      if (HasUndo(*step) && record.attempt > 0 &&
          record.state != StepState::kUndone) {
        expected.push_back(*step);
      }
    }
    while (walk.Act(EventKind::kStepDone)) {
    }
    const State end = walk.migration().state;
    EXPECT_TRUE(end == kRolledBack || end == kCancelled) << node.story;
    if (!expected.empty()) {
      EXPECT_EQ(walk.undone(), expected) << node.story;
    }
    ++went_back;
  }
  EXPECT_GT(went_back, 100u);
}

}  // namespace
}  // namespace keyturn::migration
