#include "daemon/app/log.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "daemon/base/status.h"

namespace keyturn::app {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

bool IsPlain(char c) {
  return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '"' &&
         c != '=' && c != '\\';
}

void AppendEscaped(char c, std::string* line) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    line->push_back('\\');
    line->push_back(c);
  } else if (c == '\n') {
    line->append("\\n");
  } else if (absl::ascii_iscntrl(byte)) {
    absl::StrAppend(line, absl::StrFormat("\\x%02x", byte));
  } else {
    line->push_back(c);
  }
}

void AppendValue(std::string_view value, std::string* line) {
  value = value.substr(0, kLogValueSizeMax);
  if (!value.empty() && std::all_of(value.begin(), value.end(), IsPlain)) {
    line->append(value);
    return;
  }
  line->push_back('"');
  for (const char c : value) AppendEscaped(c, line);
  line->push_back('"');
}

// Where gRPC, which knows only plain functions, finds the log.
std::atomic<Log*> grpc_log = nullptr;

void LogForGrpc(gpr_log_func_args* arguments) {
  Log* const log = grpc_log;
  if (log == nullptr || arguments->severity != GPR_LOG_SEVERITY_ERROR) return;
  // Whoever connects can make gRPC complain, of a failed handshake for example.
  log->WriteLimited(absl::StrCat(arguments->file, ":", arguments->line),
                    LogLevel::kWarning, "grpc",
                    {{"cause", arguments->message}});
}

}  // namespace

std::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "";
}

std::optional<LogLevel> LogLevelFromName(std::string_view name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  if (name == "warning") return LogLevel::kWarning;
  if (name == "error") return LogLevel::kError;
  return std::nullopt;
}

std::string FormatLogLine(std::string_view message,
                          const std::vector<LogField>& fields) {
  std::string line = "msg=";
  AppendValue(message, &line);
  for (const auto& [key, value] : fields) {
    if (value.empty()) continue;
    absl::StrAppend(&line, " ", base::ToAbsl(key), "=");
    AppendValue(value, &line);
  }
  return line;
}

Log::Log(LogLevel level)
    : recent_(
          std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(kRecentLinesMax)),
      logger_(std::make_unique<spdlog::logger>(
          "keyturnd",
          spdlog::sinks_init_list{
              std::make_shared<spdlog::sinks::stderr_sink_mt>(), recent_})) {
  logger_->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v",
      spdlog::pattern_time_type::utc));
  logger_->set_level(ToSpdlog(level));
  logger_->flush_on(spdlog::level::debug);
}

Log::~Log() = default;

void Log::Write(LogLevel level, std::string_view message,
                const std::vector<LogField>& fields) {
  const spdlog::level::level_enum spdlog_level = ToSpdlog(level);
  if (!logger_->should_log(spdlog_level)) return;
  const std::string line = FormatLogLine(message, fields);
  logger_->log(spdlog_level, spdlog::string_view_t(line.data(), line.size()));
}

void Log::WriteLimited(const std::string& key, LogLevel level,
                       std::string_view message, std::vector<LogField> fields) {
  const std::optional<int64_t> left_out = limiter_.Admit(key, absl::Now());
  if (!left_out.has_value()) return;
  if (*left_out > 0) fields.emplace_back("left_out", absl::StrCat(*left_out));
  Write(level, message, fields);
}

std::vector<std::string> Log::Recent() const {
  std::vector<std::string> lines = recent_->last_formatted();
  for (std::string& line : lines) absl::StripTrailingAsciiWhitespace(&line);
  return lines;
}

void RouteGrpcLog(Log& log) {
  grpc_log = &log;
  gpr_set_log_function(&LogForGrpc);
  google::protobuf::SetLogHandler(nullptr);
}

}  // namespace keyturn::app
