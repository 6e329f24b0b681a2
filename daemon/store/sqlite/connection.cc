#include "daemon/store/sqlite/connection.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::store::sqlite {
namespace {

// Copied at a time.
constexpr int kCopyPages = 256;

// SQLite keeps the last errno, which need not be that of the trouble: only what
// tells of a disk is told.
std::string DiskTroubleOf(int error) {
  if (error == EIO || error == ENOSPC || error == EDQUOT || error == EROFS) {
    return absl::StrCat(": ", std::strerror(error));
  }
  return "";
}

}  // namespace

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(
    const std::string& path, Mode mode, const std::string& vfs) {
  const int flags = (mode == Mode::kReadWrite ? SQLITE_OPEN_READWRITE
                                              : SQLITE_OPEN_READONLY) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &database, flags,
                                   vfs.empty() ? nullptr : vfs.c_str());
  if (database == nullptr) {
    return base::WithReason(absl::ResourceExhaustedError("out of memory"),
                            "OUT_OF_MEMORY");
  }
  std::unique_ptr<Connection> connection(new Connection(database));
  if (code != SQLITE_OK) {
    return base::Annotate(connection->ErrorOf(code),
                          absl::StrCat("cannot open ", path));
  }
  if (mode == Mode::kReadWrite && sqlite3_db_readonly(database, "main") != 0) {
    // SQLite is content with reading where it may not write.
    return base::WithReason(
        absl::UnavailableError(absl::StrCat(
            "cannot open ", path, " for writing; see the system's log")),
        "DISK_ERROR");
  }
  sqlite3_busy_timeout(
      database, static_cast<int>(absl::ToInt64Milliseconds(kLockPatience)));
  sqlite3_wal_hook(
      database,
      [](void* pages, sqlite3*, const char*, int in_log) {
        *static_cast<int*>(pages) = in_log;
        return SQLITE_OK;
      },
      &connection->log_pages_);
  return connection;
}

Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

absl::Status Connection::Execute(const char* sql) {
  const int code = sqlite3_exec(database_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : ErrorOf(code);
}

absl::StatusOr<int64_t> Connection::ReadNumber(const char* sql) {
  Query query(*this, sql);
  const int64_t number = query.Next() ? query.IntAt(0) : 0;
  RETURN_IF_ERROR(query.status());
  return number;
}

absl::StatusOr<std::string> Connection::ReadText(const char* sql) {
  Query query(*this, sql);
  std::string text = query.Next() ? query.TextAt(0) : "";
  RETURN_IF_ERROR(query.status());
  return text;
}

absl::Status Connection::Checkpoint() {
  const int code = sqlite3_wal_checkpoint_v2(
      database_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : ErrorOf(code);
}

absl::Status Connection::CopyTo(Connection& copy) {
  // Without it the copy would begin anew after each write of somebody else.
  RETURN_IF_ERROR(Execute("BEGIN"));
  absl::Status status =
      ReadNumber("SELECT count(*) FROM sqlite_schema").status();
  if (status.ok()) {
    sqlite3_backup* const backup =
        sqlite3_backup_init(copy.database_, "main", database_, "main");
    if (backup == nullptr) {
      status = copy.ErrorOf(sqlite3_errcode(copy.database_));
    } else {
      int code = SQLITE_OK;
      while (code == SQLITE_OK) code = sqlite3_backup_step(backup, kCopyPages);
      sqlite3_backup_finish(backup);
      if (code != SQLITE_DONE) status = copy.ErrorOf(code);
    }
  }
  status.Update(Execute("ROLLBACK"));
  return status;
}

void Connection::KeepLogOnClose() {
  sqlite3_db_config(database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

absl::Status Connection::ErrorOf(int code) const {
  const std::string text = absl::StrCat(
      "the database says: ", sqlite3_errmsg(database_), " (SQLite ", code, ")");
  switch (code & 0xff) {
    case SQLITE_FULL:
      return base::WithReason(absl::ResourceExhaustedError(
                                  "the disk of the data directory is full: "
                                  "make room there, then try again"),
                              "DISK_FULL");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return base::WithReason(
          absl::UnavailableError(absl::StrCat(
              text, "; another program keeps it locked: end that program")),
          "STORE_BUSY");
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return base::WithReason(
          absl::UnavailableError(
              absl::StrCat(text, DiskTroubleOf(sqlite3_system_errno(database_)),
                           "; see the system's log for the disk's trouble")),
          "DISK_ERROR");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return base::WithReason(
          absl::DataLossError(absl::StrCat(text, "; restore a back-up")),
          "STORE_CORRUPT");
    case SQLITE_NOMEM:
      return base::WithReason(absl::ResourceExhaustedError(text),
                              "OUT_OF_MEMORY");
    case SQLITE_TOOBIG:
      return base::WithReason(absl::ResourceExhaustedError(text),
                              "RECORD_TOO_LARGE");
    default:
      return absl::InternalError(text);
  }
}

int Connection::TakeStatement(const char* sql, sqlite3_stmt** statement) {
  if (auto cached = statements_.extract(sql)) {
    *statement = cached.mapped();
    return SQLITE_OK;
  }
  return sqlite3_prepare_v3(database_, sql, -1, SQLITE_PREPARE_PERSISTENT,
                            statement, nullptr);
}

void Connection::GiveBack(const char* sql, sqlite3_stmt* statement) {
  if (statement == nullptr) return;
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (!statements_.emplace(sql, statement).second) sqlite3_finalize(statement);
}

bool IsDiskTrouble(const absl::Status& status) {
  const std::string reason = base::ReasonOf(status);
  return reason == "DISK_FULL" || reason == "STORE_BUSY" ||
         reason == "OUT_OF_MEMORY" || IsFatal(status);
}

bool IsFatal(const absl::Status& status) {
  const std::string reason = base::ReasonOf(status);
  return reason == "DISK_ERROR" || reason == "STORE_CORRUPT" ||
         reason == kAuditUnwritable;
}

absl::Status AtRow(const absl::Status& status, std::string_view table,
                   std::string_view key) {
  return base::Annotate(
      status, absl::StrCat("the store's table ", base::ToAbsl(table), ", row ",
                           base::ToAbsl(key), ", cannot be read"));
}

Query::Query(Connection& connection, const char* sql)
    : connection_(connection), sql_(sql) {
  Note(connection_.TakeStatement(sql, &statement_));
}

Query::~Query() { connection_.GiveBack(sql_, statement_); }

Query& Query::Int(int64_t value) {
  if (status_.ok()) Note(sqlite3_bind_int64(statement_, ++bound_, value));
  return *this;
}

Query& Query::Int(std::optional<int64_t> value) {
  if (value.has_value()) return Int(*value);
  if (status_.ok()) Note(sqlite3_bind_null(statement_, ++bound_));
  return *this;
}

Query& Query::Text(std::string_view value) {
  if (status_.ok()) {
    // A null pointer would bind NULL.
    Note(sqlite3_bind_text64(statement_, ++bound_,
                             value.data() == nullptr ? "" : value.data(),
                             value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  }
  return *this;
}

Query& Query::Blob(std::string_view value) {
  if (status_.ok()) {
    Note(sqlite3_bind_blob64(statement_, ++bound_,
                             value.data() == nullptr ? "" : value.data(),
                             value.size(), SQLITE_TRANSIENT));
  }
  return *this;
}

bool Query::Next() {
  if (!status_.ok()) return false;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) Note(code);
  return false;
}

absl::Status Query::Run() {
  while (Next()) {
  }
  return status_;
}

absl::Status Query::status() const { return status_; }

int64_t Query::IntAt(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::optional<int64_t> Query::OptionalIntAt(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) {
    return std::nullopt;
  }
  return IntAt(column);
}

std::string Query::TextAt(int column) const {
  return std::string(BlobAt(column));
}

std::string_view Query::BlobAt(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  return std::string_view(static_cast<const char*>(bytes),
                          sqlite3_column_bytes(statement_, column));
}

void Query::Note(int code) {
  if (code != SQLITE_OK) status_ = connection_.ErrorOf(code);
}

}  // namespace keyturn::store::sqlite
