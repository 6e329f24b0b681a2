#include "daemon/upstream/http/curl_global.h"

#include <curl/curl.h>
#include <malloc.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace keyturn::http {
namespace {

constexpr unsigned kVersionMin = 0x075700;  // 7.87.0

void WipingFree(void* memory) {
  if (memory == nullptr) return;
  OPENSSL_cleanse(memory, malloc_usable_size(memory));
  std::free(memory);
}

void* WipingRealloc(void* memory, size_t size) {
  if (memory == nullptr) return std::malloc(size);
  void* moved = std::malloc(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, memory, std::min(size, malloc_usable_size(memory)));
  WipingFree(memory);
  return moved;
}

absl::Status Init() {
  const CURLcode code =
      curl_global_init_mem(CURL_GLOBAL_DEFAULT, std::malloc, WipingFree,
                           WipingRealloc, strdup, std::calloc);
  if (code != CURLE_OK) {
    return absl::InternalError(
        absl::StrCat("libcurl does not start: ", curl_easy_strerror(code)));
  }
  const curl_version_info_data* info = curl_version_info(CURLVERSION_NOW);
  if (info->version_num < kVersionMin ||
      (info->features & CURL_VERSION_SSL) == 0 ||
      (info->features & CURL_VERSION_ASYNCHDNS) == 0) {
    return absl::InternalError(
        absl::StrCat("libcurl ", info->version,
                     " does not do: 7.87 or newer, with TLS and asynchronous "
                     "DNS, is needed"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status InitCurl() {
  static const absl::Status status = Init();
  return status;
}

}  // namespace keyturn::http
