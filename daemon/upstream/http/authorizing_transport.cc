#include "daemon/upstream/http/authorizing_transport.h"

#include <utility>

namespace keyturn::http {
namespace {

class AuthorizingTransport final : public Transport {
 public:
  AuthorizingTransport(std::unique_ptr<Transport> inner, Authorizer authorizer)
      : inner_(std::move(inner)), authorizer_(std::move(authorizer)) {}

  asio::awaitable<absl::StatusOr<Response>> Send(Request request) override {
    if (request.authorization.empty()) {
      absl::StatusOr<secret::Secret> authorization = authorizer_(request);
      if (!authorization.ok()) {
        co_return WithEffect(authorization.status(), Effect::kNone);
      }
      request.authorization = *std::move(authorization);
    }
    co_return co_await inner_->Send(std::move(request));
  }

 private:
  const std::unique_ptr<Transport> inner_;
  const Authorizer authorizer_;
};

}  // namespace

std::unique_ptr<Transport> NewAuthorizingTransport(
    std::unique_ptr<Transport> inner, Authorizer authorizer) {
  return std::make_unique<AuthorizingTransport>(std::move(inner),
                                                std::move(authorizer));
}

}  // namespace keyturn::http
