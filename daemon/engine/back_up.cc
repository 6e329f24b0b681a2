#include "daemon/engine/back_up.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/engine/trail_rows.h"

namespace keyturn::engine {
namespace {

constexpr char kRestoreAction[] = "keyturn.v1.Admin/Restore";
constexpr char kTarget[] = "store";

absl::StatusOr<int64_t> CountMigrations(store::Store& store) {
  ASSIGN_OR_RETURN(const auto counts, store.CountByState());
  int64_t all = 0;
  for (const auto& [state, count] : counts) all += count;
  return all;
}

// How many items `list(page)` gives, page by page.
template <typename List>
absl::StatusOr<int64_t> Count(const List& list) {
  int64_t all = 0;
  store::PageRequest page;
  do {
    ASSIGN_OR_RETURN(const auto found, list(page));
    all += static_cast<int64_t>(found.items.size());
    page.after = found.next;
  } while (!page.after.empty());
  return all;
}

absl::StatusOr<Restored> Describe(store::Store& store) {
  Restored restored;
  ASSIGN_OR_RETURN(restored.migrations, CountMigrations(store));
  ASSIGN_OR_RETURN(restored.credentials, Count([&](const auto& page) {
                     return store.ListCredentials(page);
                   }));
  ASSIGN_OR_RETURN(restored.accounts, Count([&](const auto& page) {
                     return store.ListAccounts(page);
                   }));
  return restored;
}

absl::Status CheckEmpty(store::Store& store) {
  ASSIGN_OR_RETURN(const Restored held, Describe(store));
  if (held.migrations + held.credentials + held.accounts == 0) {
    return absl::OkStatus();
  }
  return base::WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "this daemon's store holds ", held.migrations, " migrations, ",
          held.credentials, " credentials and ", held.accounts,
          " accounts, which a back-up would replace: restore into a new data "
          "directory (keyturnd init)")),
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
  ASSIGN_OR_RETURN(store::Store* const coming, replacement_->Open());
  RETURN_IF_ERROR(custodian_.CheckOpens(*coming));
  ASSIGN_OR_RETURN(Restored restored, Describe(*coming));
  restored.made_at = opener_.made_at();
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
