// A disk that a test makes fail: a virtual file system of SQLite around the
// system's own.
#ifndef KEYTURN_TESTS_STORE_FAULTY_DISK_H_
#define KEYTURN_TESTS_STORE_FAULTY_DISK_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "daemon/base/mutex.h"

namespace keyturn::testing {

// There is one for the whole process. Thread-safe.
class FaultyDisk {
 public:
  // For SqliteOptions::vfs.
  static constexpr char kName[] = "keyturn-faulty-disk";

  // Registers it with SQLite at the first call.
  static FaultyDisk& Get();

  // As new: works, has synced nothing.
  void Reset();

  // The extended result code that every sync or write gives from now on; 0:
  // works. `name` is the file concerned; empty: all.
  void FailSyncs(int code, const std::string& name = "");
  void FailWrites(int code) { write_code_ = code; }

  int64_t syncs() const { return syncs_; }

  // What a power failure now would leave: the content of each file at its last
  // sync, by name without directory. Takes a deletion as durable at once.
  std::map<std::string, std::string> Synced();

  // For the file system's functions.
  int SyncCodeOf(const std::string& name);
  int write_code() const { return write_code_; }
  void NoteSync(const std::string& name, std::string content);
  void NoteDeletion(const std::string& name);

 private:
  std::atomic<int> write_code_ = 0;
  std::atomic<int64_t> syncs_ = 0;
  base::Mutex mutex_;
  int sync_code_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string failing_name_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> synced_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_STORE_FAULTY_DISK_H_
