#include "tests/cli/harness.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "cli/console.h"
#include "cli/run.h"

namespace keyturn::cli {
namespace {

constexpr int kPatienceMs = 20 * 1000;

std::string ReadBack(int descriptor) {
  lseek(descriptor, 0, SEEK_SET);
  std::string text;
  std::array<char, 4096> chunk;
  for (ssize_t count;
       (count = read(descriptor, chunk.data(), chunk.size())) > 0;) {
    text.append(chunk.data(), static_cast<size_t>(count));
  }
  return text;
}

int MemoryFile(const std::string& text) {
  const int descriptor = memfd_create("stream", MFD_CLOEXEC);
  if (write(descriptor, text.data(), text.size()) !=
      static_cast<ssize_t>(text.size())) {
    throw std::runtime_error("cannot write a memory file");
  }
  lseek(descriptor, 0, SEEK_SET);
  return descriptor;
}

auto LookUpIn(const Environment& environment) {
  return [environment](const std::string& name) {
    const auto value = environment.find(name);
    return value == environment.end() ? std::string() : value->second;
  };
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string path =
      (std::filesystem::temp_directory_path() / "keyturn-cli-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) {
    throw std::runtime_error("cannot make a temporary directory");
  }
  path_ = path;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::filesystem::remove_all(path_);
}

std::string TemporaryDirectory::Write(const std::string& name,
                                      const std::string& text) const {
  const std::string path = path_ + "/" + name;
  std::ofstream(path, std::ios::binary) << text;
  std::filesystem::permissions(path, std::filesystem::perms::owner_read |
                                         std::filesystem::perms::owner_write);
  return path;
}

std::string ReadText(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

Result RunKeyturn(const std::vector<std::string>& arguments,
                  const std::string& in, const Environment& environment) {
  const int input = MemoryFile(in);
  const int out = MemoryFile("");
  const int error = MemoryFile("");
  Console console(input, out, error, LookUpIn(environment));
  const ExitCode code = Run(arguments, console);
  Result result = {
      .code = code, .out = ReadBack(out), .error = ReadBack(error)};
  for (const int descriptor : {input, out, error}) close(descriptor);
  return result;
}

TerminalSession::TerminalSession(const std::vector<std::string>& arguments,
                                 const Environment& environment, int columns,
                                 int rows) {
  if (openpty(&master_, &slave_, nullptr, nullptr, nullptr) != 0) {
    throw std::runtime_error("cannot open a pseudo-terminal");
  }
  Resize(columns, rows);
  thread_ = std::thread([this, arguments, environment] {
    Console console(slave_, slave_, slave_, LookUpIn(environment));
    code_ = Run(arguments, console);
    close(slave_);
  });
}

TerminalSession::~TerminalSession() {
  if (thread_.joinable()) {
    struct sigaction action = {};
    sigaction(SIGINT, nullptr, &action);
    if (action.sa_handler != SIG_DFL) kill(getpid(), SIGINT);
    Type("\x04");
    Wait();
  }
  close(master_);
}

bool TerminalSession::ReadSome(int timeout_ms) {
  pollfd input = {.fd = master_, .events = POLLIN};
  if (poll(&input, 1, timeout_ms) <= 0) return false;
  std::array<char, 4096> chunk;
  const ssize_t count = read(master_, chunk.data(), chunk.size());
  if (count <= 0) return false;
  shown_.append(chunk.data(), static_cast<size_t>(count));
  return true;
}

bool TerminalSession::Expect(const std::string& text) {
  for (;;) {
    const size_t at = shown_.find(text, expected_up_to_);
    if (at != std::string::npos) {
      expected_up_to_ = at + text.size();
      return true;
    }
    if (!ReadSome(kPatienceMs)) return false;
  }
}

void TerminalSession::Type(const std::string& text) {
  if (write(master_, text.data(), text.size()) !=
      static_cast<ssize_t>(text.size())) {
    throw std::runtime_error("cannot type");
  }
}

void TerminalSession::Resize(int columns, int rows) {
  winsize size = {.ws_row = static_cast<unsigned short>(rows),
                  .ws_col = static_cast<unsigned short>(columns)};
  ioctl(master_, TIOCSWINSZ, &size);
}

ExitCode TerminalSession::Wait() {
  while (ReadSome(kPatienceMs)) {
  }
  thread_.join();
  return *code_;
}

std::string CompareWithGolden(const std::string& name,
                              const std::string& text) {
  const std::string path = std::string(KEYTURN_CLI_GOLDEN_DIR) + "/" + name;
  if (std::getenv("KEYTURN_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
    return "";
  }
  const std::string golden = ReadText(path);
  if (golden == text) return "";
  return "differs from golden/" + name + "; it is now:\n" + text +
         "\nand was:\n" + golden;
}

}  // namespace keyturn::cli
