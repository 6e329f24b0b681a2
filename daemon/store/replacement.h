// A store that is to take the place of another one: a back-up that comes back.
#ifndef KEYTURN_DAEMON_STORE_REPLACEMENT_H_
#define KEYTURN_DAEMON_STORE_REPLACEMENT_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/store/store.h"

namespace keyturn::store {

// Collects the bytes of a snapshot beside the store at `path`, which stays as
// it is. Belongs to one thread at a time.
class Replacement {
 public:
  // One at a time. What an earlier one left is taken away.
  static absl::StatusOr<std::unique_ptr<Replacement>> Begin(
      const std::string& path);
  // Takes away what was collected, unless Commit was called.
  ~Replacement();
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  // ResourceExhausted (DISK_FULL).
  absl::Status Add(std::string_view bytes);

  // After the last byte: what came, as a store, brought to the present schema.
  // Lives until Commit. Errors as of OpenSqliteStore, of which each tells that
  // what came is not to be used.
  absl::StatusOr<Store*> Open();

  // From now on TakeUpReplacement finds it; durable on return.
  absl::Status Commit();

 private:
  Replacement(std::string path, int descriptor)
      : path_(std::move(path)), descriptor_(descriptor) {}

  const std::string path_;
  // Below 0: all has come.
  int descriptor_;
  std::unique_ptr<Store> store_;
  bool committed_ = false;
};

// Puts a committed replacement in the place of the store at `path`, which is
// kept beside it as `path`.replaced; also takes away the copies that a crash
// left. True: there was one. To be called before OpenSqliteStore; a crash in
// between does no harm, the next call goes on. FailedPrecondition
// (STORE_LOCKED, STORE_PERMISSIONS) as of OpenSqliteStore.
absl::StatusOr<bool> TakeUpReplacement(const std::string& path);

}  // namespace keyturn::store

#endif  // KEYTURN_DAEMON_STORE_REPLACEMENT_H_
