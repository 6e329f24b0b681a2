// The parts of the engine's loop: turns, alarm, time limits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "daemon/engine/alarm.h"
#include "daemon/engine/time_limits.h"
#include "daemon/engine/turns.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run_awaitable.h"
#include "tests/support/status_matchers.h"

namespace keyturn::engine {
namespace {

using keyturn::testing::FakeClock;
using keyturn::testing::HasCode;
using keyturn::testing::HasReason;
using keyturn::testing::IsOkAndHolds;
using keyturn::testing::MessageIs;
using keyturn::testing::RunAwaitable;
using keyturn::testing::RunUntil;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

asio::awaitable<void> WorkInTurn(Turns& turns, FakeClock& clock,
                                 std::string name,
                                 std::vector<std::string>& notes) {
  co_await turns.Take();
  notes.push_back(name + " begins");
  co_await clock.SleepUntil(clock.Now() + absl::Seconds(1));
  notes.push_back(name + " ends");
  turns.Pass();
}

TEST(TurnsTest, LetOneWorkAfterTheOtherInTheOrderTheyCame) {
  FakeClock clock;
  asio::io_context io;
  Turns turns;
  std::vector<std::string> notes;
  for (const char* name : {"a", "b", "c"}) {
    asio::co_spawn(io, WorkInTurn(turns, clock, name, notes), asio::detached);
  }

  RunUntil(
      io, [&notes] { return notes.size() == 6; }, &clock);

  EXPECT_THAT(notes, ElementsAre("a begins", "a ends", "b begins", "b ends",
                                 "c begins", "c ends"));
}

class AlarmTest : public ::testing::Test {
 protected:
  void RunUntilRung(size_t count) {
    RunUntil(
        io_, [this, count] { return rung_.size() == count; }, &clock_);
  }

  FakeClock clock_;
  asio::io_context io_;
  const absl::Time start_ = clock_.Now();
  std::vector<absl::Duration> rung_;
  Alarm alarm_{io_, clock_, [this] { rung_.push_back(clock_.Now() - start_); }};
};

TEST_F(AlarmTest, RingsAtItsInstant) {
  alarm_.Set(start_ + absl::Hours(3));

  RunUntilRung(1);

  EXPECT_THAT(rung_, ElementsAre(absl::Hours(3)));
}

TEST_F(AlarmTest, RingsSoonerWhenAnEarlierInstantComes) {
  alarm_.Set(start_ + absl::Hours(3));
  alarm_.Set(start_ + absl::Hours(5));
  alarm_.Set(start_ + absl::Hours(2));
  alarm_.Set(start_ + absl::Hours(1));

  RunUntilRung(1);

  EXPECT_THAT(rung_, ElementsAre(absl::Hours(1)));
}

TEST_F(AlarmTest, RingsForAnInstantThatHasPassed) {
  alarm_.Set(start_ - absl::Hours(1));

  RunUntilRung(1);

  EXPECT_THAT(rung_, ElementsAre(absl::ZeroDuration()));
}

TEST_F(AlarmTest, IsSilentOnceStopped) {
  alarm_.Set(start_ + absl::Hours(1));
  io_.poll();
  alarm_.Stop();
  alarm_.Set(start_);
  io_.poll();

  EXPECT_EQ(clock_.sleepers(), 0u);
  EXPECT_THAT(rung_, ElementsAre());
}

asio::awaitable<void> Nothing() { co_return; }

asio::awaitable<int> Sleep(FakeClock& clock, absl::Duration duration) {
  co_await clock.SleepUntil(clock.Now() + duration);
  co_await Nothing();
  co_return 7;
}

// Notices the cut, and gives a value all the same.
asio::awaitable<int> SleepLightly(FakeClock& clock, absl::Duration duration) {
  co_await clock.SleepUntil(clock.Now() + duration);
  co_return 7;
}

asio::awaitable<int> Throw() {
  throw std::runtime_error("what an outside system sent");
  co_return 0;
}

class TimeLimitsTest : public ::testing::Test {
 protected:
  Limited<int> Run(asio::awaitable<int> work, absl::Duration limit) {
    return RunAwaitable(io_, limits_.Run(std::move(work), clock_.Now() + limit),
                        &clock_);
  }

  FakeClock clock_;
  asio::io_context io_;
  TimeLimits limits_{io_, clock_};
};

TEST_F(TimeLimitsTest, GiveTheValueOfWorkThatIsInTime) {
  const Limited<int> result =
      Run(Sleep(clock_, absl::Seconds(1)), absl::Seconds(2));

  EXPECT_THAT(result.value, IsOkAndHolds(7));
  EXPECT_TRUE(result.cut.ok());
}

TEST_F(TimeLimitsTest, CutWorkAtItsDeadline) {
  const absl::Time start = clock_.Now();

  const Limited<int> result =
      Run(Sleep(clock_, absl::Hours(1)), absl::Seconds(2));

  EXPECT_THAT(result.cut, HasCode(absl::StatusCode::kDeadlineExceeded));
  EXPECT_FALSE(result.value.ok());
  EXPECT_EQ(clock_.Now() - start, absl::Seconds(2));
}

TEST_F(TimeLimitsTest, KeepTheValueThatCutWorkStillGives) {
  const Limited<int> result =
      Run(SleepLightly(clock_, absl::Hours(1)), absl::Seconds(2));

  EXPECT_THAT(result.cut, HasCode(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(result.value, IsOkAndHolds(7));
}

TEST_F(TimeLimitsTest, CutEachWorkAtItsOwnDeadline) {
  std::vector<Limited<int>> results(2);
  auto run = [](TimeLimits& limits, asio::awaitable<int> work,
                absl::Time deadline,
                Limited<int>& result) -> asio::awaitable<void> {
    result = co_await limits.Run(std::move(work), deadline);
  };
  const absl::Time start = clock_.Now();
  for (int i = 0; i < 2; ++i) {
    asio::co_spawn(io_,
                   run(limits_, Sleep(clock_, absl::Seconds(10)),
                       start + absl::Seconds(i == 0 ? 5 : 20), results[i]),
                   asio::detached);
  }

  RunUntil(
      io_, [&results] { return results[1].value.ok(); }, &clock_);

  EXPECT_THAT(results[0].cut, HasCode(absl::StatusCode::kDeadlineExceeded));
  EXPECT_TRUE(results[1].cut.ok());
}

TEST_F(TimeLimitsTest, SayNothingOfAnExceptionsText) {
  const Limited<int> result = Run(Throw(), absl::Seconds(2));

  EXPECT_THAT(result.value, HasCode(absl::StatusCode::kInternal));
  EXPECT_THAT(result.value, MessageIs(Not(HasSubstr("outside"))));
}

TEST_F(TimeLimitsTest, BeginNothingOnceAllWasCut) {
  limits_.CutAll();

  const Limited<int> result =
      Run(Sleep(clock_, absl::Hours(1)), absl::Seconds(2));

  EXPECT_THAT(result.cut, HasReason("STOPPING"));
}

}  // namespace
}  // namespace keyturn::engine
