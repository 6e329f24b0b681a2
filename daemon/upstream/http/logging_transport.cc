#include "daemon/upstream/http/logging_transport.h"

#include <utility>

#include "absl/strings/str_split.h"
#include "daemon/upstream/http/url.h"

namespace keyturn::http {
namespace {

// "a=1&b=2" as "a&b".
std::string QueryNames(const std::string& query) {
  std::string names;
  for (const absl::string_view pair : absl::StrSplit(query, '&')) {
    if (!names.empty()) names.push_back('&');
    names.append(std::string(pair.substr(0, pair.find('='))));
  }
  return names;
}

Exchange Describe(const Request& request) {
  Exchange exchange;
  exchange.method = request.method;
  exchange.bytes_sent = request.body.size();
  if (const absl::StatusOr<Url> url = ParseUrl(request.url); url.ok()) {
    exchange.host = url->host;
    exchange.path = url->path;
    if (!url->query.empty()) exchange.path += "?" + QueryNames(url->query);
  }
  return exchange;
}

class LoggingTransport final : public Transport {
 public:
  LoggingTransport(std::unique_ptr<Transport> inner, base::Clock& clock,
                   ExchangeObserver observer)
      : inner_(std::move(inner)),
        clock_(clock),
        observer_(std::move(observer)) {}

  asio::awaitable<absl::StatusOr<Response>> Send(Request request) override {
    Exchange exchange = Describe(request);
    const absl::Time start = clock_.Now();
    absl::StatusOr<Response> response =
        co_await inner_->Send(std::move(request));
    exchange.duration = clock_.Now() - start;
    if (response.ok()) {
      exchange.status = response->status;
      exchange.bytes_received = response->body.size();
    } else {
      exchange.error = response.status();
    }
    observer_(exchange);
    co_return response;
  }

 private:
  const std::unique_ptr<Transport> inner_;
  base::Clock& clock_;
  const ExchangeObserver observer_;
};

}  // namespace

std::unique_ptr<Transport> NewLoggingTransport(std::unique_ptr<Transport> inner,
                                               base::Clock& clock,
                                               ExchangeObserver observer) {
  return std::make_unique<LoggingTransport>(std::move(inner), clock,
                                            std::move(observer));
}

}  // namespace keyturn::http
