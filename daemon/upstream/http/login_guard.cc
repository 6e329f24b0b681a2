#include "daemon/upstream/http/login_guard.h"

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::http {
namespace {

constexpr int kUnauthorized = 401;

class GuardedTransport final : public Transport {
 public:
  GuardedTransport(std::unique_ptr<Transport> inner,
                   std::shared_ptr<LoginGuard> guard)
      : inner_(std::move(inner)), guard_(std::move(guard)) {}

  asio::awaitable<absl::StatusOr<Response>> Send(Request request) override {
    absl::Status allowed = guard_->Check();
    if (!allowed.ok()) {
      co_return WithEffect(std::move(allowed), Effect::kNone);
    }
    absl::StatusOr<Response> response =
        co_await inner_->Send(std::move(request));
    if (response.ok()) guard_->Observe(response->status);
    co_return response;
  }

 private:
  const std::unique_ptr<Transport> inner_;
  const std::shared_ptr<LoginGuard> guard_;
};

}  // namespace

absl::Status LoginGuard::Check() const {
  if (failures_ < kFailuresMax) return absl::OkStatus();
  return base::WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "the login of account ", account_, " was refused ", failures_,
          " times in a row, so it is not tried again: five wrong tries lock "
          "the NetSuite user for 30 minutes. Put the right credential in with "
          "`keyturn credential rotate`, or, when it was mended outside, run "
          "`keyturn account test ",
          account_, "`; then retry")),
      "LOGIN_BLOCKED");
}

void LoginGuard::Observe(int status) {
  if (status == kUnauthorized) {
    ++failures_;
  } else if (status >= 200 && status < 300) {
    failures_ = 0;
  }
}

std::unique_ptr<Transport> NewGuardedTransport(
    std::unique_ptr<Transport> inner, std::shared_ptr<LoginGuard> guard) {
  return std::make_unique<GuardedTransport>(std::move(inner), std::move(guard));
}

}  // namespace keyturn::http
