#include "daemon/upstream/http/rate_limit_transport.h"

#include <algorithm>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <list>
#include <utility>

namespace keyturn::http {
namespace {

class RateLimitTransport final : public Transport {
 public:
  RateLimitTransport(std::unique_ptr<Transport> inner, RateLimitOptions options,
                     base::Clock& clock)
      : inner_(std::move(inner)),
        options_(options),
        clock_(clock),
        bucket_(options.burst, options.per_second, clock.Now()) {}

  asio::awaitable<absl::StatusOr<Response>> Send(Request request) override {
    Place place(*this);
    if (!place.Enter()) {
      absl::Status refused = absl::UnavailableError(
          "too many calls already wait for this account; try again later");
      co_return WithEffect(std::move(refused), Effect::kNone);
    }
    co_await place.WaitForTurn();
    if (place.has_turn() && options_.burst > 0) {
      const absl::Time now = clock_.Now();
      const absl::Time instant = bucket_.Take(now);
      if (instant > now) co_await clock_.SleepUntil(instant);
    }
    const asio::cancellation_state state =
        co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      absl::Status cancelled = absl::CancelledError(
          "cancelled while waiting for the account's turn");
      co_return WithEffect(std::move(cancelled), Effect::kNone);
    }
    co_return co_await inner_->Send(std::move(request));
  }

 private:
  struct Waiter {
    // Never expires; to wake is to cancel.
    asio::steady_timer* timer = nullptr;
    bool has_turn = false;
  };

  // One request's place among the waiting or among those under way; given up
  // when it goes out of scope.
  class Place {
   public:
    explicit Place(RateLimitTransport& transport) : transport_(transport) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    ~Place() {
      if (waiter_.has_turn) {
        transport_.PassTurn();
      } else if (queued_) {
        transport_.waiting_.remove(&waiter_);
      }
    }

    bool has_turn() const { return waiter_.has_turn; }

    // False when too many wait.
    bool Enter() {
      if (transport_.under_way_ < transport_.options_.concurrent_max) {
        ++transport_.under_way_;
        waiter_.has_turn = true;
        return true;
      }
      if (transport_.waiting_.size() >= transport_.options_.waiting_max) {
        return false;
      }
      transport_.waiting_.push_back(&waiter_);
      queued_ = true;
      return true;
    }

    // Ends early, without a turn, when the coroutine is cancelled.
    asio::awaitable<void> WaitForTurn() {
      if (waiter_.has_turn) co_return;
      asio::steady_timer timer(co_await asio::this_coro::executor,
                               asio::steady_timer::time_point::max());
      waiter_.timer = &timer;
      asio::error_code ignored;
      auto completion = asio::redirect_error(asio::use_awaitable, ignored);
      co_await timer.async_wait(completion);
      waiter_.timer = nullptr;
    }

   private:
    RateLimitTransport& transport_;
    Waiter waiter_;
    bool queued_ = false;
  };

  void PassTurn() {
    if (waiting_.empty()) {
      --under_way_;
      return;
    }
    Waiter* next = waiting_.front();
    waiting_.pop_front();
    next->has_turn = true;
    if (next->timer != nullptr) next->timer->cancel();
  }

  const std::unique_ptr<Transport> inner_;
  const RateLimitOptions options_;
  base::Clock& clock_;
  TokenBucket bucket_;
  size_t under_way_ = 0;
  std::list<Waiter*> waiting_;
};

}  // namespace

TokenBucket::TokenBucket(double burst, double per_second, absl::Time now)
    : burst_(burst), per_second_(per_second), tokens_(burst), filled_(now) {}

absl::Time TokenBucket::Take(absl::Time now) {
  if (now > filled_) {
    tokens_ = std::min(
        burst_, tokens_ + per_second_ * absl::ToDoubleSeconds(now - filled_));
    filled_ = now;
  }
  tokens_ -= 1;
  if (tokens_ >= 0) return now;
  return filled_ + absl::Seconds(-tokens_ / per_second_);
}

std::unique_ptr<Transport> NewRateLimitTransport(
    std::unique_ptr<Transport> inner, RateLimitOptions options,
    base::Clock& clock) {
  return std::make_unique<RateLimitTransport>(std::move(inner), options, clock);
}

}  // namespace keyturn::http
