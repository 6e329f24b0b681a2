#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/upstream/http/client.h"
#include "daemon/upstream/http/retry_after.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_transport.h"
#include "tests/support/run_awaitable.h"
#include "tests/support/status_matchers.h"

namespace keyturn::http {
namespace {

using ::testing::AllOf;
using testing::BorrowedTransport;
using ::testing::ElementsAre;
using testing::FakeClock;
using testing::FakeTransport;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::MakeResponse;
using testing::MessageIs;
using ::testing::Not;
using ::testing::SizeIs;

// Always the same number.
class FixedRandom final : public RandomSource {
 public:
  explicit FixedRandom(double number) : number_(number) {}
  double Next() override { return number_; }

 private:
  const double number_;
};

absl::Status Broken(Effect effect) {
  return WithEffect(absl::UnavailableError("the connection broke"), effect);
}

class LayersTest : public ::testing::Test {
 protected:
  std::unique_ptr<Transport> Wire() {
    return std::make_unique<BorrowedTransport>(fake_);
  }

  static Request Make(Method method = Method::kGet) {
    Request request;
    request.method = method;
    request.url = "https://api.example.com/v1/x?q=word";
    request.body = secret::Secret("body");
    return request;
  }

  absl::StatusOr<Response> Send(Transport& transport, Request request) {
    return testing::RunAwaitable(io_, transport.Send(std::move(request)),
                                 &clock_);
  }

  // Sends without waiting for the answer; outcomes gather in `finished_`.
  void Spawn(Transport& transport, std::string name) {
    asio::co_spawn(
        io_, transport.Send(Make()),
        [this, name](std::exception_ptr, absl::StatusOr<Response> response) {
          finished_.push_back(
              absl::StrCat(name, " ", response.ok() ? "ok" : "failed"));
        });
  }

  absl::Duration Elapsed() { return clock_.Now() - start_; }

  FakeClock clock_;
  const absl::Time start_ = clock_.Now();
  asio::io_context io_;
  FakeTransport fake_;
  FixedRandom half_{0.5};
  std::vector<std::string> finished_;
};

TEST_F(LayersTest, RetriesAReadUntilItSucceeds) {
  fake_.Fail(Broken(Effect::kUnknown)).Answer(503).Answer(200, "there");
  auto transport = NewRetryTransport(Wire(), RetryOptions(), clock_, half_);

  absl::StatusOr<Response> response = Send(*transport, Make());

  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->body.Expose(), "there");
  // Half of 500 ms, then half of 1 s.
  EXPECT_EQ(Elapsed(), absl::Milliseconds(750));
  EXPECT_EQ(fake_.sent()[2].body, "body");
}

TEST_F(LayersTest, NeverRepeatsAWriteThatMayHaveArrived) {
  fake_.Fail(Broken(Effect::kUnknown));
  auto transport = NewRetryTransport(Wire(), RetryOptions(), clock_, half_);

  absl::StatusOr<Response> response = Send(*transport, Make(Method::kPut));

  EXPECT_THAT(response, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(EffectOf(response.status()), Effect::kUnknown);
  EXPECT_THAT(fake_.sent(), SizeIs(1));
}

TEST_F(LayersTest, HandsAnAnswerToAWriteUpAsItIs) {
  fake_.Answer(503);
  auto transport = NewRetryTransport(Wire(), RetryOptions(), clock_, half_);

  absl::StatusOr<Response> response = Send(*transport, Make(Method::kPost));

  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->status, 503);
  EXPECT_THAT(fake_.sent(), SizeIs(1));
}

TEST_F(LayersTest, RepeatsAWriteThatNeverLeft) {
  fake_.Fail(Broken(Effect::kNone)).Answer(200);
  auto transport = NewRetryTransport(Wire(), RetryOptions(), clock_, half_);

  EXPECT_THAT(Send(*transport, Make(Method::kPut)), IsOk());
  EXPECT_THAT(fake_.sent(), SizeIs(2));
}

TEST_F(LayersTest, RepeatsAWriteThatIsSaidToBeRepeatable) {
  fake_.Answer(502).Answer(200);
  auto transport = NewRetryTransport(Wire(), RetryOptions(), clock_, half_);
  Request request = Make(Method::kPatch);
  request.repeatable = true;

  absl::StatusOr<Response> response = Send(*transport, std::move(request));

  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->status, 200);
}

TEST_F(LayersTest, GivesUpAfterTheLastTryAndSaysSo) {
  for (int i = 0; i < 3; ++i) fake_.Fail(Broken(Effect::kUnknown));
  fake_.Fail(Broken(Effect::kNone));
  auto transport = NewRetryTransport(Wire(), RetryOptions(), clock_, half_);

  absl::StatusOr<Response> response = Send(*transport, Make());

  EXPECT_THAT(response, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(response, MessageIs(HasSubstr("4 tries")));
  // One of the tries may have arrived, though the last did not.
  EXPECT_EQ(EffectOf(response.status()), Effect::kUnknown);
}

TEST_F(LayersTest, DoesNotRetryWhatWillNotChange) {
  fake_.Answer(404).Answer(501);
  fake_.Fail(absl::FailedPreconditionError("no"));
  auto transport = NewRetryTransport(Wire(), RetryOptions(), clock_, half_);

  EXPECT_EQ(Send(*transport, Make())->status, 404);
  EXPECT_EQ(Send(*transport, Make())->status, 501);
  EXPECT_THAT(Send(*transport, Make()),
              HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(fake_.sent(), SizeIs(3));
}

TEST_F(LayersTest, HonoursAShortRetryAfter) {
  fake_.Answer(429, "", {{"retry-after", "5"}}).Answer(200);
  auto transport = NewRetryTransport(Wire(), RetryOptions(), clock_, half_);

  EXPECT_THAT(Send(*transport, Make()), IsOk());
  EXPECT_EQ(Elapsed(), absl::Milliseconds(5250));
}

TEST_F(LayersTest, HandsALongRetryAfterUp) {
  fake_.Answer(429, "", {{"retry-after", "600"}});
  auto transport = NewRetryTransport(Wire(), RetryOptions(), clock_, half_);

  absl::StatusOr<Response> response = Send(*transport, Make());

  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->retry_after, absl::Minutes(10));
  EXPECT_EQ(Elapsed(), absl::ZeroDuration());
}

TEST_F(LayersTest, CancellingEndsTheWaitForTheNextTry) {
  fake_.Answer(503);
  auto transport = NewRetryTransport(Wire(), RetryOptions(), clock_, half_);
  asio::cancellation_signal cancel;
  std::optional<absl::Status> outcome;
  asio::co_spawn(
      io_, transport->Send(Make()),
      asio::bind_cancellation_slot(
          cancel.slot(),
          [&outcome](std::exception_ptr, absl::StatusOr<Response> result) {
            outcome = result.status();
          }));
  io_.poll();
  ASSERT_EQ(clock_.sleepers(), 1u);

  cancel.emit(asio::cancellation_type::terminal);
  io_.poll();

  ASSERT_TRUE(outcome.has_value());
  EXPECT_THAT(*outcome, HasCode(absl::StatusCode::kCancelled));
}

TEST(TokenBucketTest, LetsABurstGoAndThenOneByOne) {
  const absl::Time start = absl::UnixEpoch();
  TokenBucket bucket(/*burst=*/3, /*per_second=*/2, start);

  EXPECT_EQ(bucket.Take(start), start);
  EXPECT_EQ(bucket.Take(start), start);
  EXPECT_EQ(bucket.Take(start), start);
  EXPECT_EQ(bucket.Take(start), start + absl::Milliseconds(500));
  EXPECT_EQ(bucket.Take(start), start + absl::Seconds(1));
}

TEST(TokenBucketTest, NeverHoldsMoreThanTheBurst) {
  const absl::Time start = absl::UnixEpoch();
  TokenBucket bucket(/*burst=*/1, /*per_second=*/1, start);
  const absl::Time later = start + absl::Hours(1);

  EXPECT_EQ(bucket.Take(later), later);
  EXPECT_EQ(bucket.Take(later), later + absl::Seconds(1));
}

TEST_F(LayersTest, LimitsTheRate) {
  fake_.OnSend([](const FakeTransport::Sent&) { return MakeResponse(200); });
  RateLimitOptions options;
  options.burst = 2;
  options.per_second = 10;
  auto transport = NewRateLimitTransport(Wire(), options, clock_);

  for (int i = 0; i < 12; ++i) {
    ASSERT_THAT(Send(*transport, Make()), IsOk());
  }

  EXPECT_EQ(Elapsed(), absl::Seconds(1));
}

TEST_F(LayersTest, OneAtATimeInTheOrderOfComing) {
  fake_.OnSend([](const FakeTransport::Sent&) { return MakeResponse(200); });
  fake_.TakeTime(clock_, absl::Seconds(1));
  RateLimitOptions options;
  options.concurrent_max = 1;
  auto transport = NewRateLimitTransport(Wire(), options, clock_);

  for (const char* name : {"a", "b", "c", "d"}) Spawn(*transport, name);
  testing::RunUntil(
      io_, [this] { return finished_.size() == 4; }, &clock_);

  EXPECT_EQ(fake_.under_way_max(), 1u);
  EXPECT_THAT(finished_, ElementsAre("a ok", "b ok", "c ok", "d ok"));
  EXPECT_EQ(Elapsed(), absl::Seconds(4));
}

TEST_F(LayersTest, RefusesWhenTooManyWait) {
  fake_.OnSend([](const FakeTransport::Sent&) { return MakeResponse(200); });
  fake_.TakeTime(clock_, absl::Seconds(1));
  RateLimitOptions options;
  options.concurrent_max = 1;
  options.waiting_max = 1;
  auto transport = NewRateLimitTransport(Wire(), options, clock_);

  for (const char* name : {"a", "b", "c"}) Spawn(*transport, name);
  testing::RunUntil(
      io_, [this] { return finished_.size() == 3; }, &clock_);

  EXPECT_THAT(finished_, ElementsAre("c failed", "a ok", "b ok"));
}

TEST_F(LayersTest, ACancelledWaiterLeavesItsPlace) {
  fake_.OnSend([](const FakeTransport::Sent&) { return MakeResponse(200); });
  fake_.TakeTime(clock_, absl::Seconds(1));
  RateLimitOptions options;
  options.concurrent_max = 1;
  auto transport = NewRateLimitTransport(Wire(), options, clock_);
  asio::cancellation_signal cancel;
  std::optional<absl::Status> outcome;
  Spawn(*transport, "a");
  asio::co_spawn(
      io_, transport->Send(Make()),
      asio::bind_cancellation_slot(
          cancel.slot(),
          [&outcome](std::exception_ptr, absl::StatusOr<Response> result) {
            outcome = result.status();
          }));
  Spawn(*transport, "c");
  io_.poll();

  cancel.emit(asio::cancellation_type::terminal);
  testing::RunUntil(
      io_, [this] { return finished_.size() == 2; }, &clock_);

  ASSERT_TRUE(outcome.has_value());
  EXPECT_THAT(*outcome, HasCode(absl::StatusCode::kCancelled));
  EXPECT_EQ(EffectOf(*outcome), Effect::kNone);
  EXPECT_THAT(finished_, ElementsAre("a ok", "c ok"));
  EXPECT_THAT(fake_.sent(), SizeIs(2));
}

TEST_F(LayersTest, StopsAfterTwoRefusedLoginsInARow) {
  fake_.Answer(401).Answer(401).Answer(200);
  auto guard = std::make_shared<LoginGuard>("acme-ns");
  auto transport = NewGuardedTransport(Wire(), guard);
  EXPECT_EQ(Send(*transport, Make())->status, 401);
  EXPECT_EQ(Send(*transport, Make())->status, 401);

  absl::StatusOr<Response> third = Send(*transport, Make());

  EXPECT_THAT(third, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(third, HasReason("LOGIN_BLOCKED"));
  EXPECT_THAT(third, MessageIs(AllOf(HasSubstr("30 minutes"),
                                     HasSubstr("credential rotate"),
                                     HasSubstr("account test acme-ns"))));
  EXPECT_EQ(EffectOf(third.status()), Effect::kNone);
  EXPECT_THAT(fake_.sent(), SizeIs(2));
  guard->Reset();
  EXPECT_THAT(Send(*transport, Make()), IsOk());
}

TEST_F(LayersTest, OnlyAGoodLoginEndsTheRowOfRefusedOnes) {
  LoginGuard guard("acme-ns");
  guard.Observe(401);
  guard.Observe(503);
  guard.Observe(429);
  EXPECT_EQ(guard.failures(), 1);
  guard.Observe(204);
  EXPECT_EQ(guard.failures(), 0);
}

TEST_F(LayersTest, TheLogHoldsNoSecret) {
  fake_.Answer(200, "answer-secret");
  std::vector<Exchange> log;
  auto transport = NewLoggingTransport(
      Wire(), clock_, [&log](const Exchange& line) { log.push_back(line); });
  fake_.TakeTime(clock_, absl::Milliseconds(40));
  Request request = Make(Method::kPut);
  request.url = "https://api.example.com/v1/x/5f3a?token=c0ffee&limit=2";

  ASSERT_THAT(Send(*transport, std::move(request)), IsOk());

  ASSERT_THAT(log, SizeIs(1));
  EXPECT_EQ(log[0].method, Method::kPut);
  EXPECT_EQ(log[0].host, "api.example.com");
  EXPECT_EQ(log[0].path, "/v1/x/5f3a?token&limit");
  EXPECT_EQ(log[0].status, 200);
  EXPECT_EQ(log[0].duration, absl::Milliseconds(40));
  EXPECT_EQ(log[0].bytes_sent, 4u);
  EXPECT_EQ(log[0].bytes_received, 13u);
}

TEST_F(LayersTest, TheWholeStackSignsEveryTryAnewAndLogsIt) {
  fake_.Answer(503).Answer(200);
  int signatures = 0;
  int lines = 0;
  AccountTransportOptions options;
  options.authorizer =
      [&signatures](const Request&) -> absl::StatusOr<secret::Secret> {
    return secret::Secret(absl::StrCat("OAuth nonce=", ++signatures));
  };
  options.login_guard = std::make_shared<LoginGuard>("acme-ns");
  options.observer = [&lines](const Exchange&) { ++lines; };
  options.rate_limit.concurrent_max = 1;
  auto transport =
      MakeAccountTransport(Wire(), std::move(options), clock_, half_);

  absl::StatusOr<Response> response = Send(*transport, Make());

  ASSERT_THAT(response, IsOk());
  ASSERT_THAT(fake_.sent(), SizeIs(2));
  EXPECT_EQ(fake_.sent()[0].authorization, "OAuth nonce=1");
  EXPECT_EQ(fake_.sent()[1].authorization, "OAuth nonce=2");
  EXPECT_EQ(lines, 2);
}

TEST_F(LayersTest, NothingIsSentWithoutASignature) {
  auto transport = NewAuthorizingTransport(
      Wire(), [](const Request&) -> absl::StatusOr<secret::Secret> {
        return absl::NotFoundError("no credential");
      });

  absl::StatusOr<Response> response = Send(*transport, Make(Method::kPut));

  EXPECT_THAT(response, HasCode(absl::StatusCode::kNotFound));
  EXPECT_EQ(EffectOf(response.status()), Effect::kNone);
  EXPECT_THAT(fake_.sent(), SizeIs(0));
}

}  // namespace
}  // namespace keyturn::http
