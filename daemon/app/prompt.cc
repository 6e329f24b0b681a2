#include "daemon/app/prompt.h"

#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "absl/status/status.h"
#include "daemon/vault/passphrase.h"

namespace keyturn::app {
namespace {

// Keeps a terminal from showing what is typed.
class EchoOff {
 public:
  EchoOff() : is_terminal_(tcgetattr(STDIN_FILENO, &former_) == 0) {
    if (!is_terminal_) return;
    termios quiet = former_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  ~EchoOff() {
    if (is_terminal_) tcsetattr(STDIN_FILENO, TCSANOW, &former_);
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;

 private:
  termios former_{};
  const bool is_terminal_;
};

// To the terminal, not to what the program prints.
void Show(std::string_view text) {
  if (write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

// Byte by byte, so that no buffer of a library keeps what was typed.
absl::StatusOr<secret::Secret> ReadLine() {
  secret::Secret line = secret::Secret::OfSize(vault::kPassphraseBytesMax + 1);
  size_t size = 0;
  while (size < line.size()) {
    char* const at = line.ExposeMutable() + size;
    const ssize_t count = read(STDIN_FILENO, at, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || *at == '\n') break;
    ++size;
  }
  if (size == 0) return absl::InvalidArgumentError("no passphrase was given");
  return secret::Secret(line.Expose().substr(0, size));
}

}  // namespace

absl::StatusOr<secret::Secret> AskForNewPassphrase() {
  if (isatty(STDIN_FILENO) == 0) return ReadLine();
  const EchoOff echo_off;
  Show("New passphrase (not shown): ");
  absl::StatusOr<secret::Secret> first = ReadLine();
  Show("\n");
  if (!first.ok()) return first;
  Show("The same again: ");
  const absl::StatusOr<secret::Secret> second = ReadLine();
  Show("\n");
  if (!second.ok()) return second.status();
  if (Equal(*first, *second)) return first;
  return absl::InvalidArgumentError("the two passphrases differ");
}

absl::StatusOr<secret::Secret> AskForPassphrase(std::string_view source) {
  if (isatty(STDIN_FILENO) == 0) return ReadLine();
  const EchoOff echo_off;
  Show("The ");
  Show(source);
  Show(" (not shown): ");
  absl::StatusOr<secret::Secret> given = ReadLine();
  Show("\n");
  return given;
}

}  // namespace keyturn::app
