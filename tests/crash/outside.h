// Celigo, NetSuite and the network between, as the daemon's calls meet them.
#ifndef KEYTURN_TESTS_CRASH_OUTSIDE_H_
#define KEYTURN_TESTS_CRASH_OUTSIDE_H_

#include <asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/base/clock.h"
#include "daemon/upstream/http/curl_transport.h"
#include "daemon/upstream/http/transport.h"
#include "daemon/vault/payload.h"
#include "tests/sandbox/clock.h"
#include "tests/sandbox/json.h"
#include "tests/sandbox/seed.h"
#include "tests/sandbox/world.h"

namespace keyturn::crash {

// What the network does to one exchange.
struct Trouble {
  enum class Kind {
    kNone,
    // It never arrives.
    kRequestLost,
    // It has its effect, and nothing comes back.
    kAnswerLost,
    // It arrives twice, as when a proxy repeats it.
    kTwice,
    // The answer is cut in the middle.
    kCutBody,
    // 200 with a page that is not what was asked for.
    kRubbish,
    // `status` in place of the effect, or after it.
    kStatus,
    kStatusAfter,
    // 429 with Retry-After.
    kRateLimit,
    // The answer comes `delay` later, maybe when nobody waits any more.
    kSlow,
  };
  Kind kind = Kind::kNone;
  int status = 503;
  int retry_after_seconds = 1;
  absl::Duration delay = absl::ZeroDuration();
};

// "lost answer", ... for the history.
std::string_view Name(Trouble::Kind kind);

// The base URL under which both systems are reached.
inline constexpr char kOrigin[] = "https://localhost:1";
inline constexpr char kNetSuiteId[] = "7654321";
// What a request takes on its way, and an answer on its way back.
inline constexpr absl::Duration kLatency = absl::Milliseconds(20);

// The sandbox's world, filled with the seed's connection, without sockets. It
// knows nothing of the daemon's crashes. Belongs to one thread.
class Outside {
 public:
  struct Hooks {
    // Called at each point of an exchange with what it is; true: the daemon
    // stops here, and the exchange never goes on.
    std::function<bool(const std::string& point)> reach;
    // Called with what is sent, at the instant at which it would arrive.
    std::function<void(const http::Request& request)> sent;
    // Called when a write had its effect that is not harmless to repeat.
    // `changed`: whether it left anything else behind than it found.
    std::function<void(const std::string& line, int status, bool changed)>
        written;
    // Empty: no trouble.
    std::function<Trouble(const std::string& line)> trouble;
    // A mutation of the product: changes what it sends.
    std::function<void(http::Request& request)> alter;
    // Another one: writes are sent twice.
    bool repeats_writes = false;
    std::function<void(std::string line)> tell;
  };

  // `clock` outlives the object.
  Outside(base::Clock& clock, uint64_t seed, Hooks hooks);

  // Connections of one life of the daemon, which end with it.
  std::unique_ptr<http::CurlPool> NewPool();

  // What people do at the screens, by the names of tests/sandbox/acts.cc.
  absl::StatusOr<sandbox::Json> Act(const std::string& act,
                                    const sandbox::Json& arguments);

  sandbox::World& world() { return world_; }
  // Of the seed: ids, names.
  const sandbox::Json& info() const { return info_; }
  std::string connection() const { return sandbox::Text(info_, "connection"); }
  std::string user() const { return sandbox::Text(info_, "user"); }
  // A file that a client is given, parsed; null when there is none.
  sandbox::Json File(const std::string& path) const;

  // As they are, with their secrets.
  sandbox::Json Connection();
  // The consumer pair of the token's application, which from now on offers the
  // endpoint that makes a token. Its token is none.
  vault::NetSuiteTba Consumer();
  sandbox::Json Flow(const std::string& id);
  int calls() const { return calls_; }

 private:
  class Wire;
  class Pool;

  // All that a write of the daemon's may change, to see whether it did.
  std::string Trace();
  sandbox::Response Serve(const sandbox::Request& request,
                          const std::string& line, bool repeatable);

  base::Clock& clock_;
  struct WorldClock final : sandbox::Clock {
    explicit WorldClock(base::Clock& from) : clock(from) {}
    absl::Time Now() override { return clock.Now(); }
    base::Clock& clock;
  } world_clock_{clock_};
  sandbox::World world_;
  const Hooks hooks_;
  sandbox::Json info_;
  std::vector<sandbox::SeedFile> files_;
  int calls_ = 0;
};

}  // namespace keyturn::crash

#endif  // KEYTURN_TESTS_CRASH_OUTSIDE_H_
