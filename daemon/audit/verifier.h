// Looks through the trail for what somebody did to it.
#ifndef KEYTURN_DAEMON_AUDIT_VERIFIER_H_
#define KEYTURN_DAEMON_AUDIT_VERIFIER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/audit/chain.h"
#include "daemon/store/records.h"
#include "daemon/store/store.h"

namespace keyturn::audit {

// What is told; more findings are only counted.
inline constexpr size_t kFindingsMax = 100;

// A place where the trail was known to have been: the head after a row.
struct Checkpoint {
  int64_t sequence = 0;
  std::string head;
  // Infinite past: somebody else knows of it, and did not say since when.
  absl::Time time = absl::InfinitePast();
  // Of the trail's newest row on the credentials, see store::kCensusAction; 0:
  // there was none, or nobody said.
  int64_t census = 0;
  // Somebody said then that the store had been put back on purpose: where the
  // trail was before counts no more.
  bool restored = false;
};

// Where the trail of `store` ends, without an instant. The head is empty when
// its last row is not there. Errors of the store.
absl::StatusOr<Checkpoint> EndOf(store::Store& store);

// The head after the row `sequence`, as its seal says; empty when there is no
// such row, or it has no seal. Errors of the store.
absl::StatusOr<std::string> HeadAt(store::Store& store, int64_t sequence);

struct Finding {
  enum class Kind {
    kRowEdited,
    kRowsRemoved,
    kRowsReordered,
    kTailCut,
    kOldCopy,
    // Nobody vouches for these rows: their key is not ours and no later row's
    // is.
    kRowsUnproved,
    // The second place was changed, or cannot be read.
    kCheckpointAltered,
  };
  Kind kind = Kind::kRowEdited;
  // Of the rows that it is about; the same for one row.
  int64_t first_sequence = 0;
  int64_t last_sequence = 0;
  // For people.
  std::string message;
};

// "ROW_EDITED", "ROWS_REMOVED", ...
std::string_view Name(Finding::Kind kind);

struct Verdict {
  // Rows that were read.
  int64_t rows = 0;
  int64_t last_sequence = 0;
  // Head after the last row; empty when there is none.
  std::string head;
  // Checkpoints that the trail goes through.
  int64_t checkpoints = 0;
  // In the order of the rows, at most kFindingsMax.
  std::vector<Finding> findings;
  // Beyond these.
  int64_t findings_not_told = 0;

  bool intact() const { return findings.empty(); }
};

// Add every row, oldest first, then Finish. Never needs more than the row
// before.
class Verifier {
 public:
  // `checkpoints` were read before the first row. `last_given` is the last
  // sequence that the store had given then: rows may come while we read.
  Verifier(std::shared_ptr<const ChainKey> key,
           std::vector<Checkpoint> checkpoints, int64_t last_given);

  // Before the first Add, of `row`: nothing stands before it. Its seal, proved
  // by the caller, says what it hangs on.
  void BeginAt(const store::AuditRow& row);
  void Add(const store::AuditRow& row);
  Verdict Finish();

 private:
  // The head after `row`, or empty when the row is not what was written there.
  std::optional<std::string> CheckRow(const store::AuditRow& row);
  void CheckLink(const store::AuditRow& row, std::string_view head_before,
                 bool missing);
  void MeetCheckpoints(const store::AuditRow& row,
                       const std::optional<std::string>& head);
  void Find(Finding::Kind kind, int64_t first, int64_t last,
            std::string message);

  const std::shared_ptr<const ChainKey> key_;
  std::vector<Checkpoint> checkpoints_;
  const int64_t last_given_;
  Verdict verdict_;
  size_t next_checkpoint_ = 0;
  // Of the last checkpoint that the trail goes through.
  int64_t last_met_ = 0;
  bool old_copy_ = false;
  // Head after the row before; empty when that one cannot be trusted.
  std::optional<std::string> head_ = FirstHead();
  // First of the rows, up to the one before, that no row under our key vouches
  // for yet; 0: none.
  int64_t unproved_since_ = 0;
  bool sealed_before_ = false;
};

// Reads the whole trail of `store`. Errors of the store.
absl::StatusOr<Verdict> VerifyTrail(store::Store& store,
                                    std::shared_ptr<const ChainKey> key,
                                    std::vector<Checkpoint> checkpoints);

}  // namespace keyturn::audit

#endif  // KEYTURN_DAEMON_AUDIT_VERIFIER_H_
