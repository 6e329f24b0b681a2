#include "tests/support/run_awaitable.h"

#include <stdexcept>

namespace keyturn::testing {
namespace {

bool RunOneWithin(asio::io_context& io, absl::Duration patience) {
  return io.run_one_for(absl::ToChronoNanoseconds(patience)) > 0;
}

}  // namespace

void RunUntil(asio::io_context& io, const std::function<bool()>& done,
              FakeClock* clock, absl::Duration grace) {
  // Keeps `io` from stopping while another thread is about to post to it.
  const auto work = asio::make_work_guard(io);
  if (io.stopped()) io.restart();
  while (!done()) {
    if (io.poll_one() > 0) continue;
    if (clock != nullptr && clock->sleepers() > 0) {
      if (grace > absl::ZeroDuration() && RunOneWithin(io, grace)) continue;
      clock->AdvanceToNext();
      continue;
    }
    if (!RunOneWithin(io, kPatienceMax)) {
      throw std::runtime_error("nothing happens any more, and it is not done");
    }
  }
}

}  // namespace keyturn::testing
