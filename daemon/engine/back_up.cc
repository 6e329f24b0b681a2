#include "daemon/engine/back_up.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/engine/trail_rows.h"

namespace keyturn::engine {
namespace {

constexpr char kRestoreAction[] = "keyturn.v1.Admin/Restore";
constexpr char kTarget[] = "store";

absl::Status CheckEmpty(store::Store& store) {
  ASSIGN_OR_RETURN(const store::Holdings held, store::HoldingsOf(store));
  if (held.none()) return absl::OkStatus();
  return base::WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "this daemon's store holds ", store::Describe(held),
          ", which a back-up would replace: restore into a new data directory "
          "(keyturnd init)")),
      "STORE_NOT_EMPTY");
}

}  // namespace

// --- BackUp ---

absl::StatusOr<std::unique_ptr<BackUp>> BackUp::Make(
    store::Store& store, const Custodian& custodian) {
  ASSIGN_OR_RETURN(vault::BackUpSealer sealer, custodian.SealBackUp());
  ASSIGN_OR_RETURN(std::unique_ptr<store::Snapshot> snapshot,
                   store.TakeSnapshot());
  return std::unique_ptr<BackUp>(
      new BackUp(std::move(snapshot), std::move(sealer)));
}

absl::StatusOr<std::string> BackUp::Next() {
  if (ended_) return std::string();
  if (!std::exchange(begun_, true)) return sealer_.TakeHead();
  ASSIGN_OR_RETURN(const std::string piece,
                   snapshot_->Read(vault::kBackUpPieceBytesMax));
  ended_ = piece.empty();
  return ended_ ? sealer_.End() : sealer_.Seal(piece);
}

// --- Restoration ---

Restoration::Restoration(store::Store& store, const Custodian& custodian,
                         std::unique_ptr<store::Replacement> replacement)
    : store_(store),
      custodian_(custodian),
      replacement_(std::move(replacement)),
      opener_([this](std::string_view envelope, std::string_view identity) {
        return custodian_.OpenBackUpKey(envelope, identity);
      }) {}

absl::StatusOr<std::unique_ptr<Restoration>> Restoration::Begin(
    store::Store& store, const Custodian& custodian, const std::string& path) {
  RETURN_IF_ERROR(CheckEmpty(store));
  ASSIGN_OR_RETURN(std::unique_ptr<store::Replacement> replacement,
                   store::Replacement::Begin(path));
  return std::unique_ptr<Restoration>(
      new Restoration(store, custodian, std::move(replacement)));
}

absl::Status Restoration::Add(std::string_view bytes) {
  return opener_.Add(bytes, [this](std::string_view piece) {
    return replacement_->Add(piece);
  });
}

absl::StatusOr<Restored> Restoration::Finish(const Caller& caller,
                                             absl::Time now) {
  RETURN_IF_ERROR(opener_.CheckComplete());
  ASSIGN_OR_RETURN(store::Store* const coming, replacement_->Open(&sealer_));
  RETURN_IF_ERROR(custodian_.OpenOther(*coming, sealer_));
  Restored restored{opener_.made_at()};
  ASSIGN_OR_RETURN(restored.holdings, store::HoldingsOf(*coming));
  store::AuditRow row =
      RowOf(caller, kRestoreAction, kTarget, absl::OkStatus(), now);
  row.detail =
      absl::StrCat("the back-up of ",
                   absl::FormatTime(restored.made_at, absl::UTCTimeZone()));
  store::Batch batch;
  batch.audit.push_back(std::move(row));
  RETURN_IF_ERROR(coming->CommitAndWait(std::move(batch)).status());
  // What somebody stored meanwhile is not to be lost.
  RETURN_IF_ERROR(CheckEmpty(store_));
  RETURN_IF_ERROR(replacement_->Commit());
  return restored;
}

}  // namespace keyturn::engine
