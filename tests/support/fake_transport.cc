#include "tests/support/fake_transport.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <asio/this_coro.hpp>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/retry_after.h"

namespace keyturn::testing {

http::Response MakeResponse(int status, std::string_view body,
                            std::vector<http::Header> headers) {
  http::Response response;
  response.status = status;
  response.headers = std::move(headers);
  response.body = secret::Secret(body);
  response.retry_after =
      http::ParseRetryAfter(response.Find("retry-after"), absl::UnixEpoch());
  return response;
}

std::string FakeTransport::Sent::Line() const {
  return absl::StrCat(base::ToAbsl(http::Name(method)), " ", url);
}

std::string FakeTransport::Sent::Find(std::string_view header) const {
  for (const http::Header& entry : headers) {
    if (absl::EqualsIgnoreCase(entry.name, base::ToAbsl(header))) {
      return entry.value;
    }
  }
  return {};
}

FakeTransport& FakeTransport::Answer(int status, std::string_view body,
                                     std::vector<http::Header> headers) {
  script_.emplace_back(MakeResponse(status, body, std::move(headers)));
  return *this;
}

FakeTransport& FakeTransport::Fail(absl::Status error) {
  script_.emplace_back(std::move(error));
  return *this;
}

void FakeTransport::TakeTime(base::Clock& clock, absl::Duration duration) {
  clock_ = &clock;
  duration_ = duration;
}

std::vector<std::string> FakeTransport::lines() const {
  std::vector<std::string> lines;
  for (const Sent& request : sent_) lines.push_back(request.Line());
  return lines;
}

asio::awaitable<absl::StatusOr<http::Response>> FakeTransport::Send(
    http::Request request) {
  Sent arrived;
  arrived.method = request.method;
  arrived.url = request.url;
  arrived.headers = request.headers;
  arrived.authorization = std::string(request.authorization.Expose());
  arrived.body = std::string(request.body.Expose());
  arrived.repeatable = request.repeatable;
  arrived.timeout = request.timeout;
  sent_.push_back(arrived);

  ++under_way_;
  under_way_max_ = std::max(under_way_max_, under_way_);
  auto leave = absl::MakeCleanup([this] { --under_way_; });
  if (clock_ != nullptr) {
    co_await clock_->SleepUntil(clock_->Now() + duration_);
    const asio::cancellation_state state =
        co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      co_return absl::CancelledError("the fake exchange was cancelled");
    }
  }
  if (!script_.empty()) {
    absl::StatusOr<http::Response> next = std::move(script_.front());
    script_.pop_front();
    co_return next;
  }
  if (handler_) co_return handler_(arrived);
  ADD_FAILURE() << "nobody expects " << arrived.Line();
  co_return absl::InternalError("unexpected request");
}

}  // namespace keyturn::testing
