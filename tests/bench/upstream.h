// A Celigo that answers at once: HTTPS with kept connections on the loopback
// interface, canned documents, no checks. What is measured against it is the
// caller. It is no judge of what the daemon does; the sandbox is.
#ifndef KEYTURN_TESTS_BENCH_UPSTREAM_H_
#define KEYTURN_TESTS_BENCH_UPSTREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tests/bench/trace.h"

namespace keyturn::bench {

// Of one request's head, and of its body.
inline constexpr size_t kUpstreamRequestMax = 256 * 1024;

inline constexpr char kIClientName[] = "High Tech iClient";
inline constexpr char kNetSuiteAccountId[] = "7654321";

// Runs on a thread of its own until it is destroyed.
class Upstream {
 public:
  // `trace` gets every call while it is on, and outlives the server.
  static absl::StatusOr<std::unique_ptr<Upstream>> Start(Trace& trace);
  virtual ~Upstream() = default;

  // "https://127.0.0.1:PORT".
  virtual const std::string& origin() const = 0;
  // The authority of its certificate.
  virtual const std::string& ca_pem() const = 0;
  // Every connection logs in with a password again.
  virtual void Forget() = 0;
  // Requests answered, and those among them for which it had no answer.
  virtual int64_t calls() const = 0;
  virtual int64_t strange_calls() const = 0;
};

}  // namespace keyturn::bench

#endif  // KEYTURN_TESTS_BENCH_UPSTREAM_H_
