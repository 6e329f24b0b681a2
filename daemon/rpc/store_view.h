// The store as a caller sees it who may be limited to some accounts
// (access::AccountScope): what lies outside is not there.
#ifndef KEYTURN_DAEMON_RPC_STORE_VIEW_H_
#define KEYTURN_DAEMON_RPC_STORE_VIEW_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/access/identity.h"
#include "daemon/migration/model.h"
#include "daemon/store/store.h"

namespace keyturn::rpc {

// Migrations whose accounts are remembered.
inline constexpr size_t kRememberedMigrationsMax = 4096;
// Rows that are read at once for a list of which only a part is shown.
inline constexpr int kScannedRowsMax = 256;

// Which accounts migrations are between: these never change. Not thread-safe.
class MigrationAccounts {
 public:
  // `store` outlives it.
  explicit MigrationAccounts(store::Store& store) : store_(store) {}

  // Whether both accounts of that migration are in `scope`; errors of the
  // store. False when there is no such migration.
  absl::StatusOr<bool> AreIn(const access::AccountScope& scope,
                             const std::string& migration_id);

 private:
  // The two that a spec names.
  using Accounts = std::array<std::string, 2>;

  store::Store& store_;
  std::unordered_map<std::string, Accounts> remembered_;
};

// Each method is the store's of the same name, with its errors. For a caller
// who is not limited it costs nothing more. For one who is, what lies outside
// is refused exactly as what is not there, lists leave it out, and where a page
// goes on tells nothing of it; a list that shows little of much reads all of
// it. Not thread-safe; for one call.
class StoreView {
 public:
  // `store` and `scope` outlive it.
  StoreView(store::Store& store, const access::AccountScope& scope)
      : store_(store), scope_(scope), accounts_(store) {}

  absl::StatusOr<store::StoredMigration> GetMigration(std::string_view id);
  absl::StatusOr<store::Page<store::StoredMigration>> ListMigrations(
      const std::vector<migration::State>& states,
      const store::PageRequest& page);
  absl::StatusOr<std::vector<store::StoredEvent>> ListEvents(
      std::string_view migration_id, int64_t after_sequence, int limit);
  absl::StatusOr<migration::Task> GetTask(std::string_view id);
  absl::StatusOr<store::Page<migration::Task>> ListTasks(
      std::string_view migration_id, bool open_only,
      const store::PageRequest& page);
  absl::StatusOr<store::Account> GetAccount(const std::string& name);
  absl::StatusOr<store::Page<store::Account>> ListAccounts(
      const store::PageRequest& page);

 private:
  store::Store& store_;
  const access::AccountScope& scope_;
  MigrationAccounts accounts_;
};

// Whether both accounts of `spec` are in `scope`.
bool IsIn(const access::AccountScope& scope, const migration::Spec& spec);

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_STORE_VIEW_H_
