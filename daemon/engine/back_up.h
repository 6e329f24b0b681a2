// The whole store, copied and taken back.
#ifndef KEYTURN_DAEMON_ENGINE_BACK_UP_H_
#define KEYTURN_DAEMON_ENGINE_BACK_UP_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/audit/sealer.h"
#include "daemon/engine/custodian.h"
#include "daemon/engine/engine.h"
#include "daemon/store/replacement.h"
#include "daemon/store/store.h"
#include "daemon/vault/back_up.h"

namespace keyturn::engine {

// A sealed copy that is being read. Belongs to one thread at a time; outlives
// neither store nor custodian.
class BackUp {
 public:
  // Copies the store, which takes as long as the disk needs. FailedPrecondition
  // (SEALED); those of Store::TakeSnapshot.
  static absl::StatusOr<std::unique_ptr<BackUp>> Make(
      store::Store& store, const Custodian& custodian);

  // The file's next bytes, about 64 KiB; empty: there are no more.
  absl::StatusOr<std::string> Next();

 private:
  BackUp(std::unique_ptr<store::Snapshot> snapshot, vault::BackUpSealer sealer)
      : snapshot_(std::move(snapshot)), sealer_(std::move(sealer)) {}

  const std::unique_ptr<store::Snapshot> snapshot_;
  vault::BackUpSealer sealer_;
  bool begun_ = false;
  bool ended_ = false;
};

// What came back.
struct Restored {
  // When the back-up was made.
  absl::Time made_at;
  store::Holdings holdings = {};
};

// A back-up that is coming back. Belongs to one thread at a time; outlives
// neither store nor custodian.
class Restoration {
 public:
  // `path`: of `store`'s file. FailedPrecondition (STORE_NOT_EMPTY) when it
  // holds a migration, credential or account.
  static absl::StatusOr<std::unique_ptr<Restoration>> Begin(
      store::Store& store, const Custodian& custodian, const std::string& path);

  // The file's next bytes, however many. Those of vault::BackUpOpener.
  absl::Status Add(std::string_view bytes);

  // After the last byte. Checks that all has come, that it opens, and that our
  // root keys fit; writes to its trail that `caller` restored it; then it takes
  // the store's place when the daemon starts the next time. The store that is
  // open now stays as it is.
  //
  // Beside those of vault::BackUpOpener, store::OpenSqliteStore and
  // Custodian::OpenOther: FailedPrecondition (STORE_NOT_EMPTY).
  absl::StatusOr<Restored> Finish(const Caller& caller, absl::Time now);

 private:
  Restoration(store::Store& store, const Custodian& custodian,
              std::unique_ptr<store::Replacement> replacement);

  store::Store& store_;
  const Custodian& custodian_;
  // Of the store that is coming, which it outlives.
  audit::Sealer sealer_;
  const std::unique_ptr<store::Replacement> replacement_;
  vault::BackUpOpener opener_;
};

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_BACK_UP_H_
