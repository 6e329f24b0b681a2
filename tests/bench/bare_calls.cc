#include "tests/bench/bare_calls.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/curl_global.h"

namespace keyturn::bench {
namespace {

constexpr long kTimeoutSeconds = 60;
constexpr int kWaitMilliseconds = 1000;

size_t Discard(char*, size_t, size_t count, void*) { return count; }

}  // namespace

absl::StatusOr<std::unique_ptr<BareCalls>> BareCalls::Open(std::string origin,
                                                           std::string ca_pem,
                                                           int connections) {
  RETURN_IF_ERROR(http::InitCurl());
  auto calls = std::unique_ptr<BareCalls>(
      new BareCalls(std::move(origin), std::move(ca_pem)));
  calls->multi_ = curl_multi_init();
  if (calls->multi_ == nullptr) return absl::InternalError("no curl_multi");
  curl_multi_setopt(calls->multi_, CURLMOPT_MAXCONNECTS,
                    static_cast<long>(connections));
  for (const char* line :
       {"Accept: application/json", "Content-Type: application/json",
        "Expect:", "Authorization: Bearer cccccccccccccccccccccccccccccccc"}) {
    calls->headers_ = curl_slist_append(calls->headers_, line);
  }
  for (int i = 0; i < connections; ++i) RETURN_IF_ERROR(calls->AddSlot());
  return calls;
}

BareCalls::~BareCalls() {
  for (const std::unique_ptr<Slot>& slot : slots_) {
    curl_multi_remove_handle(multi_, slot->easy);
    curl_easy_cleanup(slot->easy);
  }
  curl_multi_cleanup(multi_);
  curl_slist_free_all(headers_);
}

absl::Status BareCalls::AddSlot() {
  auto slot = std::make_unique<Slot>();
  slot->easy = curl_easy_init();
  if (slot->easy == nullptr) return absl::InternalError("no curl_easy");
  CURL* const easy = slot->easy;
  curl_blob blob;
  blob.data = const_cast<char*>(ca_pem_.data());
  blob.len = ca_pem_.size();
  blob.flags = CURL_BLOB_NOCOPY;
  curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
  curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT, kTimeoutSeconds);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Discard);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, slot.get());
  idle_.push_back(slot.get());
  slots_.push_back(std::move(slot));
  return absl::OkStatus();
}

absl::Status BareCalls::Start(const Call& call, int tag) {
  Slot& slot = *idle_.back();
  idle_.pop_back();
  slot.tag = tag;
  slot.url = absl::StrCat(origin_, call.path);
  curl_easy_setopt(slot.easy, CURLOPT_URL, slot.url.c_str());
  curl_easy_setopt(slot.easy, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  if (call.method == "GET") {
    curl_easy_setopt(slot.easy, CURLOPT_HTTPGET, 1L);
  } else {
    curl_easy_setopt(slot.easy, CURLOPT_POST, 1L);
    curl_easy_setopt(slot.easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(call.body.size()));
    curl_easy_setopt(slot.easy, CURLOPT_POSTFIELDS, call.body.c_str());
  }
  const CURLMcode code = curl_multi_add_handle(multi_, slot.easy);
  return code == CURLM_OK ? absl::OkStatus()
                          : absl::InternalError(curl_multi_strerror(code));
}

absl::Status BareCalls::Poll(std::vector<int>& ended) {
  int running = 0;
  const CURLMcode code = curl_multi_perform(multi_, &running);
  if (code != CURLM_OK) return absl::InternalError(curl_multi_strerror(code));
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    CURL* const easy = message->easy_handle;
    const CURLcode result = message->data.result;
    Slot* slot = nullptr;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &slot);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(multi_, easy);
    if (result != CURLE_OK || status / 100 != 2) {
      return absl::InternalError(
          absl::StrCat("a bare call: ", curl_easy_strerror(result), ", status ",
                       status, ", ", slot->url));
    }
    ended.push_back(slot->tag);
    idle_.push_back(slot);
  }
  return absl::OkStatus();
}

void BareCalls::Wait() {
  curl_multi_poll(multi_, nullptr, 0, kWaitMilliseconds, nullptr);
}

}  // namespace keyturn::bench
