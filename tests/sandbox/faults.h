#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/sandbox/http.h"
#include "tests/sandbox/json.h"
#include "tests/sandbox/random.h"

namespace keyturn::sandbox {

enum class FaultKind {
  // Answers with `status`; nothing happens.
  kStatus,
  // The effect happens, the answer is `status` all the same.
  kStatusAfter,
  // The effect happens, the answer comes `delay` later.
  kDelay,
  kResetBefore,
  kResetAfter,
  kCutBody,
  // The effect happens, the answer is 200 with a page that is not JSON.
  kRubbish,
  // 429 with Retry-After; nothing happens.
  kRateLimit,
  // Answers with `status` and, wherever an error has a text, everything that
  // was
  // sent, credentials included; nothing happens.
  kEcho,
};

struct Fault {
  int64_t id = 0;
  // "" matches every method.
  std::string method;
  // A glob over the path without query; `*` stays within a segment.
  std::string path;
  FaultKind kind = FaultKind::kStatus;
  int status = 503;
  absl::Duration delay = absl::ZeroDuration();
  int retry_after_seconds = 1;
  // Lets this many matching calls pass first.
  int skip = 0;
  // Then strikes this many.
  int count = 1;
  // Strikes only with this chance.
  double probability = 1.0;
  int64_t hits = 0;
};

// Faults waiting to strike. Not thread-safe: part of the world's state.
class Faults {
 public:
  // Reads {"kind", "method", "path", "status", "delay_ms", "retry_after_s",
  // "skip", "count", "probability"} and returns the id. InvalidArgument for an
  // unknown kind, a missing path, or more faults than kFaultsMax.
  absl::StatusOr<int64_t> Add(const Json& body);

  // The first fault that strikes this call, counted as used.
  std::optional<Fault> Take(const std::string& method, const std::string& path,
                            Random& random);

  // With id 0 all of them. Returns how many went.
  int64_t Remove(int64_t id);

  Json ToJson() const;

 private:
  int64_t next_id_ = 1;
  std::vector<Fault> faults_;
};

}  // namespace keyturn::sandbox
