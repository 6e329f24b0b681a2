#include "tests/support/fake_clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/detached.hpp>
#include <string>
#include <vector>

#include "tests/support/run_awaitable.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

asio::awaitable<void> Note(FakeClock& clock, absl::Time instant,
                           std::string name, std::vector<std::string>& notes) {
  co_await clock.SleepUntil(instant);
  notes.push_back(std::move(name));
}

asio::awaitable<int> Answer(FakeClock& clock) {
  co_await clock.SleepUntil(clock.Now() + absl::Hours(24 * 21));
  co_return 42;
}

TEST(FakeClockTest, RunsThreeWeeksAtOnce) {
  asio::io_context io;
  FakeClock clock;
  const absl::Time start = clock.Now();

  EXPECT_EQ(RunAwaitable(io, Answer(clock), &clock), 42);
  EXPECT_EQ(clock.Now() - start, absl::Hours(24 * 21));
}

TEST(FakeClockTest, WakesInTheOrderOfTheInstants) {
  asio::io_context io;
  FakeClock clock;
  std::vector<std::string> notes;
  const absl::Time start = clock.Now();
  asio::co_spawn(io, Note(clock, start + absl::Seconds(2), "second", notes),
                 asio::detached);
  asio::co_spawn(io, Note(clock, start + absl::Seconds(1), "first", notes),
                 asio::detached);
  asio::co_spawn(io, Note(clock, start + absl::Seconds(2), "third", notes),
                 asio::detached);

  RunUntil(
      io, [&notes] { return notes.size() == 3; }, &clock);

  EXPECT_THAT(notes, ElementsAre("first", "second", "third"));
}

TEST(FakeClockTest, WakesNobodyBeforeTheInstant) {
  asio::io_context io;
  FakeClock clock;
  std::vector<std::string> notes;
  asio::co_spawn(io, Note(clock, clock.Now() + absl::Seconds(2), "x", notes),
                 asio::detached);
  io.poll();

  clock.Advance(absl::Seconds(1));
  io.poll();
  EXPECT_EQ(clock.sleepers(), 1u);
  clock.Advance(absl::Seconds(1));
  io.poll();
  EXPECT_THAT(notes, ElementsAre("x"));
}

TEST(FakeClockTest, ACancelledSleeperIsForgotten) {
  asio::io_context io;
  FakeClock clock;
  std::vector<std::string> notes;
  asio::cancellation_signal cancel;
  asio::co_spawn(io, Note(clock, clock.Now() + absl::Seconds(2), "x", notes),
                 asio::bind_cancellation_slot(cancel.slot(), asio::detached));
  io.poll();
  ASSERT_EQ(clock.sleepers(), 1u);

  cancel.emit(asio::cancellation_type::all);
  io.poll();

  EXPECT_EQ(clock.sleepers(), 0u);
}

TEST(StatusMatchersTest, SeeCodeReasonAndMessage) {
  const absl::Status status =
      base::WithReason(absl::AbortedError("somebody was faster"), "TOO_LATE");

  EXPECT_THAT(status, Not(IsOk()));
  EXPECT_THAT(status, HasCode(absl::StatusCode::kAborted));
  EXPECT_THAT(status, HasReason("TOO_LATE"));
  EXPECT_THAT(status, MessageIs(HasSubstr("faster")));
  EXPECT_THAT(absl::StatusOr<int>(3), IsOkAndHolds(3));
  EXPECT_THAT(absl::StatusOr<int>(status), Not(IsOkAndHolds(3)));
}

}  // namespace
}  // namespace keyturn::testing
