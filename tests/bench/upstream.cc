#include "tests/bench/upstream.h"

#include <pthread.h>

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/redirect_error.hpp>
#include <asio/ssl.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <future>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/access/certificates.h"
#include "daemon/base/status.h"

namespace keyturn::bench {
namespace {

using asio::ip::tcp;
using Stream = asio::ssl::stream<tcp::socket>;

constexpr std::string_view kConnections = "/v1/connections/";
constexpr size_t kIdSize = 24;

constexpr char kDocumentHead[] =
    R"("createdAt":"2024-03-01T08:00:00.000Z","type":"netsuite",)"
    R"("name":"NetSuite Connection","offline":false,"sandbox":false,)"
    R"("debugDate":"1970-01-01T00:00:00.000Z",)"
    R"("autoRecoverRateLimitErrors":true,"targetConcurrencyLevel":10,)"
    R"("microServices":{"disableNetSuiteWebServices":false,)"
    R"("disableRdbms":true},"netsuite":{"account":"7654321",)"
    R"("environment":"production","roleId":"1007",)"
    R"("roleName":"Celigo Jira Role","dataCenterURLs":{)"
    R"("restDomain":"https://7654321.restlets.api.netsuite.com",)"
    R"("webservicesDomain":"https://7654321.suitetalk.api.netsuite.com",)"
    R"("systemDomain":"https://7654321.app.netsuite.com"},)"
    R"("accountName":"Example Trading","concurrencyLevelRESTlet":1,)"
    R"("concurrencyLevelWebServices":1,"wsdlVersion":"next",)"
    R"("concurrencyLevel":3,"suiteAppInstalled":false,"useSsoLogin":false,)";
constexpr char kBefore[] =
    R"("email":"jira.integration@example.com","password":"******",)"
    R"("requestLevelCredentials":false,"authType":"basic"},)"
    R"("lastModified":"2026-01-01T00:00:00.000Z"})";
constexpr char kAfter[] =
    R"("requestLevelCredentials":true,"authType":"token",)"
    R"("tokenId":"******","tokenSecret":"******",)"
    R"("_iClientId":"5f3aaaaaaaaaaaaaaaaaaa01"},)"
    R"("lastModified":"2026-02-02T00:00:00.000Z"})";
constexpr char kRecordTypes[] =
    R"([{"scriptId":"customer","name":"Customer"},)"
    R"({"scriptId":"salesorder","name":"Sales Order"},)"
    R"({"scriptId":"supportcase","name":"Case"}])";

std::string Answer(std::string_view status, std::string_view body) {
  return absl::StrCat("HTTP/1.1 ", base::ToAbsl(status),
                      "\r\nContent-Type: application/json\r\nContent-Length: ",
                      body.size(), "\r\n\r\n", base::ToAbsl(body));
}

class Server final : public Upstream {
 public:
  explicit Server(Trace& trace)
      : trace_(trace), tls_(asio::ssl::context::tls_server) {}

  ~Server() override {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Open() {
    const absl::Time now = absl::Now();
    ASSIGN_OR_RETURN(const access::CertifiedKey ca,
                     access::MakeCa("keyturn-bench", now));
    ASSIGN_OR_RETURN(const access::CertifiedKey own,
                     access::IssueServerCertificate(ca, {}, now));
    ca_pem_ = ca.certificate_pem;
    asio::error_code error;
    tls_.use_certificate_chain(asio::buffer(own.certificate_pem), error);
    const std::string_view key = own.key_pem.Expose();
    if (!error) {
      tls_.use_private_key(asio::buffer(key.data(), key.size()),
                           asio::ssl::context::pem, error);
    }
    const tcp::endpoint loopback(asio::ip::address_v4::loopback(), 0);
    if (!error) acceptor_.open(loopback.protocol(), error);
    if (!error) acceptor_.bind(loopback, error);
    if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
    if (error) return absl::InternalError(error.message());
    origin_ =
        absl::StrCat("https://127.0.0.1:", acceptor_.local_endpoint().port());
    asio::co_spawn(context_, Accept(), asio::detached);
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "upstream");
      context_.run();
    });
    return absl::OkStatus();
  }

  const std::string& origin() const override { return origin_; }
  const std::string& ca_pem() const override { return ca_pem_; }
  void Forget() override {
    std::promise<void> done;
    asio::post(context_, [this, &done] {
      switched_.clear();
      done.set_value();
    });
    done.get_future().wait();
  }
  int64_t calls() const override { return calls_; }
  int64_t strange_calls() const override { return strange_calls_; }

 private:
  asio::awaitable<void> Accept() {
    while (true) {
      asio::error_code error;
      auto completion = asio::redirect_error(asio::use_awaitable, error);
      tcp::socket socket = co_await acceptor_.async_accept(completion);
      if (error) co_return;
      socket.set_option(tcp::no_delay(true), error);
      Stream stream(std::move(socket), tls_);
      asio::co_spawn(context_, Serve(std::move(stream)), asio::detached);
    }
  }

  asio::awaitable<void> Serve(Stream stream) {
    asio::error_code error;
    auto completion = asio::redirect_error(asio::use_awaitable, error);
    co_await stream.async_handshake(Stream::server, completion);
    std::string bytes;
    auto buffer = asio::dynamic_buffer(bytes, 2 * kUpstreamRequestMax);
    while (!error) {
      const size_t head = co_await asio::async_read_until(
          stream, buffer, std::string_view("\r\n\r\n"), completion);
      if (error) co_return;
      const size_t size =
          head + BodySize(std::string_view(bytes).substr(0, head));
      if (size > bytes.size()) {
        auto rest = asio::transfer_exactly(size - bytes.size());
        co_await asio::async_read(stream, buffer, rest, completion);
        if (error) co_return;
      }
      const std::string answer =
          Take(std::string_view(bytes).substr(0, size), head);
      bytes.erase(0, size);
      auto out = asio::buffer(answer);
      co_await asio::async_write(stream, out, completion);
    }
  }

  // Its callers are all libcurl, which writes the name just so.
  static size_t BodySize(std::string_view head) {
    constexpr std::string_view kName = "\r\nContent-Length: ";
    const size_t at = head.find(kName);
    if (at == std::string_view::npos) return 0;
    const size_t from = at + kName.size();
    const std::string_view digits =
        head.substr(from, head.find('\r', from) - from);
    size_t size = 0;
    return absl::SimpleAtoi(base::ToAbsl(digits), &size) ? size : 0;
  }

  std::string Take(std::string_view request, size_t head) {
    ++calls_;
    const size_t space = request.find(' ');
    const std::string_view method = request.substr(0, space);
    const size_t end = request.find(' ', space + 1);
    const std::string_view path = request.substr(space + 1, end - space - 1);
    if (trace_.on()) {
      Call call;
      call.method = std::string(method);
      call.path = std::string(path);
      call.body = std::string(request.substr(head));
      trace_.Add(std::move(call));
    }
    return AnswerTo(method, path);
  }

  std::string AnswerTo(std::string_view method, std::string_view path) {
    if (path == "/v1/tokenInfo") {
      return Answer("200 OK", R"({"_userId":"5f3aaaaaaaaaaaaaaaaaaa02",)"
                              R"("scope":"fullaccess"})");
    }
    if (path == "/v1/iclients") {
      return Answer("200 OK",
                    absl::StrCat(R"([{"_id":"5f3aaaaaaaaaaaaaaaaaaa01",)",
                                 R"("provider":"netsuite","name":")",
                                 kIClientName, R"("}])"));
    }
    if (path == "/v1/connections/ping") return Answer("200 OK", "{}");
    if (absl::EndsWith(base::ToAbsl(path), "/recordTypes?refreshCache=true")) {
      return Answer("200 OK", kRecordTypes);
    }
    if (path.substr(0, kConnections.size()) == kConnections) {
      path.remove_prefix(kConnections.size());
      const std::string id(path.substr(0, kIdSize));
      path.remove_prefix(id.size());
      if (path.empty()) return Document(method, id);
      if (path == "/ping" || path == "/dependencies") {
        return Answer("200 OK", "{}");
      }
      if (path == "/jobs" || absl::StartsWith(base::ToAbsl(path), "/audit?")) {
        return Answer("204 No Content", "");
      }
    }
    ++strange_calls_;
    return Answer("404 Not Found", R"({"errors":[{"code":"not_found"}]})");
  }

  std::string Document(std::string_view method, const std::string& id) {
    if (method == "PUT") switched_.insert(id);
    const char* tail = switched_.count(id) > 0 ? kAfter : kBefore;
    return Answer("200 OK", absl::StrCat(R"({"_id":")", id, R"(",)",
                                         kDocumentHead, tail));
  }

  Trace& trace_;
  asio::io_context context_{1};
  asio::ssl::context tls_;
  tcp::acceptor acceptor_{context_};
  std::string origin_;
  std::string ca_pem_;
  std::atomic<int64_t> calls_ = 0;
  std::atomic<int64_t> strange_calls_ = 0;
  // The server's thread alone: connections that were written.
  std::unordered_set<std::string> switched_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Upstream>> Upstream::Start(Trace& trace) {
  auto server = std::make_unique<Server>(trace);
  RETURN_IF_ERROR(server->Open());
  return server;
}

}  // namespace keyturn::bench
