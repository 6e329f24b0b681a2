// Calls of the floor: libcurl and nothing else.
#ifndef KEYTURN_TESTS_BENCH_BARE_CALLS_H_
#define KEYTURN_TESTS_BENCH_BARE_CALLS_H_

#include <curl/curl.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/trace.h"

namespace keyturn::bench {

// Belongs to one thread, but for Wake.
class BareCalls {
 public:
  // Internal when libcurl refuses.
  static absl::StatusOr<std::unique_ptr<BareCalls>> Open(std::string origin,
                                                         std::string ca_pem,
                                                         int connections);
  ~BareCalls();
  BareCalls(const BareCalls&) = delete;
  BareCalls& operator=(const BareCalls&) = delete;

  // False: each connection is in use.
  bool CanStart() const { return !idle_.empty(); }
  // `tag` comes back from Poll. `call` lives until then.
  absl::Status Start(const Call& call, int tag);
  // Moves on what is under way and appends the tags of what has ended. Internal
  // for a call that failed or was answered otherwise than with 2xx.
  absl::Status Poll(std::vector<int>& ended);
  // Until there is something to do, Wake is called, or a second has passed.
  void Wait();
  // From any thread.
  void Wake() { curl_multi_wakeup(multi_); }

 private:
  struct Slot {
    CURL* easy = nullptr;
    std::string url;
    int tag = 0;
  };

  BareCalls(std::string origin, std::string ca_pem)
      : origin_(std::move(origin)), ca_pem_(std::move(ca_pem)) {}

  absl::Status AddSlot();

  const std::string origin_;
  const std::string ca_pem_;
  CURLM* multi_ = nullptr;
  curl_slist* headers_ = nullptr;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> idle_;
};

}  // namespace keyturn::bench

#endif  // KEYTURN_TESTS_BENCH_BARE_CALLS_H_
