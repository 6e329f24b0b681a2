// With which binding each credential was stored last, so that rows which
// somebody else put back or took away are told from ours.
#ifndef KEYTURN_DAEMON_STORE_SQLITE_BINDING_BOOK_H_
#define KEYTURN_DAEMON_STORE_SQLITE_BINDING_BOOK_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "daemon/base/mutex.h"

namespace keyturn::store::sqlite {

// The first kBindingMarkBytes of a binding: enough to tell what the vault
// itself has made.
std::string MarkOf(std::string_view binding);

// Thread-safe. Empty until it was filled: then everything fits.
//
// A commit goes: Propose, the database's own commit, Settle. Between the two
// both states fit, and a reader who finds that neither does reads again: what
// it had read may be older than what is settled.
class BindingBook {
 public:
  using Marks = std::unordered_map<std::string, std::string>;
  // By name; empty: the credential is removed.
  using Changes = std::map<std::string, std::optional<std::string>>;

  bool filled() const;
  // Its mark as it is settled; empty: there is no such credential.
  std::optional<std::string> Find(const std::string& name) const;
  // `binding` empty: there is no such credential.
  bool Fits(const std::string& name,
            const std::optional<std::string>& binding) const;

  // `marks`, when given, replaces all that is known; then come the changes.
  void Propose(std::optional<Marks> marks, Changes changes);
  void Settle(bool committed);

 private:
  mutable base::Mutex mutex_;
  std::optional<Marks> marks_ ABSL_GUARDED_BY(mutex_);
  std::optional<Marks> proposed_marks_ ABSL_GUARDED_BY(mutex_);
  Changes proposed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace keyturn::store::sqlite

#endif  // KEYTURN_DAEMON_STORE_SQLITE_BINDING_BOOK_H_
