// An outside system made of a script.
#ifndef KEYTURN_TESTS_SUPPORT_FAKE_TRANSPORT_H_
#define KEYTURN_TESTS_SUPPORT_FAKE_TRANSPORT_H_

#include <asio/awaitable.hpp>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/base/clock.h"
#include "daemon/upstream/http/transport.h"

namespace keyturn::testing {

// Answers requests in the order of Answer and Fail, and, when these are used
// up, as OnSend says. A request that nothing answers fails the test.
class FakeTransport final : public http::Transport {
 public:
  // A request as it arrived, its secrets in the open: it is only a test's.
  struct Sent {
    http::Method method = http::Method::kGet;
    std::string url;
    std::vector<http::Header> headers;
    std::string authorization;
    std::string body;
    bool repeatable = false;
    absl::Duration timeout;

    // "GET https://api.example.com/v1/flows?limit=1"
    std::string Line() const;
    std::string Find(std::string_view header) const;
  };
  using Handler =
      std::function<absl::StatusOr<http::Response>(const Sent& request)>;

  FakeTransport& Answer(int status, std::string_view body = "",
                        std::vector<http::Header> headers = {});
  FakeTransport& Fail(absl::Status error);
  void OnSend(Handler handler) { handler_ = std::move(handler); }
  // Every exchange takes this long on `clock`; a cancelled one is aborted.
  void TakeTime(base::Clock& clock, absl::Duration duration);

  const std::vector<Sent>& sent() const { return sent_; }
  // Line() of each.
  std::vector<std::string> lines() const;
  size_t under_way() const { return under_way_; }
  size_t under_way_max() const { return under_way_max_; }
  // Whether everything that was scripted has been asked for.
  bool used_up() const { return script_.empty(); }

  asio::awaitable<absl::StatusOr<http::Response>> Send(
      http::Request request) override;

 private:
  std::deque<absl::StatusOr<http::Response>> script_;
  Handler handler_;
  base::Clock* clock_ = nullptr;
  absl::Duration duration_;
  std::vector<Sent> sent_;
  size_t under_way_ = 0;
  size_t under_way_max_ = 0;
};

// Hands on to a transport that somebody else owns, for layers that own theirs.
class BorrowedTransport final : public http::Transport {
 public:
  explicit BorrowedTransport(http::Transport& inner) : inner_(inner) {}
  asio::awaitable<absl::StatusOr<http::Response>> Send(
      http::Request request) override {
    return inner_.Send(std::move(request));
  }

 private:
  http::Transport& inner_;
};

// A response as CurlTransport gives it, header names in lower case.
http::Response MakeResponse(int status, std::string_view body = "",
                            std::vector<http::Header> headers = {});

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_SUPPORT_FAKE_TRANSPORT_H_
