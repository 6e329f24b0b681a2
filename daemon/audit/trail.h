// The trail as the daemon's other rooms use it: rows that belong to no change,
// checkpoints, verification.
#ifndef KEYTURN_DAEMON_AUDIT_TRAIL_H_
#define KEYTURN_DAEMON_AUDIT_TRAIL_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/audit/checkpointer.h"
#include "daemon/audit/denials.h"
#include "daemon/audit/sealer.h"
#include "daemon/audit/verifier.h"
#include "daemon/base/clock.h"
#include "daemon/store/store.h"

namespace keyturn::audit {

// Thread-safe.
class Trail {
 public:
  struct Options {
    // All outlive the object.
    store::Store& store;
    const Sealer& sealer;
    base::Clock& clock;
    // The second place; empty: there is none but the log.
    std::string checkpoint_file;
    absl::Duration checkpoint_interval = kCheckpointInterval;
    // One line for the operator's log: each checkpoint, and what went wrong
    // with one.
    std::function<void(const std::string&)> note;
    std::function<void(const std::string&)> warn;
  };
  explicit Trail(Options options);
  // Writes what is summed up and a last checkpoint.
  ~Trail();
  Trail(const Trail&) = delete;
  Trail& operator=(const Trail&) = delete;

  // Stores `row` by itself. `done` as of store::Store::Commit.
  void Write(store::AuditRow row, std::function<void(absl::Status)> done);

  // Tells of a call that was refused before it had any effect; does not wait,
  // and tells at most so much (see Denials).
  void Deny(store::AuditRow row);

  // Reads the whole trail and compares it with the second place, and with
  // `expected`. Takes a while. FailedPrecondition (SEALED) while there is no
  // key; errors of the store.
  absl::StatusOr<Verdict> Verify(std::vector<Checkpoint> expected);

  // At once, rather than at the end of the interval; for tests.
  void CheckpointNow() { checkpointer_.CheckpointNow(); }

 private:
  void WriteAll(std::vector<store::AuditRow> rows);

  const Options options_;
  Denials denials_;
  Checkpointer checkpointer_;
};

}  // namespace keyturn::audit

#endif  // KEYTURN_DAEMON_AUDIT_TRAIL_H_
