// Sealing: what runs stands still, nothing is counted and nothing is lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/awaitable.hpp>
#include <asio/this_coro.hpp>
#include <string>
#include <utility>

#include "tests/engine/house.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {
namespace {

using migration::EventKind;
using migration::State;
using migration::Step;
using ::testing::Contains;
using ::testing::Not;

// An attempt that was cut, but had its answer already.
asio::awaitable<steps::Outcome> FindAllTheSame(Door& door) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await door.Wait();
  co_return steps::Done("the token is in the vault");
}

class ParkTest : public House {
 protected:
  void Seal() {
    bool done = false;
    engine_->Park([this, &done] {
      EXPECT_TRUE(vault_->sealed());
      done = true;
    });
    RunUntil([&done] { return done; });
    RunUntilQuiet();
  }
  void Unseal() {
    vault::RootKeys root_keys;
    root_keys.current = RootKey();
    vault_->TakeKeys(
        vault::OpenKeyring(*store_, root_keys, clock_.Now()).value());
    engine_->Unpark();
  }
};

TEST_F(ParkTest, AnAttemptThatSealingCutCountsAsNeverBegunAtEveryStep) {
  int connection = 0;
  for (const Step step : migration::kAllSteps) {
    if (step <= Step::kApprove) continue;
    SCOPED_TRACE(migration::Name(step));
    Door door;
    script_.OnRun(step, GivingBehind(door, Retry("cut short")));
    const auto created = Create(/*start=*/true, SpecFor(++connection));
    ASSERT_THAT(created, IsOk());
    RunUntil([&door] { return door.waiting() == 1; });
    const migration::Migration before = Stored(created->id);

    Seal();

    EXPECT_EQ(script_.under_way, 0);
    const migration::Migration parked = Stored(created->id);
    EXPECT_EQ(parked.state, State::kRunning);
    EXPECT_EQ(parked.revision, before.revision);
    EXPECT_EQ(parked.record(step).failures, 0);

    Unseal();
    RunToState(created->id, State::kSucceeded);
    EXPECT_EQ(Stored(created->id).record(step).failures, 0);
  }
}

TEST_F(ParkTest, WhatAStepFoundBeforeItWasCutIsKept) {
  Door door;
  script_.OnRun(Step::kIssueToken,
                [&door](steps::Context&) { return FindAllTheSame(door); });
  const std::string id = Started();
  RunUntil([&door] { return door.waiting() == 1; });

  Seal();

  EXPECT_THAT(History(id), Contains("STEP_DONE issue_token"));
  EXPECT_THAT(script_.calls, Not(Contains("run test_candidate")));
  Unseal();
  RunToState(id, State::kSucceeded);
}

TEST_F(ParkTest, NothingBeginsWhileItIsSealedNotEvenWhenItsTimeHasCome) {
  steps::Outcome busy = Retry("busy");
  busy.retry_after = absl::Hours(3);
  script_.OnRun(Step::kEnableTba, busy);
  const std::string id = Started();
  RunUntil([this, &id] {
    return Stored(id).record(Step::kEnableTba).failures == 1;
  });
  Seal();
  const size_t calls = script_.calls.size();
  clock_.Advance(absl::Hours(4));
  RunUntilQuiet();
  EXPECT_EQ(script_.calls.size(), calls);
  Unseal();
  RunToState(id, State::kSucceeded);
}

TEST_F(ParkTest, CallsThatNeedASecretAreRefusedAndTheOthersAnswered) {
  Door door;
  script_.OnRun(Step::kEnableTba, GivingBehind(door, Retry("cut short")));
  const std::string id = Started();
  RunUntil([&door] { return door.waiting() == 1; });
  Seal();

  EXPECT_THAT(
      Create(/*start=*/true, SpecFor(2)),
      ::testing::AllOf(
          HasCode(absl::StatusCode::kFailedPrecondition), HasReason("SEALED"),
          MessageIs(::testing::HasSubstr("keyturn admin unseal"))));
  EXPECT_THAT(Command(EventKind::kPause, id), IsOk());
  Unseal();
  RunUntilQuiet();
  EXPECT_EQ(Stored(id).state, State::kPaused);
  EXPECT_THAT(Command(EventKind::kResume, id), IsOk());
  RunToState(id, State::kSucceeded);
}

TEST_F(ParkTest, AnEngineThatStartsOverASealedVaultWaits) {
  Door door;
  script_.OnRun(Step::kEnableTba, GivingBehind(door, Retry("cut short")));
  const std::string id = Started();
  RunUntil([&door] { return door.waiting() == 1; });
  sealed_at_start_ = true;
  Crash();
  const size_t calls = script_.calls.size();
  RunUntilQuiet();
  EXPECT_EQ(script_.calls.size(), calls);
  Unseal();
  RunToState(id, State::kSucceeded);
}

TEST_F(ParkTest, UnparkingAVaultThatWasSealedAgainBeginsNothing) {
  Door door;
  script_.OnRun(Step::kEnableTba, GivingBehind(door, Retry("cut short")));
  const std::string id = Started();
  RunUntil([&door] { return door.waiting() == 1; });
  Seal();
  const size_t calls = script_.calls.size();
  engine_->Unpark();
  RunUntilQuiet();
  EXPECT_EQ(script_.calls.size(), calls);
  EXPECT_GE(outside_.secrets_dropped, 1);
}

}  // namespace
}  // namespace keyturn::testing
