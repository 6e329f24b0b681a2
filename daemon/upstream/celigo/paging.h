// Where the next page of a list is. Pure functions.
#ifndef KEYTURN_DAEMON_UPSTREAM_CELIGO_PAGING_H_
#define KEYTURN_DAEMON_UPSTREAM_CELIGO_PAGING_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "daemon/upstream/http/json.h"
#include "daemon/upstream/http/transport.h"

namespace keyturn::celigo {

// The target with rel="next" among the response's `Link` headers (RFC 8288), or
// empty.
std::string NextLink(const http::Response& response);

// The path and query of `link` on our own origin, beginning with "/v1/". The
// host that a link names may be another than the one we talk to (the web UI's,
// whose paths begin with "/api"), so it plays no part. DataLoss when there is
// no usable path in it.
absl::StatusOr<std::string> PathOnOwnOrigin(std::string_view link);

// Where the response with this body says that its list goes on: `nextPageURL`
// in the body, else the Link header. Empty: nowhere.
absl::StatusOr<std::string> NextPage(const http::Response& response,
                                     const http::Document& body);

}  // namespace keyturn::celigo

#endif  // KEYTURN_DAEMON_UPSTREAM_CELIGO_PAGING_H_
