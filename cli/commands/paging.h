#ifndef KEYTURN_CLI_COMMANDS_PAGING_H_
#define KEYTURN_CLI_COMMANDS_PAGING_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/client.h"

namespace keyturn::cli {

inline constexpr int kPageSize = 200;
inline constexpr int kPagesMax = 1000;

// Calls a List method until there are no more pages, and gives back all of
// them in one response. ResourceExhausted after 1000 pages.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> ListAll(
    Client& client,
    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                 Response*),
    std::type_identity_t<Request> request) {
  Response all;
  request.set_page_size(kPageSize);
  for (int page = 0; page < kPagesMax; ++page) {
    absl::StatusOr<Response> response = client.Call(method, request);
    if (!response.ok()) return response.status();
    request.set_page_token(response->next_page_token());
    response->clear_next_page_token();
    all.MergeFrom(*response);
    if (request.page_token().empty()) return all;
  }
  return absl::ResourceExhaustedError(
      "there are more entries than can be listed at once; narrow the search");
}

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_COMMANDS_PAGING_H_
