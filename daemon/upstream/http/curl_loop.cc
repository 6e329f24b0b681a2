#include "daemon/upstream/http/curl_loop.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/curl_global.h"
#include "daemon/upstream/http/curl_transport.h"

namespace keyturn::http {

// A socket of libcurl's that we watch. `wanted` holds CURL_POLL_* bits,
// `awaited` the directions for which a wait is under way.
struct CurlLoop::Socket {
  Socket(const asio::any_io_executor& executor, curl_socket_t descriptor)
      : stream(executor, descriptor) {}
  ~Socket() { Release(); }

  // Stops watching without closing: the socket is libcurl's.
  void Release() {
    if (stream.is_open()) stream.release();
  }

  asio::posix::stream_descriptor stream;
  int wanted = 0;
  int awaited = 0;
};

absl::StatusOr<std::shared_ptr<CurlLoop>> CurlLoop::Open(
    asio::any_io_executor executor) {
  RETURN_IF_ERROR(InitCurl());
  std::shared_ptr<CurlLoop> loop(new CurlLoop(std::move(executor)));
  RETURN_IF_ERROR(loop->Configure());
  return loop;
}

CurlLoop::CurlLoop(asio::any_io_executor executor)
    : executor_(std::move(executor)),
      timer_(executor_),
      multi_(curl_multi_init()) {}

absl::Status CurlLoop::Configure() {
  if (multi_ == nullptr) {
    return absl::InternalError("libcurl gives no multi handle");
  }
  CURLMcode code = CURLM_OK;
  const auto set = [this, &code](CURLMoption option, auto value) {
    if (code == CURLM_OK) code = curl_multi_setopt(multi_, option, value);
  };
  set(CURLMOPT_SOCKETFUNCTION, &CurlLoop::OnSocket);
  set(CURLMOPT_SOCKETDATA, this);
  set(CURLMOPT_TIMERFUNCTION, &CurlLoop::OnTimer);
  set(CURLMOPT_TIMERDATA, this);
  set(CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
  set(CURLMOPT_MAX_HOST_CONNECTIONS, kConnectionsPerHostMax);
  set(CURLMOPT_MAX_TOTAL_CONNECTIONS, kConnectionsMax);
  set(CURLMOPT_MAXCONNECTS, kConnectionsMax);
  if (code != CURLM_OK) {
    return absl::InternalError(
        absl::StrCat("libcurl refuses an option: ", curl_multi_strerror(code)));
  }
  return absl::OkStatus();
}

CurlLoop::~CurlLoop() { curl_multi_cleanup(multi_); }

int CurlLoop::OnSocket(CURL*, curl_socket_t descriptor, int what, void* self,
                       void*) {
  static_cast<CurlLoop*>(self)->Watch(descriptor, what);
  return 0;
}

int CurlLoop::OnTimer(CURLM*, long milliseconds, void* self) {
  static_cast<CurlLoop*>(self)->SetTimer(milliseconds);
  return 0;
}

void CurlLoop::Watch(curl_socket_t descriptor, int what) {
  const auto known = sockets_.find(descriptor);
  if (what == CURL_POLL_REMOVE) {
    if (known == sockets_.end()) return;
    known->second->Release();
    sockets_.erase(known);
    return;
  }
  std::shared_ptr<Socket> socket =
      known != sockets_.end() ? known->second
                              : std::make_shared<Socket>(executor_, descriptor);
  sockets_[descriptor] = socket;
  socket->wanted = what;
  Await(socket);
}

void CurlLoop::Await(const std::shared_ptr<Socket>& socket) {
  AwaitOne(socket, CURL_POLL_IN);
  AwaitOne(socket, CURL_POLL_OUT);
}

void CurlLoop::AwaitOne(const std::shared_ptr<Socket>& socket, int direction) {
  if ((socket->wanted & direction) == 0) return;
  if ((socket->awaited & direction) != 0) return;
  socket->awaited |= direction;
  const bool reads = direction == CURL_POLL_IN;
  const auto wait_type = reads ? asio::posix::stream_descriptor::wait_read
                               : asio::posix::stream_descriptor::wait_write;
  socket->stream.async_wait(wait_type, [loop = weak_from_this(), socket,
                                        direction,
                                        reads](asio::error_code error) {
    socket->awaited &= ~direction;
    const std::shared_ptr<CurlLoop> self = loop.lock();
    if (self == nullptr || !socket->stream.is_open()) return;
    if ((socket->wanted & direction) == 0) return;
    const int event = reads ? CURL_CSELECT_IN : CURL_CSELECT_OUT;
    self->Act(socket->stream.native_handle(), error ? CURL_CSELECT_ERR : event);
    if (socket->stream.is_open()) self->Await(socket);
  });
}

void CurlLoop::SetTimer(long milliseconds) {
  if (milliseconds < 0) {
    timer_.cancel();
    return;
  }
  timer_.expires_after(std::chrono::milliseconds(milliseconds));
  timer_.async_wait([loop = weak_from_this()](asio::error_code error) {
    const std::shared_ptr<CurlLoop> self = loop.lock();
    if (error || self == nullptr) return;
    self->Act(CURL_SOCKET_TIMEOUT, 0);
  });
}

void CurlLoop::Act(curl_socket_t descriptor, int events) {
  int running = 0;
  curl_multi_socket_action(multi_, descriptor, events, &running);
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    char* listener = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &listener);
    reinterpret_cast<CurlListener*>(listener)->OnDone(code);
  }
}

}  // namespace keyturn::http
