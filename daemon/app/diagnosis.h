// What the process can tell of itself to whoever looks for a fault.
#ifndef KEYTURN_DAEMON_APP_DIAGNOSIS_H_
#define KEYTURN_DAEMON_APP_DIAGNOSIS_H_

#include "daemon/app/config.h"
#include "daemon/app/log.h"
#include "daemon/rpc/support_bundle.h"

namespace keyturn::app {

// The configuration as it is in force, key by key, the system, the limits, the
// memory and the log's last lines. Reads no file that holds a secret.
rpc::Diagnosis Diagnose(const Config& config, const Log& log);

}  // namespace keyturn::app

#endif  // KEYTURN_DAEMON_APP_DIAGNOSIS_H_
