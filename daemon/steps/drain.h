// Waiting until nothing runs on a connection whose flows are switched off.
#ifndef KEYTURN_DAEMON_STEPS_DRAIN_H_
#define KEYTURN_DAEMON_STEPS_DRAIN_H_

#include <asio/awaitable.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/steps/outcome.h"
#include "daemon/steps/step.h"

namespace keyturn::steps {

// So long a drain waits before an operator is asked, where the spec does not
// say otherwise: the business stands still meanwhile, and only a person can
// tell which is worse, waiting on or cutting a job off.
inline constexpr absl::Duration kDrainMax = absl::Hours(4);
absl::Duration DrainWithin(const migration::Spec& spec);
inline constexpr absl::Duration kDrainPollMax = absl::Seconds(5);

struct Unrest {
  // For people; the same at every look until something else runs or ends.
  std::string text;
  // Beside that which jobs, and how much is queued: what a person decides on.
  std::string detail;
};

// What still runs or waits. `text` is empty: nothing.
//
// Jobs count whoever started them: a flow that is off may still be started by
// one that runs before it, or by hand.
asio::awaitable<absl::StatusOr<Unrest>> LookForUnrest(Context& context,
                                                      celigo::Client& client);

// What a step ends with that found `unrest`: it waits, or, after so long, asks
// an operator (DRAIN_TIMEOUT). A retry begins the time anew.
Outcome AwaitRest(const Context& context, const Unrest& unrest);

// How long the step has been at it.
absl::Duration Elapsed(const Context& context);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_DRAIN_H_
