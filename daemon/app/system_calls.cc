#include "daemon/app/system_calls.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"

namespace keyturn::app {
namespace {

#ifdef KEYTURN_SANITIZED
constexpr bool kFilters = false;
#else
constexpr bool kFilters = true;
#endif

// Never made by us or by a library of ours, and of use to whoever took over
// the process. A name that this architecture or kernel does not know is passed
// over.
constexpr const char* kDeadly[] = {
    // Another program.
    "execve", "execveat",
    // Another process's memory and files.
    "kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv",
    "process_vm_writev", "ptrace",
    // Another view of the file system, or a way around its permissions.
    "chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mknod", "mknodat",
    "mount", "mount_setattr", "move_mount", "name_to_handle_at",
    "open_by_handle_at", "open_tree", "pivot_root", "setns", "umount",
    "umount2", "unshare",
    // Another user.
    "capset", "setfsgid", "setfsuid", "setgid", "setgroups", "setregid",
    "setresgid", "setresuid", "setreuid", "setuid",
    // The kernel's keys, code and state.
    "acct", "add_key", "adjtimex", "bpf", "clock_adjtime", "clock_settime",
    "create_module", "delete_module", "fanotify_init", "finit_module",
    "init_module", "ioperm", "iopl", "kexec_file_load", "kexec_load", "keyctl",
    "lookup_dcookie", "modify_ldt", "perf_event_open", "personality",
    "quotactl", "quotactl_fd", "reboot", "request_key", "setdomainname",
    "sethostname", "settimeofday", "stime", "swapoff", "swapon", "syslog",
    "userfaultfd", "vhangup", "vm86", "vm86old"};

// What runs at the end of this scope.
using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

// Collects the first error of many calls.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx filter) : filter_(filter) {}

  // `compare` may name each argument once.
  template <typename... Compare>
  void Add(uint32_t action, const char* name, Compare... compare) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || error_ != 0) return;
    error_ = seccomp_rule_add(filter_, action, number, sizeof...(compare),
                              compare...);
  }
  void Set(scmp_filter_attr attribute, uint32_t value) {
    if (error_ == 0) error_ = seccomp_attr_set(filter_, attribute, value);
  }
  void Load() {
    if (error_ == 0) error_ = seccomp_load(filter_);
  }

  // As an errno, 0: none.
  int error() const { return -error_; }

 private:
  const scmp_filter_ctx filter_;
  int error_ = 0;
};

// Threads are made as before, processes are not. clone3 hides what it is asked
// for from the filter; the C library then takes clone.
void RefuseProcesses(Rules& rules) {
  rules.Add(SCMP_ACT_ERRNO(ENOSYS), "clone3");
  rules.Add(SCMP_ACT_ERRNO(EPERM), "fork");
  rules.Add(SCMP_ACT_ERRNO(EPERM), "vfork");
  rules.Add(SCMP_ACT_ERRNO(EPERM), "clone",
            SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
}

void RefuseNewCode(Rules& rules) {
  constexpr scmp_datum_t kBoth = PROT_WRITE | PROT_EXEC;
  const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
  rules.Add(refuse, "mmap", SCMP_A2(SCMP_CMP_MASKED_EQ, kBoth, kBoth));
  for (const char* name : {"mprotect", "pkey_mprotect"}) {
    rules.Add(refuse, name, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
  }
}

// Left are unix sockets, IPv4, IPv6, and netlink, which name resolution uses.
void RefuseExoticSockets(Rules& rules) {
  const uint32_t refuse = SCMP_ACT_ERRNO(EAFNOSUPPORT);
  for (scmp_datum_t family = AF_INET + 1; family < AF_NETLINK; ++family) {
    if (family == AF_INET6) continue;
    rules.Add(refuse, "socket", SCMP_A0(SCMP_CMP_EQ, family));
  }
  rules.Add(refuse, "socket", SCMP_A0(SCMP_CMP_GT, AF_NETLINK));
}

}  // namespace

bool FiltersSystemCalls() { return kFilters; }

absl::Status FilterSystemCalls() {
  if (!kFilters) return absl::OkStatus();
  const Filter filter(seccomp_init(SCMP_ACT_ALLOW), &seccomp_release);
  if (filter == nullptr) return absl::UnavailableError("out of memory");
  Rules rules(filter.get());
  // 32-bit calls would be a second door with other numbers.
  rules.Set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  rules.Set(SCMP_FLTATR_CTL_TSYNC, 1);
  rules.Set(SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (const char* name : kDeadly) rules.Add(SCMP_ACT_KILL_PROCESS, name);
  RefuseProcesses(rules);
  RefuseNewCode(rules);
  RefuseExoticSockets(rules);
  // Libraries may ask the kernel what it can do with rings.
  rules.Add(SCMP_ACT_ERRNO(ENOSYS), "io_uring_setup");
  // What HardenProcess shut stays shut.
  rules.Add(SCMP_ACT_ERRNO(EPERM), "prctl",
            SCMP_A0(SCMP_CMP_EQ, PR_SET_DUMPABLE));
  rules.Load();
  if (rules.error() == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the kernel does not filter system calls (seccomp): ",
                   std::strerror(rules.error())));
}

}  // namespace keyturn::app
