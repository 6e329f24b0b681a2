#include "daemon/audit/trail.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/audit/checkpoint_file.h"
#include "daemon/base/status.h"

namespace keyturn::audit {
namespace {

// Where the trail was before somebody put a back-up back on purpose is no
// place that it must go through.
void KeepSinceRestored(std::vector<Checkpoint>& checkpoints) {
  const auto restored =
      std::find_if(checkpoints.rbegin(), checkpoints.rend(),
                   [](const Checkpoint& one) { return one.restored; });
  if (restored == checkpoints.rend()) return;
  checkpoints.erase(checkpoints.begin(), std::prev(restored.base()));
}

}  // namespace

Trail::Trail(Options options)
    : options_(std::move(options)),
      checkpointer_({options_.store, options_.sealer, options_.clock,
                     options_.checkpoint_file, options_.checkpoint_interval,
                     options_.note, options_.warn,
                     [this] { WriteAll(denials_.Sums(options_.clock.Now())); },
                     AppendCheckpoint}) {}

Trail::~Trail() {
  store::Batch batch;
  batch.audit = denials_.Sums(absl::InfiniteFuture());
  if (batch.audit.empty()) return;
  // A store that is broken has said so already.
  options_.store.CommitAndWait(std::move(batch)).IgnoreError();
}

void Trail::Write(store::AuditRow row, std::function<void(absl::Status)> done) {
  store::Batch batch;
  batch.audit.push_back(std::move(row));
  options_.store.Commit(
      std::move(batch),
      [done = std::move(done)](
          const absl::StatusOr<store::CommitResult>& committed) {
        done(committed.status());
      });
}

void Trail::Deny(store::AuditRow row) {
  const absl::Time now = options_.clock.Now();
  row.time = now;
  WriteAll(denials_.Add(std::move(row), now));
}

void Trail::WriteAll(std::vector<store::AuditRow> rows) {
  if (rows.empty()) return;
  store::Batch batch;
  batch.audit = std::move(rows);
  options_.store.Commit(std::move(batch),
                        [](const absl::StatusOr<store::CommitResult>&) {});
}

absl::StatusOr<Verdict> Trail::Verify(std::vector<Checkpoint> expected) {
  const std::shared_ptr<const ChainKey> key = options_.sealer.key();
  if (key == nullptr) {
    return base::WithReason(
        absl::FailedPreconditionError(
            "the daemon is sealed and has no key to verify with: unseal it "
            "first"),
        "SEALED");
  }
  CheckpointFile file;
  if (!options_.checkpoint_file.empty()) {
    ASSIGN_OR_RETURN(file, ReadCheckpoints(options_.checkpoint_file, *key));
  }
  KeepSinceRestored(file.checkpoints);
  for (Checkpoint& checkpoint : expected) {
    file.checkpoints.push_back(std::move(checkpoint));
  }
  ASSIGN_OR_RETURN(Verdict verdict,
                   VerifyTrail(options_.store, key, file.checkpoints));
  for (const auto& [first, last] : file.removed) {
    verdict.findings.push_back(
        {Finding::Kind::kCheckpointAltered, 0, 0,
         absl::StrCat("checkpoints number ", first, " to ", last,
                      " were taken out of ", options_.checkpoint_file)});
  }
  if (!file.altered_lines.empty()) {
    verdict.findings.push_back(
        {Finding::Kind::kCheckpointAltered, 0, 0,
         absl::StrCat("in ", options_.checkpoint_file,
                      " these lines are not as they were written: ",
                      absl::StrJoin(file.altered_lines, ", "))});
  }
  return verdict;
}

}  // namespace keyturn::audit
