// The trail's second place, and the seals of its rows.
#include <string>

#include "absl/strings/str_split.h"
#include "daemon/audit/chain.h"
#include "daemon/audit/checkpoint_file.h"
#include "daemon/base/status.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/scratch_file.h"

namespace keyturn::fuzz {
namespace {

// Of the key 00..1f, as in tests/audit/testdata.
const audit::ChainKey& Key() {
  static const auto& key = *[] {
    std::string bytes(32, '\0');
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i);
    return new audit::ChainKey(
        *audit::ChainKey::DeriveFrom(secret::Secret(bytes)));
  }();
  return key;
}

void TryLine(std::string_view text) {
  const absl::StatusOr<audit::CheckpointLine> line =
      audit::ParseCheckpoint(text, Key());
  if (!line.ok()) {
    Require(absl::IsDataLoss(line.status()),
            "what is no checkpoint is DataLoss", line.status().ToString());
    return;
  }
  Require(text.size() <= audit::kCheckpointBytesMax, "a line is short");
  if (!line->ours || line->place.number == 0) return;
  Require(audit::FormatCheckpoint(line->checkpoint,
                                  {line->place.number - 1, line->before},
                                  Key()) == text,
          "a checkpoint of ours has one form only");
}

void TryFile(std::string_view text) {
  static const ScratchFile scratch;
  scratch.Write(text);
  const absl::StatusOr<audit::CheckpointFile> file =
      audit::ReadCheckpoints(scratch.path(), Key());
  Require(file.ok(), "a file of whatever content can be read",
          file.status().ToString());
  Require(file->altered_lines.size() <= audit::kFindingsMax &&
              file->removed.size() <= audit::kFindingsMax &&
              file->checkpoints.size() <= audit::kCheckpointsMax,
          "what is told is limited");
  Require(audit::ReadNewest(scratch.path(), Key()).ok(), "and so can its end");
  // Whatever was done to it, the daemon goes on writing.
  const audit::Checkpoint next = {.sequence = 1 << 20,
                                  .head = std::string(audit::kHeadBytes, 'h'),
                                  .time = absl::UnixEpoch()};
  const std::string line = audit::FormatCheckpoint(next, file->end, Key());
  Require(audit::AppendCheckpoint(scratch.path(), line).ok(),
          "a line can be added");
  const auto newest = audit::ReadNewest(scratch.path(), Key());
  Require(newest.ok() && newest->has_value() && (*newest)->ours &&
              (*newest)->checkpoint.sequence == next.sequence,
          "and is the newest");
}

void TrySeal(std::string_view bytes) {
  const absl::StatusOr<audit::Seal> seal = audit::ParseSeal(bytes);
  Require(seal.ok() ? bytes.size() == audit::kSealBytes
                    : absl::IsDataLoss(seal.status()),
          "a seal is one or DataLoss");
  store::AuditRow row;
  row.seal = std::string(bytes);
  Require(!audit::IsSealedUnder(row, Key()),
          "what we did not seal is not ours");
}

}  // namespace
}  // namespace keyturn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keyturn;
  const std::string_view text = fuzz::TextOf(data, size);
  for (const absl::string_view line :
       absl::StrSplit(base::ToAbsl(text), '\n')) {
    fuzz::TryLine(base::ToStd(line));
  }
  fuzz::TryFile(text);
  fuzz::TrySeal(text);
  return 0;
}
