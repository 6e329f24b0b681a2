// What people are asked to do, made from the screens of the outside systems and
// the values of one migration. Pure.
#ifndef KEYTURN_DAEMON_STEPS_TASKS_H_
#define KEYTURN_DAEMON_STEPS_TASKS_H_

#include <string>
#include <vector>

#include "daemon/migration/model.h"
#include "daemon/steps/step.h"
#include "daemon/upstream/netsuite/screens.h"

namespace keyturn::steps {

// `problem` says why it is asked again; empty the first time.
migration::Task EnableTbaTask(const Context& context,
                              const netsuite::Endpoints& endpoints,
                              std::string problem);
migration::Task CreateRoleTask(const Context& context,
                               const netsuite::Endpoints& endpoints,
                               std::string problem);
// The role exists but lacks `permissions`, or is inactive.
migration::Task RepairRoleTask(const Context& context,
                               const netsuite::Endpoints& endpoints,
                               std::vector<std::string> permissions,
                               bool activate, std::string problem);
migration::Task AssignRoleTask(const Context& context,
                               const netsuite::Endpoints& endpoints,
                               std::string problem);
// Takes a token. `answer` says whether "look again" is an answer too.
migration::Task IssueTokenTask(const Context& context,
                               const netsuite::Endpoints& endpoints,
                               migration::Task::Answer answer,
                               std::string problem);
// The connection does not work with the token: mend it, or hand in another.
migration::Task MendTokenTask(const Context& context,
                              const netsuite::Endpoints& endpoints,
                              std::string problem);

// Clean-up after going back; they do not block.
migration::Task UnassignRoleTask(const Context& context,
                                 const netsuite::Endpoints& endpoints);
migration::Task RevokeTokenTask(const Context& context,
                                const netsuite::Endpoints& endpoints,
                                std::string token_name);

// A flow that Celigo does not let us switch: a person does it in its screens.
// That all works on the token. Expires after the spec's confirm_within, where
// that leads back.
migration::Task ConfirmTask(const Context& context);
migration::Task SwitchFlowsTask(const Context& context,
                                const std::vector<std::string>& flow_names,
                                bool enable, std::string problem);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_TASKS_H_
