#include "tests/sandbox/server.h"

#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/sandbox/tls_server.h"

namespace keyturn::sandbox {
namespace {

constexpr size_t kConnectionsMax = 1024;
constexpr size_t kBodyBytesMax = 8 * 1024 * 1024;
constexpr int kBacklog = 1024;
// What the header Keep-Alive promises.
constexpr time_t kIdleSeconds = 600;
constexpr size_t kRequestsPerConnection = 10'000'000;

// The library's own pool starts all its threads at once and makes a connection
// wait when all are held by idle ones. This one grows with the connections.
class GrowingQueue final : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> task) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    if (tasks_.size() > idle_ && threads_.size() < kConnectionsMax) {
      threads_.emplace_back([this] { Work(); });
    }
    wake_.notify_one();
  }

  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      --idle_;
      if (tasks_.empty()) return;
      std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool stopping_ = false;
};

Request ToRequest(const httplib::Request& incoming) {
  Request request;
  request.method = incoming.method;
  request.target = incoming.target;
  request.host = incoming.get_header_value("Host");
  for (const auto& [name, value] : incoming.headers) {
    request.headers.emplace_back(name, value);
  }
  request.body = incoming.body;
  return request;
}

void Send(Response response, const httplib::Request& incoming,
          httplib::Response& outgoing) {
  if (response.delay > absl::ZeroDuration()) absl::SleepFor(response.delay);
  outgoing.status = response.status;
  std::string type = "application/json";
  for (const auto& [name, value] : response.headers) {
    if (EqualsIgnoringCase(name, "Content-Type")) {
      type = value;
    } else {
      outgoing.set_header(name, value);
    }
  }
  switch (response.ending) {
    case Ending::kWhole:
      if (response.status != 204) {
        outgoing.set_content(std::move(response.body), type);
      }
      return;
    case Ending::kReset:
      TlsServer::Drop(incoming);
      return;
    case Ending::kCutBody: {
      const size_t size = std::max<size_t>(response.body.size(), 2);
      outgoing.set_content_provider(
          size, type,
          [body = std::move(response.body), &incoming](
              size_t offset, size_t, httplib::DataSink& sink) {
            if (offset == 0) sink.write(body.data(), body.size() / 2);
            TlsServer::Drop(incoming);
            return false;
          });
      return;
    }
  }
}

}  // namespace

Server::Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(Options options,
                                                      World* world) {
  std::unique_ptr<Server> server(new Server());
  for (const int port : options.ports) {
    if (absl::Status status = server->Listen(options.certificate, port, world);
        !status.ok()) {
      return status;
    }
  }
  return server;
}

absl::Status Server::Listen(const KeyAndCertificate& pair, int port,
                            World* world) {
  auto server = std::make_unique<TlsServer>(pair);
  if (!server->is_valid()) {
    return absl::InvalidArgumentError("the server certificate is not usable");
  }
  server->new_task_queue = [] { return new GrowingQueue(); };
  server->set_tcp_nodelay(true);
  server->set_keep_alive_timeout(kIdleSeconds);
  server->set_keep_alive_max_count(kRequestsPerConnection);
  server->set_payload_max_length(kBodyBytesMax);
  int listening = -1;
  server->set_socket_options([&listening](int socket) {
    listening = socket;
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  const auto handler = [world](const httplib::Request& incoming,
                               httplib::Response& outgoing) {
    Send(world->Handle(ToRequest(incoming)), incoming, outgoing);
  };
  server->Get(".*", handler);
  server->Post(".*", handler);
  server->Put(".*", handler);
  server->Patch(".*", handler);
  server->Delete(".*", handler);
  int bound = port;
  if (port == 0) {
    bound = server->bind_to_any_port("127.0.0.1");
  } else if (!server->bind_to_port("127.0.0.1", port)) {
    bound = -1;
  }
  if (bound <= 0) {
    return absl::UnavailableError(absl::StrCat(
        "port ", port, " on 127.0.0.1 is taken; use --port 0 for a free one"));
  }
  // The library's backlog of five is too short for hundreds of clients. The
  // socket listens already, so clients may connect before the thread runs.
  ::listen(listening, kBacklog);
  ports_.push_back(bound);
  threads_.emplace_back([raw = server.get()] { raw->listen_after_bind(); });
  servers_.push_back(std::move(server));
  return absl::OkStatus();
}

Server::~Server() {
  for (size_t i = 0; i < servers_.size(); ++i) {
    // `stop` does nothing before the thread listens.
    while (!servers_[i]->is_running()) std::this_thread::yield();
    servers_[i]->Stop();
    threads_[i].join();
  }
}

}  // namespace keyturn::sandbox
