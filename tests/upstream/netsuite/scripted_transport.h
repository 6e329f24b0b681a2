// A Transport that plays a script: each request takes the next line of it.
#ifndef KEYTURN_TESTS_UPSTREAM_NETSUITE_SCRIPTED_TRANSPORT_H_
#define KEYTURN_TESTS_UPSTREAM_NETSUITE_SCRIPTED_TRANSPORT_H_

#include <asio/awaitable.hpp>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/upstream/http/transport.h"

namespace keyturn::netsuite {

inline http::Response Reply(int status, std::string_view body = "",
                            std::vector<http::Header> headers = {}) {
  http::Response response;
  response.status = status;
  response.body = secret::Secret(body);
  response.headers = std::move(headers);
  return response;
}

// What was sent, with everything opened for comparison.
struct SentRequest {
  http::Method method;
  std::string url;
  std::vector<http::Header> headers;
  std::string authorization;
  std::string body;
  bool repeatable;

  std::string HeaderOf(std::string_view name) const {
    for (const http::Header& header : headers) {
      if (header.name == name) return header.value;
    }
    return "";
  }
};

class ScriptedTransport final : public http::Transport {
 public:
  void Then(absl::StatusOr<http::Response> outcome) {
    script_.push_back(std::move(outcome));
  }
  void Then(int status, std::string_view body = "") {
    Then(Reply(status, body));
  }

  // A request beyond the script fails with Internal.
  asio::awaitable<absl::StatusOr<http::Response>> Send(
      http::Request request) override {
    sent_.push_back({request.method, request.url, request.headers,
                     std::string(request.authorization.Expose()),
                     std::string(request.body.Expose()), request.repeatable});
    if (script_.empty()) {
      co_return absl::InternalError("the script has no further line");
    }
    absl::StatusOr<http::Response> outcome = std::move(script_.front());
    script_.pop_front();
    co_return outcome;
  }

  const std::vector<SentRequest>& sent() const { return sent_; }
  bool finished() const { return script_.empty(); }

 private:
  std::deque<absl::StatusOr<http::Response>> script_;
  std::vector<SentRequest> sent_;
};

}  // namespace keyturn::netsuite

#endif  // KEYTURN_TESTS_UPSTREAM_NETSUITE_SCRIPTED_TRANSPORT_H_
