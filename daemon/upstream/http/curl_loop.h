// libcurl's multi handle on an asio loop.
#ifndef KEYTURN_DAEMON_UPSTREAM_HTTP_CURL_LOOP_H_
#define KEYTURN_DAEMON_UPSTREAM_HTTP_CURL_LOOP_H_

#include <curl/curl.h>

#include <asio/any_io_executor.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <unordered_map>

#include "absl/status/statusor.h"

namespace keyturn::http {

// What the loop tells about an easy handle whose CURLOPT_PRIVATE points to it.
class CurlListener {
 public:
  virtual ~CurlListener() = default;
  // The exchange is over. Must not add or remove handles.
  virtual void OnDone(CURLcode code) = 0;
};

// Watches the sockets and the one timer that libcurl asks for, and tells it
// when they are ready. Shared by all exchanges, the last of which may outlive
// the pool; belongs to one executor.
class CurlLoop : public std::enable_shared_from_this<CurlLoop> {
 public:
  // Internal when libcurl refuses.
  static absl::StatusOr<std::shared_ptr<CurlLoop>> Open(
      asio::any_io_executor executor);
  ~CurlLoop();
  CurlLoop(const CurlLoop&) = delete;
  CurlLoop& operator=(const CurlLoop&) = delete;

  // Starts the exchange of `easy`, which stays the caller's. Its listener lives
  // until Remove.
  CURLMcode Add(CURL* easy) { return curl_multi_add_handle(multi_, easy); }
  // Ends it, aborting it when it is still under way.
  void Remove(CURL* easy) { curl_multi_remove_handle(multi_, easy); }

  const asio::any_io_executor& executor() const { return executor_; }

 private:
  struct Socket;

  explicit CurlLoop(asio::any_io_executor executor);
  absl::Status Configure();

  static int OnSocket(CURL* easy, curl_socket_t descriptor, int what,
                      void* self, void* socket);
  static int OnTimer(CURLM* multi, long milliseconds, void* self);

  void Watch(curl_socket_t descriptor, int what);
  void Await(const std::shared_ptr<Socket>& socket);
  void AwaitOne(const std::shared_ptr<Socket>& socket, int direction);
  void SetTimer(long milliseconds);
  void Act(curl_socket_t descriptor, int events);

  const asio::any_io_executor executor_;
  asio::steady_timer timer_;
  // libcurl closes its sockets itself; an entry leaves before that.
  std::unordered_map<curl_socket_t, std::shared_ptr<Socket>> sockets_;
  CURLM* multi_ = nullptr;
};

}  // namespace keyturn::http

#endif  // KEYTURN_DAEMON_UPSTREAM_HTTP_CURL_LOOP_H_
