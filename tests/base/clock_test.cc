#include "daemon/base/clock.h"

#include <gtest/gtest.h>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include "absl/time/clock.h"

namespace keyturn::base {
namespace {

// Runs a sleep until `instant` to its end and returns how long it took.
absl::Duration TimeOfSleep(absl::Time instant, bool cancel) {
  asio::io_context io;
  asio::cancellation_signal signal;
  asio::co_spawn(
      io, RealClock().SleepUntil(instant),
      asio::bind_cancellation_slot(signal.slot(), [](std::exception_ptr) {}));
  if (cancel) {
    asio::post(io,
               [&signal] { signal.emit(asio::cancellation_type::terminal); });
  }
  const absl::Time begin = absl::Now();
  io.run();
  return absl::Now() - begin;
}

TEST(ClockTest, TellsTheMachinesTime) {
  const absl::Time before = absl::Now();
  const absl::Time now = RealClock().Now();
  EXPECT_GE(now, before);
  EXPECT_LE(now, absl::Now());
}

TEST(ClockTest, SleepsUntilTheInstantNotLess) {
  const absl::Time instant = absl::Now() + absl::Milliseconds(30);
  TimeOfSleep(instant, /*cancel=*/false);
  EXPECT_GE(absl::Now(), instant);
}

TEST(ClockTest, DoesNotSleepUntilAnInstantThatIsPast) {
  EXPECT_LT(TimeOfSleep(absl::Now() - absl::Hours(1), /*cancel=*/false),
            absl::Minutes(1));
  EXPECT_LT(TimeOfSleep(absl::InfinitePast(), /*cancel=*/false),
            absl::Minutes(1));
}

TEST(ClockTest, WakesWhenItIsCancelled) {
  EXPECT_LT(TimeOfSleep(absl::InfiniteFuture(), /*cancel=*/true),
            absl::Minutes(1));
}

}  // namespace
}  // namespace keyturn::base
