// Thousands of migrations that people and steps do their worst to. A failure
// prints the seed and the events; the same seed gives the same migration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "tests/migration/walk.h"

namespace keyturn::migration {
namespace {

using testing::IsDaemons;
using ::testing::IsEmpty;
using testing::Walk;

constexpr int kWalks = 4000;
constexpr int kEventsPerWalk = 120;
// More than the longest way to an end with everybody's help.
constexpr int kEventsToEndMax = 80;

class RandomWalk {
 public:
  explicit RandomWalk(uint32_t seed)
      : random_(seed),
        walk_({.approvals = Below(3),
               .start = Below(2) == 0,
               .reversible = Below(2) == 0}) {}

  Walk& walk() { return walk_; }
  const std::string& story() const { return story_; }

  void Run() { Run(kEventsPerWalk); }
  // Stops somewhere on the way.
  void RunAPart() { Run(Below(kEventsPerWalk / 4)); }

 private:
  void Run(int events) {
    for (int i = 0; i < events; ++i) {
      if (IsAtRest(walk_.migration().state)) return;
      Step(Pick());
    }
  }

  int Below(int limit) { return static_cast<int>(random_() % limit); }

  // Success mostly, so that walks get far; else anything.
  EventKind Pick() {
    const bool asks = walk_.migration().state == State::kAwaitingTask;
    const Action::Kind next = asks ? Action::Kind::kNone : walk_.Next().kind;
    if (next == Action::Kind::kSettle && Below(2) == 0) {
      return EventKind::kSettle;
    }
    if (next != Action::Kind::kNone && Below(100) < 60) return walk_.Success();
    return kAllEventKinds[Below(kAllEventKinds.size())];
  }

  void Step(EventKind kind) {
    walk_.Pass(absl::Seconds(Below(90)));
    Event event = walk_.Make(kind);
    event.jitter = Below(1000) / 1000.0;
    if (Below(4) == 0) event.turn -= Below(2);
    if (Below(10) == 0) event.task_id = "none";
    if (Below(4) == 0) event.not_before = walk_.now() + absl::Minutes(Below(9));
    if (Below(8) == 0) event.expected_revision = Below(20);
    if (Below(3) == 0) event.proofs.clear();
    if (kind == EventKind::kApprove) {
      event.actor = absl::StrCat("approver-", Below(3));
    }
    const bool stale = IsDaemons(kind) && kind != EventKind::kSettle &&
                       event.turn != walk_.migration().turn;
    const int64_t revision = walk_.migration().revision;
    const absl::StatusOr<Transition> sent = walk_.Send(event);
    absl::StrAppend(&story_, base::ToAbsl(Name(kind)), sent.ok() ? " " : "! ");
    EXPECT_EQ(walk_.migration().revision, revision + (sent.ok() ? 1 : 0))
        << story_;
    EXPECT_FALSE(stale && sent.ok()) << story_;
    EXPECT_NE(sent.status().code(), absl::StatusCode::kInternal)
        << sent.status() << " " << story_;
  }

  std::mt19937 random_;
  Walk walk_;
  std::string story_;
};

TEST(RandomWalkTest, StaysSoundWhateverHappens) {
  int64_t rolled_back = 0;
  int64_t succeeded = 0;
  for (uint32_t seed = 1; seed <= kWalks; ++seed) {
    RandomWalk random(seed);
    random.Run();
    Walk& walk = random.walk();
    for (int i = 0; i < kEventsToEndMax; ++i) {
      if (!walk.Act(walk.Success()) && !walk.Help()) break;
    }
    ASSERT_TRUE(IsAtRest(walk.migration().state))
        << "seed " << seed << ": " << random.story();
    ASSERT_THAT(walk.flaws(), IsEmpty())
        << "seed " << seed << ": " << random.story();
    rolled_back += walk.migration().state == State::kRolledBack;
    succeeded += walk.migration().state == State::kSucceeded;
  }
  EXPECT_GT(rolled_back, kWalks / 20);
  EXPECT_GT(succeeded, kWalks / 20);
}

std::vector<Step> ToBeUndone(const Migration& migration) {
  std::vector<Step> steps;
  for (auto step = kAllSteps.rbegin(); step != kAllSteps.rend(); ++step) {
    const StepRecord& record = migration.record(*step);
    if (HasUndo(*step) && record.attempt > 0 &&
        record.state != StepState::kUndone) {
      steps.push_back(*step);
    }
  }
  return steps;
}

TEST(RandomWalkTest, ACancelBeforeTheSwitchUndoesLastFirstAndOnceAndEnds) {
  int cancelled = 0;
  for (uint32_t seed = 1; seed <= kWalks; ++seed) {
    RandomWalk random(seed);
    random.RunAPart();
    Walk& walk = random.walk();
    if (IsCutOver(walk.migration()) || walk.migration().going_back ||
        !walk.Send(EventKind::kCancel).ok()) {
      continue;
    }
    if (walk.migration().cancel_requested) {
      ASSERT_TRUE(walk.Send(EventKind::kSettle).ok()) << random.story();
    }
    const std::vector<Step> expected = ToBeUndone(walk.migration());
    // Only undoing from here: each act undoes one step.
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_TRUE(walk.Act(EventKind::kStepDone)) << random.story();
    }
    ASSERT_TRUE(IsAtRest(walk.migration().state)) << random.story();
    ASSERT_NE(walk.migration().state, State::kSucceeded) << random.story();
    if (!expected.empty()) {
      ASSERT_EQ(walk.undone(), expected) << "seed " << seed;
    }
    ++cancelled;
  }
  EXPECT_GT(cancelled, kWalks / 20);
}

}  // namespace
}  // namespace keyturn::migration
