// What the reads and writes of this folder share: instants, pages, refusals.
#ifndef KEYTURN_DAEMON_STORE_SQLITE_PAGES_H_
#define KEYTURN_DAEMON_STORE_SQLITE_PAGES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/store/sqlite/connection.h"
#include "daemon/store/store.h"

namespace keyturn::store::sqlite {

// Several statements that must see the same instant.
class Snapshot {
 public:
  explicit Snapshot(Connection& connection)
      : connection_(connection), status_(Query(connection, "BEGIN").Run()) {}
  ~Snapshot() { Query(connection_, "COMMIT").Run().IgnoreError(); }
  const absl::Status& status() const { return status_; }

 private:
  Connection& connection_;
  const absl::Status status_;
};

// `limit` as a page can have it.
int CutLimit(int limit);

// InvalidArgument naming the field `page_token`.
absl::Status BadPageToken();

// Where a page of rows sorted by creation and id goes on, as AfterItem says it.
struct CreationCursor {
  int64_t created_at_ns;
  std::string id;
};

// `first` for an empty text.
absl::StatusOr<CreationCursor> ParseCursor(const std::string& text,
                                           CreationCursor first);

// Cuts what was read beyond the page, and says where the next one begins.
template <typename T, typename CursorOf>
Page<T> CutPage(std::vector<T> items, int limit, CursorOf cursor_of) {
  Page<T> page;
  page.items = std::move(items);
  if (static_cast<int>(page.items.size()) > limit) {
    page.items.erase(page.items.begin() + limit, page.items.end());
    page.next = cursor_of(page.items.back());
  }
  return page;
}

// ResourceExhausted (RECORD_TOO_LARGE) over kRecordBytesMax.
absl::Status CheckSize(std::string_view record);

// Aborted (REVISION_CONFLICT).
absl::Status Conflict(std::string text);

}  // namespace keyturn::store::sqlite

#endif  // KEYTURN_DAEMON_STORE_SQLITE_PAGES_H_
