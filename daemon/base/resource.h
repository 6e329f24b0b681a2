// Which resource an error is about, where that is not the one the request
// named.
#ifndef KEYTURN_DAEMON_BASE_RESOURCE_H_
#define KEYTURN_DAEMON_BASE_RESOURCE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace keyturn::base {

// Names the resource by its id, without its collection: the reason says of what
// kind it is. It travels to the caller as google.rpc.ResourceInfo, or as the
// subject of a PreconditionFailure.
absl::Status WithResource(absl::Status status, std::string_view id);

// The id given by WithResource, or empty.
std::string ResourceOf(const absl::Status& status);

}  // namespace keyturn::base

#endif  // KEYTURN_DAEMON_BASE_RESOURCE_H_
