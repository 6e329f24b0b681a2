// What is asked of the daemon in a history, and how it must end.
#ifndef KEYTURN_TESTS_CRASH_SCENARIO_H_
#define KEYTURN_TESTS_CRASH_SCENARIO_H_

#include <array>

#include "daemon/migration/model.h"

namespace keyturn::crash {

struct Scenario {
  enum class Way {
    kForward,
    // An operator cancels while the flows are being drained.
    kCancel,
    // An operator rolls back after the switch.
    kRollBack,
    // On trial, and nobody confirms.
    kSilence,
  };
  const char* name;
  // The NetSuite account has an access credential of the daemon's own.
  bool netsuite_access = false;
  // The password that the connection had is held, so that there is a way back
  // after the switch.
  bool old_login = false;
  // The consumer pair of the application is held: with the old login the daemon
  // makes the token itself.
  bool issues_token = false;
  int approvals = 0;
  Way way = Way::kForward;

  migration::State end() const {
    return way == Way::kForward ? migration::State::kSucceeded
                                : migration::State::kRolledBack;
  }
};

inline constexpr std::array kScenarios = {
    // People do NetSuite's part.
    Scenario{.name = "without_access"},
    Scenario{.name = "with_access", .netsuite_access = true, .approvals = 1},
    Scenario{.name = "cancelled",
             .netsuite_access = true,
             .way = Scenario::Way::kCancel},
    Scenario{.name = "rolled_back",
             .old_login = true,
             .way = Scenario::Way::kRollBack},
    Scenario{.name = "unconfirmed",
             .old_login = true,
             .way = Scenario::Way::kSilence},
    Scenario{.name = "issues_token",
             .netsuite_access = true,
             .old_login = true,
             .issues_token = true},
};

}  // namespace keyturn::crash

#endif  // KEYTURN_TESTS_CRASH_SCENARIO_H_
