// The migrations that are in memory, and the only way to change them.
#ifndef KEYTURN_DAEMON_ENGINE_LEDGER_H_
#define KEYTURN_DAEMON_ENGINE_LEDGER_H_

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/engine/history.h"
#include "daemon/engine/turns.h"
#include "daemon/migration/model.h"
#include "daemon/migration/transition.h"
#include "daemon/store/store.h"

namespace keyturn::engine {

// A migration while somebody works on it.
struct Entry {
  // As it is stored. Changes only in a turn, once the change is durable.
  migration::Migration value;
  Turns turns;
  // A drive is at work on it and sees changes by itself.
  bool driven = false;
  // An attempt is under way: commands wait for its end to take effect.
  bool attempting = false;
  // What its attempts may open; does not change while it is live.
  std::optional<std::string> secrets;
  int users = 0;
};

// What is stored in the same transaction as a change.
struct Extras {
  std::optional<store::RequestRecord> request;
  std::vector<store::AuditRow> audit;
  std::vector<store::CredentialWrite> credentials;
};

// Belongs to the context's thread.
class Ledger {
 public:
  // `on_broken` is called once, when the store cannot be trusted any more or
  // has no room: nothing may go on then.
  Ledger(asio::io_context& context, store::Store& store,
         std::function<void(const std::string&)> log,
         std::function<void(absl::Status)> on_broken);

  // Gives the migration, reading it when it is not in memory; it stays there,
  // at the same address, until Close was called as often. NotFound.
  absl::StatusOr<Entry*> Open(const std::string& id);
  void Close(Entry& entry);
  // Null when it is not in memory.
  const Entry* Find(const std::string& id) const;

  // Opens the migration, takes its turn, and runs `work` in it.
  template <typename T>
  using Work = absl::AnyInvocable<asio::awaitable<absl::StatusOr<T>>(Entry&)>;
  template <typename T>
  asio::awaitable<absl::StatusOr<T>> InTurn(std::string id, Work<T> work);

  // Only in the entry's turn: applies `event`, stores the change with `extras`,
  // and then changes the entry. The entry is unchanged after an error: those of
  // migration::Apply and of store::Store::Commit.
  asio::awaitable<absl::Status> Apply(Entry& entry, migration::Event event,
                                      Extras extras);

  // Adds to `batch`, which makes the migration `after`, that its next attempt
  // is intended; false when none is due at `now`. NoteIntent once that is
  // durable.
  static bool AddIntent(const migration::Migration& after,
                        std::string_view secrets, absl::Time now,
                        store::Batch& batch);
  void NoteIntent(const migration::Migration& migration);
  // Resumes with OK once it is durable that the attempt `action` is intended:
  // at once when the last change said so.
  asio::awaitable<absl::Status> Intend(Entry& entry, migration::Action action,
                                       absl::Time now);

  // Resumes when the disk has acknowledged or refused `batch`. Not ended by a
  // cancellation.
  asio::awaitable<absl::Status> Commit(store::Batch batch);

  // Stops everything. Later calls change nothing.
  void Break(absl::Status why);
  bool broken() const { return !broken_.ok(); }

  void Log(const std::vector<std::string>& lines) const;

 private:
  struct Outgoing {
    store::Batch batch;
    store::Store::CommitCallback done;
  };

  asio::awaitable<absl::Status> CommitUnchecked(store::Batch batch);
  void SendOutgoing();
  absl::StatusOr<std::string> SecretsFor(Entry& entry);

  asio::io_context& context_;
  store::Store& store_;
  const std::function<void(const std::string&)> log_;
  const std::function<void(absl::Status)> on_broken_;
  absl::Status broken_;
  std::unordered_map<std::string, std::unique_ptr<Entry>> entries_;
  // At which revision a migration's next attempt was intended in the same
  // transaction; only of those that wait to be taken up.
  std::unordered_map<std::string, int64_t> intended_;
  // Batches of this turn of the loop: they go to the store together, so that it
  // finds them together and makes one transaction of them.
  std::vector<Outgoing> outgoing_;
};

template <typename T>
asio::awaitable<absl::StatusOr<T>> Ledger::InTurn(std::string id,
                                                  Work<T> work) {
  absl::StatusOr<Entry*> opened = Open(id);
  if (!opened.ok()) co_return opened.status();
  Entry& entry = **opened;
  co_await entry.turns.Take();
  asio::awaitable<absl::StatusOr<T>> running = work(entry);
  absl::StatusOr<T> result = co_await std::move(running);
  entry.turns.Pass();
  Close(entry);
  co_return result;
}

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_LEDGER_H_
