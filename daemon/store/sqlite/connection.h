// A thin C++ face of SQLite: connections, statements, errors.
#ifndef KEYTURN_DAEMON_STORE_SQLITE_CONNECTION_H_
#define KEYTURN_DAEMON_STORE_SQLITE_CONNECTION_H_

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace keyturn::store::sqlite {

// How long a statement waits for a lock that another connection holds.
inline constexpr absl::Duration kLockPatience = absl::Seconds(5);

// Reason of the error that an audit row could not be written.
inline constexpr std::string_view kAuditUnwritable = "AUDIT_UNWRITABLE";

// Belongs to one thread at a time.
class Connection {
 public:
  enum class Mode { kReadWrite, kReadOnly };

  // The file must exist. `vfs` empty: the system's.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(
      const std::string& path, Mode mode, const std::string& vfs);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs one or more statements that need no parameter and give no row.
  absl::Status Execute(const char* sql);
  // The first column of the only row that `sql` gives.
  absl::StatusOr<int64_t> ReadNumber(const char* sql);
  absl::StatusOr<std::string> ReadText(const char* sql);

  // Whether a transaction is open. SQLite ends one by itself when the disk
  // fails under it.
  bool in_transaction() const { return sqlite3_get_autocommit(database_) == 0; }
  // Rows that the last INSERT, UPDATE or DELETE changed.
  int changes() const { return sqlite3_changes(database_); }

  // Pages in the write-ahead log after the last commit of this connection.
  int log_pages() const { return log_pages_; }
  // Moves the log's pages to the database and syncs it. SQLite's own automatic
  // checkpoint would hide a failed sync, and the next one would then discard
  // log pages that the disk never got; so it is off.
  absl::Status Checkpoint();
  // Writes everything, as it stands at one instant, over the database of
  // `copy`. Others may write to this one meanwhile.
  absl::Status CopyTo(Connection& copy);
  // Leaves the log as it is when this connection is closed.
  void KeepLogOnClose();

  // What `code`, just returned for this connection, means to a caller of the
  // store. The reasons: DISK_FULL, DISK_ERROR, STORE_BUSY, STORE_CORRUPT,
  // OUT_OF_MEMORY, RECORD_TOO_LARGE, or none for a mistake of ours.
  absl::Status ErrorOf(int code) const;

 private:
  friend class Query;

  explicit Connection(sqlite3* database) : database_(database) {}
  // A prepared statement, taken out of the cache when it is there.
  int TakeStatement(const char* sql, sqlite3_stmt** statement);
  void GiveBack(const char* sql, sqlite3_stmt* statement);

  sqlite3* const database_;
  int log_pages_ = 0;
  // By the address of the text: every text is a constant of this folder.
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
};

// Whether an error tells of the disk (and thus concerns everything that is
// written together) rather than of what was to be written.
bool IsDiskTrouble(const absl::Status& status);

// Whether after such an error nobody knows what is on disk, or nothing may be
// stored any more.
bool IsFatal(const absl::Status& status);

// Adds table and key to a DataLoss error of a record.
absl::Status AtRow(const absl::Status& status, std::string_view table,
                   std::string_view key);

// One run of a statement. `sql` is a constant: its prepared form is kept by the
// connection. Parameters are bound in the order of the calls:
//
//   Query query(connection, "SELECT record FROM tasks WHERE id = ?");
//   query.Text(id);
//   while (query.Next()) Use(query.BlobAt(0));
//   RETURN_IF_ERROR(query.status());
//
// The first error ends it; Next is false then.
class Query {
 public:
  Query(Connection& connection, const char* sql);
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  Query& Int(int64_t value);
  Query& Int(std::optional<int64_t> value);
  Query& Text(std::string_view value);
  Query& Blob(std::string_view value);

  // Moves to the next row; false at the end or on error.
  bool Next();
  // Runs to the end, for a statement whose rows are of no interest.
  absl::Status Run();
  absl::Status status() const;

  // Columns of the present row, from 0. Views are valid until Next.
  int64_t IntAt(int column) const;
  std::optional<int64_t> OptionalIntAt(int column) const;
  std::string TextAt(int column) const;
  std::string_view BlobAt(int column) const;

 private:
  void Note(int code);

  Connection& connection_;
  const char* const sql_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
  absl::Status status_;
};

}  // namespace keyturn::store::sqlite

#endif  // KEYTURN_DAEMON_STORE_SQLITE_CONNECTION_H_
