// The operator's log: one line on standard error for each thing worth knowing,
// as key=value pairs (logfmt):
//
//   time=2026-01-01T00:00:00.000Z level=info msg="ready" tcp=127.0.0.1:7443
//
// No line ever holds a secret: what is logged is put together from names, codes
// and numbers, never from documents, and from messages only through
// rpc::Redacted, at level debug.
#ifndef KEYTURN_DAEMON_APP_LOG_H_
#define KEYTURN_DAEMON_APP_LOG_H_

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/app/log_limiter.h"

namespace spdlog {
class logger;
namespace sinks {
template <typename Mutex>
class ringbuffer_sink;
}
}  // namespace spdlog

namespace keyturn::app {

// By who must act: kError somebody now, kWarning somebody soon, kInfo nobody,
// kDebug whoever looks for a fault.
enum class LogLevel { kDebug, kInfo, kWarning, kError };

// "debug", "info", "warning", "error".
std::string_view Name(LogLevel level);
std::optional<LogLevel> LogLevelFromName(std::string_view name);

// Bytes of one value; the rest is cut.
inline constexpr size_t kLogValueSizeMax = 4096;
// Lines that are kept for Recent.
inline constexpr size_t kRecentLinesMax = 500;

using LogField = std::pair<std::string_view, std::string>;

// Everything after the level. Values that are not plain words are quoted, and
// quotes, backslashes, line ends and other control characters in them escaped:
// no value can forge a line or a field. Fields with an empty value are left
// out.
std::string FormatLogLine(std::string_view message,
                          const std::vector<LogField>& fields);

// Thread-safe.
class Log {
 public:
  explicit Log(LogLevel level);
  ~Log();

  void Write(LogLevel level, std::string_view message,
             const std::vector<LogField>& fields = {});

  // As Write, for what others can bring about as often as they like: see
  // LogLimiter. A line that comes after some that were left out has their
  // number in the field "left_out".
  void WriteLimited(const std::string& key, LogLevel level,
                    std::string_view message,
                    std::vector<LogField> fields = {});

  // The last lines that were written, oldest first.
  std::vector<std::string> Recent() const;

 private:
  const std::shared_ptr<spdlog::sinks::ringbuffer_sink<std::mutex>> recent_;
  const std::unique_ptr<spdlog::logger> logger_;
  LogLimiter limiter_;
};

// From now on what gRPC has to say goes to `log` as warnings, instead of in
// gRPC's own form to standard error. `log` must outlive gRPC's use. Protobuf
// falls silent: it only tells of requests that do not parse, which any caller
// could send a million times.
void RouteGrpcLog(Log& log);

}  // namespace keyturn::app

#endif  // KEYTURN_DAEMON_APP_LOG_H_
