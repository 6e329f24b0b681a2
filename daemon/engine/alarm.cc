#include "daemon/engine/alarm.h"

#include <algorithm>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/co_spawn.hpp>
#include <exception>
#include <utility>

namespace keyturn::engine {

Alarm::Alarm(asio::io_context& context, base::Clock& clock,
             std::function<void()> ring)
    : context_(context), clock_(clock), ring_(std::move(ring)) {}

void Alarm::Set(absl::Time instant) {
  if (stopped_) return;
  if (!asleep_until_.has_value()) {
    Sleep(instant);
    return;
  }
  if (*asleep_until_ <= instant) return;
  sooner_ = std::min(instant, sooner_.value_or(instant));
  wake_.emit(asio::cancellation_type::terminal);
}

void Alarm::Stop() {
  stopped_ = true;
  if (asleep_until_.has_value()) {
    wake_.emit(asio::cancellation_type::terminal);
  }
}

void Alarm::Sleep(absl::Time instant) {
  asleep_until_ = instant;
  asio::co_spawn(context_, clock_.SleepUntil(instant),
                 asio::bind_cancellation_slot(
                     wake_.slot(), [this](std::exception_ptr) { WakeUp(); }));
}

void Alarm::WakeUp() {
  asleep_until_.reset();
  if (stopped_) return;
  if (sooner_.has_value()) {
    Sleep(*std::exchange(sooner_, std::nullopt));
    return;
  }
  ring_();
}

}  // namespace keyturn::engine
