// A store that is to take the place of another one: a back-up that comes back.
#ifndef KEYTURN_DAEMON_STORE_REPLACEMENT_H_
#define KEYTURN_DAEMON_STORE_REPLACEMENT_H_

#include <cstdint>
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
  // Lives until Commit; `audit_sealer`, as of SqliteOptions, outlives it.
  // Errors as of OpenSqliteStore, of which each tells that what came is not to
  // be used.
  absl::StatusOr<Store*> Open(AuditSealer* audit_sealer = nullptr);

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

// Whether a committed replacement waits for TakeUpReplacement.
bool ReplacementWaits(const std::string& path);

// Puts a committed replacement in the place of the store at `path`, which is
// kept beside it as `path`.replaced; also takes away the copies that a crash
// left. The store is held from then on, see IsHeld. Nothing to do is no error.
// To be called before OpenSqliteStore; a crash in between does no harm, the
// next call goes on.
//
// FailedPrecondition (STORE_NOT_EMPTY), and nothing is done, when something was
// stored after the replacement was committed; (STORE_LOCKED, STORE_PERMISSIONS)
// as of OpenSqliteStore.
absl::Status TakeUpReplacement(const std::string& path);

// Whether the store at `path` came back and nobody has released it yet: whoever
// works on what it holds may not be the only one. Survives restarts.
bool IsHeld(const std::string& path);
// Durable on return; also when it is not held.
absl::Status Release(const std::string& path);

// What a store holds that is not to be lost.
struct Holdings {
  int64_t migrations = 0;
  int64_t credentials = 0;
  int64_t accounts = 0;

  bool none() const { return migrations + credentials + accounts == 0; }
};
absl::StatusOr<Holdings> HoldingsOf(Store& store);
// "3 migrations, 2 credentials and 4 accounts".
std::string Describe(const Holdings& holdings);

}  // namespace keyturn::store

#endif  // KEYTURN_DAEMON_STORE_REPLACEMENT_H_
