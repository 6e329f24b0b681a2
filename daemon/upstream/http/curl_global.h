// libcurl, made ready once for the process.
#ifndef KEYTURN_DAEMON_UPSTREAM_HTTP_CURL_GLOBAL_H_
#define KEYTURN_DAEMON_UPSTREAM_HTTP_CURL_GLOBAL_H_

#include "absl/status/status.h"

namespace keyturn::http {

// Gives libcurl an allocator that wipes what it frees: it copies headers and
// bodies into buffers of its own. Internal when libcurl cannot be used or lacks
// what we need. Thread-safe; every use of libcurl comes after it.
absl::Status InitCurl();

}  // namespace keyturn::http

#endif  // KEYTURN_DAEMON_UPSTREAM_HTTP_CURL_GLOBAL_H_
