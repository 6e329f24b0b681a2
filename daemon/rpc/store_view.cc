#include "daemon/rpc/store_view.h"

#include <utility>

#include "daemon/base/status.h"
#include "daemon/store/lists.h"

namespace keyturn::rpc {
namespace {

// A page of those items of a list in the order of creation that are shown.
// `read(page)` reads the list, `shown(item)` returns a StatusOr<bool>,
// `after(item)` says where a page goes on that ends with `item`. It goes on
// only where something more is shown.
template <typename T, typename Read, typename Shown, typename After>
absl::StatusOr<store::Page<T>> ReadShown(const store::PageRequest& request,
                                         Read read, Shown shown, After after) {
  store::Page<T> page;
  store::PageRequest scan{kScannedRowsMax, request.after};
  do {
    ASSIGN_OR_RETURN(store::Page<T> rows, read(scan));
    for (T& row : rows.items) {
      ASSIGN_OR_RETURN(const bool is_shown, shown(row));
      if (!is_shown) continue;
      if (static_cast<int>(page.items.size()) == request.limit) {
        page.next = after(page.items.back());
        return page;
      }
      page.items.push_back(std::move(row));
    }
    scan.after = rows.next;
  } while (!scan.after.empty());
  return page;
}

}  // namespace

bool IsIn(const access::AccountScope& scope, const migration::Spec& spec) {
  return scope.Has(spec.celigo.account) && scope.Has(spec.netsuite.account);
}

absl::StatusOr<bool> MigrationAccounts::AreIn(const access::AccountScope& scope,
                                              const std::string& migration_id) {
  auto found = remembered_.find(migration_id);
  if (found == remembered_.end()) {
    const absl::StatusOr<store::StoredMigration> stored =
        store_.GetMigration(migration_id);
    if (absl::IsNotFound(stored.status())) return false;
    RETURN_IF_ERROR(stored.status());
    if (remembered_.size() >= kRememberedMigrationsMax) remembered_.clear();
    const migration::Spec& spec = stored->migration.spec;
    found = remembered_
                .emplace(migration_id,
                         Accounts{spec.celigo.account, spec.netsuite.account})
                .first;
  }
  const auto& [first, second] = found->second;
  return scope.Has(first) && scope.Has(second);
}

absl::StatusOr<store::StoredMigration> StoreView::GetMigration(
    std::string_view id) {
  ASSIGN_OR_RETURN(store::StoredMigration stored, store_.GetMigration(id));
  if (IsIn(scope_, stored.migration.spec)) return stored;
  return store::NoSuch("migration", id, "MIGRATION_NOT_FOUND");
}

absl::StatusOr<store::Page<store::StoredMigration>> StoreView::ListMigrations(
    const std::vector<migration::State>& states,
    const store::PageRequest& page) {
  if (!scope_.limited()) return store_.ListMigrations(states, page);
  return ReadShown<store::StoredMigration>(
      page,
      [&](const store::PageRequest& scan) {
        return store_.ListMigrations(states, scan);
      },
      [&](const store::StoredMigration& stored) -> absl::StatusOr<bool> {
        return IsIn(scope_, stored.migration.spec);
      },
      [](const store::StoredMigration& last) {
        return store::AfterItem(last.migration.created_at, last.migration.id);
      });
}

absl::StatusOr<std::vector<store::StoredEvent>> StoreView::ListEvents(
    std::string_view migration_id, int64_t after_sequence, int limit) {
  if (!scope_.limited()) {
    return store_.ListEvents(migration_id, after_sequence, limit);
  }
  std::vector<store::StoredEvent> shown;
  for (;;) {
    ASSIGN_OR_RETURN(
        std::vector<store::StoredEvent> events,
        store_.ListEvents(migration_id, after_sequence, kScannedRowsMax));
    for (store::StoredEvent& event : events) {
      after_sequence = event.sequence;
      ASSIGN_OR_RETURN(const bool is_in,
                       accounts_.AreIn(scope_, event.migration_id));
      if (is_in) shown.push_back(std::move(event));
      if (static_cast<int>(shown.size()) == limit) return shown;
    }
    if (events.size() < static_cast<size_t>(kScannedRowsMax)) return shown;
  }
}

absl::StatusOr<migration::Task> StoreView::GetTask(std::string_view id) {
  ASSIGN_OR_RETURN(migration::Task task, store_.GetTask(id));
  if (!scope_.limited()) return task;
  ASSIGN_OR_RETURN(const bool is_in,
                   accounts_.AreIn(scope_, task.migration_id));
  if (is_in) return task;
  return store::NoSuch("task", id, "TASK_NOT_FOUND");
}

absl::StatusOr<store::Page<migration::Task>> StoreView::ListTasks(
    std::string_view migration_id, bool open_only,
    const store::PageRequest& page) {
  if (!scope_.limited()) return store_.ListTasks(migration_id, open_only, page);
  return ReadShown<migration::Task>(
      page,
      [&](const store::PageRequest& scan) {
        return store_.ListTasks(migration_id, open_only, scan);
      },
      [&](const migration::Task& task) {
        return accounts_.AreIn(scope_, task.migration_id);
      },
      [](const migration::Task& last) {
        return store::AfterItem(last.created_at, last.id);
      });
}

absl::StatusOr<store::Account> StoreView::GetAccount(const std::string& name) {
  if (scope_.Has(name)) return store_.GetAccount(name);
  return store::NoSuch("account", name, "ACCOUNT_NOT_FOUND");
}

absl::StatusOr<store::Page<store::Account>> StoreView::ListAccounts(
    const store::PageRequest& page) {
  if (!scope_.limited()) return store_.ListAccounts(page);
  store::Page<store::Account> shown;
  for (const std::string& name : scope_.Names()) {
    if (name <= page.after) continue;
    absl::StatusOr<store::Account> account = store_.GetAccount(name);
    if (absl::IsNotFound(account.status())) continue;
    RETURN_IF_ERROR(account.status());
    if (static_cast<int>(shown.items.size()) == page.limit) {
      shown.next = shown.items.back().name;
      break;
    }
    shown.items.push_back(*std::move(account));
  }
  return shown;
}

}  // namespace keyturn::rpc
