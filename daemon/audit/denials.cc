#include "daemon/audit/denials.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace keyturn::audit {
namespace {

constexpr absl::string_view kMore = " more like this in the same minute";

}  // namespace

int64_t RefusalsIn(const store::AuditRow& row) {
  absl::string_view count = row.detail;
  int64_t more = 0;
  const bool is_sum =
      absl::ConsumeSuffix(&count, kMore) && absl::SimpleAtoi(count, &more);
  return is_sum ? more : 1;
}

std::vector<store::AuditRow> Denials::Add(store::AuditRow row, absl::Time now) {
  base::MutexLock lock(mutex_);
  std::vector<store::AuditRow> rows = EndWindow(now);
  Kind kind{row.actor, row.transport, row.serial, row.action, row.result};
  if (counts_.size() >= kDenialKindsMax && !counts_.contains(kind)) {
    kind = Kind();
    row.actor = "(others)";
    row.transport.clear();
    row.subject.clear();
    row.serial.clear();
    row.peer.clear();
    row.action = "various";
    row.target.clear();
    row.request_id.clear();
    row.detail = absl::StrCat("more than ", kDenialKindsMax,
                              " kinds of refusals in a minute");
  }
  const auto [found, is_new] = counts_.try_emplace(std::move(kind));
  if (is_new) {
    found->second.row = row;
    rows.push_back(std::move(row));
  } else {
    ++found->second.more;
  }
  return rows;
}

std::vector<store::AuditRow> Denials::Sums(absl::Time now) {
  base::MutexLock lock(mutex_);
  return EndWindow(now);
}

std::vector<store::AuditRow> Denials::EndWindow(absl::Time now) {
  std::vector<store::AuditRow> rows;
  if (now < window_end_) return rows;
  for (auto& [kind, count] : counts_) {
    if (count.more == 0) continue;
    count.row.time = window_end_;
    count.row.request_id.clear();
    count.row.detail = absl::StrCat(count.more, kMore);
    rows.push_back(std::move(count.row));
  }
  counts_.clear();
  window_end_ = now + kDenialWindow;
  return rows;
}

}  // namespace keyturn::audit
