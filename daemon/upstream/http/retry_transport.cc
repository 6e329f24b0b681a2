#include "daemon/upstream/http/retry_transport.h"

#include <algorithm>
#include <asio/this_coro.hpp>
#include <cmath>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/retry_after.h"

namespace keyturn::http {
namespace {

class MachineRandom final : public RandomSource {
 public:
  double Next() override {
    return std::uniform_real_distribution<double>(0, 1)(engine_);
  }

 private:
  std::mt19937_64 engine_{std::random_device{}()};
};

bool IsTransient(const absl::StatusOr<Response>& outcome) {
  if (!outcome.ok()) {
    return outcome.status().code() == absl::StatusCode::kUnavailable;
  }
  const int status = outcome->status;
  return status == 408 || status == 429 || status == 500 || status == 502 ||
         status == 503 || status == 504;
}

std::optional<absl::Duration> AskedToWait(
    const absl::StatusOr<Response>& outcome) {
  return outcome.ok() ? outcome->retry_after : RetryAfterOf(outcome.status());
}

class RetryTransport final : public Transport {
 public:
  RetryTransport(std::unique_ptr<Transport> inner, RetryOptions options,
                 base::Clock& clock, RandomSource& random)
      : inner_(std::move(inner)),
        options_(options),
        clock_(clock),
        random_(random) {}

  asio::awaitable<absl::StatusOr<Response>> Send(Request request) override {
    const bool repeatable =
        request.repeatable || request.method == Method::kGet;
    Effect effect = Effect::kNone;
    for (int tried = 1;; ++tried) {
      Request copy = request.Clone();
      absl::StatusOr<Response> outcome = co_await inner_->Send(std::move(copy));
      const bool left_us =
          outcome.ok() || EffectOf(outcome.status()) == Effect::kUnknown;
      if (left_us) effect = Effect::kUnknown;
      const std::optional<absl::Duration> delay =
          DelayBefore(tried + 1, outcome);
      if (!delay.has_value() || (left_us && !repeatable)) {
        co_return Final(std::move(outcome), tried, effect);
      }
      co_await clock_.SleepUntil(clock_.Now() + *delay);
      const asio::cancellation_state state =
          co_await asio::this_coro::cancellation_state;
      if (state.cancelled() != asio::cancellation_type::none) {
        absl::Status cancelled =
            absl::CancelledError("cancelled while waiting for the next try");
        co_return WithEffect(std::move(cancelled), effect);
      }
    }
  }

 private:
  // How long to wait before try `next`; empty: `outcome` is final.
  std::optional<absl::Duration> DelayBefore(
      int next, const absl::StatusOr<Response>& outcome) {
    if (!IsTransient(outcome) || next > options_.tries_max) return std::nullopt;
    const std::optional<absl::Duration> asked = AskedToWait(outcome);
    if (asked > options_.retry_after_honoured_max) return std::nullopt;
    const absl::Duration ceiling = std::min(
        options_.delay_first * std::exp2(next - 2), options_.delay_max);
    return asked.value_or(absl::ZeroDuration()) + ceiling * random_.Next();
  }

  static absl::StatusOr<Response> Final(absl::StatusOr<Response> outcome,
                                        int tried, Effect effect) {
    if (outcome.ok() || tried == 1) return outcome;
    absl::Status status = base::Annotate(
        outcome.status(), absl::StrCat("after ", tried, " tries"));
    return WithEffect(std::move(status), effect);
  }

  const std::unique_ptr<Transport> inner_;
  const RetryOptions options_;
  base::Clock& clock_;
  RandomSource& random_;
};

}  // namespace

std::unique_ptr<RandomSource> NewRandomSource() {
  return std::make_unique<MachineRandom>();
}

std::unique_ptr<Transport> NewRetryTransport(std::unique_ptr<Transport> inner,
                                             RetryOptions options,
                                             base::Clock& clock,
                                             RandomSource& random) {
  return std::make_unique<RetryTransport>(std::move(inner), options, clock,
                                          random);
}

}  // namespace keyturn::http
