#include "daemon/engine/ledger.h"

#include <asio/async_result.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include "daemon/base/status.h"

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
  absl::Status status = co_await Commit(std::move(change->batch));
  if (status.ok()) {
    entry.value = std::move(change->after);
    Log(change->log);
  }
  co_return status;
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
