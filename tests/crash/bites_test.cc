// The checkers bite: for each guarantee a deliberate fault of the product, and
// the guarantee whose checker finds it. A mutation stands for a line of the
// daemon that somebody takes out or turns round.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "daemon/base/status.h"
#include "tests/crash/campaign.h"

namespace keyturn::crash {
namespace {

using migration::Step;
using steps::Outcome;
using ::testing::Contains;
using ::testing::Key;

const Scenario& Named(std::string_view name) {
  for (const Scenario& scenario : kScenarios) {
    if (scenario.name == name) return scenario;
  }
  return kScenarios.front();
}

// The real steps, but for what a test changes.
class MutatedSteps final : public engine::StepRunner {
 public:
  using Attempt =
      std::function<asio::awaitable<Outcome>(Step, steps::Context&)>;

  asio::awaitable<Outcome> Run(Step step, steps::Context& context) override {
    return run != nullptr ? run(step, context) : steps::Run(step, context);
  }
  asio::awaitable<Outcome> Undo(Step step, steps::Context& context) override {
    return undo != nullptr ? undo(step, context) : steps::Undo(step, context);
  }

  Attempt run;
  Attempt undo;
};

asio::awaitable<Outcome> ClaimDone() {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kDone;
  outcome.message = "done, says a mutation";
  co_return outcome;
}

// What one history, or one for each of its points, finds.
Tally Undisturbed(const char* scenario, Mutation mutation) {
  const Options options{.scenario = Named(scenario),
                        .mutation = std::move(mutation)};
  Simulation simulation(options);
  simulation.Run();
  Tally tally;
  tally.Add(options, simulation);
  return tally;
}

Tally AtEveryPoint(const char* scenario, Mutation mutation) {
  return TrySingles(
      {.scenario = Named(scenario), .mutation = std::move(mutation)});
}

TEST(BitesTest, G1FindsAConnectionThatIsSavedWithATokenThatDoesNotWork) {
  const auto other = [](http::Request& request) {
    if (request.method != http::Method::kPut) return;
    const std::string body(request.body.Expose());
    request.body = secret::Secret(absl::StrReplaceAll(
        body, {{"\"tokenSecret\":\"", "\"tokenSecret\":\"0"}}));
  };
  EXPECT_THAT(Undisturbed("without_access", {.request = other}).violations,
              Contains(Key("G1")));
}

TEST(BitesTest, G1FindsThatATokenIsLeftInForce) {
  MutatedSteps steps;
  steps.undo = [](Step step, steps::Context& context) {
    return step == Step::kIssueToken ? ClaimDone() : steps::Undo(step, context);
  };
  EXPECT_THAT(Undisturbed("rolled_back", {.steps = &steps}).violations,
              Contains(Key("G1")));
}

TEST(BitesTest, G2FindsASecretThatIsSentAndNotStored) {
  const auto other = [](http::Request& request) {
    const std::string body(request.body.Expose());
    request.body = secret::Secret(absl::StrReplaceAll(
        body, {{"\"tokenSecret\":\"", "\"tokenSecret\":\"0"}}));
  };
  EXPECT_THAT(Undisturbed("without_access", {.request = other}).violations,
              Contains(Key("G2")));
}

TEST(BitesTest, G3FindsAWriteThatIsRepeatedBlindly) {
  EXPECT_THAT(
      Undisturbed("without_access", {.repeats_writes = true}).violations,
      Contains(Key("G3")));
}

TEST(BitesTest, G4FindsAnAnswerThatIsGivenBeforeTheDiskHasIt) {
  EXPECT_THAT(AtEveryPoint("without_access", {.tells_early = true}).violations,
              Contains(Key("G4")));
}

TEST(BitesTest, G5FindsStateWithoutItsEvents) {
  const auto forget = [](store::Batch& batch) {
    if (batch.migration.has_value() &&
        IsAtRest(batch.migration->migration.state)) {
      batch.events.clear();
    }
  };
  EXPECT_THAT(Undisturbed("without_access", {.batch = forget}).violations,
              Contains(Key("G5")));
}

TEST(BitesTest, G5FindsARequestThatTheTrailDoesNotTellOf) {
  const auto forget = [](store::Batch& batch) {
    if (batch.request.has_value()) batch.audit.clear();
  };
  EXPECT_THAT(Undisturbed("without_access", {.batch = forget}).violations,
              Contains(Key("G5")));
}

TEST(BitesTest, G5FindsAStateThatSpeaksOfASecretThatIsNotThere) {
  const auto forget = [](store::Batch& batch) { batch.credentials.clear(); };
  EXPECT_THAT(Undisturbed("without_access", {.batch = forget}).violations,
              Contains(Key("G5")));
}

TEST(BitesTest, G6FindsASecretInAnEvent) {
  std::string sent;
  const auto overhear = [&sent](http::Request& request) {
    const sandbox::Json body = sandbox::ParseJson(request.body.Expose());
    const std::string value =
        sandbox::Text(sandbox::Member(body, "netsuite"), "tokenSecret");
    if (!value.empty()) sent = value;
  };
  const auto tell = [&sent](store::Batch& batch) {
    for (store::StoredEvent& event : batch.events) event.message += sent;
  };
  EXPECT_THAT(
      Undisturbed("without_access", {.batch = tell, .request = overhear})
          .violations,
      Contains(Key("G6")));
}

TEST(BitesTest, G7FindsAMaskThatIsSent) {
  const auto mask = [](http::Request& request) {
    if (request.method != http::Method::kPut) return;
    const std::string body(request.body.Expose());
    request.body = secret::Secret(absl::StrReplaceAll(
        body, {{"\"netsuite\":{", "\"netsuite\":{\"password\":\"******\","}}));
  };
  EXPECT_THAT(Undisturbed("without_access", {.request = mask}).violations,
              Contains(Key("G7")));
}

TEST(BitesTest, G7FindsAFieldThatIsLost) {
  const auto lose = [](http::Request& request) {
    if (request.method != http::Method::kPut) return;
    sandbox::Json body = sandbox::ParseJson(request.body.Expose());
    if (!body.contains("netsuite")) return;
    body.erase("borrowConcurrencyFromConnectionId");
    body.erase("externalId");
    body["netsuite"].erase("concurrencyLevel");
    request.body = secret::Secret(sandbox::Dump(body));
  };
  EXPECT_THAT(Undisturbed("without_access", {.request = lose}).violations,
              Contains(Key("G7")));
}

// With the order of undoing turned round the flows run again before the
// connection is back. The token, which would stop it, is left in force by its
// own look: see UndoIssueToken.
TEST(BitesTest, G8FindsThatTheWayBackComesAfterTheFlows) {
  MutatedSteps steps;
  steps.undo = [](Step step, steps::Context& context) {
    if (step == Step::kCutOver)
      step = Step::kIssueToken;
    else if (step == Step::kIssueToken)
      step = Step::kCutOver;
    return steps::Undo(step, context);
  };
  EXPECT_THAT(Undisturbed("rolled_back", {.steps = &steps}).violations,
              Contains(Key("G8")));
}

TEST(BitesTest, G8FindsFlowsThatStayOff) {
  MutatedSteps steps;
  steps.undo = [](Step step, steps::Context& context) {
    return step == Step::kQuiesce ? ClaimDone() : steps::Undo(step, context);
  };
  EXPECT_THAT(Undisturbed("cancelled", {.steps = &steps}).violations,
              Contains(Key("G8")));
}

TEST(BitesTest, G8FindsFormerStatesThatWereNotStoredBeforeTheAct) {
  MutatedSteps steps;
  steps.run = [](Step step, steps::Context& context) {
    if (step == Step::kQuiesce) {
      context.checkpoint = [](std::string) -> asio::awaitable<absl::Status> {
        co_return absl::OkStatus();
      };
    }
    return steps::Run(step, context);
  };
  EXPECT_THAT(AtEveryPoint("cancelled", {.steps = &steps}).violations,
              Contains(Key("G8")));
}

TEST(BitesTest, G9FindsASecondMigrationOfTheConnection) {
  const auto forget = [](store::Batch& batch) {
    if (batch.migration.has_value()) {
      batch.migration->migration.connection_key.clear();
    }
  };
  EXPECT_THAT(Undisturbed("without_access", {.batch = forget}).violations,
              Contains(Key("G9")));
}

TEST(BitesTest, G10FindsARequestIdThatIsForgotten) {
  const auto forget = [](store::Batch& batch) { batch.request.reset(); };
  EXPECT_THAT(Undisturbed("without_access", {.batch = forget}).violations,
              Contains(Key("G10")));
}

TEST(BitesTest, G11FindsAMigrationThatWaitsForNobody) {
  const auto silence = [](store::Batch& batch) { batch.opened_tasks.clear(); };
  EXPECT_THAT(Undisturbed("without_access", {.batch = silence}).violations,
              Contains(Key("G11")));
}

TEST(BitesTest, G12FindsThatAnotherPlanIsApproved) {
  EXPECT_THAT(Undisturbed("with_access", {.takes_any_plan = true}).violations,
              Contains(Key("G12")));
}

TEST(BitesTest, G12FindsAFalsePromiseOfAWayBack) {
  MutatedSteps steps;
  steps.run = [](Step step,
                 steps::Context& context) -> asio::awaitable<Outcome> {
    asio::awaitable<Outcome> real = steps::Run(step, context);
    Outcome outcome = co_await std::move(real);
    if (outcome.plan.has_value()) {
      outcome.plan->reversible_after_cut_over = true;
    }
    co_return outcome;
  };
  EXPECT_THAT(Undisturbed("without_access", {.steps = &steps}).violations,
              Contains(Key("G12")));
}

}  // namespace
}  // namespace keyturn::crash
