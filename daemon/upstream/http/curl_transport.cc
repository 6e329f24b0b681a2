#include "daemon/upstream/http/curl_transport.h"

#include <curl/curl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/curl_loop.h"
#include "daemon/upstream/http/retry_after.h"
#include "daemon/upstream/http/url.h"

namespace keyturn::http {
namespace {

using base::ToAbsl;
using base::WithReason;

constexpr char kUserAgent[] = "keyturn";

// Grows without leaving copies of its bytes behind.
class WipedBuffer {
 public:
  WipedBuffer() = default;
  ~WipedBuffer() { secret::WipeString(bytes_); }
  WipedBuffer(const WipedBuffer&) = delete;
  WipedBuffer& operator=(const WipedBuffer&) = delete;

  size_t size() const { return bytes_.size(); }

  void Append(std::string_view more) {
    const size_t needed = bytes_.size() + more.size();
    if (needed > bytes_.capacity()) {
      std::string larger;
      larger.reserve(std::max(needed, 2 * bytes_.capacity()));
      larger.append(bytes_);
      secret::WipeString(bytes_);
      bytes_ = std::move(larger);
    }
    bytes_.append(more);
  }

  secret::Secret Take() { return secret::Secret::Take(bytes_); }

 private:
  std::string bytes_;
};

// Whether `text` can stand in a header without becoming two.
bool IsOneLine(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) ==
         std::string_view::npos;
}

struct Account {
  CurlOptions options;
  std::shared_ptr<CurlLoop> loop;
  base::Clock& clock;
  const AllowedHosts& allowed;
};

// One request and its answer.
class Transfer final : public CurlListener {
 public:
  Transfer(const Account& account, Request request, Url url)
      : account_(account),
        loop_(account.loop),
        request_(std::move(request)),
        url_(std::move(url)),
        finished_(loop_->executor(), asio::steady_timer::time_point::max()),
        easy_(curl_easy_init()) {}

  ~Transfer() override {
    if (added_) loop_->Remove(easy_);
    curl_easy_cleanup(easy_);
    curl_slist_free_all(header_lines_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // Errors have Effect::kNone: nothing was sent.
  absl::Status Start() {
    if (easy_ == nullptr) {
      return absl::ResourceExhaustedError("out of memory for an exchange");
    }
    RETURN_IF_ERROR(AddHeaders());
    SetSafety();
    SetTrust();
    SetRequest();
    SetCallbacks();
    if (refused_ != CURLE_OK) {
      return absl::InternalError(absl::StrCat("libcurl refuses an option: ",
                                              curl_easy_strerror(refused_)));
    }
    if (const CURLMcode code = loop_->Add(easy_); code != CURLM_OK) {
      return absl::InternalError(absl::StrCat("libcurl refuses an exchange: ",
                                              curl_multi_strerror(code)));
    }
    added_ = true;
    return absl::OkStatus();
  }

  // Until the exchange is over or the coroutine is cancelled.
  asio::awaitable<void> Wait() {
    if (done_) co_return;
    asio::error_code ignored;
    auto completion = asio::redirect_error(asio::use_awaitable, ignored);
    co_await finished_.async_wait(completion);
  }

  void OnDone(CURLcode code) override {
    done_ = true;
    code_ = code;
    finished_.cancel();
  }

  // To be called once, after Wait.
  absl::StatusOr<Response> Result() {
    if (!done_) {
      return WithEffect(absl::CancelledError(absl::StrCat(
                            "the call to ", Host(), " was cancelled")),
                        EffectNow());
    }
    if (code_ != CURLE_OK) return WithEffect(Failure(), EffectNow());
    Response response;
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    response.status = static_cast<int>(status);
    response.headers = std::move(headers_);
    response.body = body_.Take();
    response.retry_after =
        ParseRetryAfter(response.Find("retry-after"), account_.clock.Now());
    return response;
  }

 private:
  template <typename T>
  void Set(CURLoption option, T value) {
    if (refused_ == CURLE_OK) {
      refused_ = curl_easy_setopt(easy_, option, value);
    }
  }

  absl::Status AddHeader(std::string_view name, std::string_view value) {
    if (!IsOneLine(name) || !IsOneLine(value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the header ", ToAbsl(name), " has a line break"));
    }
    std::string line;
    line.reserve(name.size() + value.size() + 2);
    line.append(name);
    // A header without a value is written so; "name:" would take it out.
    line.append(value.empty() ? ";" : ": ");
    line.append(value);
    AddLine(line.c_str());
    secret::WipeString(line);
    return absl::OkStatus();
  }

  void AddLine(const char* line) {
    curl_slist* longer = curl_slist_append(header_lines_, line);
    if (longer == nullptr) {
      refused_ = CURLE_OUT_OF_MEMORY;
    } else {
      header_lines_ = longer;
    }
  }

  absl::Status AddHeaders() {
    bool has_content_type = false;
    for (const Header& header : request_.headers) {
      RETURN_IF_ERROR(AddHeader(header.name, header.value));
      has_content_type |= absl::EqualsIgnoreCase(header.name, "content-type");
    }
    if (!request_.authorization.empty()) {
      RETURN_IF_ERROR(
          AddHeader("Authorization", request_.authorization.Expose()));
    }
    AddLine("Expect:");
    if (!has_content_type) AddLine("Content-Type:");
    Set(CURLOPT_HTTPHEADER, header_lines_);
    return absl::OkStatus();
  }

  void SetSafety() {
    Set(CURLOPT_PROTOCOLS_STR, "https");
    Set(CURLOPT_SSL_VERIFYPEER, 1L);
    Set(CURLOPT_SSL_VERIFYHOST, 2L);
    Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    Set(CURLOPT_FOLLOWLOCATION, 0L);
    Set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    Set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    Set(CURLOPT_PATH_AS_IS, 1L);
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_TCP_KEEPALIVE, 1L);
    Set(CURLOPT_USERAGENT, kUserAgent);
    Set(CURLOPT_PROXY, account_.options.proxy.c_str());
    Set(CURLOPT_NOPROXY, "");
    Set(CURLOPT_TIMEOUT_MS,
        static_cast<long>(absl::ToInt64Milliseconds(TotalTimeout())));
    Set(CURLOPT_CONNECTTIMEOUT_MS,
        static_cast<long>(absl::ToInt64Milliseconds(ConnectTimeout())));
  }

  void SetTrust() {
    const std::string& ca_pem = account_.options.ca_pem;
    if (ca_pem.empty()) return;
    curl_blob blob;
    blob.data = const_cast<char*>(ca_pem.data());
    blob.len = ca_pem.size();
    blob.flags = CURL_BLOB_COPY;
    Set(CURLOPT_CAINFO_BLOB, &blob);
    Set(CURLOPT_CAINFO, static_cast<char*>(nullptr));
    Set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  }

  void SetRequest() {
    Set(CURLOPT_URL, request_.url.c_str());
    if (request_.method == Method::kGet) {
      Set(CURLOPT_HTTPGET, 1L);
      return;
    }
    Set(CURLOPT_POST, 1L);
    Set(CURLOPT_POSTFIELDSIZE_LARGE,
        static_cast<curl_off_t>(request_.body.size()));
    Set(CURLOPT_POSTFIELDS,
        request_.body.empty() ? "" : request_.body.Expose().data());
    if (request_.method != Method::kPost) {
      Set(CURLOPT_CUSTOMREQUEST, std::string(Name(request_.method)).c_str());
    }
  }

  void SetCallbacks() {
    Set(CURLOPT_PRIVATE, static_cast<CurlListener*>(this));
    Set(CURLOPT_WRITEFUNCTION, &Transfer::OnBody);
    Set(CURLOPT_WRITEDATA, this);
    Set(CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
    Set(CURLOPT_HEADERDATA, this);
    Set(CURLOPT_PREREQFUNCTION, &Transfer::OnBeforeSending);
    Set(CURLOPT_PREREQDATA, this);
  }

  // libcurl sends again by itself when a kept connection breaks before the
  // first byte of an answer. The first sending may have had its effect, and a
  // signature is good for one sending only: the layers above decide.
  static int OnBeforeSending(void* self, char*, char*, int, int) {
    auto* transfer = static_cast<Transfer*>(self);
    if (transfer->sent_) return CURL_PREREQFUNC_ABORT;
    transfer->sent_ = true;
    return CURL_PREREQFUNC_OK;
  }

  static size_t OnBody(char* bytes, size_t, size_t count, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    if (transfer->body_.size() + count > kBodySizeMax) {
      transfer->limit_passed_ = "body";
      return 0;
    }
    transfer->body_.Append(std::string_view(bytes, count));
    return count;
  }

  static size_t OnHeader(char* bytes, size_t, size_t count, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    return transfer->TakeHeader(std::string_view(bytes, count)) ? count : 0;
  }

  bool TakeHeader(std::string_view line) {
    if (absl::StartsWith(ToAbsl(line), "HTTP/")) {
      // A new answer: what came before it was an interim one, or a proxy's.
      headers_.clear();
      header_size_ = 0;
      return true;
    }
    header_size_ += line.size();
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    if (header_size_ > kHeaderSizeMax || headers_.size() >= kHeaderCountMax) {
      limit_passed_ = "headers";
      return false;
    }
    Header header;
    header.name = absl::AsciiStrToLower(ToAbsl(line.substr(0, colon)));
    header.value =
        std::string(absl::StripAsciiWhitespace(ToAbsl(line.substr(colon + 1))));
    headers_.push_back(std::move(header));
    return true;
  }

  std::string Host() const {
    return url_.port == 443 ? url_.host
                            : absl::StrCat(url_.host, ":", url_.port);
  }

  Effect EffectNow() const { return sent_ ? Effect::kUnknown : Effect::kNone; }

  // libcurl takes zero for no limit.
  absl::Duration TotalTimeout() const {
    return std::max(request_.timeout, absl::Milliseconds(1));
  }
  absl::Duration ConnectTimeout() const {
    return std::min(account_.options.connect_timeout, TotalTimeout());
  }

  absl::Status TlsFailure() const {
    long verify_result = X509_V_OK;
    curl_easy_getinfo(easy_, CURLINFO_SSL_VERIFYRESULT, &verify_result);
    const std::string cause =
        verify_result == X509_V_OK
            ? "it is made out for another host"
            : X509_verify_cert_error_string(verify_result);
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "the certificate of ", Host(), " is not trusted: ", cause,
            "; check the address, this machine's date, and whether the account "
            "needs its own certificate authority (--ca-file)")),
        "TLS_REFUSED");
  }

  absl::Status Failure() const {
    if (!limit_passed_.empty()) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the ", limit_passed_, " of ", Host(), "'s answer passed the limit"));
    }
    switch (code_) {
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_ISSUER_ERROR:
        return TlsFailure();
      case CURLE_SSL_CACERT_BADFILE:
        return WithReason(
            absl::FailedPreconditionError(absl::StrCat(
                "the certificate authority given for ", Host(),
                " cannot be read: it must be PEM with at least one "
                "certificate")),
            "TLS_REFUSED");
      case CURLE_COULDNT_RESOLVE_HOST:
        return absl::UnavailableError(absl::StrCat(
            "the name ", url_.host,
            " cannot be resolved; check the address and this machine's DNS"));
      case CURLE_COULDNT_RESOLVE_PROXY:
        return absl::UnavailableError(
            "the name of the proxy cannot be resolved; check the "
            "configuration and this machine's DNS");
      case CURLE_COULDNT_CONNECT:
        return absl::UnavailableError(absl::StrCat(
            Host(),
            " accepts no connection; check the address, the network and "
            "firewalls between"));
      case CURLE_SSL_CONNECT_ERROR:
        return absl::UnavailableError(
            absl::StrCat("TLS with ", Host(),
                         " failed before anything was sent; TLS 1.2 or newer "
                         "is needed"));
      case CURLE_OPERATION_TIMEDOUT:
        return absl::UnavailableError(
            sent_ ? absl::StrCat("no complete answer came from ", Host(),
                                 " within ",
                                 absl::FormatDuration(request_.timeout))
                  : absl::StrCat("no connection to ", Host(), " within ",
                                 absl::FormatDuration(ConnectTimeout()),
                                 "; check the network and firewalls between"));
      default:
        return absl::UnavailableError(
            absl::StrCat("the connection to ", Host(), " broke ",
                         sent_ ? "before the answer was complete"
                               : "before anything was sent",
                         " (", curl_easy_strerror(code_), ")"));
    }
  }

  const Account& account_;
  const std::shared_ptr<CurlLoop> loop_;
  const Request request_;
  const Url url_;
  asio::steady_timer finished_;
  CURL* const easy_;
  curl_slist* header_lines_ = nullptr;
  CURLcode refused_ = CURLE_OK;
  bool added_ = false;

  bool sent_ = false;
  bool done_ = false;
  CURLcode code_ = CURLE_OK;
  std::string limit_passed_;
  std::vector<Header> headers_;
  size_t header_size_ = 0;
  WipedBuffer body_;
};

class CurlTransport final : public Transport {
 public:
  explicit CurlTransport(Account account) : account_(std::move(account)) {}

  asio::awaitable<absl::StatusOr<Response>> Send(Request request) override {
    absl::StatusOr<Url> url = ParseUrl(request.url);
    absl::Status allowed =
        url.ok() ? account_.allowed.Check(*url) : url.status();
    if (!allowed.ok()) co_return WithEffect(std::move(allowed), Effect::kNone);
    if (request.body.size() > kBodySizeMax) {
      absl::Status too_large =
          absl::ResourceExhaustedError("the request's body passes the limit");
      co_return WithEffect(std::move(too_large), Effect::kNone);
    }
    Transfer transfer(account_, std::move(request), *std::move(url));
    absl::Status started = transfer.Start();
    if (!started.ok()) co_return WithEffect(std::move(started), Effect::kNone);
    co_await transfer.Wait();
    co_return transfer.Result();
  }

 private:
  const Account account_;
};

class CurlPoolImpl final : public CurlPool {
 public:
  CurlPoolImpl(std::shared_ptr<CurlLoop> loop, base::Clock& clock,
               AllowedHosts allowed)
      : loop_(std::move(loop)), clock_(clock), allowed_(std::move(allowed)) {}

  std::unique_ptr<Transport> NewTransport(CurlOptions options) override {
    Account account{std::move(options), loop_, clock_, allowed_};
    return std::make_unique<CurlTransport>(std::move(account));
  }

 private:
  const std::shared_ptr<CurlLoop> loop_;
  base::Clock& clock_;
  const AllowedHosts allowed_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CurlPool>> CurlPool::Open(
    asio::any_io_executor executor, base::Clock& clock, AllowedHosts allowed) {
  ASSIGN_OR_RETURN(std::shared_ptr<CurlLoop> loop,
                   CurlLoop::Open(std::move(executor)));
  return std::make_unique<CurlPoolImpl>(std::move(loop), clock,
                                        std::move(allowed));
}

}  // namespace keyturn::http
