#include "cli/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace keyturn::cli {
namespace {

constexpr size_t kLineBytesMax = 64 * 1024;
constexpr size_t kChunkBytes = 4096;
constexpr TerminalSize kDefaultSize = {.columns = 80, .rows = 24};

std::atomic<int> signal_write_end = -1;

extern "C" void NoteSignal(int number) {
  const int saved = errno;
  const char byte = static_cast<char>(number);
  (void)!write(signal_write_end.load(), &byte, 1);
  errno = saved;
}

void WriteAll(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {
      pollfd writable = {.fd = descriptor, .events = POLLOUT};
      (void)poll(&writable, 1, -1);
      continue;
    }
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

absl::StatusOr<SecretText> ReadAll(int descriptor, const std::string& what,
                                   size_t bytes_max) {
  SecretText text;
  text.Reveal().reserve(bytes_max + 1);
  std::string chunk(kChunkBytes, '\0');
  for (;;) {
    const ssize_t count = read(descriptor, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, ": cannot be read: ", std::strerror(errno)));
    }
    if (count == 0) break;
    text.Reveal().append(chunk.data(), static_cast<size_t>(count));
    if (text.Reveal().size() > bytes_max) {
      Wipe(chunk);
      return absl::InvalidArgumentError(
          absl::StrCat(what, ": longer than ", bytes_max / 1024,
                       " KiB, which is the limit"));
    }
  }
  Wipe(chunk);
  return text;
}

}  // namespace

Console::Console(int in, int out, int error, Environment environment)
    : in_(in),
      out_(out),
      error_(error),
      environment_(std::move(environment)),
      in_is_terminal_(isatty(in) == 1),
      out_is_terminal_(isatty(out) == 1),
      error_is_terminal_(isatty(error) == 1) {}

Console Console::OfProcess() {
  return Console(STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO,
                 [](const std::string& name) {
                   const char* value = std::getenv(name.c_str());
                   return std::string(value == nullptr ? "" : value);
                 });
}

void Console::Write(Stream stream, std::string_view text) {
  WriteAll(Descriptor(stream), text);
}

bool Console::IsTerminal(Stream stream) const {
  return stream == Stream::kOut ? out_is_terminal_ : error_is_terminal_;
}

bool Console::CanRedraw(Stream stream) const {
  const std::string term = Variable("TERM");
  return IsTerminal(stream) && !term.empty() && term != "dumb";
}

bool Console::Colored(Stream stream) const {
  return CanRedraw(stream) && Variable("NO_COLOR").empty();
}

bool Console::Unicode() const {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string value = absl::AsciiStrToLower(Variable(name));
    if (value.empty()) continue;
    return absl::StrContains(value, "utf-8") ||
           absl::StrContains(value, "utf8");
  }
  return false;
}

TerminalSize Console::Size(Stream stream) const {
  winsize size = {};
  if (ioctl(Descriptor(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0 ||
      size.ws_row == 0) {
    return kDefaultSize;
  }
  return {.columns = size.ws_col, .rows = size.ws_row};
}

std::string Console::Variable(const std::string& name) const {
  return environment_(name);
}

absl::StatusOr<SecretText> Console::Ask(std::string_view question, Echo echo) {
  if (!in_is_terminal_) {
    return absl::FailedPreconditionError("there is no terminal to ask on");
  }
  SignalPipe signals;
  std::optional<EchoOff> echo_off;
  if (echo == Echo::kOff) echo_off.emplace(in_);
  Write(Stream::kError, question);
  LineReader lines(in_);
  for (;;) {
    std::array<pollfd, 2> inputs = {
        pollfd{.fd = in_, .events = POLLIN},
        pollfd{.fd = signals.descriptor(), .events = POLLIN}};
    if (poll(inputs.data(), inputs.size(), -1) < 0 && errno != EINTR) {
      return absl::InternalError(absl::StrCat("poll: ", std::strerror(errno)));
    }
    if (signals.Interruption() != 0) {
      Write(Stream::kError, "\n");
      return absl::CancelledError("interrupted");
    }
    if (inputs[0].revents == 0) continue;
    absl::StatusOr<std::optional<SecretText>> line = lines.Read();
    if (line.ok() && !line->has_value()) continue;
    if (echo == Echo::kOff || !line.ok()) Write(Stream::kError, "\n");
    if (absl::IsOutOfRange(line.status())) {
      return absl::CancelledError("the input ended");
    }
    if (!line.ok()) return line.status();
    return std::move(**line);
  }
}

absl::StatusOr<SecretText> Console::ReadIn(size_t bytes_max) {
  return ReadAll(in_, "standard input", bytes_max);
}

absl::StatusOr<std::optional<SecretText>> LineReader::Read() {
  std::string& pending = pending_.Reveal();
  if (HasLine()) return TakeLine(pending.find('\n'));
  std::string chunk(kChunkBytes, '\0');
  const ssize_t count = read(descriptor_, chunk.data(), chunk.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return std::nullopt;
  if (count <= 0) return absl::OutOfRangeError("end of input");
  pending.reserve(kLineBytesMax + kChunkBytes);
  pending.append(chunk.data(), static_cast<size_t>(count));
  Wipe(chunk);
  if (HasLine()) return TakeLine(pending.find('\n'));
  if (pending.size() <= kLineBytesMax) return std::nullopt;
  return absl::InvalidArgumentError("a line longer than 64 KiB");
}

bool LineReader::HasLine() const {
  return pending_.Reveal().find('\n') != std::string::npos;
}

SecretText LineReader::TakeLine(size_t end) {
  SecretText line(pending_.Reveal().substr(0, end));
  if (!line.empty() && line.Reveal().back() == '\r') line.Reveal().pop_back();
  SecretText rest(pending_.Reveal().substr(end + 1));
  pending_ = std::move(rest);
  return line;
}

EchoOff::EchoOff(int terminal) : terminal_(terminal) {
  if (tcgetattr(terminal_, &former_) != 0) return;
  termios silent = former_;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  changed_ = tcsetattr(terminal_, TCSAFLUSH, &silent) == 0;
}

EchoOff::~EchoOff() {
  if (changed_) tcsetattr(terminal_, TCSAFLUSH, &former_);
}

SignalPipe::SignalPipe() {
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) std::abort();
  read_end_ = ends[0];
  write_end_ = ends[1];
  signal_write_end = write_end_;
  struct sigaction action = {};
  action.sa_handler = NoteSignal;
  for (const int number : {SIGINT, SIGTERM, SIGWINCH}) {
    sigaction(number, &action, nullptr);
  }
}

SignalPipe::~SignalPipe() {
  for (const int number : {SIGINT, SIGTERM, SIGWINCH}) signal(number, SIG_DFL);
  signal_write_end = -1;
  close(read_end_);
  close(write_end_);
}

int SignalPipe::Interruption() {
  int interruption = 0;
  char byte;
  while (read(read_end_, &byte, 1) == 1) {
    if (byte == SIGINT || byte == SIGTERM) interruption = byte;
  }
  return interruption;
}

absl::StatusOr<SecretText> ReadFile(const std::string& path, size_t bytes_max) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": cannot be read: ", std::strerror(errno)));
  }
  absl::StatusOr<SecretText> text = ReadAll(descriptor, path, bytes_max);
  close(descriptor);
  return text;
}

}  // namespace keyturn::cli
