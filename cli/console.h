#ifndef KEYTURN_CLI_CONSOLE_H_
#define KEYTURN_CLI_CONSOLE_H_

#include <termios.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/wipe.h"

namespace keyturn::cli {

// Where a text goes: what the user asked for to kOut, everything said about it
// to kError.
enum class Stream { kOut, kError };

enum class Echo { kOn, kOff };

struct TerminalSize {
  int columns;
  int rows;
};

// The three descriptors and the environment of one run of the program. Tests
// give it pipes or a pseudo-terminal. Not thread-safe.
class Console {
 public:
  using Environment = std::function<std::string(const std::string&)>;

  // The descriptors remain the caller's and must outlive this object.
  Console(int in, int out, int error, Environment environment);

  // Standard input, output and error, and the process's environment.
  static Console OfProcess();

  // Writes all of `text`. A reader that went away is not an error.
  void Write(Stream stream, std::string_view text);

  bool InIsTerminal() const { return in_is_terminal_; }
  bool IsTerminal(Stream stream) const;
  // A terminal whose cursor can be moved: not TERM=dumb, not TERM unset.
  bool CanRedraw(Stream stream) const;
  // Whether to colour: a terminal that can, and NO_COLOR is not set.
  bool Colored(Stream stream) const;
  // Whether the locale's characters are UTF-8.
  bool Unicode() const;
  // Of the terminal; 80 by 24 where the stream is none.
  TerminalSize Size(Stream stream) const;
  // Empty when it is not set.
  std::string Variable(const std::string& name) const;

  int in() const { return in_; }

  // Asks on kError and reads one line, without its end. Cancelled for Ctrl-C
  // and at the end of input; FailedPrecondition when there is no terminal to
  // ask on; InvalidArgument for a line longer than 64 KiB.
  absl::StatusOr<SecretText> Ask(std::string_view question, Echo echo);

  // Reads all of standard input, at most `bytes_max`: InvalidArgument beyond.
  absl::StatusOr<SecretText> ReadIn(size_t bytes_max);

 private:
  int Descriptor(Stream stream) const {
    return stream == Stream::kOut ? out_ : error_;
  }

  const int in_;
  const int out_;
  const int error_;
  const Environment environment_;
  const bool in_is_terminal_;
  const bool out_is_terminal_;
  const bool error_is_terminal_;
};

// Takes lines from a descriptor as they come in.
class LineReader {
 public:
  explicit LineReader(int descriptor) : descriptor_(descriptor) {}
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // Reads once what is there; to be called when the descriptor is readable.
  // Nothing when the line is not complete yet. OutOfRange at the end of input,
  // InvalidArgument for a line longer than 64 KiB.
  absl::StatusOr<std::optional<SecretText>> Read();

  // Whether a whole line was read that Read has not given out yet: call it
  // again then, without waiting.
  bool HasLine() const;

 private:
  SecretText TakeLine(size_t end);

  const int descriptor_;
  SecretText pending_;
};

// Keeps a terminal from showing what is typed, until it goes out of scope.
class EchoOff {
 public:
  explicit EchoOff(int terminal);
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;
  ~EchoOff();

 private:
  const int terminal_;
  bool changed_ = false;
  termios former_;
};

// While it lives, SIGINT, SIGTERM and SIGWINCH are bytes on a descriptor
// instead of interruptions. At most one at a time in a process.
class SignalPipe {
 public:
  SignalPipe();
  SignalPipe(const SignalPipe&) = delete;
  SignalPipe& operator=(const SignalPipe&) = delete;
  ~SignalPipe();

  // Readable when a signal came.
  int descriptor() const { return read_end_; }

  // SIGINT or SIGTERM if one came since the last call, else 0. Does not wait.
  int Interruption();

 private:
  int read_end_ = -1;
  int write_end_ = -1;
};

// Reads a whole file, at most `bytes_max` bytes. InvalidArgument naming the
// file and what is wrong with it, whatever that is: a file named on a command
// line is the caller's input.
absl::StatusOr<SecretText> ReadFile(const std::string& path, size_t bytes_max);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_CONSOLE_H_
