#include "daemon/vault/census.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "daemon/base/status.h"

namespace keyturn::vault {
namespace {

// By name: how its binding begins; empty: there is no such credential.
using Marks = std::map<std::string, std::optional<std::string>>;

// Adds what `detail` (see store::kCensusAction) says of credentials that
// `marks` has not yet.
void AddTold(const std::string& detail, Marks& marks) {
  const size_t at = detail.find("; ");
  if (at == std::string::npos) return;
  for (const absl::string_view change :
       absl::StrSplit(absl::string_view(detail).substr(at + 2), ", ")) {
    const std::pair<std::string, std::string> words =
        absl::StrSplit(change, absl::MaxSplits(' ', 1));
    std::optional<std::string> mark;
    if (words.second != "removed") mark = words.second;
    marks.emplace(words.first, mark);
  }
}

// What the trail said last of each credential.
absl::StatusOr<Marks> ReadTold(store::Store& store) {
  store::AuditFilter filter;
  filter.action = store::kCensusAction;
  store::PageRequest page;
  Marks marks;
  do {
    ASSIGN_OR_RETURN(const store::Page<store::AuditRow> rows,
                     store.FindAuditRows(filter, page));
    for (const store::AuditRow& row : rows.items) AddTold(row.detail, marks);
    page.after = rows.next;
  } while (!page.after.empty());
  return marks;
}

absl::StatusOr<Marks> ReadPresent(store::Store& store) {
  store::PageRequest page;
  Marks marks;
  do {
    ASSIGN_OR_RETURN(const store::Page<store::CredentialInfo> credentials,
                     store.ListCredentials(page));
    for (const store::CredentialInfo& info : credentials.items) {
      const absl::StatusOr<store::CredentialRows> rows =
          store.ReadRows(info.name);
      // Not those that this store remembers: no mark is theirs.
      if (!rows.ok() && !absl::IsDataLoss(rows.status())) return rows.status();
      marks[info.name] =
          rows.ok() ? rows->binding.substr(0, store::kBindingMarkBytes) : "";
    }
    page.after = credentials.next;
  } while (!page.after.empty());
  return marks;
}

// "acme is gone", "acme is not as it was stored last".
std::vector<std::string> Compare(const Marks& told, const Marks& present) {
  std::vector<std::string> differences;
  for (const auto& [name, mark] : told) {
    const auto found = present.find(name);
    const bool there = found != present.end();
    if (mark.has_value() && !there) {
      differences.push_back(absl::StrCat(name, " was taken out"));
    } else if (!mark.has_value() && there) {
      differences.push_back(
          absl::StrCat(name, " had been deleted and was put back"));
    } else if (there && found->second != mark) {
      differences.push_back(
          absl::StrCat(name, " is as it was once, or altered"));
    }
  }
  return differences;
}

absl::StatusOr<std::string> NameDifferences(store::Store& store) {
  ASSIGN_OR_RETURN(const Marks told, ReadTold(store));
  ASSIGN_OR_RETURN(const Marks present, ReadPresent(store));
  std::vector<std::string> differences = Compare(told, present);
  if (differences.empty()) {
    return std::string("the trail does not say which ones");
  }
  const size_t more =
      differences.size() - std::min(differences.size(), kNamedMax);
  differences.resize(differences.size() - more);
  std::string text =
      absl::StrCat("credential ", absl::StrJoin(differences, ", credential "));
  if (more > 0) absl::StrAppend(&text, ", and ", more, " more");
  return text;
}

}  // namespace

absl::Status CheckCensus(store::Store& store) {
  ASSIGN_OR_RETURN(const store::CensusReport report, store.TakeCensus());
  if (report.fits) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string which, NameDifferences(store));
  return base::WithReason(
      absl::DataLossError(absl::StrCat(
          "the stored credentials are not those that were stored last; rows "
          "were put back from an old copy, or taken out: ",
          which,
          ". See the run book; who has put a back-up back on purpose says so "
          "with `keyturnd accept-restored`")),
      "CREDENTIALS_ROLLED_BACK");
}

}  // namespace keyturn::vault
