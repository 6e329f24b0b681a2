#include "daemon/store/sqlite/census.h"

#include <set>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"
#include "daemon/store/sqlite/reader.h"

namespace keyturn::store::sqlite {
namespace {

std::set<std::string> NamesOf(const std::vector<CredentialWrite>& writes) {
  std::set<std::string> names;
  for (const CredentialWrite& write : writes) {
    names.insert(std::visit([](const auto& one) { return one.name; }, write));
  }
  return names;
}

// Whether it builds on what is stored.
bool BuildsOn(const CredentialWrite& write) {
  return std::holds_alternative<NewVersion>(write) ||
         std::holds_alternative<ResealVersion>(write) ||
         std::holds_alternative<RelabelVersion>(write);
}

absl::Status Altered(const std::string& name) {
  return base::WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "credential ", name,
          ": its rows are not those that were stored last, so they are not "
          "changed: restore a back-up, or replace the credential")),
      "CREDENTIAL_ALTERED");
}

}  // namespace

void CensusTaker::BeginGroup(std::shared_ptr<const RowBinder> binder) {
  binder_ = std::move(binder);
  census_ = durable_;
  group_changes_.clear();
  group_marks_.reset();
  batch_changes_.clear();
  batch_marks_.reset();
}

void CensusTaker::BeginBatch() {
  if (batch_marks_.has_value()) {
    group_marks_ = std::exchange(batch_marks_, std::nullopt);
    group_changes_.clear();
  }
  for (auto& [name, mark] : batch_changes_) group_changes_[name] = mark;
  batch_changes_.clear();
  before_batch_ = census_;
}

void CensusTaker::UndoBatch() {
  batch_changes_.clear();
  batch_marks_.reset();
  census_ = before_batch_;
}

void CensusTaker::Propose() {
  BeginBatch();
  book_.Propose(std::exchange(group_marks_, std::nullopt),
                std::exchange(group_changes_, {}));
}

void CensusTaker::EndGroup(bool committed) {
  book_.Settle(committed);
  if (committed) durable_ = census_;
}

absl::Status CensusTaker::CheckBefore(
    const std::vector<CredentialWrite>& writes) {
  if (binder_ == nullptr || !counts()) return absl::OkStatus();
  std::set<std::string> checked;
  for (const CredentialWrite& write : writes) {
    const std::string& name = std::visit(
        [](const auto& one) -> const std::string& { return one.name; }, write);
    // What an earlier write of the batch has changed is bound afterwards.
    if (!checked.insert(name).second || !BuildsOn(write)) continue;
    const absl::StatusOr<CredentialRows> rows =
        ReadRowsInTransaction(connection_, name);
    // That it is not there is for the write itself to say.
    if (absl::IsNotFound(rows.status())) continue;
    RETURN_IF_ERROR(rows.status());
    if (binder_->Bind(*rows) != rows->binding ||
        MarkNow(name) != MarkOf(rows->binding)) {
      return Altered(name);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> CensusTaker::BindAfter(
    const std::vector<CredentialWrite>& writes) {
  std::optional<std::string> words;
  if (binder_ == nullptr) return words;
  std::vector<std::string> changes;
  for (const std::string& name : NamesOf(writes)) {
    const absl::StatusOr<CredentialRows> rows =
        ReadRowsInTransaction(connection_, name);
    if (absl::IsNotFound(rows.status())) {
      Take(name, std::nullopt);
      changes.push_back(absl::StrCat(name, " removed"));
      continue;
    }
    RETURN_IF_ERROR(rows.status());
    const std::string binding = binder_->Bind(*rows);
    Query update(connection_,
                 "UPDATE credentials SET binding = ? WHERE name = ?");
    RETURN_IF_ERROR(update.Blob(binding).Text(name).Run());
    Take(name, MarkOf(binding));
    changes.push_back(absl::StrCat(name, " ", MarkOf(binding)));
  }
  if (!changes.empty() && counts()) words = absl::StrJoin(changes, ", ");
  return words;
}

absl::Status CensusTaker::Recount() {
  if (binder_ == nullptr) {
    return absl::FailedPreconditionError("nobody binds credentials");
  }
  ASSIGN_OR_RETURN(Count count, CountAll());
  Adopt(std::move(count));
  return absl::OkStatus();
}

absl::StatusOr<CensusReport> CensusTaker::Compare() {
  if (binder_ == nullptr) {
    return absl::FailedPreconditionError("nobody binds credentials");
  }
  ASSIGN_OR_RETURN(Count count, CountAll());
  CensusReport report;
  report.counted = count.census;
  ASSIGN_OR_RETURN(report.told, FindTold());
  report.fits =
      report.told.has_value() &&
      report.told->digest == binder_->Prove(report.told->sequence, count.census,
                                            report.told->detail);
  if (report.fits) Adopt(std::move(count));
  return report;
}

AuditRow CensusTaker::RowOf(int64_t sequence,
                            const std::string& changes) const {
  AuditRow row;
  row.actor = "daemon";
  row.transport = "internal";
  row.action = kCensusAction;
  row.target = "credentials";
  row.result = "OK";
  row.detail = absl::StrCat(census_->count, " credentials",
                            changes.empty() ? "" : "; ", changes);
  row.digest = binder_->Prove(sequence, *census_, row.detail);
  return row;
}

absl::StatusOr<CensusTaker::Count> CensusTaker::CountAll() {
  Count count;
  Query query(connection_, "SELECT name, binding FROM credentials");
  while (query.Next()) {
    const std::string name = query.TextAt(0);
    const std::string mark = MarkOf(query.BlobAt(1));
    const std::array<uint64_t, 4> weight = binder_->Weigh(name, mark);
    for (size_t i = 0; i < weight.size(); ++i) {
      count.census.sum[i] += weight[i];
    }
    ++count.census.count;
    count.marks.emplace(name, mark);
  }
  RETURN_IF_ERROR(query.status());
  return count;
}

absl::StatusOr<std::optional<AuditRow>> CensusTaker::FindTold() {
  // Backwards; there is one among the last kCensusRowsMax rows, unless nobody
  // had the key meanwhile.
  Query query(connection_,
              "SELECT sequence FROM audit WHERE action = ?"
              " ORDER BY sequence DESC LIMIT 1");
  std::optional<AuditRow> told;
  if (query.Text(kCensusAction).Next()) {
    ASSIGN_OR_RETURN(std::vector<AuditRow> rows,
                     ReadAuditRows(connection_, query.IntAt(0) - 1, 1));
    if (!rows.empty()) told = std::move(rows.front());
  }
  RETURN_IF_ERROR(query.status());
  return told;
}

std::optional<std::string> CensusTaker::MarkNow(const std::string& name) const {
  for (const BindingBook::Changes* const changes :
       {&batch_changes_, &group_changes_}) {
    const auto found = changes->find(name);
    if (found != changes->end()) return found->second;
  }
  if (!group_marks_.has_value()) return book_.Find(name);
  const auto found = group_marks_->find(name);
  if (found == group_marks_->end()) return std::nullopt;
  return found->second;
}

void CensusTaker::Take(const std::string& name,
                       const std::optional<std::string>& mark) {
  if (!counts()) return;
  if (const std::optional<std::string> former = MarkNow(name)) {
    const std::array<uint64_t, 4> weight = binder_->Weigh(name, *former);
    for (size_t i = 0; i < weight.size(); ++i) census_->sum[i] -= weight[i];
    --census_->count;
  }
  if (mark.has_value()) {
    const std::array<uint64_t, 4> weight = binder_->Weigh(name, *mark);
    for (size_t i = 0; i < weight.size(); ++i) census_->sum[i] += weight[i];
    ++census_->count;
  }
  batch_changes_[name] = mark;
}

void CensusTaker::Adopt(Count count) {
  census_ = count.census;
  batch_marks_ = std::move(count.marks);
  batch_changes_.clear();
}

}  // namespace keyturn::store::sqlite
