#include "daemon/audit/verifier.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "daemon/base/status.h"

namespace keyturn::audit {
namespace {

std::string RowsText(int64_t first, int64_t last) {
  return first == last ? absl::StrCat("row ", first)
                       : absl::StrCat("rows ", first, " to ", last);
}

// "row 3 was", "rows 3 to 4 were".
std::string RowsWere(int64_t first, int64_t last) {
  return absl::StrCat(RowsText(first, last), first == last ? " was" : " were");
}

std::string WhenText(absl::Time time) {
  if (time == absl::InfinitePast()) return "at some time";
  return absl::FormatTime("at %Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace

std::string_view Name(Finding::Kind kind) {
  switch (kind) {
    case Finding::Kind::kRowEdited:
      return "ROW_EDITED";
    case Finding::Kind::kRowsRemoved:
      return "ROWS_REMOVED";
    case Finding::Kind::kRowsReordered:
      return "ROWS_REORDERED";
    case Finding::Kind::kTailCut:
      return "TAIL_CUT";
    case Finding::Kind::kOldCopy:
      return "OLD_COPY";
    case Finding::Kind::kRowsUnproved:
      return "ROWS_UNPROVED";
    case Finding::Kind::kCheckpointAltered:
      return "CHECKPOINT_ALTERED";
  }
  return "";
}

absl::StatusOr<Checkpoint> EndOf(store::Store& store) {
  Checkpoint end;
  ASSIGN_OR_RETURN(end.sequence, store.LastAuditSequence());
  ASSIGN_OR_RETURN(end.head, HeadAt(store, end.sequence));
  store::AuditFilter filter;
  filter.action = store::kCensusAction;
  ASSIGN_OR_RETURN(const store::Page<store::AuditRow> census,
                   store.FindAuditRows(filter, {.limit = 1, .after = ""}));
  if (!census.items.empty()) end.census = census.items.front().sequence;
  return end;
}

absl::StatusOr<std::string> HeadAt(store::Store& store, int64_t sequence) {
  ASSIGN_OR_RETURN(const std::vector<store::AuditRow> rows,
                   store.ListAuditRows(sequence - 1, 1));
  if (rows.empty() || rows.front().sequence != sequence) return std::string();
  const store::AuditRow& row = rows.front();
  const absl::StatusOr<Seal> seal = ParseSeal(row.seal);
  if (!seal.ok()) return std::string();
  return HeadAfter(row, seal->sequence, seal->head_before);
}

Verifier::Verifier(std::shared_ptr<const ChainKey> key,
                   std::vector<Checkpoint> checkpoints, int64_t last_given)
    : key_(std::move(key)),
      checkpoints_(std::move(checkpoints)),
      last_given_(last_given) {
  // Where an old copy went on, later checkpoints have lower sequences.
  std::stable_sort(checkpoints_.begin(), checkpoints_.end(),
                   [](const Checkpoint& a, const Checkpoint& b) {
                     return a.sequence < b.sequence;
                   });
}

void Verifier::BeginAt(const store::AuditRow& row) {
  const absl::StatusOr<Seal> seal = ParseSeal(row.seal);
  verdict_.last_sequence = row.sequence - 1;
  head_ = std::nullopt;
  if (seal.ok()) head_ = seal->head_before;
}

void Verifier::Add(const store::AuditRow& row) {
  ++verdict_.rows;
  std::optional<std::string> head = CheckRow(row);
  MeetCheckpoints(row, head);
  verdict_.last_sequence = row.sequence;
  head_ = std::move(head);
}

std::optional<std::string> Verifier::CheckRow(const store::AuditRow& row) {
  const int64_t expected = verdict_.last_sequence + 1;
  const bool missing = row.sequence > expected;
  const absl::StatusOr<Seal> seal = ParseSeal(row.seal);
  const bool bare = row.seal.empty() && !sealed_before_;
  const bool ours = seal.ok() && key_ != nullptr && seal->key_id == key_->id();
  sealed_before_ = sealed_before_ || seal.ok();
  if ((!seal.ok() && !bare) || (ours && !IsSealedUnder(row, *key_))) {
    if (missing) {
      Find(Finding::Kind::kRowsRemoved, expected, row.sequence - 1,
           absl::StrCat(RowsWere(expected, row.sequence - 1),
                        " taken out of the trail"));
    }
    Find(Finding::Kind::kRowEdited, row.sequence, row.sequence,
         absl::StrCat("row ", row.sequence,
                      row.seal.empty()
                          ? " has lost its seal"
                          : " is not as it was written: it was edited"));
    return std::nullopt;
  }
  if (bare) {
    if (missing) CheckLink(row, "", missing);
    if (unproved_since_ == 0) unproved_since_ = row.sequence;
    return HeadAfter(row, row.sequence, head_.value_or(FirstHead()));
  }
  if (seal->sequence != row.sequence) {
    if (missing) CheckLink(row, "", missing);
    Find(Finding::Kind::kRowsReordered, row.sequence, row.sequence,
         absl::StrCat("row ", row.sequence, " was written as row ",
                      seal->sequence, ": rows were reordered"));
    return std::nullopt;
  }
  CheckLink(row, seal->head_before, missing);
  if (ours) {
    unproved_since_ = 0;
  } else if (unproved_since_ == 0) {
    unproved_since_ = row.sequence;
  }
  return HeadAfter(row, seal->sequence, seal->head_before);
}

void Verifier::CheckLink(const store::AuditRow& row,
                         std::string_view head_before, bool missing) {
  const int64_t before = verdict_.last_sequence;
  const bool linked = head_.has_value() && *head_ == head_before;
  if (missing) {
    const std::string rows = RowsWere(before + 1, row.sequence - 1);
    // What followed was chained to what was left: the rows were gone by then.
    Find(linked ? Finding::Kind::kTailCut : Finding::Kind::kRowsRemoved,
         before + 1, row.sequence - 1,
         linked
             ? absl::StrCat(rows, " cut off the end of the trail before row ",
                            row.sequence, " was written")
             : absl::StrCat(rows, " taken out of the trail"));
    return;
  }
  if (linked || !head_.has_value()) return;
  if (unproved_since_ != 0) {
    Find(Finding::Kind::kRowEdited, unproved_since_, before,
         absl::StrCat("row ", row.sequence, " remembers ",
                      RowsText(unproved_since_, before),
                      " otherwise, which cannot be proved alone: edited"));
    unproved_since_ = 0;
    return;
  }
  Find(Finding::Kind::kRowsReordered, before, row.sequence,
       absl::StrCat("row ", row.sequence, " was not written after row ", before,
                    ": another row stood there"));
}

void Verifier::MeetCheckpoints(const store::AuditRow& row,
                               const std::optional<std::string>& head) {
  for (; next_checkpoint_ < checkpoints_.size(); ++next_checkpoint_) {
    const Checkpoint& checkpoint = checkpoints_[next_checkpoint_];
    if (checkpoint.sequence > row.sequence) return;
    // A row that is missing or altered has its own finding.
    if (checkpoint.sequence < row.sequence || !head.has_value()) continue;
    if (checkpoint.head == *head) {
      ++verdict_.checkpoints;
      last_met_ = row.sequence;
    } else if (!std::exchange(old_copy_, true)) {
      Find(Finding::Kind::kOldCopy, last_met_ + 1, row.sequence,
           absl::StrCat(WhenText(checkpoint.time), " row ", row.sequence,
                        " was another one: an old copy of the database was put "
                        "back after row ",
                        last_met_, " or later, and went on"));
    }
  }
}

Verdict Verifier::Finish() {
  const int64_t last = verdict_.last_sequence;
  if (last_given_ > last) {
    Find(Finding::Kind::kTailCut, last + 1, last_given_,
         absl::StrCat("the trail ends with row ", last, "; ",
                      RowsWere(last + 1, last_given_), " cut off its end"));
  }
  if (!checkpoints_.empty()) {
    const Checkpoint& newest = checkpoints_.back();
    if (newest.sequence > std::max(last, last_given_)) {
      Find(Finding::Kind::kOldCopy, last + 1, newest.sequence,
           absl::StrCat("the trail ends with row ", last, ", but ",
                        WhenText(newest.time), " it had reached row ",
                        newest.sequence,
                        ": an old copy of the database was put back, or the "
                        "end of the trail was cut off"));
    }
  }
  if (unproved_since_ != 0 && key_ != nullptr) {
    Find(Finding::Kind::kRowsUnproved, unproved_since_, last,
         absl::StrCat(RowsWere(unproved_since_, last),
                      " not sealed under this daemon's key, and nothing "
                      "after them vouches for them"));
  }
  verdict_.head = head_.value_or("");
  if (verdict_.rows == 0) verdict_.head.clear();
  return std::move(verdict_);
}

absl::StatusOr<Verdict> VerifyTrail(store::Store& store,
                                    std::shared_ptr<const ChainKey> key,
                                    std::vector<Checkpoint> checkpoints) {
  ASSIGN_OR_RETURN(const int64_t last_given, store.LastAuditSequence());
  Verifier verifier(std::move(key), std::move(checkpoints), last_given);
  for (int64_t after = 0;;) {
    ASSIGN_OR_RETURN(const std::vector<store::AuditRow> rows,
                     store.ListAuditRows(after, store::kPageItemsMax));
    if (rows.empty()) return verifier.Finish();
    for (const store::AuditRow& row : rows) verifier.Add(row);
    after = rows.back().sequence;
  }
}

void Verifier::Find(Finding::Kind kind, int64_t first, int64_t last,
                    std::string message) {
  if (verdict_.findings.size() >= kFindingsMax) {
    ++verdict_.findings_not_told;
    return;
  }
  verdict_.findings.push_back({kind, first, last, std::move(message)});
}

}  // namespace keyturn::audit
