#include "daemon/audit/old_copy.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/audit/checkpoint_file.h"
#include "daemon/base/status.h"

namespace keyturn::audit {
namespace {

absl::Status RolledBack(const std::string& file, absl::Time since,
                        const std::string& what) {
  return base::WithReason(
      absl::DataLossError(absl::StrCat(
          "the database is an old copy of itself: ", what, " (checkpoint of ",
          absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", since, absl::UTCTimeZone()),
          " in ", file,
          "); what was done since is forgotten here, but not outside. See the "
          "run book; who has put a back-up back on purpose says so with "
          "`keyturnd accept-restored`")),
      "STORE_ROLLED_BACK");
}

// The row, or nothing when it is not there.
absl::StatusOr<std::optional<store::AuditRow>> RowAt(store::Store& store,
                                                     int64_t sequence) {
  std::optional<store::AuditRow> found;
  ASSIGN_OR_RETURN(std::vector<store::AuditRow> rows,
                   store.ListAuditRows(sequence - 1, 1));
  if (!rows.empty() && rows.front().sequence == sequence) {
    found = std::move(rows.front());
  }
  return found;
}

absl::Status Compare(store::Store& store, const ChainKey& key,
                     const Checkpoint& end, const Checkpoint& newest,
                     const std::string& file) {
  if (end.sequence < newest.sequence) {
    return RolledBack(
        file, newest.time,
        absl::StrCat("its audit trail ends with row ", end.sequence,
                     ", but had come to row ", newest.sequence));
  }
  if (end.census < newest.census) {
    return RolledBack(file, newest.time,
                      absl::StrCat("its audit trail has not the row ",
                                   newest.census, " on the credentials"));
  }
  ASSIGN_OR_RETURN(const std::optional<store::AuditRow> row,
                   RowAt(store, newest.sequence));
  // A row that is not there, or was edited, is for the trail's verification.
  if (!row.has_value() || !IsSealedUnder(*row, key)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string head, HeadAt(store, newest.sequence));
  if (head == newest.head) return absl::OkStatus();
  return RolledBack(file, newest.time,
                    absl::StrCat("row ", newest.sequence,
                                 " of its audit trail was another one"));
}

// From the last row on the credentials on.
absl::StatusOr<std::vector<std::string>> LookThroughEnd(
    store::Store& store, const std::shared_ptr<const ChainKey>& key,
    const Checkpoint& end) {
  std::vector<std::string> found;
  std::optional<Verifier> verifier;
  int64_t after = std::max<int64_t>(
      0,
      end.census > 0 ? end.census - 1 : end.sequence - store::kCensusRowsMax);
  for (;;) {
    ASSIGN_OR_RETURN(const std::vector<store::AuditRow> rows,
                     store.ListAuditRows(after, store::kPageItemsMax));
    if (rows.empty()) break;
    after = rows.back().sequence;
    for (const store::AuditRow& row : rows) {
      // What cannot be proved alone is no beginning.
      if (!verifier.has_value() && IsSealedUnder(row, *key)) {
        verifier.emplace(key, std::vector<Checkpoint>(), end.sequence);
        verifier->BeginAt(row);
      }
      if (verifier.has_value()) verifier->Add(row);
    }
  }
  if (!verifier.has_value()) return found;
  for (const Finding& finding : verifier->Finish().findings) {
    if (finding.kind == Finding::Kind::kRowsUnproved) continue;
    found.push_back(absl::StrCat("audit: ", finding.message,
                                 "; run keyturn audit verify and see the run "
                                 "book"));
  }
  return found;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> LookForOldCopy(
    store::Store& store, const std::shared_ptr<const ChainKey>& key,
    const std::string& file) {
  ASSIGN_OR_RETURN(const Checkpoint end, EndOf(store));
  if (!file.empty()) {
    ASSIGN_OR_RETURN(const std::optional<CheckpointLine> newest,
                     ReadNewest(file, *key));
    // What another key signed may be of another store.
    if (newest.has_value() && newest->ours) {
      RETURN_IF_ERROR(Compare(store, *key, end, newest->checkpoint, file));
    }
  }
  return LookThroughEnd(store, key, end);
}

absl::StatusOr<std::string> WriteRestored(store::Store& store,
                                          const ChainKey& key,
                                          const std::string& file,
                                          absl::Time now) {
  ASSIGN_OR_RETURN(Checkpoint end, EndOf(store));
  end.time = now;
  end.restored = true;
  Place before;
  if (!file.empty()) {
    ASSIGN_OR_RETURN(const std::optional<CheckpointLine> newest,
                     ReadNewest(file, key));
    if (newest.has_value()) before = newest->place;
  }
  std::string line = FormatCheckpoint(end, before, key);
  if (!file.empty()) RETURN_IF_ERROR(AppendCheckpoint(file, line));
  return line;
}

}  // namespace keyturn::audit
