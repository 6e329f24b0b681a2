// A disk with faults, for a program that knows nothing of it: a shared object
// to be named in LD_PRELOAD. It stands in for the calls that change files and
// makes chosen ones fail, on files below one directory. KEYTURN_DISK_FAULTS
// says which, as NAME=VALUE words with commas in between:
//
//   under=DIRECTORY   only files and directories below it, and itself
//   calls=NAME+NAME   of open, write, sync, truncate; "open" is for writing
//   but=SUFFIX        not files whose path ends so; may be left out
//   only=SUFFIX       nothing but files whose path ends so; may be left out
//   nth=NUMBER        the first of the chosen calls that fails; from 1
//   kind=KIND         EIO, ENOSPC, EROFS; short: a write takes half of what it
//                     was given, other calls are as always; power: instead of
//                     the call the power goes, and with it whatever no sync has
//                     brought to the disk; torn: likewise, but a part of it is
//                     there (unsynced.h)
//   more=NUMBER       so many after it fail as well; 0 when left out
//   while=PATH        calls count only while there is such a file
//   log=PATH          gets a line for each call that counts
//
// A failed call does nothing, except that a sync may have come to the disk: as
// with a real one, nobody knows. The calls go to the kernel directly, since
// this may run before the C library or a sanitizer is ready to look up
// anything.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/e2e/unsynced.h"

namespace {

namespace e2e = keyturn::e2e;

constexpr char kVariable[] = "KEYTURN_DISK_FAULTS";
constexpr int kShort = -1;
constexpr int kPower = -2;
constexpr int kTorn = -3;
constexpr mode_t kLogMode = 0600;

struct Plan {
  std::string under;
  std::string calls;
  std::string but;
  std::string only;
  std::string log;
  std::string while_there;
  long first = 0;
  long last = 0;
  // An errno, or one of the above.
  int kind = EIO;
};

std::string Word(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (word.substr(0, name.size()) == name) {
      return std::string(word.substr(name.size()));
    }
  }
  return "";
}

int KindOf(std::string_view name) {
  if (name == "ENOSPC") return ENOSPC;
  if (name == "EROFS") return EROFS;
  if (name == "short") return kShort;
  if (name == "power") return kPower;
  if (name == "torn") return kTorn;
  return EIO;
}

Plan ReadPlan() {
  const char* const text = std::getenv(kVariable);
  if (text == nullptr) return {};
  Plan plan;
  plan.under = Word(text, "under=");
  plan.calls = "+" + Word(text, "calls=") + "+";
  plan.but = Word(text, "but=");
  plan.only = Word(text, "only=");
  plan.log = Word(text, "log=");
  plan.while_there = Word(text, "while=");
  plan.kind = KindOf(Word(text, "kind="));
  plan.first = std::atol(Word(text, "nth=").c_str());
  plan.last = plan.first + std::atol(Word(text, "more=").c_str());
  return plan;
}

const Plan& ThePlan() {
  // Never destroyed: files are written until the process has ended.
  static const Plan& plan = *new Plan(ReadPlan());
  return plan;
}

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
         text.substr(text.size() - end.size()) == end;
}

bool Concerns(std::string_view path) {
  const Plan& plan = ThePlan();
  if (plan.under.empty() || path.substr(0, plan.under.size()) != plan.under ||
      (path.size() > plan.under.size() && path[plan.under.size()] != '/')) {
    return false;
  }
  if (!plan.but.empty() && EndsWith(path, plan.but)) return false;
  return EndsWith(path, plan.only);
}

void Log(const char* call, const std::string& path, bool fails) {
  const Plan& plan = ThePlan();
  if (plan.log.empty()) return;
  const long log = syscall(SYS_openat, AT_FDCWD, plan.log.c_str(),
                           O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kLogMode);
  if (log < 0) return;
  const std::string line =
      std::string(fails ? "fault " : "") + call + " " + path + "\n";
  syscall(SYS_write, log, line.data(), line.size());
  syscall(SYS_close, log);
}

// Whether this call is one of those that fail. Keeps errno.
bool Fails(const char* call, const std::string& path) {
  static std::atomic<long> count = 0;
  const Plan& plan = ThePlan();
  if (!Concerns(path)) return false;
  if (plan.calls.find("+" + std::string(call) + "+") == std::string::npos) {
    return false;
  }
  const int error = errno;
  bool fails = false;
  if (plan.while_there.empty() ||
      syscall(SYS_faccessat, AT_FDCWD, plan.while_there.c_str(), F_OK) == 0) {
    const long number = ++count;
    fails = number >= plan.first && number <= plan.last;
    Log(call, path, fails);
  }
  errno = error;
  return fails;
}

// Empty for what is no file, and while there is no plan. Keeps errno.
std::string PathOf(int descriptor) {
  if (ThePlan().under.empty()) return "";
  const int error = errno;
  std::array<char, PATH_MAX> path;
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const long size =
      syscall(SYS_readlinkat, AT_FDCWD, link.c_str(), path.data(), path.size());
  errno = error;
  return size > 0 ? std::string(path.data(), size) : "";
}

bool Fails(const char* call, int descriptor) {
  const std::string path = PathOf(descriptor);
  return !path.empty() && Fails(call, path);
}

// The path of a file whose changes may get lost, otherwise empty.
std::string Unsynced(int descriptor) {
  if (ThePlan().kind != kPower && ThePlan().kind != kTorn) return "";
  std::string path = PathOf(descriptor);
  return Concerns(path) ? path : "";
}

void NoteWrite(int descriptor, off64_t offset, const void* bytes, size_t size) {
  const std::string path = Unsynced(descriptor);
  if (path.empty()) return;
  const int error = errno;
  e2e::NoteWrite(path, offset, bytes, size);
  errno = error;
}

// Where the next write goes that does not say where.
off64_t Place(int descriptor) {
  const long flags = syscall(SYS_fcntl, descriptor, F_GETFL);
  const bool appends = flags >= 0 && (flags & O_APPEND) != 0;
  return syscall(SYS_lseek, descriptor, 0, appends ? SEEK_END : SEEK_CUR);
}

int NoteSynced(int descriptor, long result) {
  const std::string path = result == 0 ? Unsynced(descriptor) : "";
  if (!path.empty()) e2e::NoteSync(path);
  return static_cast<int>(result);
}

// Of a call that fails in the plan's way; `size`: what a write was given.
long Fail(size_t& size) {
  const int kind = ThePlan().kind;
  if (kind == kPower || kind == kTorn) e2e::LosePower(kind == kTorn);
  if (kind != kShort) {
    errno = kind;
    return -1;
  }
  size = std::max<size_t>(1, size / 2);
  return 0;
}

bool FailsWhole(const char* call, int descriptor) {
  size_t none = 0;
  return Fails(call, descriptor) && Fail(none) < 0;
}

int Open(int directory, const char* path, int flags, mode_t mode) {
  size_t none = 0;
  if ((flags & O_ACCMODE) != O_RDONLY && Fails("open", std::string(path)) &&
      Fail(none) < 0) {
    return -1;
  }
  return static_cast<int>(syscall(SYS_openat, directory, path, flags, mode));
}

mode_t ModeOf(int flags, va_list arguments) {
  return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return Open(AT_FDCWD, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return Open(AT_FDCWD, path, flags, mode);
}

ssize_t write(int descriptor, const void* bytes, size_t size) {
  if (Fails("write", descriptor) && Fail(size) < 0) return -1;
  NoteWrite(descriptor, Place(descriptor), bytes, size);
  return syscall(SYS_write, descriptor, bytes, size);
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t size,
                 off64_t offset) {
  if (Fails("write", descriptor) && Fail(size) < 0) return -1;
  NoteWrite(descriptor, offset, bytes, size);
  return syscall(SYS_pwrite64, descriptor, bytes, size, offset);
}

ssize_t pwrite(int descriptor, const void* bytes, size_t size, off_t offset) {
  return pwrite64(descriptor, bytes, size, offset);
}

// Nothing of the store writes so; a short one is as always.
ssize_t writev(int descriptor, const iovec* parts, int count) {
  if (FailsWhole("write", descriptor)) return -1;
  return syscall(SYS_writev, descriptor, parts, count);
}

int fsync(int descriptor) {
  if (FailsWhole("sync", descriptor)) return -1;
  return NoteSynced(descriptor, syscall(SYS_fsync, descriptor));
}

int fdatasync(int descriptor) {
  if (FailsWhole("sync", descriptor)) return -1;
  return NoteSynced(descriptor, syscall(SYS_fdatasync, descriptor));
}

int ftruncate64(int descriptor, off64_t size) noexcept {
  if (FailsWhole("truncate", descriptor)) return -1;
  const std::string path = Unsynced(descriptor);
  if (!path.empty()) e2e::NoteTruncation(path, size);
  return static_cast<int>(syscall(SYS_ftruncate, descriptor, size));
}

int ftruncate(int descriptor, off_t size) noexcept {
  return ftruncate64(descriptor, size);
}

}  // extern "C"
