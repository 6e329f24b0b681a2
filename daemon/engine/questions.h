// Questions to the outside systems that belong to no migration.
#ifndef KEYTURN_DAEMON_ENGINE_QUESTIONS_H_
#define KEYTURN_DAEMON_ENGINE_QUESTIONS_H_

#include <asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/time_limits.h"
#include "daemon/steps/discover.h"
#include "daemon/vault/openings.h"

namespace keyturn::engine {

inline constexpr absl::Duration kDiscoverTimeout = absl::Minutes(10);
inline constexpr absl::Duration kTestAccountTimeout = absl::Minutes(2);

// Engine::Discover and Engine::TestAccount. `options` and `limits` outlive the
// call.
asio::awaitable<absl::StatusOr<std::vector<steps::DiscoveredConnection>>>
Discover(const Engine::Options& options, TimeLimits& limits,
         std::string account, std::shared_ptr<vault::Openings> openings);
asio::awaitable<absl::StatusOr<Findings>> TestAccount(
    const Engine::Options& options, TimeLimits& limits, std::string account,
    std::shared_ptr<vault::Openings> openings);

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_QUESTIONS_H_
