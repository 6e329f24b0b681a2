#include "tests/e2e/unsynced.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace keyturn::e2e {
namespace {

// As of a process that is killed by SIGKILL, which also tells nothing.
constexpr int kExitCode = 137;

struct Change {
  std::string path;
  off64_t offset = 0;
  // What stood there, and how long the file was.
  std::string before;
  off64_t size_before = 0;
  // Empty: a truncation.
  std::string after;
};

struct Log {
  std::mutex mutex;
  std::vector<Change> changes;
};

Log& TheLog() {
  // Never destroyed: files are written until the process has ended.
  static Log& log = *new Log();
  return log;
}

// Opened by name, since the daemon's own descriptor may be for writing only.
long Open(const std::string& path, int flags) {
  return syscall(SYS_openat, AT_FDCWD, path.c_str(), flags | O_CLOEXEC);
}

// `size` bytes of `path` from `offset`, or as many as there are.
Change Before(const std::string& path, off64_t offset, size_t size) {
  Change change;
  change.path = path;
  change.offset = offset;
  const long file = Open(path, O_RDONLY);
  if (file < 0) return change;
  const long end = syscall(SYS_lseek, file, 0, SEEK_END);
  change.size_before = std::max<long>(end, 0);
  const off64_t there = std::max<off64_t>(change.size_before - offset, 0);
  change.before.resize(std::min<size_t>(size, there));
  const long read = syscall(SYS_pread64, file, change.before.data(),
                            change.before.size(), offset);
  change.before.resize(std::max<long>(read, 0));
  syscall(SYS_close, file);
  return change;
}

void Undo(const Change& change) {
  const long file = Open(change.path, O_WRONLY);
  if (file < 0) return;
  syscall(SYS_pwrite64, file, change.before.data(), change.before.size(),
          change.offset);
  syscall(SYS_ftruncate, file, change.size_before);
  syscall(SYS_close, file);
}

void Redo(const Change& change, size_t size) {
  const long file = Open(change.path, O_WRONLY);
  if (file < 0) return;
  syscall(SYS_pwrite64, file, change.after.data(), size, change.offset);
  syscall(SYS_close, file);
}

}  // namespace

void NoteWrite(const std::string& path, off64_t offset, const void* bytes,
               size_t size) {
  Log& log = TheLog();
  const std::lock_guard lock(log.mutex);
  Change change = Before(path, offset, size);
  change.after.assign(static_cast<const char*>(bytes), size);
  log.changes.push_back(std::move(change));
}

void NoteTruncation(const std::string& path, off64_t size) {
  Log& log = TheLog();
  const std::lock_guard lock(log.mutex);
  log.changes.push_back(Before(path, size, SIZE_MAX));
}

void NoteSync(const std::string& path) {
  Log& log = TheLog();
  const std::lock_guard lock(log.mutex);
  std::erase_if(log.changes,
                [&path](const Change& change) { return change.path == path; });
}

void LosePower(bool torn) {
  Log& log = TheLog();
  log.mutex.lock();
  std::for_each(log.changes.rbegin(), log.changes.rend(), Undo);
  for (size_t i = 0; torn && i < log.changes.size(); ++i) {
    const Change& change = log.changes[i];
    const bool newest = i + 1 == log.changes.size();
    if (newest || i % 2 == 0) {
      Redo(change, newest ? change.after.size() / 2 : change.after.size());
    }
  }
  while (true) syscall(SYS_exit_group, kExitCode);
}

}  // namespace keyturn::e2e
