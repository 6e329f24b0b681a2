// Each call is tried by a child process that has put itself under the filter.
#include "daemon/app/system_calls.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <future>
#include <ostream>
#include <string>
#include <thread>

#include "tests/support/status_matchers.h"

namespace keyturn::app {
namespace {

// Not an errno.
constexpr int kNoFilter = 250;

// How a child ended that ran `act` under the filter: the errno that `act` left
// (0 when it succeeded), or minus the signal that ended it.
int Try(const std::function<bool()>& act) {
  const pid_t child = fork();
  if (child == 0) {
    if (!FilterSystemCalls().ok()) _exit(kNoFilter);
    errno = 0;
    const bool done = act();
    _exit(done ? 0 : errno);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

struct Attempt {
  std::string name;
  std::function<bool()> act;
  // As from Try.
  int end = -SIGSYS;
};

void PrintTo(const Attempt& attempt, std::ostream* out) {
  *out << attempt.name;
}

bool Execute() {
  char name[] = "/bin/true";
  char* const arguments[] = {name, nullptr};
  return execv(name, arguments) == 0;
}

bool ReadMemory() {
  char from = 'a';
  char to = 0;
  const iovec local{&to, 1};
  const iovec remote{&from, 1};
  return process_vm_readv(getppid(), &local, 1, &remote, 1, 0) == 1;
}

bool MapWritableCode() {
  return mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

bool MakeCodeOfData() {
  void* const page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page != MAP_FAILED && mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}

bool OpenSocket(int family) { return socket(family, SOCK_DGRAM, 0) >= 0; }

class SystemCallsTest : public ::testing::TestWithParam<Attempt> {
 protected:
  void SetUp() override {
    if (!FiltersSystemCalls()) {
      GTEST_SKIP() << "a build with sanitizers filters nothing";
    }
  }
};

TEST_P(SystemCallsTest, EndsAsItShould) {
  EXPECT_EQ(Try(GetParam().act), GetParam().end);
}

INSTANTIATE_TEST_SUITE_P(
    Deadly, SystemCallsTest,
    ::testing::Values(
        Attempt{"execve", &Execute},
        Attempt{"execveat",
                [] {
                  return syscall(SYS_execveat, AT_FDCWD, "/bin/true", nullptr,
                                 nullptr, 0) == 0;
                }},
        Attempt{"ptrace",
                [] { return ptrace(PTRACE_ATTACH, getppid(), 0, 0) == 0; }},
        Attempt{"process_vm_readv", &ReadMemory},
        Attempt{"mount",
                [] { return mount("a", "/nowhere", "tmpfs", 0, "") == 0; }},
        Attempt{"unshare", [] { return unshare(CLONE_NEWUSER) == 0; }},
        Attempt{"bpf", [] { return syscall(SYS_bpf, 0, nullptr, 0) == 0; }},
        Attempt{"keyctl",
                [] { return syscall(SYS_keyctl, 0, 0, 0, 0, 0) == 0; }},
        Attempt{"setuid", [] { return setuid(getuid()) == 0; }}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Refused, SystemCallsTest,
    ::testing::Values(
        Attempt{"fork", [] { return fork() >= 0; }, EPERM},
        Attempt{"clone3", [] { return syscall(SYS_clone3, nullptr, 0) == 0; },
                ENOSYS},
        Attempt{"io_uring_setup",
                [] { return syscall(SYS_io_uring_setup, 1, nullptr) == 0; },
                ENOSYS},
        Attempt{"mmap", &MapWritableCode, EPERM},
        Attempt{"mprotect", &MakeCodeOfData, EPERM},
        Attempt{"packets", [] { return OpenSocket(AF_PACKET); }, EAFNOSUPPORT},
        Attempt{"ax25", [] { return OpenSocket(AF_AX25); }, EAFNOSUPPORT},
        Attempt{"dumpable",
                [] { return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0; }, EPERM}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Allowed, SystemCallsTest,
    ::testing::Values(
        Attempt{"threads",
                [] {
                  std::thread([] {}).join();
                  return true;
                },
                0},
        Attempt{"files", [] { return open("/dev/null", O_RDWR) >= 0; }, 0},
        Attempt{"ipv4", [] { return OpenSocket(AF_INET); }, 0},
        Attempt{"ipv6_or_none",
                [] { return OpenSocket(AF_INET6) || errno == EAFNOSUPPORT; },
                0},
        Attempt{"netlink", [] { return OpenSocket(AF_NETLINK); }, 0},
        Attempt{"names",
                [] {
                  addrinfo* found = nullptr;
                  return getaddrinfo("localhost", "80", nullptr, &found) == 0;
                },
                0}),
    [](const auto& info) { return info.param.name; });

TEST(SystemCallsThreadTest, HoldsForThreadsThatWereThereBefore) {
  if (!FiltersSystemCalls()) GTEST_SKIP() << "a build with sanitizers";
  const pid_t child = fork();
  if (child == 0) {
    std::promise<void> filtered;
    std::thread thread([ready = filtered.get_future()]() mutable {
      ready.wait();
      _exit(Execute() ? 1 : 2);
    });
    if (!FilterSystemCalls().ok()) _exit(kNoFilter);
    filtered.set_value();
    thread.join();
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << status;
}

}  // namespace
}  // namespace keyturn::app
