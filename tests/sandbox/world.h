#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "tests/sandbox/celigo.h"
#include "tests/sandbox/clock.h"
#include "tests/sandbox/faults.h"
#include "tests/sandbox/http.h"
#include "tests/sandbox/netsuite.h"
#include "tests/sandbox/random.h"
#include "tests/sandbox/switches.h"

namespace keyturn::sandbox {

struct LoggedRequest {
  absl::Time time;
  std::string method;
  // Without query: queries of some calls hold a token.
  std::string path;
  int status = 0;
  std::string fault;
};

// The simulated outside: one Celigo account, any number of NetSuite accounts,
// the people who work on their screens (through /control), and the faults of
// the network between. No sockets and no waiting inside, so that a TLS server
// and an in-process simulation drive the same world.
//
// Paths: /v1/… is Celigo; /rest/…, /services/rest/… and /app/… are NetSuite;
// /control/… is the control interface of README.md.
//
// Thread-safe.
class World {
 public:
  struct Options {
    // Needed in the header X-Control-Key of every /control call.
    std::string control_key;
    // One seed gives one history of ids and secrets.
    uint64_t seed = 1;
  };

  // `clock` must outlive the world.
  World(Options options, Clock* clock);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Answers one call at the clock's time, or at `request.arrival` when that is
  // set. Never fails: what goes wrong is an answer too.
  Response Handle(const Request& request);

  // Gives `fill` the world to fill before it is used. See seed.h.
  template <typename Fill>
  auto Seed(Fill fill) {
    absl::MutexLock lock(&mutex_);
    return fill(*this);
  }

  // For acts and seeds, which run under the mutex.
  Celigo& celigo() ABSL_NO_THREAD_SAFETY_ANALYSIS { return celigo_; }
  Netsuite& netsuite() ABSL_NO_THREAD_SAFETY_ANALYSIS { return netsuite_; }
  Switches& switches() ABSL_NO_THREAD_SAFETY_ANALYSIS { return switches_; }
  Random& random() ABSL_NO_THREAD_SAFETY_ANALYSIS { return random_; }
  absl::Time Now() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return clock_->Now() + offset_;
  }

 private:
  Response Serve(const Request& request, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Response Dispatch(const Request& request, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Response Strike(const Fault& fault, const Request& request, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Log(const Request& request, const Response& response,
           const std::string& fault, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // control.cc
  Response Control(const Request& request, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Response ControlSwitches(const Request& request, const Json& body)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Response ControlFaults(const Request& request, const Json& body,
                         const std::vector<std::string>& segments)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Response ControlLog(const Request& request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Json StateJson(const Request& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string control_key_;
  Clock* const clock_;

  absl::Mutex mutex_;
  absl::Duration offset_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
  Switches switches_ ABSL_GUARDED_BY(mutex_);
  Random random_ ABSL_GUARDED_BY(mutex_);
  Faults faults_ ABSL_GUARDED_BY(mutex_);
  Netsuite netsuite_ ABSL_GUARDED_BY(mutex_);
  Celigo celigo_ ABSL_GUARDED_BY(mutex_);
  std::deque<LoggedRequest> log_ ABSL_GUARDED_BY(mutex_);
  // "PUT /v1/connections/:id" → how often, also beyond the log's length.
  std::map<std::string, int64_t> counts_ ABSL_GUARDED_BY(mutex_);
  std::map<int, int64_t> statuses_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> refused_ ABSL_GUARDED_BY(mutex_);
};

// One thing that a person does, by name and arguments; see README.md. Returns
// what the screen would show. NotFound, InvalidArgument or FailedPrecondition
// with the reason when the screen would refuse.
absl::StatusOr<Json> Act(World& world, const std::string& act,
                         const Json& arguments, absl::Time now);

}  // namespace keyturn::sandbox
