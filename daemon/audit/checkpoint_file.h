// The second place of the trail's checkpoints: an append-only file. One line
// each, format 2 (here broken):
//
//   keyturn-audit-checkpoint 2 number=N sequence=N head=HEX census=N
//   restored=no|yes before=HEX time=RFC3339 key=HEX mac=HEX
//
// where number ascends by one, before is the mac of the line before (zeros in
// the first), key is the chain key's id and mac its HMAC-SHA256 of the text
// before " mac=". So a line that was taken out shows, unless all that followed
// it were taken out as well. The same lines go to the operator's log, and so to
// the journal. Lines of format 1, from before they were numbered, are read:
//
//   keyturn-audit-checkpoint 1 sequence=N head=HEX time=RFC3339 key=HEX mac=HEX
#ifndef KEYTURN_DAEMON_AUDIT_CHECKPOINT_FILE_H_
#define KEYTURN_DAEMON_AUDIT_CHECKPOINT_FILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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
// What is read of the file to learn how it ends.
inline constexpr size_t kFileEndBytes = 64 * 1024;

// Where in the file a line stands.
struct Place {
  // 0: before the first line, or in format 1.
  int64_t number = 0;
  // Of that line, as it is written; empty: before the first one.
  std::string mac;
};

// Without the line's end. `before`: the line that it follows.
std::string FormatCheckpoint(const Checkpoint& checkpoint, const Place& before,
                             const ChainKey& key);

struct CheckpointLine {
  Checkpoint checkpoint;
  Place place;
  // The mac of the line before; empty in format 1.
  std::string before;
  // Whether its MAC was proved: it names our key.
  bool ours = false;
};

// DataLoss unless `line` is of the form above, and, when it names `key`, has
// its MAC. What another key signed is taken as it is: an altered one can only
// raise an alarm.
absl::StatusOr<CheckpointLine> ParseCheckpoint(std::string_view line,
                                               const ChainKey& key);

struct CheckpointFile {
  // In the order in which they were written.
  std::vector<Checkpoint> checkpoints;
  // Lines that are no checkpoints of ours, by their number from 1; at most
  // kFindingsMax. The beginning of one is none of them: the daemon was killed
  // in the midst of it.
  std::vector<int64_t> altered_lines;
  // First and last number of checkpoints that were taken out; at most
  // kFindingsMax.
  std::vector<std::pair<int64_t, int64_t>> removed;
  // The last line.
  Place end;
};

// An absent file is an empty one. Unavailable when it cannot be read.
absl::StatusOr<CheckpointFile> ReadCheckpoints(const std::string& path,
                                               const ChainKey& key);

// The newest line that is one of ours or another key's, looked for in the last
// kFileEndBytes; empty when there is none. Errors as of ReadCheckpoints.
absl::StatusOr<std::optional<CheckpointLine>> ReadNewest(
    const std::string& path, const ChainKey& key);

// Adds the line and syncs. Makes the file (mode 0600) when it is not there.
// Unavailable.
absl::Status AppendCheckpoint(const std::string& path, std::string_view line);

}  // namespace keyturn::audit

#endif  // KEYTURN_DAEMON_AUDIT_CHECKPOINT_FILE_H_
