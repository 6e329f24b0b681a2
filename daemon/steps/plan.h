// Makes the plan from what preflight found. Pure.
#ifndef KEYTURN_DAEMON_STEPS_PLAN_H_
#define KEYTURN_DAEMON_STEPS_PLAN_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/migration/model.h"
#include "daemon/steps/step.h"

namespace keyturn::steps {

// What preflight found beside the notes.
struct Survey {
  bool offline = false;
  int unfinished_jobs = 0;
  // The old login was tested and Celigo could use it.
  bool old_login_works = false;
  // Keyturn's own access to NetSuite, and what it could see.
  bool has_access = false;
  bool reads_netsuite = false;
  bool feature_on = false;
  bool role_good = false;
  std::string role_problem;
  bool user_found = false;
  std::set<std::string> enabled_flows;
  std::vector<std::string> warnings;
};

// FailedPrecondition (MASK_IN_DOCUMENT) when the connection's document cannot
// be written back without sending a mask.
absl::StatusOr<migration::Plan> MakePlan(const Context& context,
                                         const Survey& survey);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_PLAN_H_
