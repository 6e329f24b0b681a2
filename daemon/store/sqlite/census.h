// Binds what is stored of credentials, and counts them, see Store::TakeCensus.
#ifndef KEYTURN_DAEMON_STORE_SQLITE_CENSUS_H_
#define KEYTURN_DAEMON_STORE_SQLITE_CENSUS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/store/records.h"
#include "daemon/store/sqlite/binding_book.h"
#include "daemon/store/sqlite/connection.h"
#include "daemon/store/store.h"

namespace keyturn::store::sqlite {

// Goes with the writer's transactions: BeginGroup, then BeginBatch before each
// batch and UndoBatch after one that was refused, then EndGroup around the
// database's commit. Belongs to the writer's thread.
class CensusTaker {
 public:
  // Both outlive this object.
  CensusTaker(Connection& connection, BindingBook& book)
      : connection_(connection), book_(book) {}

  // `binder` is that of the group; null: rows are not bound.
  void BeginGroup(std::shared_ptr<const RowBinder> binder);
  void BeginBatch();
  void UndoBatch();
  // What is committed now.
  void Propose();
  void EndGroup(bool committed);

  // FailedPrecondition (CREDENTIAL_ALTERED) when one of the credentials that
  // are to be changed is not as it was stored last: binding it anew would make
  // an altered row a good one. A deletion, or another one of the same name, is
  // the way out.
  absl::Status CheckBefore(const std::vector<CredentialWrite>& writes);

  // Binds each credential that the batch has changed. Gives the words for the
  // trail; empty when there are none.
  absl::StatusOr<std::optional<std::string>> BindAfter(
      const std::vector<CredentialWrite>& writes);

  // Counts all as they are.
  absl::Status Recount();
  // Counts all, and counts on when they fit what the trail says.
  absl::StatusOr<CensusReport> Compare();

  bool counts() const { return census_.has_value(); }
  // The trail's row on what is counted. `sequence` is the one that it will get.
  AuditRow RowOf(int64_t sequence, const std::string& changes) const;

 private:
  struct Count {
    Census census;
    BindingBook::Marks marks;
  };

  absl::StatusOr<Count> CountAll();
  absl::StatusOr<std::optional<AuditRow>> FindTold();
  // As this transaction has it so far.
  std::optional<std::string> MarkNow(const std::string& name) const;
  void Take(const std::string& name, const std::optional<std::string>& mark);
  void Adopt(Count count);

  Connection& connection_;
  BindingBook& book_;
  std::shared_ptr<const RowBinder> binder_;
  // Empty: nothing is counted. Of the transaction, of what is durable, and of
  // the transaction before the batch.
  std::optional<Census> census_;
  std::optional<Census> durable_;
  std::optional<Census> before_batch_;
  BindingBook::Changes group_changes_;
  BindingBook::Changes batch_changes_;
  // What replaces the book: of the group, and of the batch.
  std::optional<BindingBook::Marks> group_marks_;
  std::optional<BindingBook::Marks> batch_marks_;
};

}  // namespace keyturn::store::sqlite

#endif  // KEYTURN_DAEMON_STORE_SQLITE_CENSUS_H_
