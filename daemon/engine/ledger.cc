#include "daemon/engine/ledger.h"

#include <asio/async_result.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include "daemon/base/status.h"
#include "daemon/engine/trail_rows.h"

namespace keyturn::engine {
namespace {

// Whether the store has failed, rather than refused this one batch.
bool IsTrouble(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsUnavailable(status) ||
         base::ReasonOf(status) == "DISK_FULL";
}

}  // namespace

Ledger::Ledger(asio::io_context& context, store::Store& store,
               std::function<void(const std::string&)> log,
               std::function<void(absl::Status)> on_broken)
    : context_(context),
      store_(store),
      log_(std::move(log)),
      on_broken_(std::move(on_broken)) {}

absl::StatusOr<Entry*> Ledger::Open(const std::string& id) {
  std::unique_ptr<Entry>& slot = entries_[id];
  if (slot == nullptr) {
    absl::StatusOr<store::StoredMigration> stored = store_.GetMigration(id);
    if (!stored.ok()) {
      entries_.erase(id);
      return stored.status();
    }
    slot = std::make_unique<Entry>();
    slot->value = std::move(stored->migration);
  }
  ++slot->users;
  return slot.get();
}

void Ledger::Close(Entry& entry) {
  if (--entry.users == 0) entries_.erase(std::string(entry.value.id));
}

const Entry* Ledger::Find(const std::string& id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second.get();
}

asio::awaitable<absl::Status> Ledger::Apply(Entry& entry,
                                            migration::Event event,
                                            Extras extras) {
  absl::StatusOr<Change> change =
      ChangeOf(entry.value, event, /*settle=*/!entry.attempting);
  if (!change.ok()) co_return change.status();
  change->batch.request = std::move(extras.request);
  change->batch.audit = std::move(extras.audit);
  change->batch.credentials = std::move(extras.credentials);
  bool intends = false;
  if (!entry.attempting) {
    absl::StatusOr<std::string> secrets = SecretsFor(entry);
    if (!secrets.ok()) co_return secrets.status();
    intends = AddIntent(change->after, *secrets, event.at, change->batch);
  }
  absl::Status status = co_await Commit(std::move(change->batch));
  if (status.ok()) {
    entry.value = std::move(change->after);
    intended_.erase(entry.value.id);
    if (intends) NoteIntent(entry.value);
    Log(change->log);
  }
  co_return status;
}

absl::StatusOr<std::string> Ledger::SecretsFor(Entry& entry) {
  if (!entry.secrets.has_value()) {
    ASSIGN_OR_RETURN(entry.secrets, SecretsOf(entry.value, store_));
  }
  return *entry.secrets;
}

bool Ledger::AddIntent(const migration::Migration& after,
                       std::string_view secrets, absl::Time now,
                       store::Batch& batch) {
  const migration::Action next = migration::NextAction(after, now);
  if (next.kind != migration::Action::Kind::kRun &&
      next.kind != migration::Action::Kind::kUndo) {
    return false;
  }
  batch.audit.push_back(IntentOf(after, next, secrets, now));
  return true;
}

void Ledger::NoteIntent(const migration::Migration& migration) {
  intended_[migration.id] = migration.revision;
}

asio::awaitable<absl::Status> Ledger::Intend(Entry& entry,
                                             migration::Action action,
                                             absl::Time now) {
  const auto found = intended_.find(entry.value.id);
  if (found != intended_.end()) {
    const bool same = found->second == entry.value.revision;
    intended_.erase(found);
    if (same) co_return absl::OkStatus();
  }
  absl::StatusOr<std::string> secrets = SecretsFor(entry);
  if (!secrets.ok()) co_return secrets.status();
  store::Batch batch;
  batch.audit.push_back(IntentOf(entry.value, action, *secrets, now));
  co_return co_await Commit(std::move(batch));
}

asio::awaitable<absl::Status> Ledger::Commit(store::Batch batch) {
  if (!broken_.ok()) co_return broken_;
  absl::Status status = co_await CommitUnchecked(std::move(batch));
  if (IsTrouble(status)) Break(status);
  co_return status;
}

asio::awaitable<absl::Status> Ledger::CommitUnchecked(store::Batch batch) {
  auto commit = [this](auto handler, store::Batch written) {
    auto resume = std::make_shared<decltype(handler)>(std::move(handler));
    // Runs on the store's thread, maybe when the ledger is gone.
    auto done = [&context = context_,
                 resume](absl::StatusOr<store::CommitResult> result) {
      asio::post(context, [resume, status = result.status()] {
        std::move (*resume)(status);
      });
    };
    outgoing_.push_back({std::move(written), std::move(done)});
    if (outgoing_.size() == 1) asio::post(context_, [this] { SendOutgoing(); });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>,
                                          void(absl::Status)>(
      commit, asio::use_awaitable, std::move(batch));
}

void Ledger::SendOutgoing() {
  for (Outgoing& outgoing : std::exchange(outgoing_, {})) {
    store_.Commit(std::move(outgoing.batch), std::move(outgoing.done));
  }
}

void Ledger::Break(absl::Status why) {
  if (!broken_.ok()) return;
  broken_ = std::move(why);
  on_broken_(broken_);
}

void Ledger::Log(const std::vector<std::string>& lines) const {
  for (const std::string& line : lines) log_(line);
}

}  // namespace keyturn::engine
