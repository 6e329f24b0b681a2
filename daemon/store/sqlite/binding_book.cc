#include "daemon/store/sqlite/binding_book.h"

#include <utility>

#include "daemon/store/store.h"

namespace keyturn::store::sqlite {

std::string MarkOf(std::string_view binding) {
  return std::string(binding.substr(0, kBindingMarkBytes));
}

bool BindingBook::filled() const {
  base::MutexLock lock(mutex_);
  return marks_.has_value();
}

std::optional<std::string> BindingBook::Find(const std::string& name) const {
  base::MutexLock lock(mutex_);
  if (!marks_.has_value()) return std::nullopt;
  const auto found = marks_->find(name);
  if (found == marks_->end()) return std::nullopt;
  return found->second;
}

bool BindingBook::Fits(const std::string& name,
                       const std::optional<std::string>& binding) const {
  std::optional<std::string> mark;
  if (binding.has_value()) mark = MarkOf(*binding);
  base::MutexLock lock(mutex_);
  if (!marks_.has_value() || proposed_marks_.has_value()) return true;
  const auto change = proposed_.find(name);
  if (change != proposed_.end() && change->second == mark) return true;
  const auto found = marks_->find(name);
  if (found == marks_->end()) return !mark.has_value();
  return mark == found->second;
}

void BindingBook::Propose(std::optional<Marks> marks, Changes changes) {
  base::MutexLock lock(mutex_);
  proposed_marks_ = std::move(marks);
  proposed_ = std::move(changes);
}

void BindingBook::Settle(bool committed) {
  base::MutexLock lock(mutex_);
  const std::optional<Marks> marks =
      std::exchange(proposed_marks_, std::nullopt);
  const Changes changes = std::exchange(proposed_, {});
  if (!committed) return;
  if (marks.has_value()) marks_ = marks;
  if (!marks_.has_value()) return;
  for (const auto& [name, mark] : changes) {
    if (mark.has_value()) {
      (*marks_)[name] = *mark;
    } else {
      marks_->erase(name);
    }
  }
}

}  // namespace keyturn::store::sqlite
