#include "daemon/upstream/http/curl_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <atomic>
#include <cstdlib>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run_awaitable.h"
#include "tests/support/status_matchers.h"
#include "tests/upstream/http/test_certificate.h"
#include "tests/upstream/http/tls_script_server.h"

namespace keyturn::http {
namespace {

using ::testing::AllOf;
using testing::FakeClock;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::MessageIs;
using ::testing::Not;
using testing::RunAwaitable;
using testing::TestCertificate;
using testing::TlsScriptServer;

constexpr char kSecretToken[] = "Bearer fe12a7c0ffee";

// An ordinary HTTPS server on 127.0.0.1.
class HttpsServer {
 public:
  explicit HttpsServer(const TestCertificate& certificate)
      : server_(certificate.certificate(), certificate.key()) {
    server_.set_keep_alive_max_count(1000);
    server_.set_tcp_nodelay(true);
    // Every kept connection occupies a thread.
    server_.new_task_queue = [] {
      return new httplib::ThreadPool(kConnectionsPerHostMax + 1);
    };
    port_ = server_.bind_to_any_port("127.0.0.1");
  }
  ~HttpsServer() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  httplib::SSLServer& routes() { return server_; }
  void Start() {
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // A stop before that would be lost.
    while (!server_.is_running()) std::this_thread::yield();
  }
  int port() const { return port_; }

 private:
  httplib::SSLServer server_;
  int port_ = 0;
  std::thread thread_;
};

class CurlTransportTest : public ::testing::Test {
 protected:
  CurlTransportTest() : server_(certificate_) {}

  void TearDown() override {
    transport_.reset();
    pool_.reset();
  }

  void Allow(const std::vector<std::string>& hosts) {
    absl::StatusOr<AllowedHosts> allowed = AllowedHosts::Parse(hosts);
    ASSERT_THAT(allowed, IsOk());
    absl::StatusOr<std::unique_ptr<CurlPool>> pool =
        CurlPool::Open(io_.get_executor(), clock_, *allowed);
    ASSERT_THAT(pool, IsOk());
    pool_ = *std::move(pool);
  }

  // A transport that trusts the server's certificate.
  Transport& Connect() {
    if (pool_ == nullptr) Allow({"127.0.0.1"});
    CurlOptions options;
    options.ca_pem = certificate_.pem();
    transport_ = pool_->NewTransport(options);
    return *transport_;
  }

  std::string Url(std::string_view path, int port = 0) {
    return absl::StrCat("https://127.0.0.1:", port == 0 ? server_.port() : port,
                        std::string(path));
  }

  Request Get(std::string_view path) {
    Request request;
    request.url = Url(path);
    return request;
  }

  absl::StatusOr<Response> Send(Transport& transport, Request request) {
    return RunAwaitable(io_, transport.Send(std::move(request)));
  }

  FakeClock clock_;
  asio::io_context io_;
  TestCertificate certificate_{"IP:127.0.0.1"};
  HttpsServer server_;
  std::unique_ptr<CurlPool> pool_;
  std::unique_ptr<Transport> transport_;
};

TEST_F(CurlTransportTest, SendsTheWholeRequestAndReturnsTheWholeAnswer) {
  server_.routes().Put("/v1/thing", [](const httplib::Request& request,
                                       httplib::Response& response) {
    response.set_header("X-Seen",
                        request.get_header_value("X-Mine") + "|" +
                            request.get_header_value("Authorization") + "|" +
                            request.get_header_value("Content-Type"));
    response.set_header("X-Expect",
                        request.has_header("Expect") ? "yes" : "no");
    response.set_content(request.body + "!", "application/json");
  });
  server_.Start();
  Request request = Get("/v1/thing");
  request.method = Method::kPut;
  request.headers.push_back({"X-Mine", "1"});
  request.headers.push_back({"Content-Type", "application/json"});
  request.authorization = secret::Secret(kSecretToken);
  request.body = secret::Secret(std::string(100'000, 'x'));

  absl::StatusOr<Response> response = Send(Connect(), std::move(request));

  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->Find("x-seen"),
            absl::StrCat("1|", kSecretToken, "|application/json"));
  EXPECT_EQ(response->Find("x-expect"), "no");
  EXPECT_EQ(response->body.Expose(), std::string(100'000, 'x') + "!");
}

TEST_F(CurlTransportTest, EachMethodGoesOutUnderItsName) {
  const auto echo = [](const httplib::Request& request,
                       httplib::Response& response) {
    response.set_content(request.method + " " + request.body, "text/plain");
  };
  server_.routes().Get("/m", echo);
  server_.routes().Post("/m", echo);
  server_.routes().Put("/m", echo);
  server_.routes().Patch("/m", echo);
  server_.routes().Delete("/m", echo);
  server_.Start();
  Transport& transport = Connect();

  for (const Method method : {Method::kGet, Method::kPost, Method::kPut,
                              Method::kPatch, Method::kDelete}) {
    Request request = Get("/m");
    request.method = method;
    if (method != Method::kGet) request.body = secret::Secret("b");
    absl::StatusOr<Response> response = Send(transport, std::move(request));
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->body.Expose(),
              absl::StrCat(std::string(Name(method)),
                           method == Method::kGet ? " " : " b"));
  }
}

TEST_F(CurlTransportTest, StatusCodesAreNotErrors) {
  server_.routes().Get(R"(/status/(\d+))", [](const httplib::Request& request,
                                              httplib::Response& response) {
    response.status = std::stoi(request.matches[1].str());
    response.set_content("{}", "application/json");
  });
  server_.Start();
  Transport& transport = Connect();

  for (const int status : {201, 301, 401, 404, 429, 500, 503}) {
    absl::StatusOr<Response> response =
        Send(transport, Get(absl::StrCat("/status/", status)));
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->status, status);
  }
}

TEST_F(CurlTransportTest, FollowsNoRedirect) {
  std::atomic<bool> followed = false;
  server_.routes().Get(
      "/from", [](const httplib::Request&, httplib::Response& response) {
        response.set_redirect("/to");
      });
  server_.routes().Get(
      "/to", [&followed](const httplib::Request&, httplib::Response&) {
        followed = true;
      });
  server_.Start();

  absl::StatusOr<Response> response = Send(Connect(), Get("/from"));

  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->status, 302);
  EXPECT_FALSE(followed);
}

TEST_F(CurlTransportTest, SendsNoCookieBack) {
  server_.routes().Get("/cookie", [](const httplib::Request& request,
                                     httplib::Response& response) {
    response.set_header("Set-Cookie", "session=1; Path=/; Secure");
    response.set_header("X-Seen", request.has_header("Cookie") ? "yes" : "no");
  });
  server_.Start();
  Transport& transport = Connect();

  ASSERT_THAT(Send(transport, Get("/cookie")), IsOk());
  absl::StatusOr<Response> second = Send(transport, Get("/cookie"));

  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->Find("x-seen"), "no");
}

TEST_F(CurlTransportTest, KeepsOneConnectionForManyRequests) {
  std::mutex mutex;
  std::set<int> peers;
  server_.routes().Get(
      "/", [&](const httplib::Request& request, httplib::Response&) {
        std::lock_guard<std::mutex> lock(mutex);
        peers.insert(request.remote_port);
      });
  server_.Start();
  Transport& transport = Connect();

  for (int i = 0; i < 20; ++i) {
    ASSERT_THAT(Send(transport, Get("/")), IsOk());
  }

  EXPECT_EQ(peers.size(), 1u);
}

TEST_F(CurlTransportTest, ManyExchangesRunSideBySide) {
  std::atomic<int> served = 0;
  server_.routes().Get("/", [&served](const httplib::Request&,
                                      httplib::Response&) { ++served; });
  server_.Start();
  Transport& transport = Connect();
  constexpr int kExchanges = 200;
  int answered = 0;

  for (int i = 0; i < kExchanges; ++i) {
    asio::co_spawn(
        io_, transport.Send(Get("/")),
        [&answered](std::exception_ptr, absl::StatusOr<Response> response) {
          EXPECT_THAT(response, IsOk());
          ++answered;
        });
  }
  testing::RunUntil(io_, [&answered] { return answered == kExchanges; });

  EXPECT_EQ(served, kExchanges);
}

TEST_F(CurlTransportTest, RefusesABodyBeyondTheLimit) {
  server_.routes().Get(
      "/large", [](const httplib::Request&, httplib::Response& response) {
        response.set_content(std::string(kBodySizeMax + 1, 'x'), "text/plain");
      });
  server_.Start();

  absl::StatusOr<Response> response = Send(Connect(), Get("/large"));

  EXPECT_THAT(response, HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(EffectOf(response.status()), Effect::kUnknown);
}

TEST_F(CurlTransportTest, RefusesTooManyHeaders) {
  server_.routes().Get(
      "/headers", [](const httplib::Request&, httplib::Response& response) {
        for (size_t i = 0; i <= kHeaderCountMax; ++i) {
          response.set_header("X-H" + std::to_string(i), "1");
        }
      });
  server_.Start();

  EXPECT_THAT(Send(Connect(), Get("/headers")),
              HasCode(absl::StatusCode::kResourceExhausted));
}

TEST_F(CurlTransportTest, ReadsRetryAfter) {
  server_.routes().Get(
      "/busy", [](const httplib::Request&, httplib::Response& response) {
        response.status = 429;
        response.set_header("Retry-After", "7");
      });
  server_.Start();

  absl::StatusOr<Response> response = Send(Connect(), Get("/busy"));

  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->retry_after, absl::Seconds(7));
}

TEST_F(CurlTransportTest, GivesUpWhenTheTimeIsOver) {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  server_.routes().Get("/slow",
                       [released](const httplib::Request&, httplib::Response&) {
                         released.wait();
                       });
  server_.Start();
  Request request = Get("/slow");
  request.timeout = absl::Milliseconds(50);

  absl::StatusOr<Response> response = Send(Connect(), std::move(request));
  release.set_value();

  EXPECT_THAT(response, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(response, MessageIs(HasSubstr("127.0.0.1")));
  EXPECT_EQ(EffectOf(response.status()), Effect::kUnknown);
}

TEST_F(CurlTransportTest, CancellingTheCoroutineAbortsTheExchange) {
  std::promise<void> arrived;
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  server_.routes().Get("/slow", [&arrived, released](const httplib::Request&,
                                                     httplib::Response&) {
    arrived.set_value();
    released.wait();
  });
  server_.Start();
  Transport& transport = Connect();
  asio::cancellation_signal cancel;
  std::optional<absl::Status> outcome;
  asio::co_spawn(
      io_, transport.Send(Get("/slow")),
      asio::bind_cancellation_slot(
          cancel.slot(),
          [&outcome](std::exception_ptr, absl::StatusOr<Response> result) {
            outcome = result.status();
          }));
  std::future<void> has_arrived = arrived.get_future();
  testing::RunUntil(io_, [&has_arrived] {
    return has_arrived.wait_for(std::chrono::seconds(0)) ==
           std::future_status::ready;
  });

  cancel.emit(asio::cancellation_type::terminal);
  testing::RunUntil(io_, [&outcome] { return outcome.has_value(); });
  release.set_value();

  EXPECT_THAT(*outcome, HasCode(absl::StatusCode::kCancelled));
  EXPECT_EQ(EffectOf(*outcome), Effect::kUnknown);
}

TEST_F(CurlTransportTest, RefusesACertificateOfAnotherAuthority) {
  server_.Start();
  Allow({"127.0.0.1"});
  const TestCertificate other("IP:127.0.0.1");
  CurlOptions options;
  options.ca_pem = other.pem();
  std::unique_ptr<Transport> transport = pool_->NewTransport(options);

  absl::StatusOr<Response> response = Send(*transport, Get("/"));

  EXPECT_THAT(response, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(response, HasReason("TLS_REFUSED"));
  EXPECT_THAT(response, MessageIs(HasSubstr("self-signed")));
  EXPECT_EQ(EffectOf(response.status()), Effect::kNone);
}

TEST_F(CurlTransportTest, TrustsOnlyTheSystemWhenNoAuthorityIsGiven) {
  server_.Start();
  Allow({"127.0.0.1"});
  std::unique_ptr<Transport> transport = pool_->NewTransport(CurlOptions());

  EXPECT_THAT(Send(*transport, Get("/")), HasReason("TLS_REFUSED"));
}

TEST_F(CurlTransportTest, AConnectionIsNotSharedWithAnAccountOfAnotherTrust) {
  server_.routes().Get("/", [](const httplib::Request&, httplib::Response&) {});
  server_.Start();
  ASSERT_THAT(Send(Connect(), Get("/")), IsOk());
  std::unique_ptr<Transport> stranger = pool_->NewTransport(CurlOptions());

  EXPECT_THAT(Send(*stranger, Get("/")), HasReason("TLS_REFUSED"));
}

TEST_F(CurlTransportTest, RefusesACertificateForAnotherHost) {
  const TestCertificate elsewhere("DNS:api.integrator.io");
  HttpsServer server(elsewhere);
  server.Start();
  Allow({"127.0.0.1"});
  CurlOptions options;
  options.ca_pem = elsewhere.pem();
  std::unique_ptr<Transport> transport = pool_->NewTransport(options);
  Request request;
  request.url = Url("/", server.port());

  absl::StatusOr<Response> response = Send(*transport, std::move(request));

  EXPECT_THAT(response, HasReason("TLS_REFUSED"));
}

TEST_F(CurlTransportTest, RefusesAnAuthorityThatIsNoPem) {
  server_.Start();
  Allow({"127.0.0.1"});
  CurlOptions options;
  options.ca_pem = "not a certificate";
  std::unique_ptr<Transport> transport = pool_->NewTransport(options);

  EXPECT_THAT(Send(*transport, Get("/")), HasReason("TLS_REFUSED"));
}

TEST_F(CurlTransportTest, CallsNoHostThatIsNotAllowed) {
  std::atomic<bool> called = false;
  server_.routes().Get("/", [&called](const httplib::Request&,
                                      httplib::Response&) { called = true; });
  server_.Start();
  Allow({"api.integrator.io", "*.suitetalk.api.netsuite.com"});

  absl::StatusOr<Response> response = Send(Connect(), Get("/"));

  EXPECT_THAT(response, HasReason("HOST_NOT_ALLOWED"));
  EXPECT_THAT(response, MessageIs(AllOf(HasSubstr("127.0.0.1"),
                                        HasSubstr("allowed hosts"))));
  EXPECT_EQ(EffectOf(response.status()), Effect::kNone);
  EXPECT_FALSE(called);
}

TEST_F(CurlTransportTest, SpeaksNothingButHttps) {
  server_.Start();
  Request request;
  request.url = absl::StrCat("http://127.0.0.1:", server_.port(), "/");

  absl::StatusOr<Response> response = Send(Connect(), std::move(request));

  EXPECT_THAT(response, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(EffectOf(response.status()), Effect::kNone);
}

TEST_F(CurlTransportTest, AHeaderCannotBecomeTwo) {
  server_.Start();
  Request request = Get("/");
  request.headers.push_back({"X-A", "1\r\nX-B: 2"});

  EXPECT_THAT(Send(Connect(), std::move(request)),
              HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_F(CurlTransportTest, IgnoresAProxyInTheEnvironment) {
  server_.routes().Get("/", [](const httplib::Request&, httplib::Response&) {});
  server_.Start();
  setenv("https_proxy", "http://127.0.0.1:1", 1);
  setenv("ALL_PROXY", "http://127.0.0.1:1", 1);

  absl::StatusOr<Response> response = Send(Connect(), Get("/"));
  unsetenv("https_proxy");
  unsetenv("ALL_PROXY");

  EXPECT_THAT(response, IsOk());
}

TEST_F(CurlTransportTest, NobodyListening) {
  Transport& transport = Connect();
  asio::ip::tcp::acceptor acceptor(
      io_, asio::ip::tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
  Request request;
  request.url = Url("/", acceptor.local_endpoint().port());
  acceptor.close();

  absl::StatusOr<Response> response = Send(transport, std::move(request));

  EXPECT_THAT(response, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(response, MessageIs(HasSubstr("accepts no connection")));
  EXPECT_EQ(EffectOf(response.status()), Effect::kNone);
}

TEST_F(CurlTransportTest, AnUnknownHostIsSaidByName) {
  Allow({"keyturn.invalid"});
  CurlOptions options;
  std::unique_ptr<Transport> transport = pool_->NewTransport(options);
  Request request;
  request.url = "https://keyturn.invalid/";

  absl::StatusOr<Response> response = Send(*transport, std::move(request));

  EXPECT_THAT(response, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(response, MessageIs(HasSubstr("keyturn.invalid")));
  EXPECT_EQ(EffectOf(response.status()), Effect::kNone);
}

TEST_F(CurlTransportTest, AResetBeforeTlsHasNoEffect) {
  TlsScriptServer server(certificate_);
  Transport& transport = Connect();
  Request request;
  request.url = Url("/", server.port());

  absl::StatusOr<Response> response = Send(transport, std::move(request));

  EXPECT_THAT(response, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(EffectOf(response.status()), Effect::kNone);
}

TEST_F(CurlTransportTest, AResetInsteadOfAnAnswerMayHaveHadItsEffect) {
  TlsScriptServer server(certificate_, [](int, int) { return ""; });
  Transport& transport = Connect();
  Request request;
  request.method = Method::kPost;
  request.url = Url("/", server.port());
  request.authorization = secret::Secret(kSecretToken);
  request.body = secret::Secret("{\"tokenSecret\":\"c0ffee\"}");

  absl::StatusOr<Response> response = Send(transport, std::move(request));

  EXPECT_THAT(response, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(EffectOf(response.status()), Effect::kUnknown);
  EXPECT_EQ(server.requests(), 1);
  EXPECT_THAT(response.status().ToString(), Not(HasSubstr("c0ffee")));
}

TEST_F(CurlTransportTest, ACutBodyIsNoAnswer) {
  TlsScriptServer server(certificate_, [](int request, int) {
    return request == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n"
                          "Connection: close\r\n\r\n12345"
                        : "";
  });
  Transport& transport = Connect();
  Request request;
  request.url = Url("/", server.port());
  request.timeout = absl::Milliseconds(200);

  absl::StatusOr<Response> response = Send(transport, std::move(request));

  EXPECT_THAT(response, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(EffectOf(response.status()), Effect::kUnknown);
}

// libcurl by itself repeats a request when a kept connection breaks before the
// first byte of the answer. For a write that would be a blind repetition (G3).
TEST_F(CurlTransportTest, AWriteOnADyingKeptConnectionIsSentOnce) {
  TlsScriptServer server(certificate_, [](int request, int) {
    return request == 1 ? "" : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  });
  Transport& transport = Connect();
  Request first;
  first.url = Url("/", server.port());
  ASSERT_THAT(Send(transport, std::move(first)), IsOk());
  Request write;
  write.method = Method::kPut;
  write.url = Url("/", server.port());
  write.body = secret::Secret("{}");

  absl::StatusOr<Response> response = Send(transport, std::move(write));

  EXPECT_THAT(response, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(EffectOf(response.status()), Effect::kUnknown);
  EXPECT_EQ(server.requests(), 2);
}

// The layers above repeat a read, with a signature of its own: NetSuite refuses
// a nonce that it has seen.
TEST_F(CurlTransportTest, AReadOnADyingKeptConnectionIsSentOnceToo) {
  TlsScriptServer server(certificate_, [](int request, int) {
    return request == 1 ? "" : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  });
  Transport& transport = Connect();
  Request first;
  first.url = Url("/", server.port());
  ASSERT_THAT(Send(transport, std::move(first)), IsOk());
  Request second;
  second.url = Url("/", server.port());

  absl::StatusOr<Response> response = Send(transport, std::move(second));

  EXPECT_THAT(response, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(EffectOf(response.status()), Effect::kUnknown);
  EXPECT_EQ(server.requests(), 2);
}

TEST_F(CurlTransportTest, AnInterimAnswerIsNotTheAnswer) {
  TlsScriptServer server(certificate_, [](int, int) {
    return "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
           "HTTP/1.1 204 No Content\r\nX-Late: 1\r\n\r\n";
  });
  Transport& transport = Connect();
  Request request;
  request.url = Url("/", server.port());

  absl::StatusOr<Response> response = Send(transport, std::move(request));

  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->status, 204);
  EXPECT_EQ(response->Find("x-early"), "");
  EXPECT_EQ(response->Find("x-late"), "1");
}

}  // namespace
}  // namespace keyturn::http
