#include "tests/bench/bare_commits.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "tests/bench/floor.h"

namespace keyturn::bench {
namespace {

constexpr char kSetUp[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "PRAGMA wal_autocheckpoint = 4096; PRAGMA cache_size = -8192;"
    "CREATE TABLE states (sequence INTEGER PRIMARY KEY, record BLOB);"
    "CREATE TABLE rows (id INTEGER PRIMARY KEY, sequence INTEGER, record BLOB)";
constexpr char kWriteState[] =
    "INSERT INTO states VALUES (?1, ?2)"
    " ON CONFLICT (sequence) DO UPDATE SET record = ?2";
constexpr char kWriteRow[] =
    "INSERT INTO rows (sequence, record) VALUES (?1, ?2)";

}  // namespace

absl::StatusOr<std::unique_ptr<BareCommits>> BareCommits::Open(
    const std::string& directory, std::function<void()> wake) {
  auto commits = std::unique_ptr<BareCommits>(new BareCommits(std::move(wake)));
  RETURN_IF_ERROR(commits->OpenDatabase(absl::StrCat(directory, "/floor.db")));
  commits->thread_ = std::thread([self = commits.get()] { self->Run(); });
  return commits;
}

BareCommits::~BareCommits() {
  {
    base::MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
  for (sqlite3_stmt* statement : {begin_, commit_, state_, row_}) {
    sqlite3_finalize(statement);
  }
  sqlite3_close(database_);
}

absl::Status BareCommits::OpenDatabase(const std::string& path) {
  int code = sqlite3_open(path.c_str(), &database_);
  if (code == SQLITE_OK) {
    code = sqlite3_exec(database_, kSetUp, nullptr, nullptr, nullptr);
  }
  const std::pair<sqlite3_stmt**, const char*> statements[] = {
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&state_, kWriteState},
      {&row_, kWriteRow}};
  for (const auto& [statement, sql] : statements) {
    if (code != SQLITE_OK) break;
    code = sqlite3_prepare_v2(database_, sql, -1, statement, nullptr);
  }
  if (code == SQLITE_OK) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("the bare database: ", sqlite3_errmsg(database_)));
}

void BareCommits::Start(const CommitShape& shape, int sequence, int tag) {
  base::MutexLock lock(mutex_);
  waiting_.push_back({&shape, sequence, tag});
  changed_.NotifyAll();
}

absl::Status BareCommits::Poll(std::vector<int>& ended) {
  base::MutexLock lock(mutex_);
  ended.insert(ended.end(), durable_.begin(), durable_.end());
  durable_.clear();
  return failure_;
}

int64_t BareCommits::transactions() {
  base::MutexLock lock(mutex_);
  return transactions_;
}

void BareCommits::Run() {
  while (true) {
    std::vector<Order> group;
    {
      base::MutexLock lock(mutex_);
      while (waiting_.empty() && !stopping_) changed_.Wait(mutex_);
      if (stopping_) return;
      const size_t size = std::min(waiting_.size(), kFloorGroupMax);
      group.assign(waiting_.begin(), waiting_.begin() + size);
      waiting_.erase(waiting_.begin(), waiting_.begin() + size);
    }
    absl::Status status = Write(group);
    {
      base::MutexLock lock(mutex_);
      failure_.Update(std::move(status));
      ++transactions_;
      for (const Order& order : group) durable_.push_back(order.tag);
    }
    wake_();
  }
}

absl::Status BareCommits::Write(const std::vector<Order>& group) {
  RETURN_IF_ERROR(Step(begin_));
  for (const Order& order : group) RETURN_IF_ERROR(WriteOne(order));
  return Step(commit_);
}

absl::Status BareCommits::WriteOne(const Order& order) {
  const auto write = [this, &order](sqlite3_stmt* statement, size_t size) {
    if (filler_.size() < size) filler_.resize(size, 'x');
    sqlite3_bind_int(statement, 1, order.sequence);
    sqlite3_bind_blob64(statement, 2, filler_.data(), size, SQLITE_STATIC);
    return Step(statement);
  };
  if (order.shape->state_bytes > 0) {
    RETURN_IF_ERROR(write(state_, order.shape->state_bytes));
  }
  for (const size_t size : order.shape->row_bytes) {
    RETURN_IF_ERROR(write(row_, size));
  }
  return absl::OkStatus();
}

absl::Status BareCommits::Step(sqlite3_stmt* statement) {
  const int code = sqlite3_step(statement);
  sqlite3_reset(statement);
  if (code == SQLITE_DONE || code == SQLITE_ROW) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("a bare commit: ", sqlite3_errmsg(database_)));
}

}  // namespace keyturn::bench
