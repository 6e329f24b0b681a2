// Checks of what goes into a request, and a reading of what comes out of one,
// shared by the files of Client.
#ifndef KEYTURN_DAEMON_UPSTREAM_NETSUITE_VALUES_H_
#define KEYTURN_DAEMON_UPSTREAM_NETSUITE_VALUES_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "daemon/upstream/http/json.h"

namespace keyturn::netsuite {

// InvalidArgument unless `id` is a whole number; NetSuite's own entities have
// negative ones. `of` says whose id it is: "a role".
absl::Status CheckInternalId(std::string_view id, std::string_view of);

// Whether `text` is UTF-8 without control characters.
bool IsPlainText(std::string_view text);

// A scalar as SuiteQL writes it: booleans become T and F. Empty for null, an
// object or an array.
std::string ToText(const http::Document& value);

}  // namespace keyturn::netsuite

#endif  // KEYTURN_DAEMON_UPSTREAM_NETSUITE_VALUES_H_
