// Which migration is to be taken up when.
#ifndef KEYTURN_DAEMON_ENGINE_AGENDA_H_
#define KEYTURN_DAEMON_ENGINE_AGENDA_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

namespace keyturn::engine {

// All that is in memory of a migration that waits: about 150 bytes, and none
// for one that waits for a person. Ids are those of base::NewId.
class Agenda {
 public:
  // Puts `id` down for `instant`, instead of what was put down for it before.
  void Put(std::string_view id, absl::Time instant);
  // No error when nothing is put down for it.
  void Remove(std::string_view id);

  // Takes the entry that has been due for longest; of those due at the same
  // instant the one that was put down first. None: nothing is due.
  std::optional<std::string> TakeDue(absl::Time now);

  // When the next entry is due, or was.
  std::optional<absl::Time> NextInstant() const;
  size_t size() const { return entries_.size(); }

 private:
  using Id = std::array<char, 16>;
  using Entry = std::tuple<absl::Time, uint64_t, Id>;

  static Id Pack(std::string_view id);

  uint64_t last_number_ = 0;
  std::set<Entry> entries_;
  absl::flat_hash_map<Id, std::set<Entry>::iterator> by_id_;
};

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_AGENDA_H_
