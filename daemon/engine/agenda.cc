#include "daemon/engine/agenda.h"

#include <algorithm>

namespace keyturn::engine {

void Agenda::Put(std::string_view id, absl::Time instant) {
  Remove(id);
  const Id packed = Pack(id);
  by_id_[packed] = entries_.emplace(instant, ++last_number_, packed).first;
}

void Agenda::Remove(std::string_view id) {
  const auto found = by_id_.find(Pack(id));
  if (found == by_id_.end()) return;
  entries_.erase(found->second);
  by_id_.erase(found);
}

std::optional<std::string> Agenda::TakeDue(absl::Time now) {
  if (entries_.empty()) return std::nullopt;
  const auto& [instant, number, id] = *entries_.begin();
  if (instant > now) return std::nullopt;
  std::string due(id.begin(), id.end());
  Remove(due);
  return due;
}

std::optional<absl::Time> Agenda::NextInstant() const {
  if (entries_.empty()) return std::nullopt;
  return std::get<absl::Time>(*entries_.begin());
}

Agenda::Id Agenda::Pack(std::string_view id) {
  Id packed = {};
  std::copy_n(id.begin(), std::min(id.size(), packed.size()), packed.begin());
  return packed;
}

}  // namespace keyturn::engine
