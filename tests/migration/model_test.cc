#include "daemon/migration/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/migration/transition.h"

namespace keyturn::migration {
namespace {

using ::testing::ElementsAre;
using ::testing::MatchesRegex;

TEST(NameTest, AStepIsFoundByItsName) {
  for (const Step step : kAllSteps) {
    EXPECT_EQ(StepFromName(Name(step)), step);
    EXPECT_THAT(std::string(Name(step)), MatchesRegex("[a-z]+(_[a-z]+)*"));
  }
}

TEST(NameTest, OtherTextIsNoStep) {
  for (const char* text :
       {"", "unknown", "PREFLIGHT", "preflight ", "cut-over", "cut_over2"}) {
    EXPECT_EQ(StepFromName(text), std::nullopt) << text;
  }
}

template <typename T, size_t n>
std::vector<std::string> NamesOf(const std::array<T, n>& values) {
  std::vector<std::string> names;
  for (const T value : values) names.emplace_back(Name(value));
  return names;
}

TEST(NameTest, EveryNameIsItsOwn) {
  for (const auto& names :
       {NamesOf(kAllSteps), NamesOf(kAllStates), NamesOf(kAllEventKinds)}) {
    EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(),
              names.size());
  }
}

// The command line and the history show these; scripts rely on them.
TEST(NameTest, StatesAreNamedAsTheApiNamesThem) {
  EXPECT_THAT(
      NamesOf(kAllStates),
      ElementsAre("PLANNING", "PLANNED", "AWAITING_APPROVAL", "RUNNING",
                  "AWAITING_TASK", "PAUSED", "ROLLING_BACK", "NEEDS_ATTENTION",
                  "SUCCEEDED", "ROLLED_BACK", "CANCELLED"));
  EXPECT_EQ(Name(StepState::kPending), "PENDING");
  EXPECT_EQ(Name(StepState::kRunning), "RUNNING");
  EXPECT_EQ(Name(StepState::kWaiting), "WAITING");
  EXPECT_EQ(Name(StepState::kAwaitingTask), "AWAITING_TASK");
  EXPECT_EQ(Name(StepState::kDone), "DONE");
  EXPECT_EQ(Name(StepState::kFailed), "FAILED");
  EXPECT_EQ(Name(StepState::kUndone), "UNDONE");
}

// They are written to disk.
TEST(NumberTest, NobodyHasRenumberedWhatIsStored) {
  for (size_t i = 0; i < kAllSteps.size(); ++i) {
    EXPECT_EQ(static_cast<int>(kAllSteps[i]), static_cast<int>(i) + 1);
  }
  EXPECT_EQ(static_cast<int>(Step::kCutOver), 9);
  EXPECT_EQ(static_cast<int>(Step::kFinish), 14);
  for (size_t i = 0; i < kAllStates.size(); ++i) {
    EXPECT_EQ(static_cast<int>(kAllStates[i]), static_cast<int>(i) + 1);
  }
  EXPECT_EQ(static_cast<int>(State::kCancelled), 11);
  EXPECT_EQ(static_cast<int>(StepState::kUndone), 7);
}

TEST(StateTest, ThreeStatesAreAtRest) {
  std::vector<State> at_rest;
  for (const State state : kAllStates) {
    if (IsAtRest(state)) at_rest.push_back(state);
  }
  EXPECT_THAT(at_rest, ElementsAre(State::kSucceeded, State::kRolledBack,
                                   State::kCancelled));
}

TEST(RecordTest, EachStepHasItsOwn) {
  Migration migration;
  for (const Step step : kAllSteps) {
    migration.record(step).attempt = static_cast<int>(step);
  }
  for (const Step step : kAllSteps) {
    EXPECT_EQ(std::as_const(migration).record(step).attempt,
              static_cast<int>(step));
  }
}

Plan FullPlan() {
  Plan plan;
  plan.steps = {{.step = Step::kCutOver,
                 .actor = PlannedStep::Actor::kDaemon,
                 .what = "switch",
                 .reversible = true,
                 .undo = "switch back"}};
  plan.changes = {{.field = "type", .before = "basic", .after = "token"}};
  plan.flows = {{.id = "f1",
                 .name = "orders",
                 .enabled = true,
                 .test = false,
                 .run = true}};
  plan.warnings = {"two other flows"};
  plan.reversible_after_cut_over = true;
  plan.reversibility = "the old login is held";
  plan.findings = {{"connection", "acme"}};
  return plan;
}

// An approval holds for exactly one plan: whatever differs must show.
TEST(PlanTextTest, EveryFieldCounts) {
  const std::vector<std::function<void(Plan&)>> changes = {
      [](Plan& plan) { plan.steps[0].step = Step::kFinish; },
      [](Plan& plan) { plan.steps[0].actor = PlannedStep::Actor::kPerson; },
      [](Plan& plan) { plan.steps[0].what = "Switch"; },
      [](Plan& plan) { plan.steps[0].reversible = false; },
      [](Plan& plan) { plan.steps[0].undo.clear(); },
      [](Plan& plan) { plan.steps.push_back(plan.steps[0]); },
      [](Plan& plan) { plan.steps.clear(); },
      [](Plan& plan) { plan.changes[0].field = "types"; },
      [](Plan& plan) { plan.changes[0].before.clear(); },
      [](Plan& plan) { plan.changes[0].after = "Token"; },
      [](Plan& plan) { plan.changes.clear(); },
      [](Plan& plan) { plan.flows[0].id = "f2"; },
      [](Plan& plan) { plan.flows[0].name = ""; },
      [](Plan& plan) { plan.flows[0].enabled = false; },
      [](Plan& plan) { plan.flows[0].test = true; },
      [](Plan& plan) { plan.flows[0].run = false; },
      [](Plan& plan) { plan.flows.push_back(plan.flows[0]); },
      [](Plan& plan) { plan.warnings.push_back(""); },
      [](Plan& plan) { plan.warnings.clear(); },
      [](Plan& plan) { plan.reversible_after_cut_over = false; },
      [](Plan& plan) { plan.reversibility = "no"; },
      [](Plan& plan) { plan.findings[0].first = "c"; },
      [](Plan& plan) { plan.findings[0].second = "acme2"; },
      [](Plan& plan) { plan.findings.clear(); },
  };
  std::set<std::string> texts = {PlanText(FullPlan()), PlanText(Plan{})};
  for (size_t i = 0; i < changes.size(); ++i) {
    Plan plan = FullPlan();
    changes[i](plan);
    EXPECT_TRUE(texts.insert(PlanText(plan)).second) << "change " << i;
  }
}

TEST(PlanTextTest, TheHashIsNotPartOfWhatIsHashed) {
  Plan plan = FullPlan();
  const std::string text = PlanText(plan);
  plan.hash = "c0ffee";
  EXPECT_EQ(PlanText(plan), text);
}

// No text may be taken for its neighbours, nor for the marks between them.
TEST(PlanTextTest, NoTextCanPassForTwo) {
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"a", "b"},   {"ab", ""},   {"", "ab"},    {"a1:b", ""}, {"", "1:b"},
      {"1:a", "b"}, {";", ";"},   {";;", ""},    {"0:", "0:"}, {"", "0:0:"},
      {"a\n", "b"}, {"a", "\nb"}, {"a;1:b", ""}, {"a", "1:b"},
  };
  std::set<std::string> texts;
  for (const auto& pair : pairs) {
    Plan in_changes;
    in_changes.changes = {{.field = pair.first, .before = pair.second}};
    EXPECT_TRUE(texts.insert(PlanText(in_changes)).second) << pair.first;
    Plan in_warnings;
    in_warnings.warnings = {pair.first, pair.second};
    EXPECT_TRUE(texts.insert(PlanText(in_warnings)).second) << pair.first;
    Plan in_findings;
    in_findings.findings = {pair};
    EXPECT_TRUE(texts.insert(PlanText(in_findings)).second) << pair.first;
  }
  Plan three;
  three.warnings = {"a", "b", ""};
  EXPECT_TRUE(texts.insert(PlanText(three)).second);
}

}  // namespace
}  // namespace keyturn::migration
