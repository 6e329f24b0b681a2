// Lists in pages (AIP-158).
#ifndef KEYTURN_DAEMON_RPC_PAGES_H_
#define KEYTURN_DAEMON_RPC_PAGES_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/base/status.h"

namespace keyturn::rpc {

inline constexpr int kPageSizeDefault = 50;
inline constexpr int kEventPageSizeDefault = 200;
inline constexpr int kPageSizeMax = 1000;
inline constexpr size_t kPageTokenSizeMax = 1024;
// A page is cut before it becomes larger than what clients accept by default
// (4 MiB); a single larger item still goes.
inline constexpr size_t kPageBytesMax = 3 * 1024 * 1024;

// 0 means `size_default`, more than kPageSizeMax means kPageSizeMax;
// InvalidArgument for a negative size.
absl::StatusOr<int> ParsePageSize(int32_t size, int size_default);

// A page token says where the next page begins and to which list it belongs:
// `list` is the RPC's name and its other arguments in one text. Opaque to
// callers. It is no capability: with a forged one a caller can only read what
// it may list anyway.
std::string MakePageToken(std::string_view list, std::string_view after);

// The inverse; empty for an empty token. InvalidArgument naming `page_token`
// for a token that is damaged or belongs to another list.
absl::StatusOr<std::string> ParsePageToken(std::string_view list,
                                           std::string_view token);

// Fills `response` by `fill(limit, response)`, which returns a Status, with as
// many items as `limit` and kPageBytesMax allow.
template <typename Response, typename Fill>
absl::Status FillPage(int limit, Response* response, Fill fill) {
  for (;; limit = std::max(1, limit / 2)) {
    response->Clear();
    RETURN_IF_ERROR(fill(limit, response));
    if (limit == 1 || response->ByteSizeLong() <= kPageBytesMax) {
      return absl::OkStatus();
    }
  }
}

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_PAGES_H_
