#include "daemon/engine/turns.h"

#include <asio/async_result.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <utility>

namespace keyturn::engine {

asio::awaitable<void> Turns::Take() {
  if (!taken_) {
    taken_ = true;
    co_return;
  }
  auto wait = [this](auto handler) {
    waiting_.push_back([handler = std::move(handler)]() mutable {
      asio::post(std::move(handler));
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
      wait, asio::use_awaitable);
}

void Turns::Pass() {
  if (waiting_.empty()) {
    taken_ = false;
    return;
  }
  absl::AnyInvocable<void()> next = std::move(waiting_.front());
  waiting_.pop_front();
  next();
}

}  // namespace keyturn::engine
