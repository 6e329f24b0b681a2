#include "tests/sandbox/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

extern char** environ;

namespace keyturn::sandbox {
namespace {

constexpr size_t kOutputBytesMax = 64 * 1024 * 1024;

struct Pipe {
  int read = -1;
  int write = -1;
  ~Pipe() {
    CloseRead();
    CloseWrite();
  }
  bool Open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    read = ends[0];
    write = ends[1];
    return true;
  }
  void CloseRead() {
    if (read >= 0) ::close(read);
    read = -1;
  }
  void CloseWrite() {
    if (write >= 0) ::close(write);
    write = -1;
  }
};

// Writes and reads at once, so that neither side waits for the other.
std::string Exchange(Pipe& in, Pipe& out, const std::string& input) {
  std::string output;
  size_t sent = 0;
  ::fcntl(in.write, F_SETFL, O_NONBLOCK);
  if (input.empty()) in.CloseWrite();
  while (true) {
    std::array<pollfd, 2> waits = {
        {{out.read, POLLIN, 0}, {in.write, POLLOUT, 0}}};
    if (::poll(waits.data(), in.write >= 0 ? 2 : 1, -1) < 0) {
      if (errno == EINTR) continue;
      return output;
    }
    if (in.write >= 0 && waits[1].revents != 0) {
      const ssize_t done =
          ::write(in.write, input.data() + sent, input.size() - sent);
      if (done > 0) sent += static_cast<size_t>(done);
      if (sent == input.size() || (done < 0 && errno != EAGAIN)) {
        in.CloseWrite();
      }
    }
    if (waits[0].revents != 0) {
      std::array<char, 65536> buffer;
      const ssize_t got = ::read(out.read, buffer.data(), buffer.size());
      if (got <= 0 || output.size() > kOutputBytesMax) return output;
      output.append(buffer.data(), static_cast<size_t>(got));
    }
  }
}

}  // namespace

absl::StatusOr<Finished> RunProgram(const std::vector<std::string>& arguments,
                                    const std::string& input) {
  Pipe in;
  Pipe out;
  if (!in.Open() || !out.Open()) {
    return absl::UnavailableError(
        absl::StrCat("no pipe: ", std::strerror(errno)));
  }
  std::vector<char*> argv;
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, argv[0], &actions,
                                   /*attrp=*/nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return absl::UnavailableError(absl::StrCat("cannot run ", arguments.front(),
                                               ": ", std::strerror(error)));
  }
  in.CloseRead();
  out.CloseWrite();
  Finished finished;
  finished.output = Exchange(in, out, input);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  finished.exit_code =
      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return finished;
}

}  // namespace keyturn::sandbox
