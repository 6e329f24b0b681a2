// The second place of the trail's checkpoints: an append-only file. One line
// each, format 1:
//
//   keyturn-audit-checkpoint 1 sequence=N head=HEX time=RFC3339 key=HEX mac=HEX
//
// where key is the chain key's id and mac its HMAC-SHA256 of the text before
// " mac=". The same lines go to the operator's log, and so to the journal.
#ifndef KEYTURN_DAEMON_AUDIT_CHECKPOINT_FILE_H_
#define KEYTURN_DAEMON_AUDIT_CHECKPOINT_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/audit/chain.h"
#include "daemon/audit/verifier.h"

namespace keyturn::audit {

// The newest lines are read; at one a minute that is more than two months.
inline constexpr size_t kCheckpointsMax = 100'000;
// A longer line is none of ours.
inline constexpr size_t kCheckpointBytesMax = 512;

// Without the line's end.
std::string FormatCheckpoint(const Checkpoint& checkpoint, const ChainKey& key);

// DataLoss unless `line` is of the form above, and, when it names `key`, has
// its MAC. What another key signed is taken as it is: an altered one can only
// raise an alarm.
absl::StatusOr<Checkpoint> ParseCheckpoint(std::string_view line,
                                           const ChainKey& key);

struct CheckpointFile {
  // In the order in which they were written.
  std::vector<Checkpoint> checkpoints;
  // Lines that are no checkpoints of ours, by their number from 1; at most
  // kFindingsMax. The beginning of one is none of them: the daemon was killed
  // in the midst of it.
  std::vector<int64_t> altered_lines;
};

// An absent file is an empty one. Unavailable when it cannot be read.
absl::StatusOr<CheckpointFile> ReadCheckpoints(const std::string& path,
                                               const ChainKey& key);

// Adds the line and syncs. Makes the file (mode 0600) when it is not there.
// Unavailable.
absl::Status AppendCheckpoint(const std::string& path, std::string_view line);

}  // namespace keyturn::audit

#endif  // KEYTURN_DAEMON_AUDIT_CHECKPOINT_FILE_H_
